"""Read the songs that a room may use now. They are computed from its relays at each read, so a read is never behind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any, Protocol
from urllib.parse import unquote

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.bodies import show_body
from mediarelay.contracts.api.songs import SongHistory, SongHistoryEntry, SongLease, SongNames, SongPage, song_lease
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.songs.events import Margins, SongLog
from mediarelay.domain.songs.lease import Entitlement, Part, lease
from mediarelay.domain.songs.model import Relay, SongKey
from mediarelay.errors import DecryptionFailed, Malformed, NotFound
from mediarelay.usecases.songs.receive import context

# A history shows so many relays, because each of them costs a call to KMS.
MAX_HISTORY = 50


class SongStore(Protocol):
    """Stores songs."""

    def room(self, room: str, song: str | None = None) -> list[SongLog]:
        """Read everything about a room, or about one song in it."""

    def note_undecryptable(self, song: SongKey, digest: str, reason: str) -> None:
        """Count and log a relay of which only the redacted copy can be read."""


class Cipher(Protocol):
    """Decrypts tokens."""

    def decrypt(self, encrypted: tuple[bytes, ...], context: Mapping[str, str]) -> bytes:
        """Decrypt a text; raises `KmsUnavailable`, or `DecryptionFailed` if no later attempt can succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SongReader:
    """Reads the songs of rooms for API clients."""

    songs: SongStore
    cipher: Cipher
    margins: Margins
    clock: Callable[[], datetime]

    def resolve_names(self, path: Mapping[str, str]) -> dict[str, str]:
        """Return the names that a path means: `room_id`, and `song_id` if the path has one.

        API Gateway passes `%25` in a path on either unchanged or as `%`. The spelling that is stored counts.

        Raises:
            Malformed: A name is out of form, or both spellings exist.
        """
        named = validate(SongNames, path).model_dump(exclude_none=True)
        spellings = [dict(zip(named, names, strict=True)) for names in product(*map(_spellings, named.values()))]
        # A name without `%` has one spelling, and needs no read.
        known = [one for one in spellings if len(spellings) == 1 or self.songs.room(one["room_id"], one.get("song_id"))]
        if len(known) > 1:
            raise Malformed("room_id", "names more than one with its %; give it as a query parameter of GET /songs")
        return known[0] if known else named

    def room(self, room: str) -> dict[str, Any]:
        """Return the songs of a room, never with tokens."""
        songs = [self._view(log) for log in self.songs.room(room) if log.relays]
        return SongPage(songs=songs).model_dump(mode="json", exclude_none=True)

    def song(self, room: str, song: str, *, tokens: bool) -> dict[str, Any]:
        """Return one song of a room, for each vendor and type; raises `NotFound`.

        With `tokens`, the answer contains the tokens that are still valid.
        """
        songs = [self._with_tokens(one) if tokens else self._view(one) for one in self._known(room, song)]
        return SongPage(songs=songs).model_dump(mode="json", exclude_none=True)

    def history(self, room: str, song: str) -> dict[str, Any]:
        """Return the latest relays about one song, oldest first, without tokens; raises `NotFound`."""
        logs = self._known(room, song)
        relays = [(relay, log) for log in logs for relay in log.relays]
        latest = sorted(relays, key=lambda one: (one[0].at, one[0].digest))[-MAX_HISTORY:]
        lines = [self._line(*one) for one in latest]
        conflicts = sorted({name for log in logs for name in lease(log.relays).conflicts})
        return SongHistory(room_id=room, song_id=song, relays=lines, conflicts=conflicts).model_dump(mode="json")

    def _line(self, relay: Relay, log: SongLog) -> SongHistoryEntry:
        opened = self._open(relay, log)
        grant = opened.grant if opened else None
        return SongHistoryEntry(
            vendor_id=relay.key.vendor,
            type=relay.key.type,
            at=relay.at,
            sent=relay.sent,
            digest=relay.digest,
            resource_ids=[one.resource_id for one in grant.resources] if grant else [],
            unreadable=relay.unreadable,
            body=show_body(log.stored[relay.digest].body),
        )

    def _known(self, room: str, song: str) -> list[SongLog]:
        logs = [log for log in self.songs.room(room, song) if log.relays]
        if not logs:
            raise NotFound(f"no song {song} in this room")
        return logs

    def _view(self, log: SongLog) -> SongLease:
        return song_lease(lease(log.relays), self.clock(), self.margins.safety)

    def _with_tokens(self, log: SongLog) -> SongLease:
        """Return the view of a song with its valid tokens. A relay that cannot be decrypted contributes none."""
        # Each decryption is a call to KMS, so only relays with a part that is not over are decrypted.
        now, known = self.clock(), lease(log.relays)
        alive = {one.digest for one in known.entitlements(self.margins.safety) if one.remaining_ms(now)}
        decrypted = {relay.digest: self._open(relay, log) for relay in log.relays if relay.digest in alive}
        opened = lease(decrypted.get(relay.digest) or relay for relay in log.relays)
        # The view comes from the stored relays, so a relay that cannot be decrypted still shows its deadlines.
        view, entitlements = song_lease(known, now, self.margins.safety), opened.entitlements(self.margins.safety)
        live = [one for one in entitlements if one.remaining_ms(now) and decrypted.get(one.digest)]
        for one in live:
            if one.token:
                setattr(view, f"{one.part}_token", one.token)
        # A resource's own token shares it, so it is shown only while the right to share it is not over.
        sharing = {one.digest for one in live if one.part is Part.SHARE}
        _add_resource_tokens(view, [one for one in entitlements if one.digest in sharing])
        return view

    def _open(self, relay: Relay, log: SongLog) -> Relay | None:
        """Decrypt a relay; return None, after noting it, if it can never be decrypted or read."""
        try:
            fields = json.loads(self.cipher.decrypt(log.stored[relay.digest].encrypted, context(relay)))
            return replace(read_relay(fields, relay.sent, relay.at), digest=relay.digest)
        # `KmsUnavailable` is not caught: a later request can decrypt, so an answer without the token would be wrong.
        except (DecryptionFailed, Malformed, ValueError, AttributeError) as error:
            self.songs.note_undecryptable(relay.key, relay.digest, type(error).__name__)
            return None


def _spellings(name: str) -> list[str]:
    """Return the names that a name in a path may mean."""
    return list(dict.fromkeys((name, unquote(name))))


def _add_resource_tokens(view: SongLease, entitlements: list[Entitlement]) -> None:
    """Add the tokens of SDKs before 3.0.2, which share by resource. They are valid as long as the right to share."""
    resources = [one.resource for one in entitlements if one.resource]
    for seen, resource in zip(view.resources, resources, strict=False):
        seen.share_token = resource.share_token
