// The page: login, navigation, and the view that the address names. It loads each view again while the tab is visible.
import { ApiError, get, token } from './api.js';
import { clean } from './format.js';
import { render } from './preact.mjs';
import { hashOf, parse } from './router.js';
import { ConfirmDialog, Login, login, refusal } from './session.js';
import { Button, DocumentLink, html } from './ui.js';
import { circuits } from './view-circuits.js';
import { deadLetter, deadLetters } from './view-dead-letters.js';
import { events } from './view-events.js';
import { overview } from './view-overview.js';
import { quarantine } from './view-quarantine.js';
import { replays } from './view-replays.js';
import { songs } from './view-songs.js';
import { stuck } from './view-stuck.js';
import { submission, submissions } from './view-submissions.js';
import { task } from './view-task.js';
import { tasks } from './view-tasks.js';
import { deliveries, webhooks } from './view-webhooks.js';

const TICK_MS = 1000;
const STATUS_SECONDS = 15;
const SLOW_TICKS = 15;
/** The views by the first part of the address: of the list, and of one item.
 * @type {Record<string, [import('./ui.js').View, import('./ui.js').View?]>} */
const VIEWS = {
  '': [overview],
  stuck: [stuck],
  tasks: [tasks, task],
  submissions: [submissions, submission],
  replays: [replays],
  songs: [songs],
  events: [events],
  webhooks: [webhooks, deliveries],
  circuits: [circuits],
  'dead-letters': [deadLetters, deadLetter],
  quarantine: [quarantine],
};

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
const state = {
  route: parse(location.hash),
  data: /** @type {any} */ (null),
  error: /** @type {ApiError | null} */ (null),
  loadedAt: 0,
  now: Date.now(),
  ticks: 0,
  loggedIn: token.read() !== null,
  busy: false,
  refusal: /** @type {import('./session.js').Refusal | null} */ (null),
  dialog: /** @type {import('./ui.js').Confirmation | null} */ (null),
  message: { text: '', error: false },
  spoken: '',
  menu: false,
  status: /** @type {Record<string, any> | null} */ (null),
  statusAt: 0,
};
let running = /** @type {AbortController | null} */ (null);

// ── what is shown ──

/** @param {import('./router.js').Route} route */
function viewOf(route) {
  const [list, item] = VIEWS[route.parts[0] ?? ''] ?? VIEWS[''];
  return (route.parts.length > 1 && item) || list;
}

/** @type {import('./ui.js').Page} */
const page = {
  get route() { return state.route; },
  get now() { return state.now; },
  get loadedAt() { return state.loadedAt; },
  get status() { return state.status; },
  filter: (changes) => {
    const { cursor: _first, ...kept } = state.route.query;
    page.go(hashOf(state.route.parts, { ...kept, ...changes }));
  },
  go: (hash) => { location.hash = hash; },
  act,
  confirm: (dialog) => { state.dialog = dialog; draw(); },
  render: draw,
  report: (text) => { state.spoken = text; },
};

function draw() {
  state.now = Date.now();
  render(state.loggedIn ? html`<${Shell} />` : html`<${Login} refusal=${state.refusal} busy=${state.busy} onLogin=${enter} onContinue=${goOn} />`, root);
}

function Shell() {
  const view = viewOf(state.route);
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <${Bar} />
    <div class="columns">
      <${Navigation} />
      <main id="content" aria-busy=${running !== null}>
        <h1 tabindex="-1">${view.title}</h1>
        ${state.error && html`<${Problem} error=${state.error} />`}
        ${state.data === null ? !state.error && html`<p class="loading">Loading.</p>` : content(view)}
      </main>
    </div>
    <div class=${`toast ${state.message.error ? 'error' : ''}`} role=${state.message.error ? 'alert' : 'status'} hidden=${!state.message.text}>
      <span>${state.message.text}</span><${Button} kind="quiet" onClick=${() => say('')}>Dismiss</${Button}>
    </div>
    <div class="unseen" role="status">${state.spoken}</div>
    ${state.dialog && html`<${ConfirmDialog} dialog=${state.dialog} onClose=${closeDialog} onRun=${runDialog(state.dialog)} />`}`;
}

/** @param {import('./ui.js').View} view */
function content(view) {
  try {
    return view.render(state.data, page);
  } catch (error) {
    return html`<${Problem} error=${unexpected(error)} />`;
  }
}

/** @param {unknown} error */
function unexpected(error) {
  console.error(error);
  return new ApiError(0, { detail: 'The console cannot show this answer of the API. Their versions may differ.' });
}

function Bar() {
  const problems = state.status?.problems?.length ?? 0;
  return html`<header class="bar">
    <${Button} kind="quiet menu" label="Menu" pressed=${state.menu} onClick=${() => { state.menu = !state.menu; draw(); }}>Menu</${Button}>
    <a class="brand" href="#/"><span>Mediarelay</span></a>
    ${state.status && html`<a class=${`health ${state.status.healthy ? 'good' : 'bad'}`} href="#/">${
      state.status.healthy ? 'Healthy' : `${problems} problem${problems === 1 ? '' : 's'}`}</a>
      <span class="version dim">${clean(state.status.version, 20)}</span>`}
    <span class="space"></span>
    <button type="button" class="quiet" data-theme-switch aria-label="Switch between light and dark">Theme</button>
    <${Button} kind="quiet" onClick=${logout}>Log out</${Button}>
  </header>`;
}

function Navigation() {
  const here = state.route.parts[0] ?? '';
  return html`<nav class=${`side ${state.menu ? 'open' : ''}`} aria-label="Views">
    ${Object.entries(VIEWS).map(([name, [view]]) => html`
      <a key=${name} href=${`#/${name}`} aria-current=${here === name ? 'page' : undefined}>${view.title}</a>`)}
  </nav>`;
}

/** @param {{error: ApiError}} props */
const Problem = ({ error }) => html`<div class="notice error" role="alert">
  <p><strong>${clean(error.message, 500)}</strong></p>
  <p class="dim">${error.code && html`<code>${clean(error.code, 60)}</code> `}${error.field && `Field ${clean(error.field, 60)}. `}
    ${error.requestId && `Request ${clean(error.requestId, 60)}. `}<${DocumentLink} to=${error.type}>What this means</${DocumentLink}></p>
  <${Button} onClick=${() => load()}>Try again</${Button}>
</div>`;

// ── what happens ──

/** @param {boolean} [quiet] keeps the current content until the new one is there */
async function load(quiet = true) {
  running?.abort();
  const mine = (running = new AbortController());
  if (!quiet) Object.assign(state, { data: null, error: null });
  draw();
  try {
    const data = await viewOf(state.route).load(state.route, mine.signal, state.data);
    if (mine !== running) return;
    Object.assign(state, { data, error: null, loadedAt: Date.now() });
  } catch (error) {
    if (mine !== running) return;
    state.loadedAt = Date.now();
    fail(error);
  }
  running = null;
  draw();
}

async function loadStatus() {
  state.statusAt = Date.now();
  try {
    state.status = await get('status');
  } catch (error) {
    // The view that is shown reports an outage itself.
    if (error instanceof ApiError && error.refused) fail(error);
  }
  draw();
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof ApiError && error.refused)) {
    state.error = error instanceof ApiError ? error : unexpected(error);
    return;
  }
  if (!error.scope) token.remove();
  leave(refusal(error));
}

/** @param {() => Promise<string>} work */
async function act(work) {
  try {
    say(await work());
    await load();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.refused) fail(error);
    else say(`${clean(error.message, 300)}${error.code && ` (${clean(error.code, 60)})`}`, true);
  }
  draw();
}

/** @param {import('./ui.js').Confirmation} dialog */
const runDialog = (dialog) => () => act(dialog.run);

function closeDialog() {
  state.dialog = null;
  draw();
}

/**
 * @param {string} text
 * @param {boolean} [error]
 */
function say(text, error = false) {
  state.message = { text, error };
  draw();
}

/** @param {string} text */
async function enter(text) {
  state.busy = true;
  draw();
  try {
    Object.assign(state, { status: await login(text), statusAt: Date.now(), loggedIn: true, refusal: null });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    state.refusal = error.refused ? refusal(error) : { text: clean(error.message, 300) };
  }
  state.busy = false;
  if (state.loggedIn) await load(false);
  else draw();
}

/** @param {import('./session.js').Refusal | null} why */
function leave(why) {
  running?.abort();
  running = null;
  Object.assign(state, { loggedIn: false, refusal: why, data: null, error: null, dialog: null, message: { text: '', error: false } });
  draw();
}

function logout() {
  token.remove();
  state.status = null;
  leave(null);
}

function goOn() {
  Object.assign(state, { loggedIn: true, refusal: null });
  if (location.hash === '#/') load(false);
  else page.go('#/');
}

// ── the address, the clock and the keyboard ──

function navigate() {
  const before = state.route;
  state.route = parse(location.hash);
  state.menu = false;
  if (!state.loggedIn) return;
  const same = before.parts.join('/') === state.route.parts.join('/');
  load(same);
  document.title = `${viewOf(state.route).title} - Mediarelay`;
  if (same) return;
  window.scrollTo(0, 0);
  /** @type {HTMLElement | null} */ (document.querySelector('main h1'))?.focus({ preventScroll: true });
}

function tick() {
  if (!state.loggedIn || document.hidden) return;
  const view = viewOf(state.route);
  const age = (Date.now() - state.loadedAt) / TICK_MS;
  if (running === null && state.dialog === null && age >= view.seconds) load();
  if (Date.now() - state.statusAt >= STATUS_SECONDS * TICK_MS) loadStatus();
  state.ticks += 1;
  if (view.ticks || state.ticks % SLOW_TICKS === 0) draw();
}

/** @param {KeyboardEvent} event */
function key(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = target.matches('input, select, textarea');
  if (event.key === '/' && !typing && !state.dialog) focusSearch(event);
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveInTable(event, target);
}

/** @param {KeyboardEvent} event */
function focusSearch(event) {
  const search = /** @type {HTMLInputElement | null} */ (document.querySelector('input[type=search]'));
  event.preventDefault();
  if (search) search.focus();
  else page.go('#/tasks');
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement} target
 */
function moveInTable(event, target) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('a[data-row]')]);
  const at = links.indexOf(target);
  if (at < 0 && !target.matches('input[type=search]')) return;
  const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault();
  /** @type {HTMLElement | null} */ (document.querySelector('main h1'))?.focus();
}

window.addEventListener('hashchange', navigate);
document.addEventListener('visibilitychange', tick);
document.addEventListener('keydown', key);
setInterval(tick, TICK_MS);
root.replaceChildren();
draw();
if (state.loggedIn) load(false);
