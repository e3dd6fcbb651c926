"""Songs in the table: the relays of game servers, and the bookkeeping of each lease. All items expire."""

import json
import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, type_of
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import NOT_THERE, Key, due_attributes, expires_at
from mediarelay.adapters.dynamodb.song_keys import (
    LEASE,
    RELAY,
    lease_key,
    nonce_key,
    relay_key,
    room_partition,
    song_name,
    song_of_key,
    song_prefix,
)
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.songs.events import SongBookkeeping, SongLog, StoredRelay
from mediarelay.domain.songs.model import Relay, SongKey, SongType
from mediarelay.errors import Malformed, RowUnreadable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SongStore:
    """Reads and writes relays and leases, which expire after `song_days` days."""

    table: Table
    song_days: int = 7

    # ── relays ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def append(self, relay: Relay, redacted: Mapping[str, Any], encrypted: Iterable[bytes], due_at: datetime) -> bool:
        """Append a relay; return False if the same result is already there.

        A repeat changes nothing, unless it was sent earlier than the stored relay.
        """
        key, due = relay_key(relay.key, relay.digest), due_attributes(Due(Duty.SONG, due_at), song_name(relay.key))
        attributes = _song_attributes(relay.key) | {
            "item": ItemType.RELAY,
            "at": relay.at,
            "sent": relay.sent,
            "body": zlib.compress(json.dumps(redacted).encode()),
            "encrypted": tuple(encrypted),
            **expires_at(relay.at + timedelta(days=self.song_days)),
        }
        is_new = self.table.put_once(key.item | encode(attributes | due))
        if not is_new:
            self._keep_earliest(key, relay.sent, due)
        return is_new

    def _keep_earliest(self, key: Key, sent: datetime, due: Mapping[str, object]) -> None:
        """Replace the time of sending by an earlier one; the song is then due again."""
        # Relays are ordered by this time. The order must not depend on which of two deliveries arrived first.
        values = {":sent": sent} | {f":{name}": value for name, value in due.items()}
        change = "SET sent = :sent, due_shard = :due_shard, due_at = :due_at"
        self.table.update(key, change, values, "sent > :sent")

    def settle(self, song: SongKey, digest: str) -> None:
        """Remove a relay from the due index, after the lease was computed with it."""
        self.table.update(relay_key(song, digest), "REMOVE due_shard, due_at", {})

    def note_undecryptable(self, song: SongKey, digest: str, reason: str) -> None:
        """Count and log a relay that can never be decrypted. Its redacted copy stays readable."""
        note_unreadable(RowUnreadable(relay_key(song, digest), ItemType.RELAY, reason))

    def take_nonce(self, nonce: str, digest: str, until: datetime) -> bool:
        """Store a nonce until a time; return False if another message used it."""
        attributes = {"item": ItemType.NONCE, "digest": digest, **expires_at(until)}
        # A sender that did not get our response sends the same message, with the same nonce, again.
        condition = f"{NOT_THERE} OR digest = :digest"
        return self.table.put(nonce_key(nonce).item | encode(attributes), condition, {":digest": digest})

    # ── songs ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def load(self, song: SongKey) -> SongLog | None:
        """Read the relays and the lease of one song of a room; return None if there are none."""
        return next((one for one in self._logs(song.room, song_name(song)) if one.key == song), None)

    def room(self, room: str, song: str | None = None) -> list[SongLog]:
        """Read all songs of a room, or all vendors and types of one song in it."""
        return list(self._logs(room, song_prefix(song) if song else ""))

    def save(
        self,
        song: SongKey,
        bookkeeping: SongBookkeeping,
        seen: SongBookkeeping | None,
        due_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Write the bookkeeping of a lease; return False if it is no longer the one that was `seen`."""
        attributes = _song_attributes(song) | {
            "item": ItemType.LEASE,
            "version": bookkeeping.version,
            "published": bookkeeping.published,
            **expires_at(now + timedelta(days=self.song_days)),
            **due_attributes(Due(Duty.SONG, due_at) if due_at else None, song_name(song)),
        }
        item = lease_key(song).item | encode(attributes)
        return self.table.put_version(item, seen.version if seen else None, decode_lease)

    def _logs(self, room: str, name: str) -> Iterator[SongLog]:
        # The lease is read first. If another worker folds a relay between the two reads, then the version that was read
        # here is outdated, and a write based on it fails.
        keys = (Key(room_partition(room), f"{kind}#{name}") for kind in (LEASE, RELAY))
        found = (item for key in keys for item in self.table.beginning(key))
        keyed = sorted(readable(decode_song, found, self.table.mark_unreadable), key=itemgetter(0))
        for song, group in groupby(keyed, key=itemgetter(0)):
            yield self._log(song, [item for _, item in group])

    def _log(self, song: SongKey, items: list[Item]) -> SongLog:
        relays = [item for item in items if type_of(item) == ItemType.RELAY]
        leases = [item for item in items if type_of(item) == ItemType.LEASE]
        stored = list(readable(decode_relay, relays, self.table.mark_unreadable))
        return SongLog(
            key=song,
            relays=tuple(one.relay for one in stored if one.relay),
            unfolded=frozenset(one.digest for one in stored if one.waits),
            stored={one.digest: one.stored for one in stored},
            bookkeeping=next(readable(decode_bookkeeping, leases, self.table.mark_unreadable), None),
        )


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _song_attributes(song: SongKey) -> dict[str, object]:
    return {"room": song.room, "song": song.song, "vendor": song.vendor, "type": song.type}


@decoder
def decode_song(row: Row) -> tuple[SongKey, Item]:
    """Return the song of an item, and the item. The attributes and the key must name the same song."""
    song = SongKey(row.text("room"), row.text("song"), row.number("vendor"), SongType(row.text("type")))
    if song != song_of_key(row) or type_of(row.item) not in {ItemType.RELAY, ItemType.LEASE}:
        raise ValueError("not the song of its key, or not a relay or a lease")
    return song, row.item


@dataclass(frozen=True, slots=True)
class RelayRow:
    """One relay as it is stored; `relay` is None if this version of the code cannot read it."""

    digest: str
    stored: StoredRelay
    relay: Relay | None
    waits: bool


@decoder
def decode_relay(row: Row) -> RelayRow:
    """Decode a relay."""
    stored = StoredRelay(zlib.decompress(row.binary("body")), row.binaries("encrypted"))
    digest = row.text("sk").rpartition("#")[2]
    return RelayRow(digest, stored, _relay(row, digest, stored.body), "due_shard" in row)


def _relay(row: Row, digest: str, body: bytes) -> Relay | None:
    """Read a relay. Its song and digest come from the key, because the redacted copy lacks a part of the message."""
    sent, at = row.time("sent"), row.time("at")
    try:
        return replace(read_relay(json.loads(body), sent, at), key=song_of_key(row), digest=digest)
    # An earlier version may have stored what this one refuses. One such relay must not make its room unreadable.
    except Malformed as error:
        log.warning("unreadable relay", extra={"song": row.text("song"), "field": error.field})
        return None


@decoder
def decode_lease(row: Row) -> SongBookkeeping:
    """Decode a lease, and refuse what `load` ignores: an item of another song or type."""
    decode_song(row.item)
    if type_of(row.item) != ItemType.LEASE:
        raise ValueError("item: not a lease")
    return decode_bookkeeping(row.item)


@decoder
def decode_bookkeeping(row: Row) -> SongBookkeeping:
    """Decode the bookkeeping of a lease."""
    return SongBookkeeping(version=row.count("version"), published=row.texts("published"))
