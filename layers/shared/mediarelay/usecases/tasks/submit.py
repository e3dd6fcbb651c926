"""Submit: a client's request becomes a task, once per idempotency key.

The request is stored as an intent before the provider is called. If the provider's answer is lost, the intent stays due
and is sent again: the provider marks the earlier task of the same file as deleted, so one task remains.
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

# Longer than a submit function may run, so that the sweep never races it.
SUBMIT_GRACE = timedelta(seconds=60)
# Longer than a worker may take for an intent: the queue may deliver its message twice.
LOCK_TIMEOUT = timedelta(seconds=35)
ORIGINS = {Kind.AUDIO: Origin.SUBMIT, Kind.VIDEO: Origin.TRACK}
log = logging.getLogger(__name__)


class IntentStore(Protocol):
    """Where intents are stored."""

    def create(self, intent: Intent, due: Due) -> bool:
        """Store an intent; return False if its key is taken."""

    def find(self, identity: str) -> Intent | None:
        """Read an intent."""

    def lock(self, identity: str, now: datetime, until: datetime) -> bool:
        """Lock an intent; return False if another worker has locked it."""

    def assign_vid(self, identity: str, vid: str, now: datetime) -> bool:
        """Note the vid that the provider gave; return False if the intent has one."""

    def complete(self, seen: Intent) -> None:
        """Take an intent out of the due index."""

    def mark_accepted(self, seen: Intent) -> bool:
        """Note that another client got 202 for an intent; return False if it was answered meanwhile."""

    def mark_refused(self, seen: Intent, reason: str, due: Due) -> None:
        """Note that the provider refused an intent, which is due for publication then."""

    def postpone(self, seen: Intent, until: datetime) -> bool:
        """Make an intent due at a time and unlock it; return False if it was answered meanwhile."""

    def delete(self, seen: Intent) -> bool:
        """Delete a refused intent; return False while another client still has to be notified of the refusal."""

    def release_key(self, seen: Intent) -> None:
        """Free the key of an intent whose task is in the log."""


class Send(Protocol):
    """The provider's call for one kind."""

    def __call__(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        """Hand a request over and return its vid; `queued` if its client does not wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRegistry:
    """Stores requests as intents, once per idempotency key. It never calls the provider.

    `default_key_hours` is how long after the provider's answer the same request without a key gives the same task.
    """

    intents: IntentStore
    tasks: TaskRepository
    clock: Callable[[], datetime]
    default_key_hours: int

    def enqueue(self, kind: Kind, request: Mapping[str, str], key: str | None) -> Submitted:
        """Store a request that the submit queue hands to the provider, at the pace of the call budget.

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
        """Store an intent; return False if its key is taken. A default key is free again once its time is over."""
        due = Due(Duty.SUBMIT_QUEUED if intent.queued else Duty.SUBMIT, intent.at + SUBMIT_GRACE)
        if self.intents.create(intent, due):
            return True
        return by_default and self._is_free(intent) and self.intents.create(intent, due)

    def _is_free(self, new: Intent) -> bool:
        """Free the default key of an intent that became a task long ago: its file may have new content by now.

        Another request may do the same; the one that creates the next intent submits it.
        """
        stored = self.intents.find(new.identity)
        if stored is None:
            return True
        if stored.assigned_at is None or new.at - stored.assigned_at < timedelta(hours=self.default_key_hours):
            return False
        self.intents.release_key(stored)
        return True

    def answer_repeat(self, new: Intent) -> Submitted:
        """Answer a request that repeats a stored intent, which may be answered, refused or deleted meanwhile."""
        for _ in range(MAX_ATTEMPTS):
            if (found := self._stored(new)) is not None:
                return found
        raise LedgerUnavailable("too many with this key")

    def _stored(self, new: Intent) -> Submitted | None:
        stored = self.intents.find(new.identity)
        if stored is None:
            raise LedgerUnavailable("the first request with this key has just been refused")
        if not stored.same_request(new):
            raise Conflict("Idempotency-Key: was used for another request")
        if stored.refused and stored.vid is None:
            self.intents.delete(stored)
            raise ProviderRefused(stored.refused)
        if stored.vid is None:
            accepted = Submitted(None, new.kind, State.EXPECTED, repeated=True)
            return accepted if self.intents.mark_accepted(stored) else None
        _, task = self.tasks.load(stored.vid)
        return Submitted(stored.vid, new.kind, task.state if task else State.PENDING, repeated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Sends intents to the provider. `send` gives the call for each kind."""

    registry: IntentRegistry
    intents: IntentStore
    tasks: TaskRepository
    send: Mapping[Kind, Send]
    clock: Callable[[], datetime]

    def submit(self, kind: Kind, request: Mapping[str, str], key: str | None) -> Submitted:
        """Submit a request whose client waits.

        Args:
            kind: The kind of the file.
            request: The request in the provider's words (`url`, `bucketName`, `bucketRegion`).
            key: The client's idempotency key; by default the request, for `IntentRegistry.default_key_hours`.

        Raises:
            Conflict: The key was used for another request.
            ProviderRefused: The provider refuses the request; the key is free again.
            LedgerUnavailable: Nothing was accepted.
        """
        intent = Intent(key=key or file_identity(request), kind=kind, request=request, at=self.clock())
        add_log_keys(intent=intent.identity)
        if self.registry.add(intent, by_default=key is None):
            return self._send_now(intent)
        return self.registry.answer_repeat(intent)

    def track(self, vid: str, request: Mapping[str, str]) -> Submitted:
        """Expect a video task whose vid is known already."""
        add_log_keys(vid=vid)
        return self._expect(Kind.VIDEO, vid, request, repeated=self._tracked(vid))

    def _tracked(self, vid: str) -> bool:
        return any(entry.origin is Origin.TRACK for entry in self.tasks.load(vid)[0].observations)

    def resume(self, identity: str) -> Submitted | None:
        """Submit an open intent whose client does not wait.

        Return None if it is gone, locked or refused, or was open for too long and is given up.
        """
        intent = self.intents.find(identity)
        if intent is None:
            return None
        if intent.vid is not None:
            return self._finish(intent, intent.vid)
        if intent.refused or not self.intents.lock(identity, self.clock(), self.clock() + LOCK_TIMEOUT):
            return None
        if self.clock() - intent.at < self.tasks.rules.give_up_after:
            return self._try(intent)
        count("SubmitsGivenUp", kind=intent.kind)
        log.error("submit given up", extra={"intent": identity, "opened": intent.at.isoformat()})
        self._refuse(intent, "given up: the provider did not answer in time")
        return None

    def _send_now(self, intent: Intent) -> Submitted:
        """Send an intent whose client waits and gets a refusal as answer; other clients of it get the refusal event."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            if not self.intents.delete(intent):
                self._refuse(intent, str(error))
            raise

    def _try(self, intent: Intent) -> Submitted | None:
        """Send an intent whose client does not wait: a refusal is published, and stored until the client repeats."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            count("SubmitsRefused", kind=intent.kind)
            log.warning("submit refused", extra={"intent": intent.identity, "code": error.code})
            self._refuse(intent, str(error))
            return None

    def _refuse(self, intent: Intent, reason: str) -> None:
        self.intents.mark_refused(intent, reason, Due(Duty.PUBLISH, self.clock() + PUBLISH_GRACE))

    def _send(self, intent: Intent) -> Submitted:
        try:
            vid = self.send[intent.kind](intent.request, queued=intent.queued)
        except BudgetSpent:
            self.intents.postpone(intent, next_minute(self.clock()))
            return Submitted(None, intent.kind, State.EXPECTED, repeated=False)
        except (ProviderBusy, ProviderClosed, ProviderUnknown) as error:
            log.warning("submit stays open", extra={"error": type(error).__name__, "code": error.code})
            return Submitted(None, intent.kind, State.EXPECTED, repeated=False)
        first = self.intents.assign_vid(intent.identity, vid, self.clock())
        submitted = self._finish(intent, vid)
        return submitted if first else self.registry.answer_repeat(intent)

    def _finish(self, intent: Intent, vid: str) -> Submitted:
        submitted = self._expect(intent.kind, vid, intent.request, repeated=False)
        self.intents.complete(intent)
        return submitted

    def _expect(self, kind: Kind, vid: str, request: Mapping[str, str], *, repeated: bool) -> Submitted:
        body = json.dumps(dict(request), sort_keys=True, ensure_ascii=False).encode()
        task = self.tasks.add(LoggedObservation(vid=vid, kind=kind, origin=ORIGINS[kind], at=self.clock(), body=body))
        return Submitted(vid, kind, task.state, repeated)
