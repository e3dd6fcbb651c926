// One task: what happens next, its renditions with previews, its faults, conflicts and history.
import { ApiError, get, pathOf, post } from './api.js';
import { bitrate, clean, distance, local, size, span, words } from './format.js';
import { outputUrl, readMedia, saveMedia } from './outputs.js';
import { hashOf } from './router.js';
import { Body, Button, Card, Facts, Id, OutsideLink, State, Table, Text, Time, bodySize, classOf, html } from './ui.js';

/** The duties of a task in words.
 * @type {Record<string, string>} */
const DUTIES = {
  query: 'Mediarelay queries the provider',
  give_up: 'Mediarelay records the task as lost',
  publish: 'Mediarelay publishes the outcome',
};
/** @type {Record<string, string>} */
const ORIGINS = {
  track: 'A client tracked the task',
  submit: 'A client submitted the task',
  claim: 'A callback claimed a state, which is only a hint',
  trusted: 'A trusted callback arrived',
  answer: 'The provider answered a signed query',
  reply: 'The provider sent an answer that cannot be judged',
  timeout: 'No outcome arrived in time',
  listed: 'The provider listed the task',
};
const previewed = new Set();
const unreachable = new Set();

/** @type {import('./ui.js').View} */
export const task = {
  title: 'Task',
  seconds: 5,
  load: async (route, signal) => {
    const vid = route.parts[1];
    const [details, history] = await Promise.all([get(pathOf(['tasks', vid]), signal), historyOf(vid, signal)]);
    return { details, history };
  },
  render: ({ details, history }, page) => html`
    <${Head} details=${details} page=${page} />
    <${Next} details=${details} page=${page} />
    ${details.faults?.length > 0 && html`<${Faults} faults=${details.faults} />`}
    ${history.conflicts.length > 0 && html`<${Conflicts} conflicts=${history.conflicts} />`}
    <${Renditions} details=${details} page=${page} />
    <${Timeline} observations=${history.observations} page=${page} />
    <${Source} source=${details.source ?? {}} />`,
};

/**
 * @param {string} vid
 * @param {AbortSignal} signal
 */
async function historyOf(vid, signal) {
  try {
    return await get(pathOf(['tasks', vid, 'history']), signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return { observations: [], conflicts: [] };
    throw error;
  }
}

/** @param {{details: any, page: import('./ui.js').Page}} props */
function Head({ details, page }) {
  const replay = () => page.confirm({
    title: 'Replay this task?',
    text: `Mediarelay queries the provider about ${details.vid} and publishes the outcome again. Subscribers see the event with a higher replay number.`,
    action: 'Replay',
    run: async () => {
      await post(pathOf(['tasks', details.vid, 'replay']));
      return 'Mediarelay has stored the replay. Its answer appears in the history.';
    },
  });
  return html`<section class="card">
    <div class="head"><h2><code class="id">${clean(details.vid)}</code></h2><div class="actions"><${Button} onClick=${replay}>Replay</${Button}></div></div>
    <${Facts} facts=${[
      ['State', html`<${State} state=${details.state} />${details.partial ? html` <span class="state s-partial">partial</span>` : ''}`],
      ['Progress', details.progress === undefined ? '' : html`<${Progress} percent=${details.progress} />`],
      ['Claimed', details.claimed && html`<${State} state=${details.claimed} />`],
      ['Kind', details.kind],
      ['Reference', details.reference],
      ['Submission', details.submission && html`<a href=${hashOf(['submissions', details.submission])}><${Id} id=${details.submission} /></a>`],
      ['Created', html`<${Time} at=${details.created_at} />`],
      ['Updated', html`<${Time} at=${details.updated_at} />`],
    ]} />
  </section>`;
}

/** @param {{percent: number}} props */
const Progress = ({ percent }) => html`<progress max="100" value=${percent} aria-label="Progress"></progress>${` ${clean(percent, 5)} %`}`;

/** @param {{details: any, page: import('./ui.js').Page}} props */
function Next({ details, page }) {
  const next = details.next ?? {};
  const published = (next.published ?? []).map((/** @type {string} */ type) => clean(type, 80)).join(', ');
  return html`<${Card} title="What happens next">
    <p class="lead">${next.duty
      ? html`${DUTIES[next.duty] ?? words(next.duty)} <${Time} at=${next.at} now=${page.now} />.`
      : 'Nothing is due. A callback, a submit or a replay makes the task due again.'}</p>
    <${Facts} facts=${[
      ['At', next.at && html`<${Time} at=${next.at} />`],
      ['Attempts', next.attempts === undefined ? '' : String(next.attempts)],
      ['Gives up', next.give_up_at && next.duty && html`<span title=${local(next.give_up_at)}>${distance(next.give_up_at, page.now)}</span>`],
      ['Published', published || 'nothing yet'],
    ]} />
  </${Card}>`;
}

/** @param {{faults: any[]}} props */
const Faults = ({ faults }) => html`<${Card} title="Faults" note="What the provider says went wrong">
  <ul class="plain">${faults.map((fault, index) => html`<li key=${index} class="notice error">
    <code>${clean(fault.code ?? 'no code', 80)}</code> <${Text} text=${fault.message ?? 'The provider gives no reason.'} /></li>`)}</ul>
</${Card}>`;

/** @param {{conflicts: any[]}} props */
const Conflicts = ({ conflicts }) => html`<${Card} title="Conflicts" note="Observations that contradict each other">
  <ul class="plain">${conflicts.map((one, index) => html`<li key=${index} class="notice warning">
    <strong><${Text} text=${one.subject} max=${200} /></strong>:
    ${Object.entries(one.values).map(([value, origins]) => html` <span class="value" key=${value}>
      <${Text} text=${value} max=${200} /> (${clean(/** @type {string[]} */ (origins).join(', '), 100)})</span>`)}
    ${one.settled ? html` The provider settled it: <${Text} text=${one.settled} max=${200} />.` : ' The provider has not settled it.'}</li>`)}</ul>
</${Card}>`;

/** @param {{source: any}} props */
const Source = ({ source }) => html`<${Card} title="Source"><${Facts} facts=${[
  ['URL', source.url && html`<${OutsideLink} href=${source.url} />`],
  ['Path', source.url ? '' : source.path],
  ['Bucket', source.place?.bucket && `${source.place.bucket} (${source.place.region ?? 'unknown region'})`],
  ['Size', size(source.size)],
  ['Duration', source.duration === undefined ? '' : span(source.duration)],
  ['Frame', source.width && source.height ? `${source.width} × ${source.height}` : ''],
  ['Bitrate', bitrate(source.bitrate)],
  ['Format', source.format ?? source.container],
]} /></${Card}>`;

/** @param {{details: any, page: import('./ui.js').Page}} props */
function Renditions({ details, page }) {
  const shown = previewed.has(details.vid);
  const toggle = () => {
    if (shown) previewed.delete(details.vid);
    else previewed.add(details.vid);
    unreachable.clear();
    page.render();
  };
  const rows = details.renditions ?? [];
  return html`<${Card} title="Renditions" note=${rows.length ? `${rows.length} outputs` : ''}
    actions=${rows.length > 0 && html`<${Button} pressed=${shown} onClick=${toggle}>${shown ? 'Hide previews' : 'Show previews'}</${Button}>`}>
    ${shown && html`<${MediaAddress} page=${page} />`}
    <${Table} caption="Renditions" columns=${columns(shown, page)} rows=${rows} id=${(/** @type {any} */ _, /** @type {number} */ index) => String(index)}
      empty="The provider has reported no output." />
  </${Card}>`;
}

/**
 * @param {boolean} shown
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (shown, page) => [
  { label: 'Name', cell: (row) => html`<strong><${Text} text=${row.name || row.kind} max=${80} /></strong>` },
  { label: 'Kind', cell: (row) => clean(row.kind, 20) },
  { label: 'Frame', kind: 'wide', cell: (row) => (row.width && row.height ? `${row.width} × ${row.height}` : '–') },
  { label: 'Bitrate', kind: 'wide', cell: (row) => bitrate(row.bitrate) || '–' },
  { label: 'Size', kind: 'number', cell: (row) => size(row.size) || '–' },
  {
    label: 'Files',
    cell: (row) => row.paths.map((/** @type {string} */ path) => html`<${Output} key=${path} row=${row} path=${path} shown=${shown} page=${page} />`),
  },
];

/** @param {{row: any, path: string, shown: boolean, page: import('./ui.js').Page}} props */
function Output({ row, path, shown, page }) {
  const url = outputUrl(row.dst ?? {}, path);
  const name = html`<${Text} text=${path} max=${200} />`;
  return html`<div class="output">${url ? html`<a href=${url} target="_blank" rel="noreferrer">${name}</a>` : name}
    ${shown && url && html`<${Preview} kind=${row.kind} url=${url} name=${clean(row.name || row.kind, 80)} page=${page} />`}</div>`;
}

/** @param {{kind: string, url: string, name: string, page: import('./ui.js').Page}} props */
function Preview({ kind, url, name, page }) {
  const fail = () => {
    unreachable.add(url);
    page.render();
  };
  if (unreachable.has(url)) return html`<p class="dim">This browser cannot reach or play the file. The bucket may be private.</p>`;
  if (kind === 'video') return html`<video controls preload="metadata" src=${url} aria-label=${`Preview of ${name}`} onError=${fail}></video>`;
  if (kind === 'audio') return html`<audio controls preload="metadata" src=${url} aria-label=${`Preview of ${name}`} onError=${fail}></audio>`;
  if (kind === 'stream' || /\.vtt$/i.test(url)) return null;
  return html`<img loading="lazy" src=${url} alt=${`Preview of ${name}`} onError=${fail} />`;
}

/** @param {{page: import('./ui.js').Page}} props */
function MediaAddress({ page }) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    saveMedia(String(new FormData(event.target).get('media') ?? ''));
    unreachable.clear();
    page.render();
  };
  return html`<form class="filters" onSubmit=${submit}>
    <label class="grow">Address of the outputs
      <input name="media" type="url" defaultValue=${readMedia()} placeholder="Empty: the buckets themselves, over https" /></label>
    <button>Apply</button>
  </form>`;
}

/** @param {{observations: any[], page: import('./ui.js').Page}} props */
const Timeline = ({ observations, page }) => html`<${Card} title="History" note=${`${observations.length} observations, newest first`}>
  <ol class="timeline">${[...observations].reverse().map((one) => html`<li key=${`${one.at} ${one.digest}`} class=${classOf('o-', one.origin)}>
    <p class="entry"><strong>${ORIGINS[one.origin] ?? words(one.origin)}</strong>
      <span class="dim"><${Time} at=${one.at} />, <${Time} at=${one.at} now=${page.now} /></span></p>
    ${one.reason && html`<p class="notice warning"><${Text} text=${one.reason} /></p>`}
    ${one.unreadable?.length > 0 && html`<p class="notice warning">Unreadable fields: <${Text} text=${one.unreadable.join(', ')} /></p>`}
    ${one.body === null ? html`<p class="dim">The body is no longer stored.</p>` : html`<${Body} summary=${`Body, ${bodySize(one.body)}`} body=${one.body} />`}
  </li>`)}</ol>
</${Card}>`;
