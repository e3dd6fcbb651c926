// The form that asks for a token, and the dialogs of the page.
import { ApiError, get, token } from './api.js';
import { clean } from './format.js';
import { Button, html } from './ui.js';

/**
 * Why the console asks for a token.
 * @typedef {{text: string, scope?: string}} Refusal
 */

/**
 * @param {ApiError} error
 * @returns {Refusal}
 */
export function refusal(error) {
  if (error.scope) return { text: `The token lacks the scope ${clean(error.scope, 40)}.`, scope: error.scope };
  return { text: 'The API does not know this token. It may be mistyped, removed, or so new that not every function has it.' };
}

/**
 * Check a token with GET /status. It stays in this tab if the API accepts it.
 * @param {string} text
 * @returns {Promise<Record<string, any>>} the status
 */
export async function login(text) {
  // No header carries other characters, and the API makes tokens of ASCII only.
  if (/[^\x21-\x7e]/.test(text.trim())) throw new ApiError(401, { detail: 'not ASCII' });
  token.save(text.trim());
  try {
    return await get('status');
  } catch (error) {
    token.remove();
    throw error;
  }
}

/**
 * @param {{refusal: Refusal | null, busy: boolean, onLogin: (text: string) => void, onContinue: () => void}} props
 */
export function Login({ refusal, busy, onLogin, onContinue }) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    onLogin(new FormData(event.target).get('token')?.toString() ?? '');
  };
  return html`<main class="login" id="content">
    <form class="card" onSubmit=${submit}>
      <h1>Mediarelay</h1>
      <p class="dim">Enter the bearer token of an API client. This tab keeps it until you log out or close the tab.</p>
      ${refusal && html`<p role="alert" class="notice error">${refusal.text}</p>`}
      <label>Bearer token<input name="token" type="password" autocomplete="off" spellcheck="false" required autofocus /></label>
      <p class="dim">The scope <code>read</code> shows everything but the quarantine, dead letters and bulk replays, which need <code>admin</code>.</p>
      <button class="primary" disabled=${busy}>${busy ? 'Checking' : 'Log in'}</button>
      ${refusal?.scope && token.read() && html`<${Button} kind="quiet" onClick=${onContinue}>Continue with the current token</${Button}>`}
    </form>
  </main>`;
}

/**
 * @param {{dialog: import('./ui.js').Confirmation, onClose: () => void, onRun: () => void}} props
 */
export function ConfirmDialog({ dialog, onClose, onRun }) {
  const show = (/** @type {HTMLDialogElement | null} */ element) => {
    if (element && !element.open) element.showModal();
  };
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    event.target.closest('dialog').close();
    onRun();
  };
  const close = (/** @type {any} */ event) => event.target.closest('dialog').close();
  return html`<dialog ref=${show} onClose=${onClose} aria-labelledby="dialog-title">
    <form onSubmit=${submit}>
      <h2 id="dialog-title">${dialog.title}</h2>
      <p><bdi>${clean(dialog.text)}</bdi></p>
      ${dialog.typed && html`<label><span>Type <code>${clean(dialog.typed, 100)}</code> to confirm</span>
        <input name="typed" autocomplete="off" spellcheck="false" required pattern=${dialog.typed.replace(/[^\w-]/g, '.')} /></label>`}
      <div class="actions">
        <button type="button" onClick=${close}>Cancel</button>
        <button class=${dialog.danger ? 'danger' : 'primary'}>${dialog.action}</button>
      </div>
    </form>
  </dialog>`;
}
