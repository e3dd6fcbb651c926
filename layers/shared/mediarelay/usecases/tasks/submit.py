"""Submit: a client's wish becomes a task, once per idempotency key.

The wish is stored before the provider is called. If the provider's answer is lost, the wish stays due and is sent
again: the provider marks the earlier task of the same file as deleted, so one task remains.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.schedule import next_minute
from mediarelay.domain.tasks.intent import Intent, Submitted, file_identity
from mediarelay.domain.tasks.lifecycle import PUBLISH_GRACE
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import (
    BudgetSpent,
    Conflict,
    LedgerUnavailable,
    ProviderBusy,
    ProviderClosed,
    ProviderRefused,
    ProviderUnknown,
)
from mediarelay.observability import add_log_keys, count
from mediarelay.usecases.tasks.repository import MAX_ATTEMPTS, TaskRepository

SUBMIT_GRACE = timedelta(seconds=60)
"""Longer than a submit function may run, so that the sweep never races it."""
IN_HAND = timedelta(seconds=35)
"""Longer than a worker may take for a wish: the queue may deliver it twice."""
ORIGINS = {Kind.AUDIO: Origin.SUBMIT, Kind.VIDEO: Origin.TRACK}
log = logging.getLogger(__name__)


class Intents(Protocol):
    """The part of the ledger that submits need."""

    def open_intent(self, intent: Intent, due: Due) -> bool:
        """Store an intent unless its key is taken."""

    def intent(self, identity: str) -> Intent | None:
        """Read an intent."""

    def name_intent(self, identity: str, vid: str, now: datetime) -> bool:
        """Note the vid of an intent."""

    def expire_intent(self, seen: Intent) -> None:
        """Free the key of an intent that has become a task."""

    def close_intent(self, seen: Intent) -> None:
        """Mark an intent as done."""

    def begin_intent(self, identity: str, now: datetime, until: datetime) -> bool:
        """Take a wish in hand unless somebody else has."""

    def promise_intent(self, seen: Intent) -> bool:
        """Note that somebody else was told that this wish is accepted."""

    def refuse_intent(self, seen: Intent, reason: str, due: Due) -> None:
        """Note that the provider will not take a wish, and that this is to be announced."""

    def put_off_intent(self, seen: Intent, until: datetime) -> bool:
        """Have a wish tried again at a time, unless it was answered meanwhile."""

    def drop_intent(self, seen: Intent) -> bool:
        """Take back this intent, not a later one under its key, unless somebody else waits for it."""


class Send(Protocol):
    """The provider's call for one kind."""

    def __call__(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Hand a request over and return its vid; `queued` if its client does not wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentStore:
    """Stores requests as intents, once per idempotency key. It never calls the provider.

    `default_key_hours` is how long after the provider's answer the same request without a key gives the same task.
    """

    intents: Intents
    tasks: TaskRepository
    clock: Callable[[], datetime]
    default_key_hours: int

    def enqueue(self, kind: Kind, request: Mapping[str, str], key: str | None) -> Submitted:
        """Take a wish that the queue hands to the provider, at the pace of the budget.

        Raises:
            Conflict, LedgerUnavailable: As for `submit`.
            ProviderRefused: The provider refused it since; the key is free again.
        """
        request_key = key or file_identity(request)
        intent = Intent(key=request_key, kind=kind, request=request, at=self.clock(), queued=True)
        if self.add(intent, by_default=key is None):
            return Submitted(None, kind, State.EXPECTED, repeated=False)
        return self.answer_repeat(intent)

    def add(self, intent: Intent, *, by_default: bool) -> bool:
        """Store a wish; return False if its key is taken. A default key is free again once its time is over."""
        due = Due(Duty.SUBMIT_QUEUED if intent.queued else Duty.SUBMIT, intent.at + SUBMIT_GRACE)
        if self.intents.open_intent(intent, due):
            return True
        return by_default and self._is_free(intent) and self.intents.open_intent(intent, due)

    def _is_free(self, wish: Intent) -> bool:
        """Free the default key of a wish that became a task long ago: its file may have new content by now.

        Others may do the same: whoever opens the next intent first sends it.
        """
        stored = self.intents.intent(wish.identity)
        if stored is None:
            return True
        if stored.named_at is None or wish.at - stored.named_at < timedelta(hours=self.default_key_hours):
            return False
        self.intents.expire_intent(stored)
        return True

    def answer_repeat(self, wish: Intent) -> Submitted:
        """Answer a wish that is stored already; it may be answered, refused or dropped meanwhile."""
        for _ in range(MAX_ATTEMPTS):
            if (found := self._stored(wish)) is not None:
                return found
        raise LedgerUnavailable("too many with this key")

    def _stored(self, wish: Intent) -> Submitted | None:
        stored = self.intents.intent(wish.identity)
        if stored is None:
            raise LedgerUnavailable("the first request with this key has just been refused")
        if not stored.same_request(wish):
            raise Conflict("Idempotency-Key: was used for another request")
        if stored.refused and stored.vid is None:
            self.intents.drop_intent(stored)
            raise ProviderRefused(stored.refused)
        if stored.vid is None:
            accepted = Submitted(None, wish.kind, State.EXPECTED, repeated=True)
            return accepted if self.intents.promise_intent(stored) else None
        _, task = self.tasks.load(stored.vid)
        return Submitted(stored.vid, wish.kind, task.state if task else State.PENDING, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Sends intents to the provider. `send` gives the call for each kind."""

    store: IntentStore
    intents: Intents
    tasks: TaskRepository
    send: Mapping[Kind, Send]
    clock: Callable[[], datetime]

    def submit(self, kind: Kind, request: Mapping[str, str], key: str | None) -> Submitted:
        """Take a wish.

        Args:
            kind: What is to be transcoded.
            request: The wish in the provider's words (`url`, `bucketName`, `bucketRegion`).
            key: The client's idempotency key; by default the wish itself, for `IntentStore.default_key_hours`.

        Raises:
            Conflict: The key was used for another wish.
            ProviderRefused: The provider will not take it; the key is free again.
            LedgerUnavailable: Nothing was promised.
        """
        intent = Intent(key=key or file_identity(request), kind=kind, request=request, at=self.clock())
        add_log_keys(intent=intent.identity)
        if self.store.add(intent, by_default=key is None):
            return self._send_now(intent)
        return self.store.answer_repeat(intent)

    def track(self, vid: str, request: Mapping[str, str]) -> Submitted:
        """Expect a video task whose vid is known already."""
        add_log_keys(vid=vid)
        return self._expect(Kind.VIDEO, vid, request, repeated=self._tracked(vid))

    def _tracked(self, vid: str) -> bool:
        return any(entry.origin is Origin.TRACK for entry in self.tasks.load(vid)[0].observations)

    def resume(self, identity: str) -> Submitted | None:
        """Finish a wish that was left open; None if it is gone, refused, or was open for too long and is given up."""
        intent = self.intents.intent(identity)
        if intent is None:
            return None
        if intent.vid is not None:
            return self._finish(intent, intent.vid)
        if intent.refused or not self.intents.begin_intent(identity, self.clock(), self.clock() + IN_HAND):
            return None
        if self.clock() - intent.at < self.tasks.rules.give_up_after:
            return self._try(intent)
        count("SubmitsGivenUp", kind=intent.kind)
        log.error("submit given up", extra={"intent": identity, "opened": intent.at.isoformat()})
        self._refuse(intent, "given up: the provider did not answer in time")
        return None

    def _send_now(self, intent: Intent) -> Submitted:
        """Send a wish whose client waits: a refusal is its answer; others who were promised it hear of it."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            if not self.intents.drop_intent(intent):
                self._refuse(intent, str(error))
            raise

    def _try(self, intent: Intent) -> Submitted | None:
        """Send a wish whose client does not wait: a refusal is announced, and kept until the client asks."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            count("SubmitsRefused", kind=intent.kind)
            log.warning("submit refused", extra={"intent": intent.identity, "code": error.code})
            self._refuse(intent, str(error))
            return None

    def _refuse(self, intent: Intent, reason: str) -> None:
        self.intents.refuse_intent(intent, reason, Due(Duty.PUBLISH, self.clock() + PUBLISH_GRACE))

    def _send(self, intent: Intent) -> Submitted:
        try:
            vid = self.send[intent.kind](intent.request, queued=intent.queued)
        except BudgetSpent:
            self.intents.put_off_intent(intent, next_minute(self.clock()))
            return Submitted(None, intent.kind, State.EXPECTED, repeated=False)
        except (ProviderBusy, ProviderClosed, ProviderUnknown) as error:
            log.warning("submit stays open", extra={"error": type(error).__name__, "code": error.code})
            return Submitted(None, intent.kind, State.EXPECTED, repeated=False)
        first = self.intents.name_intent(intent.identity, vid, self.clock())
        submitted = self._finish(intent, vid)
        return submitted if first else self.store.answer_repeat(intent)

    def _finish(self, intent: Intent, vid: str) -> Submitted:
        submitted = self._expect(intent.kind, vid, intent.request, repeated=False)
        self.intents.close_intent(intent)
        return submitted

    def _expect(self, kind: Kind, vid: str, request: Mapping[str, str], *, repeated: bool) -> Submitted:
        body = json.dumps(dict(request), sort_keys=True, ensure_ascii=False).encode()
        task = self.tasks.add(LoggedObservation(vid=vid, kind=kind, origin=ORIGINS[kind], at=self.clock(), body=body))
        return Submitted(vid, kind, task.state, repeated)
