"""Receive a callback: check who sent it, read which task it is about, and store it with one conditional write.

Full validation and the query follow later, where they can fail without losing the claim.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.contracts.cts.head import Head, read_head
from mediarelay.domain.due import Due
from mediarelay.domain.schedule import first_check
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import PROVING_ORIGINS, Origin
from mediarelay.errors import Forbidden, LedgerUnavailable, Malformed, Rejected, TooLarge, Unauthenticated, Undelivered
from mediarelay.observability import add_log_keys, count
from mediarelay.signing.tokens import accepts
from mediarelay.usecases.access import LiveSecret, Networks, comes_from, try_with
from mediarelay.usecases.body_quarantine import BodyQuarantine
from mediarelay.usecases.secret_entries import callback_tokens

log = logging.getLogger(__name__)


class ObservationStore(Protocol):
    """Stores callbacks."""

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False if it is already there."""


class Backlog(Protocol):
    """The queue of callbacks that could not be stored."""

    def send(self, kind: Kind, origin: Origin, at: datetime, body: bytes) -> None:
        """Send a callback exactly as received; raises `Undelivered`."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to the CDN: the task, and whether the same body was already stored."""

    vid: str
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackStore:
    """Stores callbacks of one kind, from the CDN, the callback backlog or the quarantine.

    `limit` is the largest body in bytes.
    """

    kind: Kind
    observations: ObservationStore
    quarantine: BodyQuarantine
    limit: int
    first_poll_after: timedelta
    give_up_after: timedelta
    clock: Callable[[], datetime]

    def put(self, body: bytes, origin: Origin, at: datetime) -> Receipt:
        """Store a callback; the provider is queried about it for `GiveUpAfter` from now.

        Args:
            body: The body exactly as received.
            origin: `CLAIM`, or `TRUSTED` if the deployment trusts callbacks.
            at: When it arrived (UTC), which may be long ago.

        Raises:
            TooLarge, Malformed: The body is no callback; it is stored in quarantine.
            LedgerUnavailable: The write failed, or its result is unknown. Taking the body again is harmless.
        """
        try:
            head = self.read_head(body)
        except (Malformed, TooLarge) as error:
            count("CallbackMalformed", kind=self.kind)
            self.quarantine.put(body, str(error), f"callbacks/{self.kind}", at)
            raise
        add_log_keys(vid=head.vid)
        # The schedule queries the task even if the stream never reports this callback.
        check = first_check(self.kind, at, self.first_poll_after, known=origin in PROVING_ORIGINS)
        stored = self.observations.append(self._observation(head, body, origin, at), check)
        count("ClaimStored" if stored else "ClaimRepeated", kind=self.kind)
        if head.lenient:
            count("CallbackLenient", kind=self.kind)
        return Receipt(head.vid, not stored)

    def _observation(self, head: Head, body: bytes, origin: Origin, at: datetime) -> LoggedObservation:
        return LoggedObservation(
            vid=head.vid,
            kind=self.kind,
            origin=origin,
            at=at,
            body=body,
            claim_summary=head.claim_summary,
            # Counted from now: a body that leaves the backlog or the quarantine late would be given up at once.
            give_up_at=self.clock() + self.give_up_after,
        )

    def read_head(self, body: bytes) -> Head:
        """Read which task a callback is about; raises `TooLarge`, `Malformed`."""
        if len(body) > self.limit:
            raise TooLarge(f"body: over {self.limit} bytes")
        try:
            return read_head(body)
        except Rejected:
            raise
        # A mistake in our reader must not lose the body: as `Malformed` it goes to the quarantine.
        except Exception as error:
            log.exception("reading failed")
            raise Malformed("body", f"reading failed ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEndpoint:
    """Accepts callbacks of one kind from the CDN."""

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
            Unauthenticated: The token is not live; nothing is stored.
            TooLarge, Malformed: The body is no callback; it is stored in quarantine.
            LedgerUnavailable: Neither the ledger nor the backlog has the callback; the CDN should send it again.
            SettingUnusable, SecretUnavailable: The sender cannot be checked now; the CDN should send it again.
        """
        self._authenticate(token, address)
        body, now = read_body(), self.clock()
        try:
            return self.store.put(body, self.origin, now)
        except LedgerUnavailable as error:
            self._send_to_backlog(body, now, error)
        return Receipt(self.store.read_head(body).vid, duplicate=False)

    def _send_to_backlog(self, body: bytes, now: datetime, why: LedgerUnavailable) -> None:
        # The CDN's own retries may end before the table is back.
        try:
            self.backlog.send(self.store.kind, self.origin, now, body)
        except Undelivered as error:
            raise LedgerUnavailable("neither ledger nor queue") from error
        count("CallbackCaptured", kind=self.store.kind)
        log.warning("callback sent to the backlog", extra={"error": str(why)})

    def _authenticate(self, token: str | None, address: str) -> None:
        # The address first: its check needs no secret, so strangers cannot make the function read one.
        if not comes_from(address, self.networks):
            count("CallbackForbidden", kind=self.store.kind)
            raise Forbidden("address")
        if not try_with(self.tokens, lambda secret: accepts(token, callback_tokens(secret).usable)):
            count("CallbackUnauthenticated", kind=self.store.kind)
            raise Unauthenticated
