// The stack at a glance.
import { get, pathOf } from './api.js';
import { Chart, bucketsOf } from './chart.js';
import { clean, local, number, span, words } from './format.js';
import { hashOf } from './router.js';
import { Card, Choice, Count, DocumentLink, TableCard, Text, Time, html } from './ui.js';
import { OPEN } from './view-tasks.js';

const MAX_PAGES = 10;
const PAGE = 100;
const HOUR_MS = 3_600_000;
/** Hours and buckets of each range.
 * @type {Record<string, [number, number]>} */
const RANGES = { '1h': [1, 30], '': [24, 48], '7d': [168, 42], '30d': [720, 30] };
/** @type {[string, string][]} */
const RANGE_NAMES = [['1h', 'Last hour'], ['', 'Last 24 hours'], ['7d', 'Last 7 days'], ['30d', 'Last 30 days']];

/** @type {import('./ui.js').View} */
export const overview = {
  title: 'Overview',
  seconds: 30,
  load: async (route, signal) => {
    const [hours, count] = RANGES[route.query.range ?? ''] ?? RANGES[''];
    const until = Date.now();
    const since = until - hours * HOUR_MS;
    const [status, outcomes, open] = await Promise.all([
      get('status', signal),
      loadOutcomes(since, signal),
      get(pathOf(['tasks'], { state: OPEN.join(','), limit: PAGE }), signal),
    ]);
    return { status, open, outcomes, buckets: bucketsOf(outcomes.tasks, since, until, count) };
  },
  render: ({ status, open, outcomes, buckets }, page) => html`
    <${Problems} problems=${status.problems} now=${page.now} />
    <${Tiles} status=${status} open=${open} />
    <${Card} title="Outcomes" note=${coverage(outcomes)} actions=${html`<${Choice} page=${page} name="range" label="Range" choices=${RANGE_NAMES} />`}>
      <${Chart} buckets=${buckets} />
    </${Card}>
    <div class="grid">
      <${TableCard} title="Duties" note="What waits for a tick" columns=${DUTIES(page)} rows=${status.duties} id=${by('duty')} empty="Nothing is due." />
      <${TableCard} title="Schedules" columns=${SCHEDULES(page)} rows=${status.schedules} id=${by('function')} empty="No schedule has run." />
      <${TableCard} title="Queues" columns=${QUEUES} rows=${status.queues} id=${by('queue')} empty="No queue." />
      <${TableCard} title="Call budget" note="Calls in the current minute" columns=${BUDGET} rows=${thisMinute(status.budget)}
        id=${by('provider')} empty="No call." />
      <${TableCard} title="Secrets" columns=${SECRETS} rows=${status.secrets} id=${by('secret')} empty="No secret." />
    </div>`,
};

/**
 * @param {Record<string, any>[] | undefined} budget the counters of this minute and of the one before
 * @returns {Record<string, any>[]} the latest counter of each provider
 */
const thisMinute = (budget) => (budget ?? []).filter((one) => !budget?.some(
  (other) => other.provider === one.provider && other.minute > one.minute,
));

/** @param {string} name */
const by = (name) => (/** @type {any} */ row) => row[name];

/**
 * Load tasks by the time of their outcome, newest first, up to `MAX_PAGES` pages.
 * @param {number} since milliseconds
 * @param {AbortSignal} signal
 */
async function loadOutcomes(since, signal) {
  const tasks = /** @type {any[]} */ ([]);
  let cursor = undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    /** @type {Record<string, any>} */
    const answer = await get(pathOf(['tasks'], { time: 'outcome', since: new Date(since).toISOString(), limit: PAGE, cursor }), signal);
    tasks.push(...answer.tasks);
    cursor = answer.cursor;
    if (!cursor) break;
  }
  return { tasks, complete: !cursor };
}

/** @param {{tasks: any[], complete: boolean}} outcomes */
function coverage({ tasks, complete }) {
  if (complete) return `${number(tasks.length)} outcomes`;
  return `Only the latest ${number(tasks.length)} outcomes, since ${local(tasks[tasks.length - 1].outcome_at)}`;
}

/** @param {{problems: any[], now: number}} props */
export function Problems({ problems, now }) {
  if (!problems.length) return html`<p class="notice good">Mediarelay reports no problem.</p>`;
  return html`<${Card} title="Problems"><ul class="plain">
    ${problems.map((one) => html`<li key=${`${one.code} ${one.subject}`} class=${`notice ${one.severity === 'error' ? 'error' : 'warning'}`}>
      <p class="entry"><strong><${Text} text=${one.subject} max=${120} /></strong><code>${clean(one.code, 60)}</code>
        ${one.since && html`<${Time} at=${one.since} now=${now} />`}</p>
      <p><${Text} text=${one.detail} /> <${DocumentLink} to=${one.runbook}>Runbook</${DocumentLink}></p>
    </li>`)}
  </ul></${Card}>`;
}

/** @param {{status: any, open: any}} props */
function Tiles({ status, open }) {
  const sum = (/** @type {any[]} */ rows, /** @type {string} */ name) => rows.reduce((total, row) => total + row[name], 0);
  const dead = sum(status.dead_letters, 'messages');
  const overdue = status.duties.filter((/** @type {any} */ one) => one.overdue).length;
  const circuits = status.circuits.filter((/** @type {any} */ one) => one.open_until).length;
  const tiles = /** @type {[string, string, number, boolean, boolean][]} */ ([
    ['Open tasks', hashOf(['tasks'], { state: OPEN.join(',') }), open.tasks.length, Boolean(open.cursor), false],
    ['Open submissions', '#/submissions', status.submissions.open, status.submissions.more, false],
    ['Overdue duties', '#/stuck', overdue, false, overdue > 0],
    ['Dead letters', '#/dead-letters', dead, false, dead > 0],
    ['Quarantine today', '#/quarantine', status.quarantine.bodies, status.quarantine.more, status.quarantine.bodies > 0],
    ['Open circuits', '#/circuits', circuits, false, circuits > 0],
  ]);
  return html`<ul class="tiles">${tiles.map(([name, href, count, more, bad]) => html`<li key=${name}><a href=${href}>
    <span class="dim">${name}</span><strong class=${bad ? 'bad-text' : ''}><${Count} count=${count} more=${more} /></strong></a></li>`)}</ul>`;
}

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const DUTIES = (page) => [
  { label: 'Duty', cell: (row) => html`<a href=${hashOf(['stuck'], { duty: row.duty })}>${words(row.duty)}</a>` },
  { label: 'Due', kind: 'number', cell: (row) => html`<${Count} count=${row.due} more=${row.more} />` },
  { label: 'Failed', kind: 'number', cell: (row) => html`<span class=${row.failed ? 'bad-text' : ''}>${number(row.failed)}</span>` },
  { label: 'Oldest', cell: (row) => html`<span class=${row.overdue ? 'bad-text' : ''}><${Time} at=${row.oldest_due_at} now=${page.now} /></span>` },
];

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const SCHEDULES = (page) => [
  { label: 'Function', cell: (row) => words(row.function) },
  { label: 'Every', kind: 'wide', cell: (row) => span(row.every_seconds) },
  {
    label: 'Last run',
    cell: (row) => (row.last_run_at
      ? html`<span class=${row.late ? 'bad-text' : ''}><${Time} at=${row.last_run_at} now=${page.now} />${row.late ? ', late' : ''}</span>`
      : 'not yet'),
  },
];

/** @type {import('./ui.js').Column[]} */
const QUEUES = [
  { label: 'Queue', cell: (row) => clean(row.queue, 60) },
  { label: 'Waiting', kind: 'number', cell: (row) => number(row.messages) },
  { label: 'In flight', kind: 'number', cell: (row) => number(row.in_flight) },
  { label: 'Delayed', kind: 'number', cell: (row) => number(row.delayed) },
];

/** @param {any} row */
const Calls = (row) => html`
  <meter min="0" max=${row.limit} high=${row.limit * 0.8} value=${row.calls} aria-label=${`Calls to ${clean(row.provider, 20)}`}></meter>
  ${` ${number(row.calls)} of ${number(row.limit)}`}`;

/** @type {import('./ui.js').Column[]} */
const BUDGET = [
  { label: 'Provider', cell: (row) => clean(row.provider, 20) },
  { label: 'Calls', cell: Calls },
  { label: 'About unknown tasks', kind: 'number', cell: (row) => number(row.unknown_calls) },
];

/** @type {import('./ui.js').Column[]} */
const SECRETS = [
  { label: 'Secret', cell: (row) => clean(row.secret, 60) },
  { label: 'Usable entries', kind: 'number', cell: (row) => (row.readable ? number(row.usable) : html`<span class="bad-text">unreadable</span>`) },
  { label: 'Unusable', cell: (row) => html`<${Text} text=${row.unusable.join(', ') || 'none'} max=${200} />` },
];
