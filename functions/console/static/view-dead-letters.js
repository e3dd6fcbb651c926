// Dead-letter queues: messages that a function failed to process several times.
import { get, pathOf, post } from './api.js';
import { clean, number } from './format.js';
import { hashOf } from './router.js';
import { Body, Button, RowLink, Table, Time, html } from './ui.js';

/** @type {import('./ui.js').View} */
export const deadLetters = {
  title: 'Dead letters',
  seconds: 15,
  load: (_route, signal) => get('dead-letters', signal),
  render: (data) => html`<${Table} caption="Dead-letter queues" columns=${QUEUES} rows=${data.dead_letters} id=${(/** @type {any} */ row) => row.queue}
    empty="The stack has no dead-letter queue." />`,
};

/** @type {import('./ui.js').Column[]} */
const QUEUES = [
  { label: 'Queue', cell: (row) => html`<${RowLink} href=${hashOf(['dead-letters', row.queue])}>${clean(row.queue, 80)}</${RowLink}>` },
  { label: 'Messages', kind: 'number', cell: (row) => html`<span class=${row.messages ? 'bad-text' : ''}>${number(row.messages)}</span>` },
];

/** @type {import('./ui.js').View} */
export const deadLetter = {
  title: 'Dead letters',
  seconds: 30,
  load: (route, signal) => get(pathOf(['dead-letters', route.parts[1], 'messages'], { limit: 10 }), signal),
  render: (data, page) => {
    const queue = page.route.parts[1];
    return html`<div class="filters">
        <h2 class="grow">${clean(queue, 80)}</h2>
        <${Button} onClick=${() => redrive(queue, page)}>Redrive</${Button}>
        <${Button} kind="danger" onClick=${() => purge(queue, page)}>Purge</${Button}>
      </div>
      <p class="dim">Up to 10 messages. Reading them hides them from the next reader for a short time, and removes none.</p>
      <${Table} caption="Messages" columns=${MESSAGES} rows=${data.messages} id=${(/** @type {any} */ row) => row.id} empty="No message is visible now." />`;
  },
};

/** @type {import('./ui.js').Column[]} */
const MESSAGES = [
  { label: 'Sent', cell: (row) => html`<${Time} at=${row.sent_at} />` },
  { label: 'Received', kind: 'number', cell: (row) => `${clean(row.received, 10)} times` },
  { label: 'Body', cell: (row) => html`<${Body} summary=${clean(row.body, 80)} body=${row.body} />` },
  { label: 'Id', kind: 'wide', cell: (row) => html`<code>${clean(row.id, 40)}</code>` },
];

/**
 * @param {string} queue
 * @param {import('./ui.js').Page} page
 */
const redrive = (queue, page) => page.confirm({
  title: 'Redrive the messages?',
  text: `Mediarelay sends the messages of ${queue} to their own queue again. Do this after the cause is repaired; otherwise they return.`,
  action: 'Redrive',
  run: async () => {
    const answer = await post(pathOf(['dead-letters', queue, 'redrive']));
    return `Mediarelay moved ${number(answer.moved)} messages; ${number(answer.remaining)} remain.`;
  },
});

/**
 * @param {string} queue
 * @param {import('./ui.js').Page} page
 */
const purge = (queue, page) => page.confirm({
  title: 'Delete all messages?',
  text: `Every message of ${queue} is deleted. This cannot be undone.`,
  action: 'Delete all',
  danger: true,
  typed: queue,
  run: async () => {
    const answer = await post(pathOf(['dead-letters', queue, 'purge']), { confirm: queue });
    return `Mediarelay deleted ${number(answer.purged)} messages.`;
  },
});
