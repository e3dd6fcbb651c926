// Webhook endpoints and their deliveries.
import { get, pathOf, post } from './api.js';
import { clean, number } from './format.js';
import { hashOf } from './router.js';
import { Button, Choice, Id, Pager, RowLink, State, Table, Text, Time, html } from './ui.js';

/** @type {import('./ui.js').View} */
export const webhooks = {
  title: 'Webhooks',
  seconds: 10,
  load: (_route, signal) => get('webhooks', signal),
  render: (data, page) => html`<${Table} caption="Webhook endpoints" columns=${columns(page)} rows=${data.endpoints} id=${(/** @type {any} */ row) => row.name}
    empty="No endpoint is configured. Endpoints are entries of the secret WebhookEndpoints." />`,
};

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (page) => [
  { label: 'Endpoint', cell: (row) => html`<${RowLink} href=${hashOf(['webhooks', row.name])}>${clean(row.name, 80)}</${RowLink}>` },
  { label: 'State', cell: Health },
  { label: 'URL', cell: (row) => html`<${Text} text=${row.url} max=${300} />` },
  { label: 'Types', kind: 'wide', cell: (row) => html`<${Text} text=${(row.types ?? []).join(', ') || 'every type'} max=${200} />` },
  { label: 'Pending', kind: 'number', cell: (row) => number(row.pending) },
  { label: 'Last success', kind: 'wide', cell: (row) => html`<${Time} at=${row.last_success_at} now=${page.now} />` },
  { label: 'Last status', kind: 'wide', cell: (row) => clean(row.last_status ?? '–', 10) },
  { label: 'Do', kind: 'action', cell: (row) => Actions(row, page) },
];

/** @param {any} row */
const Health = (row) => html`<${State} state=${row.state} />
  ${row.disabled_reason && html`<p class="dim"><${Text} text=${row.disabled_reason} max=${200} /></p>`}`;

/**
 * @param {any} row
 * @param {import('./ui.js').Page} page
 */
function Actions(row, page) {
  const act = (/** @type {string} */ verb, /** @type {string} */ done) => () => page.act(async () => {
    await post(pathOf(['webhooks', row.name, verb]));
    return done;
  });
  const disable = () => page.confirm({
    title: 'Disable this endpoint?',
    text: `Mediarelay sends nothing more to ${row.name} until you enable it again.`,
    action: 'Disable',
    danger: true,
    run: async () => {
      await post(pathOf(['webhooks', row.name, 'disable']));
      return 'The endpoint is disabled.';
    },
  });
  const enabled = row.state === 'enabled';
  return html`<${Button} onClick=${act('test', 'Mediarelay sends a test notification.')}>Test</${Button}>
    <${Button} onClick=${enabled ? disable : act('enable', 'The endpoint is enabled.')}>${enabled ? 'Disable' : 'Enable'}</${Button}>`;
}

/** @type {[string, string][]} */
const STATES = [['', 'Every state'], ['pending', 'pending'], ['delivered', 'delivered'], ['failed', 'failed']];

/** @type {import('./ui.js').View} */
export const deliveries = {
  title: 'Deliveries',
  seconds: 10,
  load: (route, signal) => {
    const { state, cursor } = route.query;
    return get(pathOf(['webhooks', route.parts[1], 'deliveries'], { state, cursor, limit: 50 }), signal);
  },
  render: (data, page) => html`
    <div class="filters"><h2 class="grow">${clean(page.route.parts[1], 80)}</h2>
      <${Choice} page=${page} name="state" label="State" choices=${STATES} /></div>
    <${Table} caption="Deliveries" columns=${attempts(page)} rows=${data.deliveries} id=${(/** @type {any} */ row) => row.id} empty="No delivery matches." />
    <${Pager} page=${page} cursor=${data.cursor} />`,
};

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const attempts = (page) => [
  { label: 'Type', cell: (row) => html`<${Text} text=${row.type} max=${80} />` },
  { label: 'Subject', cell: (row) => html`<${Id} id=${row.subject} />` },
  { label: 'State', cell: (row) => html`<${State} state=${row.state} />` },
  { label: 'Attempts', kind: 'number', cell: (row) => number(row.attempts) },
  { label: 'Last answer', cell: (row) => html`<${Text} text=${[row.last_status, row.last_error].filter(Boolean).join(' ')} max=${200} />` },
  { label: 'Next attempt', kind: 'wide', cell: (row) => html`<${Time} at=${row.next_attempt_at} now=${page.now} />` },
  { label: 'Created', cell: (row) => html`<${Time} at=${row.created_at} now=${page.now} />` },
];
