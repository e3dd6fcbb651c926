// Tasks: a table with filters and pages.
import { get, pathOf } from './api.js';
import { clean } from './format.js';
import { hashOf } from './router.js';
import { Button, Choice, Id, Pager, RowLink, State, Table, Text, Time, html } from './ui.js';

export const OPEN = ['expected', 'pending', 'probed', 'transcoding'];
export const OUTCOMES = ['succeeded', 'failed', 'superseded', 'lost'];
const FIELDS = ['url', 'bucket'];
const FILTERS = ['state', 'kind', 'since', 'until', 'time', 'order', 'cursor', ...FIELDS];

/** What the search field narrows the rows of this page by. */
let typed = '';

/** @type {import('./ui.js').View} */
export const tasks = {
  title: 'Tasks',
  seconds: 10,
  load: (route, signal) => {
    const query = Object.fromEntries(FILTERS.map((name) => [name, route.query[name]]));
    return get(pathOf(['tasks'], { ...query, limit: 50 }), signal);
  },
  render: (data, page) => {
    const rows = data.tasks.filter(matches);
    return html`<${Filters} page=${page} />
      <p class="dim" role="status">${typed ? `${rows.length} of ${data.tasks.length} tasks on this page match` : `${rows.length} tasks on this page`}</p>
      <${Table} caption="Tasks" columns=${columns(page)} rows=${rows} id=${(/** @type {any} */ row) => row.vid}
        empty="No task matches. Change the filters, or wait for the next submit or callback." />
      <${Pager} page=${page} cursor=${data.cursor} />`;
  },
};

/** @param {Record<string, any>} row */
const matches = (row) => [row.vid, row.url, row.state].some((text) => String(text ?? '').toLowerCase().includes(typed.toLowerCase()));

/**
 * @param {import('./ui.js').Page} page
 * @returns {import('./ui.js').Column[]}
 */
const columns = (page) => [
  { label: 'Task', cell: (row) => html`<${RowLink} href=${hashOf(['tasks', row.vid])}><${Id} id=${row.vid} /></${RowLink}>` },
  { label: 'State', cell: (row) => html`<${State} state=${row.state} />` },
  { label: 'Kind', kind: 'wide', cell: (row) => clean(row.kind, 20) },
  { label: 'Source', cell: (row) => html`<${Text} text=${fileName(row.url)} max=${80} />` },
  { label: 'Created', kind: 'wide', cell: (row) => html`<${Time} at=${row.created_at} now=${page.now} />` },
  { label: 'Updated', cell: (row) => html`<${Time} at=${row.outcome_at ?? row.updated_at} now=${page.now} />` },
];

/** @param {string | undefined} url */
const fileName = (url) => (url ?? '').replace(/^https?:\/\/([^./]+)\.[^/]*\//, '$1/');

/** @param {{page: import('./ui.js').Page}} props */
function Filters({ page }) {
  const { query } = page.route;
  const search = (/** @type {any} */ event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const text = String(form.get('text') ?? '').trim();
    const by = String(form.get('by'));
    typed = '';
    if (by === 'vid' && text) page.go(hashOf(['tasks', text]));
    else if (by === 'vid') page.filter({ url: '', bucket: '' });
    else page.filter({ ...Object.fromEntries(FIELDS.map((name) => [name, ''])), [by]: text });
  };
  const narrow = (/** @type {any} */ event) => {
    typed = event.target.value;
    page.render();
  };
  const by = FIELDS.find((name) => query[name]) ?? 'vid';
  return html`<div class="filters">
    <form class="search" role="search" onSubmit=${search}>
      <label class="grow">Search<input type="search" name="text" aria-keyshortcuts="/" defaultValue=${query[by] ?? ''} onInput=${narrow}
        placeholder="Filters this page; Enter searches all" /></label>
      <label>By<select name="by">
        ${SEARCHED.map(([value, text]) => html`<option key=${value} value=${value} selected=${by === value}>${text}</option>`)}
      </select></label>
      <button>Search</button>
    </form>
    <${Choice} page=${page} name="state" label="State" choices=${STATES} />
    <${Choice} page=${page} name="kind" label="Kind" choices=${[['', 'Every kind'], ['video', 'Video'], ['audio', 'Audio']]} />
    <${Choice} page=${page} name="time" label="Sorted by" choices=${[['', 'Creation'], ['outcome', 'Outcome']]} />
    <${Choice} page=${page} name="order" label="Order" choices=${[['', 'Newest first'], ['asc', 'Oldest first']]} />
    ${Object.keys(query).length > 0 && html`<${Button} kind="quiet" onClick=${() => page.go('#/tasks')}>Clear filters</${Button}>`}
  </div>
  ${query.since && html`<p class="dim">From <${Time} at=${query.since} />${query.until && html` to <${Time} at=${query.until} />`}.</p>`}`;
}

const SEARCHED = [['vid', 'Id'], ['url', 'Whole URL'], ['bucket', 'Bucket']];
/** @type {[string, string][]} */
const STATES = [
  ['', 'Every state'],
  [OPEN.join(','), 'Open'],
  ['failed,lost', 'Failed or lost'],
  .../** @type {[string, string][]} */ ([...OPEN, ...OUTCOMES].map((state) => [state, state.replace(/^./, (first) => first.toUpperCase())])),
];
