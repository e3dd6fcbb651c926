// Addresses of views: `#/tasks/VID?name=value`.

/**
 * @typedef {object} Route
 * @property {string[]} parts `["tasks", "VID"]`; the overview has none
 * @property {Record<string, string>} query
 */

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param {string} hash
 * @returns {Route}
 */
export function parse(hash) {
  const [path, query] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  return { parts: path.split('/').filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(query ?? '')) };
}

/**
 * @param {string[]} parts
 * @param {Record<string, string>} [query] empty values are left out
 */
export function hashOf(parts, query = {}) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${given && `?${given}`}`;
}
