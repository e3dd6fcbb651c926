"""The one way to add to a task: append an entry, fold the log, keep the task item up to date."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.contracts.observation import observe
from mediarelay.domain.schedule import Due, first_check
from mediarelay.domain.tasks.lifecycle import ORDERED, Rules, Trigger, advance, due_after
from mediarelay.domain.tasks.log import Bookkeeping, LoggedObservation, PendingCheck, TaskLog, TaskSummary
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task, fold
from mediarelay.errors import LedgerUnavailable
from mediarelay.observability import count
from mediarelay.usecases.tasks.unreadable import count_unreadable

RACES = 5
log = logging.getLogger(__name__)


class Log(Protocol):
    """The part of the ledger that tasks need."""

    def record(self, entry: LoggedObservation, due: Due | None = None) -> bool:
        """Append an entry once."""

    def load(self, vid: str) -> TaskLog:
        """Read a task's log and books; claims and replies without their bodies."""

    def heard(self, entry: LoggedObservation) -> bytes | None:
        """Read the body of a claim or a reply; None once its time is over."""

    def save(self, card: TaskSummary, books: Bookkeeping, seen: Bookkeeping | None) -> bool:
        """Write the task item unless it moved on."""

    def settle(self, vid: str, questions: tuple[PendingCheck, ...]) -> list[LoggedObservation]:
        """Note that nobody needs to ask about these any more; return the callbacks among them that were open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRepository:
    """Adds observations to tasks. `jitter` gives random numbers in [0, 1)."""

    ledger: Log
    rules: Rules
    clock: Callable[[], datetime]
    jitter: Callable[[], float]

    def load(self, vid: str) -> tuple[TaskLog, Task | None]:
        """Read a task and fold what is known; None if nothing is. Claims count only as a sign that there is a task."""
        record = self.ledger.load(vid)
        seen = observe(record.entries)
        return record, fold(seen) if seen else None

    def add(self, entry: LoggedObservation, asked: datetime | None = None) -> Task:
        """Append an entry and bring the task item up to date. The log comes first: what is logged is never lost.

        The entry that begins a task waits in the due index until there is an item that does. Of an answer, `asked` is
        when the question began; by default when the answer came.
        """
        self.append(entry)
        answered = (asked or entry.at) if entry.origin is Origin.ANSWER else None
        return self.refresh(entry.vid, entry.kind, asked=answered, given_up=entry.origin is Origin.TIMEOUT)

    def append(self, entry: LoggedObservation) -> bool:
        """Append an entry, and leave the task item to whoever calls; return False if it is there already."""
        look = first_check(entry.kind, entry.at, self.rules.first_poll_after, known=True)
        new = self.ledger.record(entry, look if entry.origin in ORDERED else None)
        if new:
            count_unreadable(entry)
        return new

    def refresh(
        self, vid: str, kind: Kind, *, asked: datetime | None = None, given_up: bool = False, starved: bool = False
    ) -> Task:
        """Write the task item as the log says; raises `LedgerUnavailable` as `update` does, and if nothing is known."""
        task = self.update(vid, kind, asked=asked, given_up=given_up, starved=starved)
        if task is None:
            raise LedgerUnavailable(f"nothing known about {vid}")
        return task

    def update(
        self, vid: str, kind: Kind, *, asked: datetime | None = None, given_up: bool = False, starved: bool = False
    ) -> Task | None:
        """Write the task item as the log says; return what is known, None if nothing is.

        Args:
            vid: The task.
            kind: Of which kind it was taken to be.
            asked: When the provider was asked just now, for a task of this kind.
            given_up: The task was given up just now.
            starved: It could not be asked just now, as our own budget was used up.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers came first too often.
        """
        for _ in range(RACES):
            record, task = self.load(vid)
            if task is None:
                return None
            moment = self.moment(kind, asked=asked, given_up=given_up, starved=starved)
            step = advance(record, task, self.rules, moment)
            if self.ledger.save(step.card, step.books, record.books):
                for callback in self.ledger.settle(vid, step.settled):
                    count_unreadable(callback)
                _count_conflicts(task, record.books)
                return task
        raise LedgerUnavailable("too many writers")

    def due_after(self, task: Task, books: Bookkeeping) -> Due | None:
        """What is left to do once a task's outcome was announced."""
        return due_after(task, books, self.rules, self.moment(books.kind))

    def moment(
        self, kind: Kind, *, asked: datetime | None = None, given_up: bool = False, starved: bool = False
    ) -> Trigger:
        """Say what has just happened, by this clock and with fresh jitter."""
        return Trigger(
            now=self.clock(), jitter=self.jitter(), kind=kind, asked=asked, given_up=given_up, starved=starved
        )


def _count_conflicts(task: Task, before: Bookkeeping | None) -> None:
    new = len(task.conflicts) - (before.conflicts if before else 0)
    if new > 0:
        count("Conflicts", new, kind=task.kind)
        subjects = [conflict.subject for conflict in task.conflicts]
        log.warning("contradiction", extra={"vid": task.vid, "fields": subjects})
