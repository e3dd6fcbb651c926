"""SongPublisher: say what becomes of songs, each thing once, and tell rooms what they may use now."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Protocol
from urllib.parse import unquote

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.bodies import show_body
from mediarelay.contracts.api.songs import SongHistory, SongHistoryEntry, SongLease, SongNames, SongPage, song_lease
from mediarelay.contracts.notification import song_event
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.songs.events import Margins, SongBookkeeping, SongLog, next_event, prune_published
from mediarelay.domain.songs.lease import Entitlement, Lease, Part, lease
from mediarelay.domain.songs.model import Relay, SongKey
from mediarelay.errors import DecryptionFailed, LedgerUnavailable, Malformed, NotFound
from mediarelay.observability import count
from mediarelay.usecases.songs.receive import context
from mediarelay.usecases.tasks.publish import Announcements
from mediarelay.usecases.tasks.repository import MAX_ATTEMPTS

MAX_MESSAGE_LENGTH = 50
"""Relays in one history: each of them is decrypted."""
log = logging.getLogger(__name__)


class SongStore(Protocol):
    """Where relays and leases are stored."""

    def load(self, song: SongKey) -> SongLog | None:
        """Read everything about one song of a room."""

    def room(self, room: str, song: str | None = None) -> list[SongLog]:
        """Read everything about a room, or about one song in it."""

    def save(
        self,
        song: SongKey,
        bookkeeping: SongBookkeeping,
        seen: SongBookkeeping | None,
        due_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Write the bookkeeping of a lease; return False if it is no longer the one that was `seen`."""

    def settle(self, song: SongKey, digest: str) -> None:
        """Take a relay out of the due index."""

    def note_undecryptable(self, song: SongKey, digest: str, reason: str) -> None:
        """Count and log a relay of which only the redacted copy can be read."""


class Cipher(Protocol):
    """Decrypts tokens."""

    def decrypt(self, encrypted: tuple[bytes, ...], context: Mapping[str, str]) -> bytes:
        """Decrypt; raises `DecryptionFailed` if that can never be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPublisher:
    """Says what is to be said of songs. A repeat carries the same id, so subscribers can drop it."""

    songs: SongStore
    topic: Announcements
    api_url: str
    margins: Margins
    clock: Callable[[], datetime]

    def follow(self, key: SongKey) -> list[str]:
        """Say what is to be said now, and note when the next thing is; returns what was said.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers came first too often.
            Undelivered: The topic did not take it; it stays due.
        """
        for _ in range(MAX_ATTEMPTS):
            record, now = self.songs.load(key), self.clock()
            if record is None:
                return []
            if not record.relays:
                self._settle(record)
                return []
            known = lease(record.relays)
            books, said = self._say(known, record.bookkeeping or SongBookkeeping(), now)
            later = next_event(known, books, self.margins, now)
            kept = replace(books, version=books.version + 1, published=prune_published(known, books.published))
            if self.songs.save(key, kept, record.bookkeeping, later.at if later else None, now):
                _count_conflicts(known, record)
                self._settle(record)
                return said
        raise LedgerUnavailable("too many writers")

    def _say(self, known: Lease, books: SongBookkeeping, now: datetime) -> tuple[SongBookkeeping, list[str]]:
        said: list[str] = []
        while (notice := next_event(known, books, self.margins, now)) and notice.at <= now:
            self.topic.publish(*song_event(known, notice, now, self.margins.safety, self.api_url))
            count("SongsPublished", news=notice.news)
            books = replace(books, published=books.published | {notice.label})
            said.append(notice.news.value)
        return books, said

    def _settle(self, record: SongLog) -> None:
        for digest in record.unfolded:
            self.songs.settle(record.key, digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class SongReader:
    """Answers what a room may use. Folds all relays on the way, so a read is never behind."""

    songs: SongStore
    cipher: Cipher
    margins: Margins
    clock: Callable[[], datetime]

    def meant(self, path: Mapping[str, str]) -> dict[str, str]:
        """Say which room, and which song, a path names (`room_id`, `song_id`).

        A gateway may hand a `%25` of the path on as it is, or as `%`: what is known of the two is meant. Raises
        `Malformed`, also if both are known.
        """
        named = validate(SongNames, path).model_dump(exclude_none=True)
        spelt = [dict(zip(named, names, strict=True)) for names in product(*map(_spellings, named.values()))]
        known = [one for one in spelt if len(spelt) == 1 or self.songs.room(one["room_id"], one.get("song_id"))]
        if len(known) > 1:
            raise Malformed("room_id", "names more than one with its %; give it as a query parameter of GET /songs")
        return known[0] if known else named

    def room(self, room: str) -> dict[str, Any]:
        """Return the songs of a room, never with tokens."""
        songs = [self._view(record) for record in self.songs.room(room) if record.relays]
        return SongPage(songs=songs).model_dump(mode="json", exclude_none=True)

    def song(self, room: str, song: str, *, tokens: bool) -> dict[str, Any]:
        """Return what a room has of one song, of each vendor and type; raises `NotFound`.

        With `tokens` the caller may see those that are still good.
        """
        songs = [self._with_tokens(one) if tokens else self._view(one) for one in self._known(room, song)]
        return SongPage(songs=songs).model_dump(mode="json", exclude_none=True)

    def history(self, room: str, song: str) -> dict[str, Any]:
        """Return the latest relays about one song, oldest first, with resource ids and no tokens; raises `NotFound`."""
        records = self._known(room, song)
        relays = [(relay, record) for record in records for relay in record.relays]
        latest = sorted(relays, key=lambda one: (one[0].at, one[0].digest))[-MAX_MESSAGE_LENGTH:]
        lines = [self._line(*one) for one in latest]
        conflicts = sorted({name for record in records for name in lease(record.relays).conflicts})
        return SongHistory(room_id=room, song_id=song, relays=lines, conflicts=conflicts).model_dump(mode="json")

    def _line(self, relay: Relay, record: SongLog) -> SongHistoryEntry:
        opened = self._open(relay, record)
        grant = opened.grant if opened else None
        return SongHistoryEntry(
            vendor_id=relay.key.vendor,
            type=relay.key.type,
            at=relay.at,
            sent=relay.sent,
            digest=relay.digest,
            resource_ids=[one.resource_id for one in grant.resources] if grant else [],
            unreadable=relay.unreadable,
            body=show_body(record.stored[relay.digest].body),
        )

    def _known(self, room: str, song: str) -> list[SongLog]:
        records = [record for record in self.songs.room(room, song) if record.relays]
        if not records:
            raise NotFound(f"no song {song} in this room")
        return records

    def _view(self, record: SongLog) -> SongLease:
        return song_lease(lease(record.relays), self.clock(), self.margins.safety)

    def _with_tokens(self, record: SongLog) -> SongLease:
        """Decrypt the relays that still count. A relay that is over or cannot be decrypted has no token to show."""
        now, known = self.clock(), lease(record.relays)
        alive = {hold.digest for hold in known.entitlements(self.margins.safety) if hold.remaining_ms(now)}
        decrypted = {relay.digest: self._open(relay, record) for relay in record.relays if relay.digest in alive}
        opened = lease(decrypted.get(relay.digest) or relay for relay in record.relays)
        view, holds = song_lease(known, now, self.margins.safety), opened.entitlements(self.margins.safety)
        live = [hold for hold in holds if hold.remaining_ms(now) and decrypted.get(hold.digest)]
        for hold in live:
            if hold.token:
                setattr(view, f"{hold.part}_token", hold.token)
        sharing = {hold.digest for hold in live if hold.part is Part.SHARE}
        _add_resource_tokens(view, [hold for hold in holds if hold.digest in sharing])
        return view

    def _open(self, relay: Relay, record: SongLog) -> Relay | None:
        """Decrypt a relay; return None, after noting it, if it can never be decrypted or read."""
        try:
            fields = json.loads(self.cipher.decrypt(record.stored[relay.digest].encrypted, context(relay)))
            return replace(read_relay(fields, relay.sent, relay.at), digest=relay.digest)
        except (DecryptionFailed, Malformed, ValueError, AttributeError) as error:
            self.songs.note_undecryptable(relay.key, relay.digest, type(error).__name__)
            return None


def _spellings(name: str) -> list[str]:
    """What a name in a path may stand for."""
    return list(dict.fromkeys((name, unquote(name))))


def _count_conflicts(known: Lease, record: SongLog) -> None:
    """Count what the relays that came since the last fold contradict, or are contradicted by."""
    came = {relay.request_id for relay in record.relays if relay.digest in record.unfolded}
    if new := [name for name in known.conflicts if name in came]:
        count("SongConflicts", len(new))
        log.warning("contradiction", extra={"song": known.key.song, "requests": new})


def _add_resource_tokens(view: SongLease, holds: list[Entitlement]) -> None:
    """Show the tokens of the old SDK: where sharing goes by resource they are good for as long as sharing is."""
    resources = [hold.resource for hold in holds if hold.resource]
    for seen, resource in zip(view.resources, resources, strict=False):
        seen.share_token = resource.share_token
