// Texts for people: untrusted text without control characters, times, sizes and durations.

const MAX_TEXT = 2000;
// Control characters, and characters that reorder or hide the text around them.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const SECOND = 1000;
const UNITS = /** @type {const} */ ([['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]]);

/**
 * Return a text that shows every character: an unseen one becomes its escape. A long text ends with its length.
 * @param {unknown} value
 * @param {number} [max]
 */
export function clean(value, max = MAX_TEXT) {
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
  const shown = text.length > max ? `${text.slice(0, max)}… (${text.length} characters)` : text;
  return shown.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @param {unknown} value
 * @param {number} [max]
 */
export const json = (value, max = 20_000) => clean(typeof value === 'string' ? value : JSON.stringify(value, null, 2), max);

/** @param {string} vid */
export const short = (vid) => (vid.length > 18 ? `${clean(vid.slice(0, 8))}…${clean(vid.slice(-6))}` : clean(vid));

/**
 * Return a span of time in its largest units.
 * @param {number} seconds
 * @param {number} [units]
 */
export function span(seconds, units = 2) {
  let left = Math.max(0, Math.round(seconds));
  if (left < 1) return '0 s';
  const first = UNITS.findIndex(([, size]) => left >= size);
  return UNITS.slice(first, first + units).flatMap(([name, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count ? [`${count} ${name}`] : [];
  }).join(' ');
}

/**
 * @param {string | undefined} at
 * @param {number} now milliseconds
 */
export function distance(at, now) {
  const seconds = (Date.parse(at ?? '') - now) / SECOND;
  if (Number.isNaN(seconds)) return '';
  if (Math.abs(seconds) < 1) return 'now';
  const units = Math.abs(seconds) < 3600 ? 1 : 2;
  return seconds > 0 ? `in ${span(seconds, units)}` : `${span(-seconds, units)} ago`;
}

/**
 * Return hours, minutes and seconds, as a countdown shows them.
 * @param {number} ms
 */
export function countdown(ms) {
  const left = Math.ceil(ms / SECOND);
  if (left <= 0) return 'expired';
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** @param {number} ms */
export const clock = (ms) => CLOCK.format(ms);

/** @param {number} ms */
export const day = (ms) => DAY.format(ms);

/** @param {string} at */
export const local = (at) => (Number.isNaN(Date.parse(at)) ? clean(at, 40) : LOCAL.format(Date.parse(at)));

/** @param {string} at */
export const utc = (at) => (Number.isNaN(Date.parse(at)) ? '' : new Date(at).toISOString().replace('T', ' ').replace('Z', ' UTC'));

/** @param {unknown} count */
export const number = (count) => (typeof count === 'number' ? count.toLocaleString() : clean(count, 40));

/** @param {number | undefined} bytes */
export function size(bytes) {
  if (bytes === undefined) return '';
  const step = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toLocaleString(undefined, { maximumFractionDigits: 1 })} ${['B', 'kB', 'MB', 'GB'][step]}`;
}

/** @param {number | undefined} rate bit/s */
export const bitrate = (rate) => (rate ? `${Math.round(rate / 1000).toLocaleString()} kbit/s` : '');

/** @param {string} name */
export const words = (name) => clean(name, 60).replaceAll('_', ' ');

/** @param {string} name */
export const title = (name) => words(name).replace(/^./, (first) => first.toUpperCase());
