"""Songs: take what game servers relay, once it is proved that it comes from them.

A relay is stored with one conditional write; what follows is found by the stream, and by the sweep if that fails.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from mediarelay.contracts.zego.checks import inconsistencies
from mediarelay.contracts.zego.message import Message, Signed, read_message
from mediarelay.contracts.zego.redaction import redact
from mediarelay.contracts.zego.relay import read_relays
from mediarelay.domain.songs.model import Relay
from mediarelay.errors import (
    Forbidden,
    KmsUnavailable,
    LedgerUnavailable,
    Malformed,
    SecretUnavailable,
    SettingUnusable,
    TooLarge,
    Unauthenticated,
)
from mediarelay.observability import add_log_keys, count
from mediarelay.signing.standard_webhooks import verifies
from mediarelay.signing.zego import matches
from mediarelay.usecases.access import LiveSecret, Networks, comes_from, try_with
from mediarelay.usecases.relay_secrets import callback_secrets, webhook_secrets

# How far the clock of a game server may be off, either way.
WINDOW = timedelta(minutes=5)
# ZEGO's signature joins timestamp and nonce, so it would be good again when their digits make another time.
NONCE_LIFE = timedelta(days=90)
# Bytes of one message: all of it is encrypted, 4 KB at a time.
MAX_BYTES = 256 * 1024
# Bytes of one relay: it is stored twice, encrypted and redacted, in one item.
MAX_OF_ONE = 128 * 1024
# How long the stream has to fold a relay before the sweep does.
FOLD_GRACE = timedelta(seconds=30)
ROUTE = "callbacks/music"
UNAVAILABLE = (LedgerUnavailable, KmsUnavailable, SecretUnavailable, SettingUnusable)
# Digits of a time.
_SECONDS, _MILLISECONDS = 10, 13
log = logging.getLogger(__name__)


class SongStore(Protocol):
    """Where relays are stored."""

    def append(self, relay: Relay, redacted: Mapping[str, Any], encrypted: tuple[bytes, ...], due_at: datetime) -> bool:
        """Append a relay; return False if the same result is already there."""

    def claim_nonce(self, nonce: str, digest: str, until: datetime) -> bool:
        """Note a nonce; return False if it was used for another message."""


class QuarantineStore(Protocol):
    """Where bodies that could not be read are kept."""

    def put(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Keep a body."""


class Cipher(Protocol):
    """Encrypts tokens."""

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> tuple[bytes, ...]:
        """Encrypt."""


@dataclass(frozen=True, slots=True)
class SongReceipt:
    """The answer to a game server about one relay: its song, and whether the same result was already stored."""

    relay: Relay
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEndpoint:
    """Takes messages of game servers."""

    songs: SongStore
    quarantine: QuarantineStore
    cipher: Cipher
    secrets: LiveSecret
    networks: Networks
    clock: Callable[[], datetime]

    def receive(self, headers: Mapping[str, str], address: str, read_body: Callable[[], bytes]) -> list[SongReceipt]:
        """Store the relays of a message, all or none of them judged well-formed.

        Raises:
            Forbidden, Unauthenticated: Not from an admitted network, or not proved; nothing is stored.
            TooLarge: Nothing is stored.
            Malformed: Nothing of it is stored but, without its tokens, in quarantine.
            LedgerUnavailable, KmsUnavailable, SecretUnavailable, SettingUnusable: Not everything is stored; send it
                again.
        """
        try:
            self._check_source(address)
            return self._receive(headers, read_body())
        except UNAVAILABLE:
            count("RelayUnavailable")
            raise

    def _check_source(self, address: str) -> None:
        if not comes_from(address, self.networks):
            count("RelayForbidden")
            raise Forbidden("address")

    def _receive(self, headers: Mapping[str, str], body: bytes) -> list[SongReceipt]:
        now = self.clock()
        if len(body) > MAX_BYTES:
            raise TooLarge(f"body: over {MAX_BYTES} bytes")
        message, sent, identity = self._admit(headers, body, now)
        try:
            relays = read_relays(message, sent, now, identity)
        except Malformed as error:
            count("RelayMalformed")
            self.quarantine.put(_without_tokens(message), str(error), ROUTE, now)
            raise
        bodies = [json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass") for fields in message.relays]
        if any(len(body) > MAX_OF_ONE for body in bodies):
            raise TooLarge(f"relay: over {MAX_OF_ONE} bytes")
        return [self._store(*one) for one in zip(relays, message.relays, bodies, strict=True)]

    def _store(self, relay: Relay, fields: Mapping[str, Any], body: bytes) -> SongReceipt:
        add_log_keys(room=relay.key.room)
        encrypted = self.cipher.encrypt(body, context(relay))
        stored = self.songs.append(relay, redact(dict(fields)), encrypted, relay.at + FOLD_GRACE)
        count("RelayStored" if stored else "RelayRepeated")
        if stored:
            _count_unreadable(relay)
        if relay.grant and (odd := inconsistencies(relay.grant)):
            log.warning("odd result", extra={"song": relay.key.song, "fields": odd})
        return SongReceipt(relay, not stored)

    def _admit(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Message, datetime, str]:
        """Check who sent it; returns the message, when it was sent, and its identity. Raises `Unauthenticated`."""
        signed = Webhook.of(headers)
        if signed:
            self._check(now, signed.timestamp, lambda secret: signed.proves(webhook_secrets(secret).usable, body))
            return self._readable(body, now), _moment(signed.timestamp), signed.id
        message = _message_or_none(body)
        if message is None or message.signed is None:
            raise self._refused("not signed" if message else "neither signed in its headers nor readable")
        zego = message.signed
        self._check(now, zego.timestamp, lambda secret: _is_zego(zego, callback_secrets(secret).usable))
        if not self.songs.claim_nonce(zego.signature.lower(), message.digest, now + NONCE_LIFE):
            raise self._refused("its nonce was used for another message")
        return message, _moment(zego.timestamp), zego.signature.lower()

    def _check(self, now: datetime, timestamp: str, proved: Callable[[Mapping[str, Any]], bool]) -> None:
        timely = timestamp.isascii() and timestamp.isdigit() and len(timestamp) in {_SECONDS, _MILLISECONDS}
        if not timely or abs(_moment(timestamp) - now) > WINDOW:
            raise self._refused("from another time")
        if not try_with(self.secrets, proved):
            raise self._refused("no live secret signed it")

    def _readable(self, body: bytes, now: datetime) -> Message:
        try:
            return read_message(body)
        except Malformed as error:
            count("RelayMalformed")
            self.quarantine.put(_UNKEPT % len(body), str(error), ROUTE, now)
            raise

    @staticmethod
    def _refused(why: str) -> Unauthenticated:
        count("RelayUnauthenticated")
        log.warning("relay refused: %s", why)
        return Unauthenticated()


@dataclass(frozen=True, slots=True)
class Webhook:
    """The headers of Standard Webhooks."""

    id: str
    timestamp: str
    signature: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Webhook | None":
        """Take them from a request's headers (names in small letters); None if it has none."""
        found = [headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
        return cls(*found) if any(found) else None

    def proves(self, secrets: Sequence[str], body: bytes) -> bool:
        """Whether one of the live secrets signed this."""
        return bool(self.id) and verifies(self.signature, secrets, self.id, self.timestamp, body)


_UNKEPT = b"%d bytes; not kept, as they may hold tokens"


def context(relay: Relay) -> dict[str, str]:
    """Return the context that encryption binds a relay to."""
    return {"room": relay.key.room, "song": relay.key.song, "digest": relay.digest}


def _count_unreadable(relay: Relay) -> None:
    for name in relay.unreadable:
        count("FieldsUnreadable", field=name)


def _without_tokens(message: Message) -> bytes:
    return json.dumps(redact(list(message.relays))).encode()


def _message_or_none(body: bytes) -> Message | None:
    try:
        return read_message(body)
    except Malformed:
        return None


def _is_zego(signed: Signed, secrets: Sequence[str]) -> bool:
    return matches(signed.signature, secrets, signed.timestamp, signed.nonce)


def _moment(timestamp: str) -> datetime:
    """Seconds (10 digits) or milliseconds (13) since 1970."""
    seconds = int(timestamp) / (1000 if len(timestamp) == _MILLISECONDS else 1)
    return datetime.fromtimestamp(seconds, UTC)
