// Events as they come: the console asks for those after its cursor, and keeps the latest.
import { get, pathOf } from './api.js';
import { hashOf } from './router.js';
import { Body, Choice, Id, Text, Time, classOf, html } from './ui.js';

const MAX_EVENTS = 300;
const MAX_PAGES = 5;
const HOUR_MS = 3_600_000;
const TYPES = ['mediarelay.task.started', 'mediarelay.task.succeeded', 'mediarelay.task.failed', 'mediarelay.task.superseded', 'mediarelay.task.lost',
  'mediarelay.submit.refused', 'mediarelay.song.ready', 'mediarelay.song.expiring', 'mediarelay.song.expired', 'mediarelay.song.failed', 'mediarelay.test'];

/** @type {import('./ui.js').View} */
export const events = {
  title: 'Events',
  seconds: 4,
  load: async (route, signal, before) => {
    const type = route.query.type;
    const known = before && before.type === type ? before : { events: [], cursor: new Date(Date.now() - HOUR_MS).toISOString() };
    const added = await loadAfter(known.cursor, type, signal);
    const seen = new Set(known.events.map((/** @type {any} */ one) => one.id));
    const fresh = added.events.filter((one) => !seen.has(one.id)).reverse();
    return { type, cursor: added.cursor, events: [...fresh, ...known.events].slice(0, MAX_EVENTS), fresh: fresh.length };
  },
  render: (data, page) => {
    if (data.fresh) page.report(`${data.fresh} new events`);
    return html`
    <div class="filters"><${Choice} page=${page} name="type" label="Type" choices=${[['', 'Every type'], ...TYPES.map((type) => [type, type])]} /></div>
    <p class="dim">Events of the last hour and new ones, newest first; at most ${MAX_EVENTS}. The console asks every 4 seconds while this tab is visible.</p>
    ${data.events.length === 0 && html`<p class="empty">No event yet.</p>`}
    <ol class="timeline">${data.events.map((/** @type {any} */ event) => html`<${Entry} key=${event.id} event=${event} page=${page} />`)}</ol>`;
  },
};

/**
 * @param {string} cursor
 * @param {string | undefined} type
 * @param {AbortSignal} signal
 */
async function loadAfter(cursor, type, signal) {
  const found = /** @type {any[]} */ ([]);
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const answer = await get(pathOf(['events'], { after: cursor, type, limit: 100 }), signal);
    found.push(...answer.events);
    cursor = answer.cursor;
    if (!answer.more) break;
  }
  return { events: found, cursor };
}

/** @param {{event: any, page: import('./ui.js').Page}} props */
function Entry({ event, page }) {
  const state = String(event.type ?? '').split('.').pop() ?? '';
  const subject = html`<${Id} id=${event.subject} />`;
  return html`<li class=${classOf('e-', state)}>
    <p class="entry"><strong><${Text} text=${event.type} max=${80} /></strong>
      ${String(event.type).startsWith('mediarelay.task.') ? html`<a href=${hashOf(['tasks', String(event.subject)])}>${subject}</a>` : subject}
      <span class="dim"><${Time} at=${event.time} />, <${Time} at=${event.time} now=${page.now} /></span></p>
    <${Body} summary="Event" body=${event} />
  </li>`;
}
