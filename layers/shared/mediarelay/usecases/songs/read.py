"""Read the songs that a room may use now. They are computed from its relays at each read, so a read is never behind."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Protocol
from urllib.parse import unquote

from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.songs.events import Margins, SongLog
from mediarelay.domain.songs.history import LoggedRelay, RelayHistory
from mediarelay.domain.songs.lease import CurrentLease, lease, valid_tokens
from mediarelay.domain.songs.model import Relay, SongKey
from mediarelay.errors import DecryptionFailed, Malformed, NotFound
from mediarelay.usecases.songs.receive import context

# A history shows so many relays, because each of them costs a call to KMS.
MAX_HISTORY = 50


class RoomStore(Protocol):
    """Reads the songs of rooms."""

    def room(self, room: str, song: str | None = None) -> list[SongLog]:
        """Read everything about a room, or about one song in it."""

    def note_undecryptable(self, song: SongKey, digest: str, reason: str) -> None:
        """Count and log a relay of which only the redacted copy can be read."""


class Decrypter(Protocol):
    """Decrypts tokens."""

    def decrypt(self, encrypted: tuple[bytes, ...], context: Mapping[str, str]) -> bytes:
        """Decrypt a text; raises `KmsUnavailable`, or `DecryptionFailed` if no later attempt can succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SongReader:
    """Reads the songs of rooms for API clients."""

    songs: RoomStore
    cipher: Decrypter
    margins: Margins
    clock: Callable[[], datetime]

    def resolve(self, *names: str) -> tuple[str, ...]:
        """Return the names that a path means, of a room or of a room and a song; raises `Malformed` (`room_id`).

        API Gateway passes `%25` in a path on either unchanged or as `%`. The spelling that is stored counts.
        """
        spellings = list(product(*map(_spellings, names)))
        # A name without `%` has one spelling, and needs no read.
        known = [one for one in spellings if len(spellings) == 1 or self.songs.room(*one)]
        if len(known) > 1:
            raise Malformed("room_id", "names more than one with its %; give it as a query parameter of GET /songs")
        return known[0] if known else names

    def room(self, room: str) -> list[CurrentLease]:
        """Return the songs of a room, never with tokens."""
        return [self._current(log) for log in self.songs.room(room) if log.relays]

    def song(self, room: str, song: str, *, tokens: bool) -> list[CurrentLease]:
        """Return one song of a room, for each vendor and type; raises `NotFound`.

        With `tokens`, the song has its tokens that are still valid.
        """
        return [self._with_tokens(one) if tokens else self._current(one) for one in self._known(room, song)]

    def history(self, room: str, song: str) -> RelayHistory:
        """Return the latest relays about one song, oldest first, without tokens; raises `NotFound`."""
        logs = self._known(room, song)
        relays = [(relay, log) for log in logs for relay in log.relays]
        latest = sorted(relays, key=lambda one: (one[0].at, one[0].digest))[-MAX_HISTORY:]
        conflicts = sorted({name for log in logs for name in lease(log.relays).conflicts})
        return RelayHistory(room, song, tuple(self._logged(*one) for one in latest), tuple(conflicts))

    def _logged(self, relay: Relay, log: SongLog) -> LoggedRelay:
        opened = self._open(relay, log)
        resources = opened.grant.resources if opened and opened.grant else ()
        return LoggedRelay(relay, log.stored[relay.digest].body, tuple(one.resource_id for one in resources))

    def _known(self, room: str, song: str) -> list[SongLog]:
        logs = [log for log in self.songs.room(room, song) if log.relays]
        if not logs:
            raise NotFound(f"no song {song} in this room")
        return logs

    def _current(self, log: SongLog) -> CurrentLease:
        return CurrentLease(lease(log.relays), self.clock(), self.margins.safety)

    def _with_tokens(self, log: SongLog) -> CurrentLease:
        """Return a song with its valid tokens. A relay that cannot be decrypted contributes none."""
        current = self._current(log)
        # Each decryption is a call to KMS, so only relays with a part that is not over are decrypted.
        alive = {one.digest for one in current.entitlements if one.remaining_ms(current.at)}
        opened = {relay.digest: self._open(relay, log) for relay in log.relays if relay.digest in alive}
        decrypted = {digest: relay for digest, relay in opened.items() if relay}
        # Deadlines come from the stored relays, so a relay that cannot be decrypted still shows its own.
        whole = replace(current, lease=lease(decrypted.get(relay.digest, relay) for relay in log.relays))
        return replace(current, tokens=valid_tokens(whole, decrypted))

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
