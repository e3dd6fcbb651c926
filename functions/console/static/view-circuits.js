// Circuits: which actions of a provider Mediarelay does not call for a while.
import { get, pathOf, post } from './api.js';
import { clean, number } from './format.js';
import { Button, Table, Time, html } from './ui.js';

/** @type {import('./ui.js').View} */
export const circuits = {
  title: 'Circuits',
  seconds: 10,
  load: (_route, signal) => get('status', signal),
  render: (data, page) => html`
    <p class="dim">Five refusals of the account in a row open a circuit. Mediarelay then calls that action again after the break.</p>
    <${Table} caption="Circuits" columns=${columns(page)} rows=${data.circuits} id=${(/** @type {any} */ row) => row.circuit}
      empty="No provider has refused the account." />`,
};

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (page) => [
  { label: 'Circuit', cell: (row) => html`<strong>${clean(row.circuit, 80)}</strong>` },
  { label: 'Provider', kind: 'wide', cell: (row) => clean(row.provider, 20) },
  { label: 'Action', kind: 'wide', cell: (row) => clean(row.action, 60) },
  { label: 'Refusals in a row', kind: 'number', cell: (row) => number(row.failures) },
  { label: 'Open until', cell: (row) => (row.open_until ? html`<span class="bad-text"><${Time} at=${row.open_until} now=${page.now} /></span>` : 'closed') },
  { label: 'Do', kind: 'action', cell: (row) => row.failures > 0 && html`<${Button} onClick=${() => close(row, page)}>Close</${Button}>` },
];

/**
 * @param {any} row
 * @param {import('./ui.js').Page} page
 */
const close = (row, page) => page.confirm({
  title: 'Close this circuit?',
  text: `Mediarelay calls ${row.circuit} again at once. Do this after the account works again.`,
  action: 'Close the circuit',
  run: async () => {
    await post(pathOf(['circuits', row.circuit, 'close']));
    return `The circuit ${clean(row.circuit, 80)} is closed.`;
  },
});
