"""Receive a callback: check where it comes from, read who it is about, store it with one conditional write.

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
from mediarelay.domain.tasks.origin import TRUSTED_ORIGINS, Origin
from mediarelay.errors import Forbidden, LedgerUnavailable, Malformed, Rejected, TooLarge, Unauthenticated, Undelivered
from mediarelay.observability import add_log_keys, count
from mediarelay.signing.tokens import accepts
from mediarelay.usecases.access import LiveSecret, Networks, comes_from, try_with
from mediarelay.usecases.secret_entries import callback_tokens

log = logging.getLogger(__name__)


class ObservationStore(Protocol):
    """Where callbacks are stored."""

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False if it is already there."""


class QuarantineStore(Protocol):
    """Where bodies that could not be read are kept."""

    def put(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Keep a body."""


class Retry(Protocol):
    """The queue of callbacks that the ledger did not take."""

    def send(self, kind: Kind, origin: Origin, at: datetime, body: bytes) -> None:
        """Keep a callback as it came."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to the CDN: the task, and whether the same body was already stored."""

    vid: str
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackStore:
    """Stores callbacks of one kind, wherever they come from: the CDN, the callback backlog, the quarantine."""

    kind: Kind
    observations: ObservationStore
    quarantine: QuarantineStore
    limit: int
    first_poll_after: timedelta
    give_up_after: timedelta
    clock: Callable[[], datetime]

    def take(self, body: bytes, origin: Origin, at: datetime) -> Receipt:
        """Store a claim that came at a time, maybe long ago; it is asked about for a lifetime from now.

        Raises:
            TooLarge, Malformed: Not a callback; the body is kept in quarantine.
            LedgerUnavailable: Nothing is stored.
        """
        try:
            head = self.head(body)
        except (Malformed, TooLarge) as error:
            count("CallbackMalformed", kind=self.kind)
            self.quarantine.put(body, str(error), f"callbacks/{self.kind}", at)
            raise
        add_log_keys(vid=head.vid)
        end = self.clock() + self.give_up_after
        entry = LoggedObservation(
            vid=head.vid,
            kind=self.kind,
            origin=origin,
            at=at,
            body=body,
            claim_summary=head.claim_summary,
            give_up_at=end,
        )
        stored = self.observations.append(
            entry, first_check(self.kind, at, self.first_poll_after, known=origin in TRUSTED_ORIGINS)
        )
        count("ClaimStored" if stored else "ClaimRepeated", kind=self.kind)
        if head.lenient:
            count("CallbackLenient", kind=self.kind)
        return Receipt(head.vid, not stored)

    def head(self, body: bytes) -> Head:
        """Identify a callback; raises `TooLarge`, `Malformed`."""
        try:
            return read_head(_within(body, self.limit))
        except Rejected:
            raise
        except Exception as error:  # a mistake of ours: the body must not be lost for it
            log.exception("reading failed")
            raise Malformed("body", f"reading failed ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEndpoint:
    """Takes callbacks of one kind from the CDN."""

    intake: CallbackStore
    retry: Retry
    tokens: LiveSecret
    networks: Networks
    origin: Origin
    clock: Callable[[], datetime]

    def receive(self, token: str | None, address: str, read_body: Callable[[], bytes]) -> Receipt:
        """Store a claim; while the ledger is unavailable, the callback backlog keeps it.

        Args:
            token: The last part of the callback's path.
            address: Where the request comes from.
            read_body: Gives the raw body; called only once the sender is admitted.

        Raises:
            Forbidden, Unauthenticated: Not from an admitted network, or without a live token; nothing is stored.
            TooLarge, Malformed: Not a callback; the body is kept in quarantine.
            LedgerUnavailable: Neither ledger nor queue took it; the sender should try again.
            SettingUnusable, SecretUnavailable: The sender cannot be judged; it should try again.
        """
        self._admit(token, address)
        body, now = read_body(), self.clock()
        try:
            return self.intake.take(body, self.origin, now)
        except LedgerUnavailable as error:
            self._keep(body, now, error)
        return Receipt(self.intake.head(body).vid, duplicate=False)

    def _keep(self, body: bytes, now: datetime, why: LedgerUnavailable) -> None:
        try:
            self.retry.send(self.intake.kind, self.origin, now, body)
        except Undelivered as error:
            raise LedgerUnavailable("neither ledger nor queue") from error
        count("CallbackCaptured", kind=self.intake.kind)
        log.warning("kept for later", extra={"error": str(why)})

    def _admit(self, token: str | None, address: str) -> None:
        if not comes_from(address, self.networks):
            count("CallbackForbidden", kind=self.intake.kind)
            raise Forbidden("address")
        if not try_with(self.tokens, lambda secret: accepts(token, callback_tokens(secret).usable)):
            count("CallbackUnauthenticated", kind=self.intake.kind)
            raise Unauthenticated


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLarge(f"body: over {limit} bytes")
    return body
