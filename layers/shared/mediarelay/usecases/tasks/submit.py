"""Submit: a client's request becomes a task, once per idempotency key.

The request is stored as an intent before the provider is called. If the provider's answer is lost, the intent stays due
and is sent again under the same submission id. One provider then marks the earlier task of the file as deleted, so one
task remains. Another refuses the repeat, and the intent waits until an answer names its submission (`adopt`).
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.schedule import hide_until, next_minute
from mediarelay.domain.tasks.intent import (
    ClientKey,
    Intent,
    SubmissionState,
    Submitted,
    default_key,
    intent_id,
    intent_of,
    new_intent,
)
from mediarelay.domain.tasks.lifecycle import PUBLISH_GRACE
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import (
    BudgetSpent,
    CircuitOpen,
    KeyReused,
    LedgerUnavailable,
    Malformed,
    NoAccount,
    ProviderBusy,
    ProviderClosed,
    ProviderError,
    ProviderRefused,
    ProviderRepeated,
    ProviderUnknown,
)
from mediarelay.observability import add_log_keys, count
from mediarelay.providers.port import Provider
from mediarelay.providers.registry import provider_named
from mediarelay.usecases.concurrency import MAX_ATTEMPTS
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.request_form import describe_conflict, repeats, request_form

# The timeout of the submit functions is shorter, so the sweep never submits an intent that one still works on.
SUBMIT_GRACE = timedelta(seconds=60)
# The timeout of the worker is shorter. The queue may deliver a message twice, and the lock keeps two workers apart.
LOCK_TIMEOUT = timedelta(seconds=35)
MAY_EXIST = "an earlier attempt may have made a task, so the key stays in use"
log = logging.getLogger(__name__)


def keeps_key(intent: Intent) -> bool:
    """Return whether the key of a refused intent stays in use: a new submission could be billed a second time.

    A provider without a submit horizon marks the earlier task of the same file as deleted instead.
    """
    return intent.sent and provider_named(intent.provider).submit_horizon is not None


class IntentStore(Protocol):
    """Stores intents."""

    def create(self, intent: Intent, due: Due) -> bool:
        """Store an intent; return False if its key is taken."""

    def find(self, identity: str) -> Intent | None:
        """Read an intent; return None if there is none."""

    def lock(self, seen: Intent, now: datetime, until: datetime) -> bool:
        """Lock an intent; return False if another worker has locked it, or if it was answered meanwhile."""

    def assign_vid(self, seen: Intent, vid: str, now: datetime) -> bool:
        """Store the vid that the provider assigned; return False if the intent already has one."""

    def complete(self, seen: Intent) -> None:
        """Take an intent out of the due index."""

    def mark_accepted(self, seen: Intent) -> bool:
        """Store that another client got 202 for an intent; return False if it was answered meanwhile."""

    def mark_refused(self, seen: Intent, reason: str, now: datetime, due: Due) -> None:
        """Store why the provider refused an intent, and when the refusal is due for publication."""

    def postpone(self, seen: Intent, until: datetime) -> bool:
        """Make an intent due at a time and unlock it; return False if it was answered meanwhile."""

    def delete(self, seen: Intent) -> bool:
        """Delete a refused intent; return False while another client still has to be notified of the refusal."""

    def release_key(self, seen: Intent) -> None:
        """Delete an intent whose task is in the log, or whose refusal was published, so that its key is free again."""


class Submits(Protocol):
    """The providers' calls that make a task of an intent."""

    def submit(self, intent: Intent) -> str:
        """Submit an intent and return the vid of its task; raises `ProviderError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRegistry:
    """Stores requests as intents, once per idempotency key. It never calls the provider.

    Attributes:
        provider: The name of the provider that serves a request that states none.
        default_key_hours: For so long after the provider's answer, the same request without a key returns the same
            task.
    """

    intents: IntentStore
    tasks: TaskRepository
    clock: Callable[[], datetime]
    provider: str
    default_key_hours: int

    def intent(self, kind: Kind, request: Mapping[str, Any], key: ClientKey | None, *, queued: bool = False) -> Intent:
        """Return the intent of a request; raises `Malformed` if its provider cannot serve it."""
        provider = provider_named(request.get("provider") or self.provider)
        if key is None:
            key = default_key(request_form(provider, kind, request))
        else:
            self._check(provider, kind, request, key)
        return new_intent(kind, provider.name, request, key, self.clock(), queued=queued)

    def _check(self, provider: Provider, kind: Kind, request: Mapping[str, Any], key: ClientKey) -> None:
        try:
            provider.request(kind, request)
        except Malformed:
            # Another provider may have been the default at the first request with this key. It gets the same answer.
            if self.intents.find(intent_id(kind, key)) is None:
                raise

    def enqueue(self, kind: Kind, request: Mapping[str, Any], key: ClientKey | None) -> Submitted:
        """Store a request; the submit queue sends it to the provider at the pace of the call budget.

        Raises:
            Malformed, KeyReused, LedgerUnavailable: As for `Submitter.submit`.
            ProviderRefused: The provider has refused the same request meanwhile; the key is free unless `keeps_key`.
        """
        intent = self.intent(kind, request, key, queued=True)
        if self.add(intent):
            return accepted(intent, repeated=False)
        return self.answer_repeat(intent)

    def add(self, intent: Intent) -> bool:
        """Store an intent; return False if its key is in use.

        A key is free again once its submission is cancelled, a default key also after `default_key_hours`.
        """
        due = Due(Duty.SUBMIT_QUEUED if intent.queued else Duty.SUBMIT, intent.at + SUBMIT_GRACE)
        if self.intents.create(intent, due):
            return True
        return self._is_free(intent) and self.intents.create(intent, due)

    def _is_free(self, new: Intent) -> bool:
        """Free the key of an intent that has ended.

        Two requests may free it at the same time. Only the one that then creates the next intent submits it.
        """
        stored = self.intents.find(new.identity)
        if stored is None:
            return True
        if stored.state is not SubmissionState.CANCELLED and not self._has_expired(stored, new.at):
            return False
        self.intents.release_key(stored)
        return True

    def _has_expired(self, stored: Intent, now: datetime) -> bool:
        """Return whether a default key is old: its file may have new content by now."""
        began_at = stored.at if stored.refused and keeps_key(stored) else stored.assigned_at
        if stored.client is not None or began_at is None:
            return False
        return now - began_at >= timedelta(hours=self.default_key_hours)

    def answer_repeat(self, new: Intent) -> Submitted:
        """Answer a request that repeats a stored intent.

        Raises `KeyReused`, `ProviderRefused`, `LedgerUnavailable`.
        """
        # The provider may answer between the read and `mark_accepted`. Then the next read has the answer.
        for _ in range(MAX_ATTEMPTS):
            if (found := self._stored(new)) is not None:
                return found
        raise LedgerUnavailable("too many with this key")

    def _stored(self, new: Intent) -> Submitted | None:
        stored = self.intents.find(new.identity)
        if stored is None:
            raise LedgerUnavailable("the first request with this key has just been refused")
        if stored.state is SubmissionState.CANCELLED:
            raise LedgerUnavailable("the submission with this key has just been cancelled")
        if not repeats(stored, new):
            raise KeyReused(describe_conflict(stored, new))
        if stored.refused and stored.vid is None:
            # Deleting it does nothing while the refusal still has to be published to another client.
            if not keeps_key(stored):
                self.intents.delete(stored)
            raise ProviderRefused(stored.refused)
        # A client that gets 202 must be notified of a later refusal, so the intent records it before the answer.
        if stored.vid is None:
            return accepted(stored, repeated=True) if self.intents.mark_accepted(stored) else None
        _, task = self.tasks.load(stored.vid)
        state = task.state if task else State.PENDING
        return Submitted(stored.vid, new.kind, state, repeated=True, submission=stored.submission)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Sends intents to their providers."""

    registry: IntentRegistry
    intents: IntentStore
    tasks: TaskRepository
    providers: Submits
    clock: Callable[[], datetime]

    def submit(self, kind: Kind, request: Mapping[str, Any], key: ClientKey | None) -> Submitted:
        """Submit a request whose client waits.

        Args:
            kind: The kind of the file.
            request: The request as the client sent it, in JSON values.
            key: The key that the client chose. None: the request is its own key for `default_key_hours`.

        Raises:
            Malformed: The provider cannot serve the request.
            KeyReused: The key was used for another request.
            ProviderRefused: The provider refuses the request; the key is free unless `keeps_key`.
            LedgerUnavailable: Nothing was accepted.
        """
        intent = self.registry.intent(kind, request, key)
        add_log_keys(intent=intent.identity)
        if self.registry.add(intent):
            return self._send_now(intent)
        return self.registry.answer_repeat(intent)

    def track(self, vid: str, request: Mapping[str, Any]) -> Submitted:
        """Expect a video task whose vid is already known; raises `LedgerUnavailable`."""
        add_log_keys(vid=vid)
        repeated, body = self._tracked(vid), _body(request)
        one = LoggedObservation(vid=vid, kind=Kind.VIDEO, origin=Origin.TRACK, at=self.clock(), body=body)
        task = self.tasks.add(one)
        return Submitted(vid, task.kind, task.state, repeated)

    def adopt(self, submission: str, vid: str) -> None:
        """Assign a task to the intent that made it, if the answer to the submit was lost.

        Args:
            submission: The submission that the provider names in an answer about the task. It may be anybody's.
            vid: The task.

        Raises:
            LedgerUnavailable: The intent may still wait for its task.
        """
        intent = self.intents.find(intent_of(submission))
        if intent is None or intent.submission != submission or intent.vid is not None:
            return
        if self.intents.assign_vid(intent, vid, self.clock()):
            count("SubmitsRecovered", kind=intent.kind)
            self._finish(intent, vid)

    def _tracked(self, vid: str) -> bool:
        return any(one.origin is Origin.TRACK for one in self.tasks.load(vid)[0].observations)

    def resume(self, identity: str) -> Submitted | None:
        """Submit an open intent whose client does not wait.

        Return None if it is gone, locked or refused, or if it was open for `GiveUpAfter` and is given up.
        """
        intent = self.intents.find(identity)
        if intent is None:
            return None
        # An earlier worker ended between the provider's answer and the log.
        if intent.vid is not None:
            return self._finish(intent, intent.vid)
        if intent.refused or not self.intents.lock(intent, self.clock(), self.clock() + LOCK_TIMEOUT):
            return None
        if self.clock() - intent.at < self._resend_for(intent):
            return self._try(intent)
        count("SubmitsGivenUp", kind=intent.kind)
        log.error("submit given up", extra={"intent": identity, "opened": intent.at.isoformat()})
        self._refuse(intent, "given up: the provider did not answer in time")
        return None

    def _resend_for(self, intent: Intent) -> timedelta:
        """Return for how long an intent is sent again: after that, the provider would take it for another submit."""
        return min(self.tasks.give_up_after, provider_named(intent.provider).submit_horizon or timedelta.max)

    def _send_now(self, intent: Intent) -> Submitted:
        """Send an intent whose client waits. It gets a refusal as its answer; other clients get the refusal event."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            if not self.intents.delete(intent):
                self._refuse(intent, str(error))
            raise

    def _try(self, intent: Intent) -> Submitted | None:
        """Send an intent whose client does not wait. Store a refusal, so that it is published and answers repeats."""
        try:
            return self._send(intent)
        except ProviderRefused as error:
            count("SubmitsRefused", kind=intent.kind)
            log.warning("submit refused", extra={"intent": intent.identity, "code": error.code})
            self._refuse(intent, str(error))
            return None

    def _refuse(self, intent: Intent, reason: str) -> None:
        shown = f"{reason} ({MAY_EXIST})" if keeps_key(intent) else reason
        now = self.clock()
        self.intents.mark_refused(intent, shown, now, Due(Duty.PUBLISH, now + PUBLISH_GRACE))

    def _send(self, intent: Intent) -> Submitted:
        try:
            vid = self.providers.submit(intent)
        # No call was made, so this attempt made no task, and the lock can go.
        except (BudgetSpent, CircuitOpen, NoAccount) as error:
            if isinstance(error, NoAccount):
                # For the alarm: clients wait for a provider whose keys are missing.
                count("CircuitOpen")
            self.intents.postpone(intent, self._next_attempt(intent, error))
            return accepted(intent, repeated=False)
        # The provider may have made the task although its answer is lost. The intent stays due and is sent again.
        except (ProviderBusy, ProviderClosed, ProviderRepeated, ProviderUnknown) as error:
            log.warning("submit stays open", extra={"error": type(error).__name__, "code": error.code})
            return accepted(intent, repeated=False)
        # Another worker may have submitted the intent too, if a lock ran out. Its vid counts, for all clients the same.
        first = self.intents.assign_vid(intent, vid, self.clock())
        submitted = self._finish(intent, vid)
        return submitted if first else self.registry.answer_repeat(intent)

    def _next_attempt(self, intent: Intent, error: ProviderError) -> datetime:
        now = self.clock()
        # The next minute has a new budget. Keys and permissions take longer to repair, so the waits grow.
        if isinstance(error, BudgetSpent):
            return next_minute(now)
        return hide_until(Duty.SUBMIT, now, intent.at, SUBMIT_GRACE, jitter=0)

    def _finish(self, intent: Intent, vid: str) -> Submitted:
        # The intent leaves the due index last: until the log has the task, the sweep must find the intent.
        task = self.tasks.add(self._observation(intent, vid))
        self.intents.complete(intent)
        return Submitted(vid, task.kind, task.state, repeated=False, submission=intent.submission)

    def _observation(self, intent: Intent, vid: str) -> LoggedObservation:
        return LoggedObservation(
            vid=vid,
            kind=intent.kind,
            origin=provider_named(intent.provider).submit_origin(intent.kind),
            at=self.clock(),
            body=_body(intent.request),
            submission=intent.submission,
        )


def accepted(intent: Intent, *, repeated: bool) -> Submitted:
    """Return the answer to a client whose request is stored, while the provider has not answered."""
    return Submitted(None, intent.kind, State.EXPECTED, repeated, intent.submission)


def _body(request: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(request), sort_keys=True, ensure_ascii=False).encode()
