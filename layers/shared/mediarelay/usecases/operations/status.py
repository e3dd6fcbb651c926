"""Collect the facts about a deployment: what is due, overdue, dead-lettered and quarantined, and what is refused."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from mediarelay.domain.budget import Budget, minute_of
from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import (
    MAX_COUNT,
    BudgetFacts,
    DutyFacts,
    EndpointFacts,
    Facts,
    LastRun,
    QuarantineFacts,
    QueueFacts,
    ScheduleFacts,
    SecretFacts,
    SubmissionFacts,
)
from mediarelay.domain.operations.overdue import SCHEDULE_OF, SCHEDULES
from mediarelay.domain.operations.queues import DEAD_LETTERS, QUEUES
from mediarelay.errors import SecretUnavailable, Undelivered
from mediarelay.providers.registry import NAMES
from mediarelay.usecases.access import LiveSecret
from mediarelay.usecases.operations.circuits import Circuits
from mediarelay.usecases.secret_entries import Entries, Fields
from mediarelay.usecases.webhooks.manage import EndpointStatus

SUBMIT_DUTIES = (Duty.SUBMIT, Duty.SUBMIT_QUEUED)


class DueCounts(Protocol):
    """Counts rows of the due index."""

    def count(self, duty: Duty, now: datetime, limit: int) -> tuple[int, datetime | None]:
        """Return how many rows are due, at most `limit`, and from when the oldest one is due."""

    def arrivals(self, duty: Duty, limit: int) -> list[datetime]:
        """Return when items that wait for a duty arrived, due or not."""


class LastRuns(Protocol):
    """Reads the last runs of the scheduled functions."""

    def find(self, function: str) -> LastRun | None:
        """Return the last run; None before the first one."""


class SpentCalls(Protocol):
    """Reads the counters of the call budget."""

    def spent(self, provider: str, minute: str) -> tuple[int, int]:
        """Return the calls of a minute, and how many of them were about unknown tasks."""


class QuarantineCount(Protocol):
    """Counts quarantined bodies."""

    def count(self, day: str, limit: int) -> tuple[int, bool]:
        """Return how many bodies of a day there are, and whether there are more."""


class QueueCount(Protocol):
    """Counts messages of queues."""

    @property
    def names(self) -> frozenset[str]:
        """The queues that this deployment has."""

    def count(self, queue: str) -> QueueFacts:
        """Return estimates of the messages of a queue; raises `Undelivered`."""


@dataclass(frozen=True, slots=True)
class WatchedSecret:
    """A secret, and the reader that the functions use for its entries."""

    secret: LiveSecret
    entries: Callable[[Fields], Entries[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReader:
    """Collects the facts. A queue or a secret that cannot be read becomes a fact; the table must answer.

    Attributes:
        watched: The duties that this deployment carries out.
        secrets: The secrets, by their names in the template.
        endpoints: Returns the endpoints of HTTP delivery.
        clock: The present (UTC).
    """

    watched: tuple[Duty, ...]
    due: DueCounts
    runs: LastRuns
    circuits: Circuits
    calls: SpentCalls
    budget: Budget
    queues: QueueCount
    quarantine: QuarantineCount
    secrets: Mapping[str, WatchedSecret]
    endpoints: Callable[[], Iterable[EndpointStatus]]
    clock: Callable[[], datetime]

    def facts(self) -> Facts:
        """Return the facts of this moment; raises `LedgerUnavailable`."""
        now, schedules = self.clock(), self._schedules()
        queues = [name for name in (*QUEUES, *DEAD_LETTERS) if name in self.queues.names]
        counted = {name: found for name in queues if (found := self._queue(name))}
        return Facts(
            time=now,
            duties=self._duties(now, schedules),
            circuits=self.circuits.all(),
            budget=self._budget(now),
            queues=tuple(counted[name] for name in QUEUES if name in counted),
            dead_letters=tuple(counted[name] for name in DEAD_LETTERS if name in counted),
            schedules=schedules,
            secrets=tuple(_secret(name, watched) for name, watched in self.secrets.items()),
            quarantine=self._quarantine(now),
            submissions=self._submissions(),
            endpoints=self._endpoints(),
            unavailable=tuple(name for name in queues if name not in counted),
        )

    def _duties(self, now: datetime, schedules: tuple[ScheduleFacts, ...]) -> tuple[DutyFacts, ...]:
        failed = {one.function: dict(one.last.failed) if one.last else {} for one in schedules}
        return tuple(self._duty(duty, now, failed[SCHEDULE_OF[duty]].get(duty, 0)) for duty in self.watched)

    def _duty(self, duty: Duty, now: datetime, failed: int) -> DutyFacts:
        # One row more than is shown tells whether there are more.
        due, oldest = self.due.count(duty, now, MAX_COUNT + 1)
        return DutyFacts(duty=duty, due=min(due, MAX_COUNT), more=due > MAX_COUNT, oldest_due_at=oldest, failed=failed)

    def _schedules(self) -> tuple[ScheduleFacts, ...]:
        return tuple(
            ScheduleFacts(function=name, every=every, last=self.runs.find(name)) for name, every in SCHEDULES.items()
        )

    def _budget(self, now: datetime) -> tuple[BudgetFacts, ...]:
        minutes = (minute_of(now), minute_of(now - timedelta(minutes=1)))
        return tuple(self._spent(provider, minute) for provider in NAMES for minute in minutes)

    def _spent(self, provider: str, minute: str) -> BudgetFacts:
        calls, unknown = self.calls.spent(provider, minute)
        return BudgetFacts(
            provider=provider,
            minute=minute,
            calls=calls,
            unknown_calls=unknown,
            limit=self.budget.calls_per_minute,
            background_limit=self.budget.background.limit,
        )

    def _queue(self, name: str) -> QueueFacts | None:
        try:
            return self.queues.count(name)
        except Undelivered:
            return None

    def _endpoints(self) -> tuple[EndpointFacts, ...]:
        try:
            found = tuple(self.endpoints())
        except SecretUnavailable:
            # The secret is among the facts.
            return ()
        return tuple(EndpointFacts(endpoint=one.endpoint, health=one.health, pending=one.pending) for one in found)

    def _quarantine(self, now: datetime) -> QuarantineFacts:
        day = f"{now:%Y-%m-%d}"
        bodies, more = self.quarantine.count(day, MAX_COUNT)
        return QuarantineFacts(day=day, bodies=bodies, more=more)

    def _submissions(self) -> SubmissionFacts:
        arrived = [at for duty in SUBMIT_DUTIES for at in self.due.arrivals(duty, MAX_COUNT + 1)]
        more = len(arrived) > MAX_COUNT
        return SubmissionFacts(open=min(len(arrived), MAX_COUNT), more=more, oldest_at=min(arrived, default=None))


def _secret(name: str, watched: WatchedSecret) -> SecretFacts:
    try:
        found = watched.entries(watched.secret.value())
    except SecretUnavailable:
        return SecretFacts(secret=name, readable=False)
    return SecretFacts(secret=name, usable=len(found.usable), unusable=found.faults)
