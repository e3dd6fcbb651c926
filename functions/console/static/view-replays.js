// Bulk replays: how far each one is, and a button that stops it.
import { get, pathOf, post } from './api.js';
import { clean, number, words } from './format.js';
import { Button, Id, Pager, State, Table, Text, Time, html } from './ui.js';

/** @type {import('./ui.js').View} */
export const replays = {
  title: 'Replays',
  seconds: 10,
  load: (route, signal) => get(pathOf(['replays'], { cursor: route.query.cursor, limit: 50 }), signal),
  render: (data, page) => html`
    <p class="dim">A bulk replay queries many tasks and publishes their outcomes again. Start one with POST /tasks/replay or the command line.</p>
    <${Table} caption="Bulk replays" columns=${columns(page)} rows=${data.replays} id=${(/** @type {any} */ row) => row.id}
      empty="No bulk replay was started." />
    <${Pager} page=${page} cursor=${data.cursor} />`,
};

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (page) => [
  { label: 'Replay', cell: (row) => html`<${Id} id=${row.id} />` },
  { label: 'Status', cell: (row) => html`<${State} state=${row.status} />` },
  { label: 'Tasks', cell: (row) => `${words(row.state)} ${clean(row.kind, 20)}` },
  { label: 'From', kind: 'wide', cell: (row) => html`<${Time} at=${row.since} />` },
  { label: 'To', kind: 'wide', cell: (row) => html`<${Time} at=${row.until} />` },
  { label: 'Per minute', kind: 'number', cell: (row) => number(row.rate) },
  { label: 'Replayed', kind: 'number', cell: (row) => number(row.done) },
  { label: 'Started by', cell: (row) => html`<${Text} text=${row.client} max=${80} />` },
  { label: 'Started', kind: 'wide', cell: (row) => html`<${Time} at=${row.created_at} now=${page.now} />` },
  { label: 'Do', kind: 'action', cell: (row) => row.status === 'running' && html`<${Button} kind="danger" onClick=${() => stop(row, page)}>Stop</${Button}>` },
];

/**
 * @param {any} row
 * @param {import('./ui.js').Page} page
 */
const stop = (row, page) => page.confirm({
  title: 'Stop this bulk replay?',
  text: `Mediarelay replays no further task. The ${number(row.done)} replays that it has requested stay.`,
  action: 'Stop the replay',
  danger: true,
  run: async () => {
    await post(pathOf(['replays', row.id, 'stop']));
    return 'The bulk replay is stopped.';
  },
});
