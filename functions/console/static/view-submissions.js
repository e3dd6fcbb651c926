// Submissions: accepted requests, with their tasks once the provider has answered.
import { get, pathOf, post } from './api.js';
import { clean, words } from './format.js';
import { hashOf } from './router.js';
import { Body, Button, Choice, Facts, Id, Pager, RowLink, State, Table, Text, Time, html } from './ui.js';

const STATES = ['queued', 'open', 'completed', 'refused', 'cancelled'];

/** @type {import('./ui.js').View} */
export const submissions = {
  title: 'Submissions',
  seconds: 10,
  load: (route, signal) => {
    const { state, kind, cursor } = route.query;
    return get(pathOf(['submissions'], { state, kind, cursor, limit: 50 }), signal);
  },
  render: (data, page) => html`
    <div class="filters">
      <${Choice} page=${page} name="state" label="State" choices=${[['', 'Every state'], ...STATES.map((state) => [state, words(state)])]} />
      <${Choice} page=${page} name="kind" label="Kind" choices=${[['', 'Every kind'], ['video', 'Video'], ['audio', 'Audio']]} />
    </div>
    <${Table} caption="Submissions" columns=${columns(page)} rows=${data.submissions} id=${(/** @type {any} */ row) => row.id}
      empty="No submission matches." />
    <${Pager} page=${page} cursor=${data.cursor} />`,
};

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (page) => [
  { label: 'Submission', cell: (row) => html`<${RowLink} href=${hashOf(['submissions', row.id])}><${Id} id=${row.id} /></${RowLink}>` },
  { label: 'State', cell: (row) => html`<${State} state=${row.state} />` },
  { label: 'Kind', kind: 'wide', cell: (row) => clean(row.kind, 20) },
  { label: 'Provider', kind: 'wide', cell: (row) => clean(row.provider, 20) },
  { label: 'Reference', cell: (row) => html`<${Text} text=${row.reference} max=${60} />` },
  { label: 'Task', kind: 'wide', cell: TaskLink },
  { label: 'Next attempt', cell: (row) => html`<${Time} at=${row.next_attempt_at} now=${page.now} />` },
  { label: 'Created', cell: (row) => html`<${Time} at=${row.created_at} now=${page.now} />` },
];

/** @param {any} row */
const TaskLink = (row) => (row.vid ? html`<a href=${hashOf(['tasks', row.vid])}><${Id} id=${row.vid} /></a>` : html`<span class="dim">none yet</span>`);

/** @type {import('./ui.js').View} */
export const submission = {
  title: 'Submission',
  seconds: 5,
  load: (route, signal) => get(pathOf(['submissions', route.parts[1]]), signal),
  render: (one, page) => html`<section class="card">
    <div class="head"><h2><code class="id">${clean(one.id)}</code></h2>
      ${['queued', 'open'].includes(one.state) && html`<div class="actions">
        <${Button} kind="danger" onClick=${() => cancel(one, page)}>Cancel the submission</${Button}></div>`}</div>
    <${Facts} facts=${[
      ['State', html`<${State} state=${one.state} />`],
      ['Reason', one.reason],
      ['Task', html`<${TaskLink} ...${one} />`],
      ['Kind', one.kind],
      ['Provider', one.provider],
      ['Reference', one.reference],
      ['Idempotency key', one.idempotency_key],
      ['Client', one.client],
      ['Created', html`<${Time} at=${one.created_at} />`],
      ['Updated', one.updated_at && html`<${Time} at=${one.updated_at} />`],
      ['Next attempt', one.next_attempt_at && html`<${Time} at=${one.next_attempt_at} now=${page.now} />`],
    ]} />
    <${Body} summary="Request" body=${one.request} />
  </section>`,
};

/**
 * @param {any} one
 * @param {import('./ui.js').Page} page
 */
const cancel = (one, page) => page.confirm({
  title: 'Cancel this submission?',
  text: 'Mediarelay does not send it to the provider any more. If the provider may have a task already, the API refuses.',
  action: 'Cancel the submission',
  danger: true,
  run: async () => {
    await post(pathOf(['submissions', one.id, 'cancel']));
    return 'The submission is cancelled.';
  },
});
