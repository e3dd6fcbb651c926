"""Receive relays: authenticate a message of a game server, and store each of its relays with one conditional write.

The stream publishes the events of the song afterwards, or the sweep does if the stream fails.
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
    RelayNoMatch,
    RelayNonceReused,
    RelayStale,
    RelayUnsigned,
    SecretUnavailable,
    SettingUnusable,
    TooLarge,
    Unauthenticated,
)
from mediarelay.observability import add_log_keys, count
from mediarelay.signing.standard_webhooks import verifies
from mediarelay.signing.zego import matches
from mediarelay.usecases.access import LiveSecret, Networks, comes_from, try_with
from mediarelay.usecases.body_quarantine import BodyQuarantine
from mediarelay.usecases.relay_secrets import callback_secrets, webhook_secrets

# The clock of a game server may be off by this much, either way.
WINDOW = timedelta(minutes=5)
# ZEGO signs timestamp and nonce as one text. Divided elsewhere, the same text names a later time, at which an attacker
# could send the message again.
NONCE_LIFE = timedelta(days=90)
# Bytes of one message. KMS encrypts at most 4 KB per call, so the size decides how many calls a message costs.
MAX_BYTES = 256 * 1024
# Bytes of one relay. An item of DynamoDB holds up to 400 KB, and this one holds the relay encrypted and redacted.
MAX_RELAY_BYTES = 128 * 1024
# The sweep leaves a relay to the stream for this long.
FOLD_GRACE = timedelta(seconds=30)
ROUTE = "callbacks/music"
UNAVAILABLE = (LedgerUnavailable, KmsUnavailable, SecretUnavailable, SettingUnusable)
# The number of digits tells the unit of a time.
_SECONDS, _MILLISECONDS = 10, 13
log = logging.getLogger(__name__)


class RelayStore(Protocol):
    """Stores relays."""

    def append(self, relay: Relay, redacted: Mapping[str, Any], encrypted: tuple[bytes, ...], due_at: datetime) -> bool:
        """Append a relay; return False if the same result is already there."""

    def take_nonce(self, nonce: str, digest: str, until: datetime) -> bool:
        """Store a nonce until a time; return False if another message (`digest`) has used it."""


class Encrypter(Protocol):
    """Encrypts tokens."""

    def encrypt(self, plain: bytes, context: Mapping[str, str]) -> tuple[bytes, ...]:
        """Encrypt a text, in parts as large as the key can encrypt; raises `KmsUnavailable`."""


@dataclass(frozen=True, slots=True)
class SongReceipt:
    """The answer to a game server about one relay: its song, and whether the same result was already stored."""

    relay: Relay
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEndpoint:
    """Accepts messages of game servers."""

    songs: RelayStore
    quarantine: BodyQuarantine
    cipher: Encrypter
    secrets: LiveSecret
    networks: Networks
    clock: Callable[[], datetime]

    def receive(self, headers: Mapping[str, str], address: str, read_body: Callable[[], bytes]) -> list[SongReceipt]:
        """Store the relays of a message. If one of them is malformed, store none.

        Args:
            headers: The request headers, names in lower case.
            address: The IP address of the sender.
            read_body: Returns the raw body. It is called only after the address was checked.

        Raises:
            Forbidden: The address is in no network of the list; nothing is stored.
            Unauthenticated: No live secret signed the message, or it is a replay; nothing is stored.
            TooLarge: The message or a relay is over its limit; nothing is stored.
            Malformed: The message cannot be read; the quarantine has it without its tokens.
            LedgerUnavailable, KmsUnavailable, SecretUnavailable, SettingUnusable: Some relays may not be stored; the
                game server should send the message again.
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
        message, sent, identity = self._authenticate(headers, body, now)
        try:
            relays = read_relays(message, sent, now, identity)
        except Malformed as error:
            count("RelayMalformed")
            self.quarantine.put(_without_tokens(message), str(error), ROUTE, now)
            raise
        bodies = [json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass") for fields in message.relays]
        # All sizes are checked before the first write, so a message is stored as a whole or refused as a whole.
        if any(len(body) > MAX_RELAY_BYTES for body in bodies):
            raise TooLarge(f"relay: over {MAX_RELAY_BYTES} bytes")
        return [self._store(*one) for one in zip(relays, message.relays, bodies, strict=True)]

    def _store(self, relay: Relay, fields: Mapping[str, Any], body: bytes) -> SongReceipt:
        add_log_keys(room=relay.key.room)
        encrypted = self.cipher.encrypt(body, context(relay))
        stored = self.songs.append(relay, redact(dict(fields)), encrypted, relay.at + FOLD_GRACE)
        count("RelayStored" if stored else "RelayRepeated")
        # A repeat would count the same fields again.
        if stored:
            _count_unreadable(relay)
        if relay.grant and (odd := inconsistencies(relay.grant)):
            log.warning("odd result", extra={"song": relay.key.song, "fields": odd})
        return SongReceipt(relay, not stored)

    def _authenticate(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[Message, datetime, str]:
        """Check who sent a message; return it, when it was sent, and its identity. Raises `Unauthenticated`."""
        signed = Webhook.from_headers(headers)
        if signed:
            if not signed.is_complete:
                raise _refused(RelayUnsigned, "a part of its signature is missing")
            self._check(now, signed.timestamp, lambda secret: signed.proves(webhook_secrets(secret).usable, body))
            return self._readable(body, now), _parse_timestamp(signed.timestamp), signed.id
        # ZEGO's signature is a part of the body. A body that cannot be read is unsigned, so it must not fill the
        # quarantine.
        message = _message_or_none(body)
        if message is None or message.signed is None:
            raise _refused(RelayUnsigned, "not signed" if message else "neither signed in its headers nor readable")
        zego = message.signed
        self._check(now, zego.timestamp, lambda secret: _is_zego(zego, callback_secrets(secret).usable))
        # The signature does not cover the relays, so it may serve only the message that used it first.
        if not self.songs.take_nonce(zego.signature.lower(), message.digest, now + NONCE_LIFE):
            raise _refused(RelayNonceReused, "its nonce was used for another message")
        return message, _parse_timestamp(zego.timestamp), zego.signature.lower()

    def _check(self, now: datetime, timestamp: str, proved: Callable[[Mapping[str, Any]], bool]) -> None:
        timely = timestamp.isascii() and timestamp.isdigit() and len(timestamp) in {_SECONDS, _MILLISECONDS}
        if not timely or abs(_parse_timestamp(timestamp) - now) > WINDOW:
            raise _refused(RelayStale, "from another time")
        if not try_with(self.secrets, proved):
            raise _refused(RelayNoMatch, "no live secret signed it")

    def _readable(self, body: bytes, now: datetime) -> Message:
        try:
            return read_message(body)
        except Malformed as error:
            count("RelayMalformed")
            self.quarantine.put(_UNKEPT % len(body), str(error), ROUTE, now)
            raise


@dataclass(frozen=True, slots=True)
class Webhook:
    """The headers of Standard Webhooks."""

    id: str
    timestamp: str
    signature: str

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Webhook | None":
        """Read the request headers (names in lower case); return None if none of the three is there."""
        found = [headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
        return cls(*found) if any(found) else None

    @property
    def is_complete(self) -> bool:
        """Whether all three headers are there."""
        return bool(self.id and self.timestamp and self.signature)

    def proves(self, secrets: Sequence[str], body: bytes) -> bool:
        """Return whether one of the live secrets signed the body."""
        return verifies(self.signature, secrets, self.id, self.timestamp, body)


# The quarantine gets this instead of a body that cannot be read: without names, redaction cannot find the tokens.
_UNKEPT = b"%d bytes; not kept, as they may hold tokens"


def _refused(kind: type[Unauthenticated], why: str) -> Unauthenticated:
    """Count and log a refusal, and return it. Its code tells the sender what is wrong, and nothing about a secret."""
    count("RelayUnauthenticated")
    log.warning("relay refused", extra={"reason": why})
    return kind()


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


def _parse_timestamp(timestamp: str) -> datetime:
    """Parse seconds (10 digits) or milliseconds (13) since 1970."""
    seconds = int(timestamp) / (1000 if len(timestamp) == _MILLISECONDS else 1)
    return datetime.fromtimestamp(seconds, UTC)
