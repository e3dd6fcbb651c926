"""Receive a callback: check who sent it, read which task it is about, and store it with one conditional write.

Full validation and the query follow later, where they can fail without losing the claim.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from mediarelay.domain.due import Due
from mediarelay.domain.schedule import first_check
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.origin import PROVING_ORIGINS, Origin
from mediarelay.errors import (
    Forbidden,
    LedgerUnavailable,
    Malformed,
    NotATask,
    Rejected,
    SecretUnavailable,
    TooLarge,
    Unauthenticated,
    Undelivered,
)
from mediarelay.observability import add_log_keys, count
from mediarelay.providers.port import CallbackFormat, Head
from mediarelay.providers.scrub import scrub
from mediarelay.signing.tokens import accepts
from mediarelay.usecases.access import LiveSecret, Networks, comes_from, try_with
from mediarelay.usecases.body_quarantine import BodyQuarantine
from mediarelay.usecases.secret_entries import Fields, callback_tokens, notify_keys

log = logging.getLogger(__name__)


class ObservationStore(Protocol):
    """Stores callbacks."""

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False if it is already there."""


class Backlog(Protocol):
    """The queue of callbacks that could not be stored."""

    def send(self, route: str, origin: Origin, at: datetime, body: bytes) -> None:
        """Send a callback that arrived at a route; raises `Undelivered`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to the sender: the task, and whether the same body was already stored.

    `vid` is None for a callback about something else than a task.
    """

    vid: str | None
    duplicate: bool


def _anybody(_head: Head) -> None:
    """Admit a callback whose sender was checked when it arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackStore:
    """Stores the callbacks of one route, from their sender, the callback backlog or the quarantine.

    `limit` is the largest body in bytes.
    """

    callbacks: CallbackFormat
    observations: ObservationStore
    quarantine: BodyQuarantine
    limit: int
    first_poll_after: timedelta
    give_up_after: timedelta
    clock: Callable[[], datetime]

    def put(self, body: bytes, origin: Origin, at: datetime, admit: Callable[[Head], None] = _anybody) -> Receipt:
        """Store a callback; the provider is queried about it for `GiveUpAfter` from now.

        Args:
            body: The body as received, without secrets.
            origin: `CLAIM`, or `TRUSTED` if the deployment trusts callbacks.
            at: When it arrived (UTC), which may be long ago.
            admit: Raises an error if the sender may not have sent this callback; nothing is stored then.

        Raises:
            TooLarge, Malformed, NotATask: The body is no callback about a task; it is stored in quarantine.
            LedgerUnavailable: The write failed, or its result is unknown. Taking the body again is harmless.
        """
        try:
            head = self.read_head(body)
        except (Malformed, TooLarge, NotATask) as error:
            ignored = isinstance(error, NotATask)
            count("CallbackIgnored" if ignored else "CallbackMalformed", kind=self.callbacks.kind)
            self.quarantine.put(scrub(body), str(error), self.callbacks.route, at)
            raise
        admit(head)
        return self._put(head, body, origin, at)

    def _put(self, head: Head, body: bytes, origin: Origin, at: datetime) -> Receipt:
        add_log_keys(vid=head.vid)
        kind = head.kind or self.callbacks.kind
        # The schedule queries the task even if the stream never reports this callback.
        check = first_check(kind, at, self.first_poll_after, known=origin in PROVING_ORIGINS)
        observation = LoggedObservation(
            vid=head.vid,
            kind=kind,
            origin=origin,
            at=at,
            body=body,
            claim_summary=head.claim_summary,
            # Counted from now: a body that leaves the backlog or the quarantine late would be given up at once.
            give_up_at=self.clock() + self.give_up_after,
        )
        stored = self.observations.append(observation, check)
        count("ClaimStored" if stored else "ClaimRepeated", kind=kind)
        if head.lenient:
            count("CallbackLenient", kind=kind)
        return Receipt(head.vid, not stored)

    def read_head(self, body: bytes) -> Head:
        """Read which task a callback is about; raises `TooLarge`, `Malformed`, `NotATask`."""
        if len(body) > self.limit:
            raise TooLarge(f"body: over {self.limit} bytes")
        try:
            return self.callbacks.read_head(body)
        except Rejected:
            raise
        # A mistake in our reader must not lose the body: as `Malformed` it goes to the quarantine.
        except Exception as error:
            log.exception("reading failed")
            raise Malformed("body", f"reading failed ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEndpoint:
    """Accepts the callbacks of one route from their sender."""

    store: CallbackStore
    backlog: Backlog
    tokens: LiveSecret
    networks: Networks
    origin: Origin
    clock: Callable[[], datetime]

    def receive(self, token: str | None, address: str, read_body: Callable[[], bytes]) -> Receipt:
        """Store a callback; while the ledger is unavailable, send it to the callback backlog instead.

        Args:
            token: The last segment of the callback's path.
            address: The IP address of the sender.
            read_body: Returns the raw body. It is called only after the sender was authenticated.

        Raises:
            Forbidden: The address is in no network of the list; nothing is stored.
            Unauthenticated: The token is not live, or the callback's signature is wrong; nothing is stored.
            TooLarge, Malformed: The body is no callback; it is stored in quarantine.
            LedgerUnavailable: Neither the ledger nor the backlog has the callback; its sender should send it again.
            SettingUnusable, SecretUnavailable: The sender cannot be checked now and should send the callback again.
        """
        self._authenticate(token, address)
        body, now = self.store.callbacks.redact(read_body()), self.clock()
        try:
            return self._take(body, now)
        except NotATask as error:
            log.info("callback ignored", extra={"error": str(error)})
            return Receipt(None, duplicate=False)

    def _take(self, body: bytes, now: datetime) -> Receipt:
        try:
            return self.store.put(body, self.origin, now, lambda head: self._admit(head, now))
        except LedgerUnavailable as error:
            self._send_to_backlog(body, now, error)
        return Receipt(self.store.read_head(body).vid, duplicate=False)

    def _send_to_backlog(self, body: bytes, now: datetime, why: LedgerUnavailable) -> None:
        # The sender's own retries may end before the table is back.
        try:
            self.backlog.send(self.store.callbacks.route, self.origin, now, body)
        except Undelivered as error:
            raise LedgerUnavailable("neither ledger nor queue") from error
        count("CallbackCaptured", kind=self.store.callbacks.kind)
        log.warning("callback sent to the backlog", extra={"error": str(why)})

    def _authenticate(self, token: str | None, address: str) -> None:
        # The address first: its check needs no secret, so strangers cannot make the function read one.
        if not comes_from(address, self.networks):
            count("CallbackForbidden", kind=self.store.callbacks.kind)
            raise Forbidden("address")
        if not try_with(self.tokens, lambda secret: accepts(token, callback_tokens(secret).usable)):
            self._refuse()

    def _admit(self, head: Head, now: datetime) -> None:
        """Check the signature inside a callback, if its provider signs callbacks and we know a key."""
        admits = self.store.callbacks.admits
        if not try_with(self.tokens, lambda secret: admits(head.signature, _keys(secret), now)):
            self._refuse()

    def _refuse(self) -> NoReturn:
        count("CallbackUnauthenticated", kind=self.store.callbacks.kind)
        raise Unauthenticated


def _keys(secret: Fields) -> Sequence[str]:
    """Return the keys of the signature; raises `SecretUnavailable` if some are stated and none can be used."""
    found = notify_keys(secret)
    # Without this, a mistake in the secret would switch the check off.
    if found.faults and not found.usable:
        raise SecretUnavailable(", ".join(found.faults))
    return found.usable
