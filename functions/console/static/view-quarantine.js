// The quarantine: bodies of one day that could not be read.
import { get, pathOf, post } from './api.js';
import { clean, number, size } from './format.js';
import { Body, Button, Pager, Table, Text, Time, html } from './ui.js';

// A replay reads 100 bodies per request; the console stops after this many requests and says so.
const MAX_REQUESTS = 20;

/** @param {import('./router.js').Route} route */
const dayOf = (route) => route.query.day ?? new Date().toISOString().slice(0, 10);

/** @type {import('./ui.js').View} */
export const quarantine = {
  title: 'Quarantine',
  seconds: 30,
  load: (route, signal) => get(pathOf(['quarantine'], { day: dayOf(route), cursor: route.query.cursor }), signal),
  render: (data, page) => html`
    <div class="filters">
      <label>Day (UTC)<input type="date" name="day" value=${dayOf(page.route)} onChange=${choose(page)} /></label>
      <${Button} onClick=${() => reread(page)}>Read the day again</${Button}>
    </div>
    <p class="dim">${number(data.bodies.length)} bodies on this page. They are untrusted input; the console shows them as text.</p>
    <${Table} caption="Unreadable bodies" columns=${COLUMNS} rows=${data.bodies} id=${(/** @type {any} */ row) => row.digest}
      empty="No body of this day is in quarantine." />
    <${Pager} page=${page} cursor=${data.cursor} />`,
};

/** @param {import('./ui.js').Page} page */
const choose = (page) => (/** @type {any} */ event) => {
  if (event.target.value) page.filter({ day: event.target.value });
};

/** @type {import('./ui.js').Column[]} */
const COLUMNS = [
  { label: 'Arrived', cell: (row) => html`<${Time} at=${row.at} />` },
  { label: 'Route', cell: (row) => html`<${Text} text=${row.route} max=${80} />` },
  { label: 'Reason', cell: (row) => html`<${Text} text=${row.reason} max=${300} />` },
  { label: 'Body', cell: (row) => html`<${Body} summary=${size(row.size)} body=${row.body} />` },
  { label: 'Digest', kind: 'wide', cell: (row) => html`<code title=${clean(row.digest)}>${clean(row.digest.slice(0, 12))}</code>` },
];

/** @param {import('./ui.js').Page} page */
function reread(page) {
  const day = dayOf(page.route);
  page.confirm({
    title: `Read the bodies of ${day} again?`,
    text: 'Each body that can be read now becomes a claim and leaves the quarantine. Use this after the reader was repaired.',
    action: 'Read again',
    run: async () => {
      const sum = await rereadDay(day);
      return `Mediarelay stored ${sum.stored} bodies; ${sum.refused} are still unreadable.${sum.more ? ' More bodies remain: read the day again.' : ''}`;
    },
  });
}

/** @param {string} day */
async function rereadDay(day) {
  const sum = { stored: 0, refused: 0, more: false };
  let cursor = undefined;
  for (let request = 0; request < MAX_REQUESTS; request += 1) {
    /** @type {Record<string, any>} */
    const answer = await post('quarantine/replay', { day, ...(cursor && { cursor }) });
    sum.stored += answer.stored;
    sum.refused += answer.refused;
    cursor = answer.cursor;
    if (!cursor) return sum;
  }
  return { ...sum, more: true };
}
