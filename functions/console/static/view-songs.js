// The songs of a room: what it may use, and for how long.
import { get, pathOf } from './api.js';
import { clean, countdown, size } from './format.js';
import { Card, Text, Time, classOf, html } from './ui.js';

const SOON_MS = 60_000;
/** @type {Record<string, string>} */
const NEXT = {
  use: 'The room may use the song',
  share: 'Others may still share the song',
  acquire: 'The room needs a new request',
  wait: 'The room has the song already; wait',
  give_up: 'A new request does not help',
};

/** @type {import('./ui.js').View} */
export const songs = {
  title: 'Songs',
  seconds: 15,
  ticks: true,
  load: async (route, signal) => {
    const room = route.query.room;
    return room ? get(pathOf(['songs'], { room_id: room }), signal) : { songs: null };
  },
  render: (data, page) => html`<${RoomForm} page=${page} />
    ${data.songs === null ? html`<p class="empty">Enter a room to see its songs. The ledger lists songs by room.</p>`
      : data.songs.length === 0 ? html`<p class="empty">No song of this room is known. A game server relays songs with POST /callbacks/music.</p>`
      : html`<div class="grid">${data.songs.map((/** @type {any} */ song) => html`<${Song} key=${keyOf(song)} song=${song} page=${page} />`)}</div>`}`,
};

/** @param {any} song */
const keyOf = (song) => `${song.song_id} ${song.vendor_id} ${song.type}`;

/** @param {{page: import('./ui.js').Page}} props */
function RoomForm({ page }) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    page.filter({ room: String(new FormData(event.target).get('room') ?? '').trim() });
  };
  return html`<form class="filters" role="search" onSubmit=${submit}>
    <label class="grow">Room<input type="search" name="room" required maxlength="128" defaultValue=${page.route.query.room ?? ''} /></label>
    <button>Show songs</button>
  </form>`;
}

/** @param {{name: string, ms: number}} props */
const Countdown = ({ name, ms }) => html`<div><dt>${name}</dt>
  <dd class=${`countdown ${ms <= 0 ? 'over' : ms < SOON_MS ? 'soon' : ''}`}>${countdown(ms)}</dd></div>`;

/** @param {{song: any, page: import('./ui.js').Page}} props */
function Song({ song, page }) {
  const left = (/** @type {number | undefined} */ ms) => (ms === undefined ? undefined : ms - (page.now - page.loadedAt));
  const times = [
    ...song.resources.map((/** @type {any} */ one) => [['Quality', clean(one.quality ?? 'unknown', 40), size(one.size)].join(' '), left(one.ms_left)]),
    ['Share with others', left(song.share_ms_left)],
    ['Lyrics', left(song.krc_ms_left)],
  ].filter(([, ms]) => ms !== undefined);
  return html`<${Card} title=${html`<${Text} text=${song.name ?? song.song_id} max=${120} />`} note=${html`<${Text} text=${song.singer ?? ''} max=${120} />`}>
    <p><span class=${`state ${classOf('n-', song.next)}`}>${clean(NEXT[song.next] ?? song.next, 80)}</span></p>
    <p class="dim"><${Text} text=${song.why} max=${400} /></p>
    <dl class="countdowns">${times.map(([name, ms]) => html`<${Countdown} key=${name} name=${name} ms=${ms} />`)}</dl>
    ${song.error && html`<p class="notice warning">
      Error ${clean(song.error.code, 20)}, ${clean(song.error.kind, 40)}. <${Text} text=${song.error.advice} /></p>`}
    ${song.conflicts?.length > 0 && html`<p class="notice warning">Game servers relayed different results for ${song.conflicts.length} requests.</p>`}
    <p class="dim">Song <code>${clean(song.song_id, 80)}</code>, vendor ${clean(song.vendor_id, 20)}, ${clean(song.type, 40)}.${
      song.received_at && html` Relayed <${Time} at=${song.received_at} now=${page.now} />.`}</p>
  </${Card}>`;
}
