// Outcomes over time as stacked bars, and the same numbers as a table.
import { clock, day, number, words } from './format.js';
import { hashOf } from './router.js';
import { html } from './ui.js';
import { OUTCOMES } from './view-tasks.js';

const WIDTH = 720;
const HEIGHT = 160;
const DAY_MS = 86_400_000;

/**
 * @typedef {object} Bucket
 * @property {number} from milliseconds
 * @property {number} until milliseconds
 * @property {Record<string, number>} counts by state
 */

/**
 * Count tasks by the time and the state of their outcome.
 * @param {{state: string, outcome_at?: string}[]} tasks
 * @param {number} since milliseconds
 * @param {number} until milliseconds
 * @param {number} count of the buckets
 * @returns {Bucket[]}
 */
export function bucketsOf(tasks, since, until, count) {
  const step = (until - since) / count;
  const buckets = Array.from({ length: count }, (_, index) => ({
    from: since + index * step, until: since + (index + 1) * step, counts: /** @type {Record<string, number>} */ ({}),
  }));
  for (const task of tasks) {
    const at = Date.parse(task.outcome_at ?? '');
    const bucket = buckets[Math.min(count - 1, Math.floor((at - since) / step))];
    if (bucket) bucket.counts[task.state] = (bucket.counts[task.state] ?? 0) + 1;
  }
  return buckets;
}

/** @param {Bucket} bucket */
const sumOf = (bucket) => Object.values(bucket.counts).reduce((sum, count) => sum + count, 0);

/** @param {Bucket} bucket */
const label = (bucket) => (bucket.until - bucket.from >= DAY_MS ? day(bucket.from) : `${day(bucket.from)} ${clock(bucket.from)}`);

/** @param {Bucket} bucket */
const address = (bucket) => hashOf(['tasks'], { time: 'outcome', since: new Date(bucket.from).toISOString(), until: new Date(bucket.until).toISOString() });

/** @param {{buckets: Bucket[]}} props */
export function Chart({ buckets }) {
  const max = Math.max(1, ...buckets.map(sumOf));
  const totals = OUTCOMES.map((state) => /** @type {[string, number]} */ ([state, buckets.reduce((sum, one) => sum + (one.counts[state] ?? 0), 0)]));
  const text = totals.filter(([, count]) => count).map(([state, count]) => `${number(count)} ${state}`).join(', ') || 'no outcome';
  return html`<figure class="chart">
    <ul class="legend">${totals.map(([state, count]) => html`<li key=${state}>
      <a href=${hashOf(['tasks'], { time: 'outcome', state })}><span class=${`swatch f-${state}`}></span>${words(state)} <strong>${number(count)}</strong></a>
    </li>`)}</ul>
    <div class="plot"><span class="max dim" aria-hidden="true">${number(max)}</span>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${`Outcomes over time: ${text}`}>
        ${buckets.map((bucket, index) => html`<${Bar} key=${bucket.from} bucket=${bucket} index=${index} count=${buckets.length} max=${max} />`)}
      </svg></div>
    <div class="axis dim" aria-hidden="true"><span>${label(buckets[0])}</span><span>now</span></div>
    <details><summary>The numbers as a table</summary>
      <table class="small"><caption class="unseen">Outcomes over time</caption>
        <thead><tr><th scope="col">From</th>${OUTCOMES.map((state) => html`<th scope="col" class="number">${words(state)}</th>`)}</tr></thead>
        <tbody>${buckets.filter(sumOf).map((bucket) => html`<tr key=${bucket.from}><th scope="row"><a href=${address(bucket)}>${label(bucket)}</a></th>
          ${OUTCOMES.map((state) => html`<td class="number">${number(bucket.counts[state] ?? 0)}</td>`)}</tr>`)}</tbody></table>
    </details>
  </figure>`;
}

/** @param {{bucket: Bucket, index: number, count: number, max: number}} props */
function Bar({ bucket, index, count, max }) {
  const width = WIDTH / count;
  let top = HEIGHT;
  return html`<g><title>${`${label(bucket)}: ${OUTCOMES.map((state) => `${bucket.counts[state] ?? 0} ${state}`).join(', ')}`}</title>
    <rect class="track" x=${index * width} y="0" width=${width} height=${HEIGHT} />
    ${OUTCOMES.map((state) => {
      const height = ((bucket.counts[state] ?? 0) / max) * HEIGHT;
      top -= height;
      return html`<rect class=${`f-${state}`} x=${index * width + width * 0.12} y=${top} width=${width * 0.76} height=${height} />`;
    })}</g>`;
}
