"""The only way to change a task: append an observation to its log, fold the log, and write the task item."""

import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.due import Due
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.schedule import first_check
from mediarelay.domain.tasks.guard import with_publication
from mediarelay.domain.tasks.item import Bookkeeping, TaskItem
from mediarelay.domain.tasks.lifecycle import STARTING, Lifecycle, Rules, Step, Trigger, surplus
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task, fold
from mediarelay.errors import LedgerUnavailable
from mediarelay.observability import count
from mediarelay.providers.observation import observe
from mediarelay.usecases.concurrency import MAX_ATTEMPTS
from mediarelay.usecases.tasks.unreadable import count_unreadable

# Checks that leave the due index after one write, at one call each, so that many callbacks about one task cannot take
# the whole time of a function. The others stay due, and the next write takes them.
MAX_SETTLED = 500
logger = logging.getLogger(__name__)


class TaskStore(Protocol):
    """Stores logs and task items."""

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False if it is already there."""

    def load(self, vid: str) -> TaskLog:
        """Read a task's log and item; claims and replies come without their bodies."""

    def read_body(self, observation: LoggedObservation) -> bytes | None:
        """Read the body of a claim or a reply; return None once it has been deleted."""

    def save(self, item: TaskItem, seen: TaskItem | None) -> bool:
        """Write a task item; return False if it is no longer the one that was `seen`."""

    def settle(self, checks: Iterable[PendingCheck], surplus: AbstractSet[RowHandle]) -> list[LoggedObservation]:
        """Take checks out of the due index, and those of `surplus` out of the log.

        Return the callbacks among them that were still in the index.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRepository:
    """Loads and changes tasks. `jitter` returns random numbers in [0, 1)."""

    store: TaskStore
    rules: Rules
    clock: Callable[[], datetime]
    jitter: Callable[[], float]

    @property
    def give_up_after(self) -> timedelta:
        """How long a task may stay without an outcome."""
        return self.rules.give_up_after

    def load(self, vid: str) -> tuple[TaskLog, Task | None]:
        """Read a task's log and fold it; the task is None if the log is empty."""
        log = with_publication(self.store.load(vid))
        observations = observe(log.observations)
        return log, fold(observations) if observations else None

    def read_body(self, observation: LoggedObservation) -> bytes | None:
        """Read the body of a claim or a reply; return None once it has been deleted."""
        return self.store.read_body(observation)

    def add(self, observation: LoggedObservation) -> Task:
        """Append an observation and update the task item.

        The log is written first, so nothing that arrived is lost. If the process ends between the two writes, the
        observation that starts a task waits in the due index until a poll creates the item.
        """
        self.append(observation)
        return self.refresh(observation.vid, observation.kind, gave_up=observation.origin is Origin.TIMEOUT)

    def append(self, observation: LoggedObservation) -> bool:
        """Append an observation, without updating the task item; return False if it is already there."""
        # Only these start a task without an item. Answers and timeouts are about a task that already waits.
        check = first_check(observation.kind, observation.at, self.rules.first_poll_after, known=True)
        is_new = self.store.append(observation, check if observation.origin in STARTING else None)
        if is_new:
            count_unreadable(observation)
        return is_new

    def refresh(self, vid: str, kind: Kind, *, gave_up: bool = False) -> Task:
        """Update the task item as `update` does; raises `LedgerUnavailable` also if the log is empty."""
        task = self.update(vid, kind, gave_up=gave_up)
        if task is None:
            raise LedgerUnavailable(f"nothing known about {vid}")
        return task

    def update(
        self,
        vid: str,
        kind: Kind,
        *,
        queried_at: datetime | None = None,
        gave_up: bool = False,
        over_budget: bool = False,
    ) -> Task | None:
        """Write the task item that follows from the log; return the task, or None if the log is empty.

        Args:
            vid: The task.
            kind: The kind that the caller takes it to be.
            queried_at: When the query began that has just ended, for a task of this kind.
            gave_up: A timeout has just been logged.
            over_budget: The call budget has just prevented a query.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers were faster too often.
        """
        # Each attempt reads log and item again and decides anew, so no writer overwrites what it has not seen.
        for _ in range(MAX_ATTEMPTS):
            log, task = self.load(vid)
            if task is None:
                return None
            trigger = self._trigger(kind, queried_at=queried_at, gave_up=gave_up, over_budget=over_budget)
            if self._write(log, task, Lifecycle(log, task, self.rules, trigger).step()):
                return task
        raise LedgerUnavailable("too many writers")

    def settle(self, log: TaskLog, checks: Iterable[PendingCheck]) -> None:
        """Take checks of a log out of the due index, and count the fields of their callbacks that cannot be read.

        Of more than `MAX_SETTLED`, take replays first, because each would cause another query, then the oldest ones.
        """
        settled = sorted(checks, key=lambda one: (not one.is_replay, one.at))[:MAX_SETTLED]
        for callback in self.store.settle(settled, surplus(log, settled)):
            count_unreadable(callback)

    def next_step(self, log: TaskLog, task: Task) -> Step:
        """Return what `update` would write now if nothing new had happened."""
        kind = log.item.bookkeeping.kind if log.item else task.kind
        return Lifecycle(log, task, self.rules, self._trigger(kind)).step()

    def next_check(self, log: TaskLog, task: Task, bookkeeping: Bookkeeping) -> Due | None:
        """Return the duty of a task after its outcome was published; None if there is none."""
        return Lifecycle(log, task, self.rules, self._trigger(bookkeeping.kind)).next_check(bookkeeping)

    def _write(self, log: TaskLog, task: Task, step: Step) -> bool:
        # Checks leave the due index only once the item has the duty. In between both are due, and never neither.
        if not self.store.save(step.item, log.item):
            return False
        self.settle(log, step.settled)
        _count_conflicts(task, log.item)
        return True

    def _trigger(
        self, kind: Kind, *, queried_at: datetime | None = None, gave_up: bool = False, over_budget: bool = False
    ) -> Trigger:
        return Trigger(
            now=self.clock(),
            jitter=self.jitter(),
            kind=kind,
            queried_at=queried_at,
            gave_up=gave_up,
            over_budget=over_budget,
        )


def _count_conflicts(task: Task, before: TaskItem | None) -> None:
    # The item has the number that was counted before, so the metric counts each contradiction once.
    new = len(task.conflicts) - (before.bookkeeping.conflicts if before else 0)
    if new > 0:
        count("Conflicts", new, kind=task.kind)
        subjects = [conflict.subject for conflict in task.conflicts]
        logger.warning("contradiction", extra={"vid": task.vid, "fields": subjects})
