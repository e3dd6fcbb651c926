// What is stuck and why: problems of the stack, and everything that is overdue.
import { get, pathOf } from './api.js';
import { clean, span, words } from './format.js';
import { hashOf } from './router.js';
import { Card, Choice, Id, Pager, RowLink, Table, Text, Time, html } from './ui.js';
import { Problems } from './view-overview.js';

/** Where the console shows an item of each type.
 * @type {Record<string, (id: string) => string>} */
const PLACES = {
  task: (id) => hashOf(['tasks', id]),
  submission: (id) => hashOf(['submissions', id]),
  delivery: () => '#/webhooks',
  song: (id) => hashOf(['songs'], { room: id.split('/')[0] }),
};

/** @type {import('./ui.js').View} */
export const stuck = {
  title: 'Stuck',
  seconds: 10,
  load: async (route, signal) => {
    const { duty, cursor } = route.query;
    const [overdue, status] = await Promise.all([get(pathOf(['stuck'], { duty, cursor, limit: 50 }), signal), get('status', signal)]);
    return { overdue, status };
  },
  render: ({ overdue, status }, page) => html`
    <${Problems} problems=${status.problems} now=${page.now} />
    <${Card} title="Overdue" note="Oldest first">
      <div class="filters"><${Choice} page=${page} name="duty" label="Duty" choices=${duties(status)} /></div>
      <${Table} caption="Overdue items" columns=${COLUMNS} rows=${overdue.items} id=${(/** @type {any} */ row) => `${row.type} ${row.id} ${row.duty}`}
        empty="Nothing is overdue." />
      <${Pager} page=${page} cursor=${overdue.cursor} />
    </${Card}>`,
};

/**
 * @param {Record<string, any>} status
 * @returns {[string, string][]}
 */
const duties = (status) => [['', 'Every duty'], ...status.duties.map((/** @type {any} */ one) => [one.duty, words(one.duty)])];

/** @param {any} row */
function Item(row) {
  const place = PLACES[row.type];
  const name = html`<${Id} id=${row.id} />`;
  return html`${place ? html`<${RowLink} href=${place(row.id)}>${name}</${RowLink}>` : name} <span class="dim">${words(row.type)}</span>`;
}

/** @param {any} row */
const Reason = (row) => html`<p><${Text} text=${row.why} max=${400} /></p>
  <p class="dim">Next: <${Text} text=${row.next} max=${400} /></p>
  <p class="dim">To do: <${Text} text=${row.action} max=${400} /></p>`;

/** @type {import('./ui.js').Column[]} */
const COLUMNS = [
  { label: 'Item', cell: Item },
  { label: 'Duty', cell: (row) => words(row.duty) },
  { label: 'Overdue', cell: (row) => html`<span class="bad-text nowrap">${span(row.overdue_seconds)}</span>` },
  { label: 'Due', kind: 'wide', cell: (row) => html`<${Time} at=${row.due_at} />` },
  { label: 'Attempts', kind: 'number wide', cell: (row) => clean(row.attempts ?? '–', 10) },
  { label: 'Why', cell: Reason },
];
