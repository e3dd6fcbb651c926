// The parts that views are made of. Preact writes every value as text or as an attribute, never as HTML.
import htm from './htm.mjs';
import { Fragment, h } from './preact.mjs';
import { documentUrl } from './api.js';
import { clean, distance, json, local, short, size, utc, words } from './format.js';

export const html = htm.bind(h);
export { Fragment };

/**
 * What a view can use of the page around it.
 * @typedef {object} Page
 * @property {import('./router.js').Route} route
 * @property {number} now milliseconds; moves on with each render
 * @property {number} loadedAt milliseconds
 * @property {Record<string, any> | null} status the latest answer of GET /status
 * @property {(changes: Record<string, string>) => void} filter changes the query of the address; starts at the first page
 * @property {(hash: string) => void} go
 * @property {(work: () => Promise<string>) => Promise<void>} act runs work, reports its sentence and loads again
 * @property {(question: Confirmation) => void} confirm
 * @property {() => void} render
 * @property {(text: string) => void} report
 */

/**
 * @typedef {object} Confirmation
 * @property {string} title
 * @property {string} text
 * @property {string} action the label of the button
 * @property {boolean} [danger]
 * @property {string} [typed] the name to type first
 * @property {() => Promise<string>} run returns the sentence to report
 */

/**
 * @typedef {object} View
 * @property {string} title
 * @property {(route: import('./router.js').Route, signal: AbortSignal, before: any) => Promise<any>} load
 * @property {(data: any, page: Page) => any} render
 * @property {number} seconds until it loads again
 * @property {boolean} [ticks] true if it changes every second
 */

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: any) => any} cell
 * @property {string} [kind] `number`, `wide` (hidden on a phone) or `action`
 */

/** @param {{text: unknown, max?: number}} props */
export const Text = ({ text, max }) => html`<bdi>${clean(text, max)}</bdi>`;

/** A time: local, with the distance from now; UTC in its title.
 * @param {{at: string | undefined, now?: number}} props */
export function Time({ at, now }) {
  if (!at) return html`<span class="dim">–</span>`;
  const title = `${local(at)}, ${utc(at)}`;
  return html`<time dateTime=${clean(at, 40)} title=${title}>${now === undefined ? local(at) : distance(at, now)}</time>`;
}

/**
 * Return a class name for a word of the API; any other text has the class for unknown words.
 * @param {string} prefix
 * @param {unknown} word
 */
export const classOf = (prefix, word) => prefix + (/^\w+$/.test(String(word)) ? word : 'other');

/** @param {{state: string}} props */
export const State = ({ state }) => html`<span class=${`state ${classOf('s-', state)}`}>${words(state)}</span>`;

/** An id, shortened; its title has the whole.
 * @param {{id: unknown}} props */
export const Id = ({ id }) => html`<code title=${clean(id)}>${short(String(id ?? ''))}</code>`;

/** @param {{href: string, children: any}} props the address in a row that arrow keys reach */
export const RowLink = ({ href, children }) => html`<a href=${href} data-row>${children}</a>`;

/**
 * A table. The roles stay when a phone shows each row as a block.
 * @param {{caption: string, columns: Column[], rows: any[], id: (row: any, index: number) => string, empty: string}} props
 */
export function Table({ caption, columns, rows, id, empty }) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<table role="table">
    <caption class="unseen">${caption}</caption>
    <thead role="rowgroup"><tr role="row">
      ${columns.map((one) => html`<th role="columnheader" scope="col" class=${one.kind ?? ''}>${one.label}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">
      ${rows.map((row, index) => html`<tr role="row" key=${id(row, index)}>
        ${columns.map((one) => html`<td role="cell" data-label=${one.label} class=${one.kind ?? ''}><div>${one.cell(row)}</div></td>`)}
      </tr>`)}
    </tbody>
  </table>`;
}

/** Names with their values; leaves out values that are missing.
 * @param {{facts: [string, any][]}} props */
export const Facts = ({ facts }) => html`<dl class="facts">
  ${facts.filter(([, value]) => value !== undefined && value !== '' && value !== null).map(([name, value]) => html`
    <div key=${name}><dt>${name}</dt><dd>${typeof value === 'string' ? html`<${Text} text=${value} />` : value}</dd></div>`)}
</dl>`;

/** @param {{title: string, children: any, note?: any, actions?: any}} props */
export const Card = ({ title, note, actions, children }) => html`<section class="card">
  <div class="head"><h2>${title}</h2>${note && html`<p class="dim">${note}</p>`}${actions && html`<div class="actions">${actions}</div>`}</div>
  ${children}
</section>`;

/** A card with one table.
 * @param {{title: string, note?: any, columns: Column[], rows: any[], id: (row: any) => string, empty: string}} props */
export const TableCard = ({ title, note, columns, rows, id, empty }) => html`<${Card} title=${title} note=${note}>
  <${Table} caption=${title} columns=${columns} rows=${rows} id=${id} empty=${empty} />
</${Card}>`;

/** @param {{onClick: () => void, children: any, kind?: string, label?: string, pressed?: boolean}} props */
export const Button = ({ onClick, children, kind, label, pressed }) => html`
  <button type="button" class=${kind ?? ''} aria-label=${label} aria-pressed=${pressed} onClick=${onClick}>${children}</button>`;

/** A body, closed until somebody opens it.
 * @param {{summary: any, body: unknown}} props */
export const Body = ({ summary, body }) => html`<details class="body"><summary>${summary}</summary><pre dir="ltr">${json(body)}</pre></details>`;

/** @param {unknown} body */
export const bodySize = (body) => size(new Blob([typeof body === 'string' ? body : JSON.stringify(body) ?? '']).size);

/** A link to a document of the stack, or nothing.
 * @param {{to: unknown, children: any}} props */
export function DocumentLink({ to, children }) {
  const href = documentUrl(to);
  return href && html`<a href=${href} target="_blank" rel="noopener">${children}</a>`;
}

/** A link that a stack names, if it is http or https.
 * @param {{href: string | undefined}} props */
export function OutsideLink({ href }) {
  if (!href) return html`<span class="dim">–</span>`;
  if (!/^https?:\/\//i.test(href)) return html`<${Text} text=${href} />`;
  return html`<a href=${href} target="_blank" rel="noreferrer"><${Text} text=${href} max=${300} /></a>`;
}

/** Leads to the next page; the browser's own button leads back.
 * @param {{page: Page, cursor: string | undefined}} props */
export const Pager = ({ page, cursor }) => html`<nav class="pager" aria-label="Pages">
  ${page.route.query.cursor && html`<${Button} onClick=${() => page.filter({})}>First page</${Button}>`}
  ${cursor && html`<${Button} onClick=${() => page.filter({ cursor })}>Next page</${Button}>`}
</nav>`;

/** A choice that changes the address.
 * @param {{page: Page, name: string, label: string, choices: [string, string][]}} props */
export const Choice = ({ page, name, label, choices }) => html`<label>${label}
  <select name=${name} value=${page.route.query[name] ?? ''} onChange=${(/** @type {any} */ event) => page.filter({ [name]: event.target.value })}>
    ${choices.map(([value, text]) => html`<option key=${value} value=${value} selected=${(page.route.query[name] ?? '') === value}>${text}</option>`)}
  </select></label>`;

/** @param {{count: number, more?: boolean}} props */
export const Count = ({ count, more }) => html`${count.toLocaleString()}${more ? '+' : ''}`;
