// Calls the HTTP API of the stack that serves this page. The token lives in sessionStorage: it ends with the tab.

// Behind an emulator the API has a path prefix, so every address follows from this file's own.
const BASE = new URL('../', import.meta.url);
const TOKEN = 'mediarelay.token';
const TIMEOUT_MS = 29_000;

/** @typedef {Record<string, any>} Data */

/** An answer that is no success, as problem+json (RFC 9457) or as API Gateway's own `{"message"}`. */
export class ApiError extends Error {
  /**
   * @param {number} status 0 if no answer arrived
   * @param {Data} problem
   */
  constructor(status, problem) {
    super(String(problem.detail ?? problem.title ?? problem.message ?? `status ${status}`));
    this.status = status;
    this.code = problem.code === undefined ? '' : String(problem.code);
    this.scope = problem.scope === undefined ? '' : String(problem.scope);
    this.field = problem.field === undefined ? '' : String(problem.field);
    this.type = problem.type === undefined ? '' : String(problem.type);
    this.requestId = problem.request_id === undefined ? '' : String(problem.request_id);
  }

  /** True if another token may help. */
  get refused() {
    return this.status === 401 || this.status === 403;
  }
}

/** @returns {Storage} that of this tab, or one that ends with the page where the browser blocks it */
function openStorage() {
  try {
    return window.sessionStorage;
  } catch {
    const kept = new Map();
    const storage = { getItem: kept.get.bind(kept), setItem: kept.set.bind(kept), removeItem: kept.delete.bind(kept) };
    return /** @type {any} */ (storage);
  }
}

export const storage = openStorage();

export const token = {
  read: () => storage.getItem(TOKEN) ?? null,
  /** @param {string} text */
  save: (text) => storage.setItem(TOKEN, text),
  remove: () => storage.removeItem(TOKEN),
};

/**
 * Return a path with its parts escaped, and the parameters that have a value.
 * @param {string[]} parts
 * @param {Record<string, string | number | undefined>} [query]
 */
export function pathOf(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return parts.map(encodeURIComponent).join('/') + (text && `?${text}`);
}

/**
 * @param {string} path relative to the API
 * @param {AbortSignal} [signal]
 * @returns {Promise<Data>}
 */
export const get = (path, signal) => send('GET', path, undefined, signal);

/**
 * @param {string} path relative to the API
 * @param {Data} [body]
 * @returns {Promise<Data>}
 */
export const post = (path, body) => send('POST', path, body);

/**
 * @param {string} method
 * @param {string} path
 * @param {Data} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Data>}
 */
async function send(method, path, body, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await reach(new URL(path, BASE), {
    method,
    headers: { authorization: `Bearer ${token.read() ?? ''}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
  });
  const content = await answer.json().catch(() => null);
  const isObject = content !== null && typeof content === 'object' && !Array.isArray(content);
  if (!answer.ok) throw new ApiError(answer.status, isObject ? content : {});
  // A proxy's page must not look like an empty list.
  if (!isObject) throw new ApiError(0, { detail: 'The answer is not one of Mediarelay. Is a proxy in between?' });
  return content;
}

/**
 * @param {URL} url
 * @param {RequestInit} options
 */
async function reach(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') throw error;
    throw new ApiError(0, { detail: 'The API did not answer. The console tries again.' });
  }
}

/**
 * Return the address of a document that the stack serves, or null for anything else.
 * @param {unknown} reference such as `/docs/runbook#rowsunreadablealarm`
 */
export function documentUrl(reference) {
  const found = /^\/(docs\/[a-z-]+(?:#[\w-]*)?)$/.exec(String(reference ?? ''));
  return found ? new URL(found[1], BASE).href : null;
}
