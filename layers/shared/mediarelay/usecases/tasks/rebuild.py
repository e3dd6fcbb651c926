"""Rebuild: fold every task's log again and hold it against its item; what differs can be written anew."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

from mediarelay.contracts.observation import facts_of
from mediarelay.domain.tasks.item import TaskSummary
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.task import Task
from mediarelay.usecases.tasks.answers import accepted_replies
from mediarelay.usecases.tasks.repository import TaskRepository

# Follows from the time of writing; whether there is one at all does count.
TIMED = {"due"}


class Vids(Protocol):
    """The part of the ledger that knows all tasks."""

    def vids(self) -> Iterator[str]:
        """Every vid of which anything is stored."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a task item that the log does not bear out; or an `answer` that can be judged by now."""

    vid: str
    field: str
    stored: Any
    folded: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilder:
    """Reads the whole table, so it is for operators, not for schedules."""

    tasks: TaskRepository
    store: Vids

    def differences(self) -> Iterator[Difference]:
        """Yield what differs, task by task. An unconfirmed claim has no item, and needs none."""
        for vid in self.store.vids():
            yield from self.of(vid)

    def of(self, vid: str) -> list[Difference]:
        """Return what differs for one task."""
        log, task = self.tasks.load(vid)
        if task is None:
            return []
        if answers := list(self._new_answers(log, task)):
            return [Difference(vid, "answer", None, facts_of(one).state) for one in answers]
        if log.item is None:
            is_unconfirmed = bool(log.pending) and task.is_only_claimed
            return [] if is_unconfirmed else [Difference(vid, "item", None, task.state)]
        return _differences(log.item.summary, self.tasks.next_step(log, task).item.summary)

    def repair(self, vid: str) -> None:
        """Log the replies that can be read by now as answers, and write the task item that follows from the log."""
        log, task = self.tasks.load(vid)
        if task is not None:
            for answer in self._new_answers(log, task):
                self.tasks.append(answer)
            self.tasks.refresh(vid, log.item.bookkeeping.kind if log.item else task.kind)

    def _new_answers(self, log: TaskLog, task: Task) -> Iterator[LoggedObservation]:
        return accepted_replies(log, task.trusted_statements, self.tasks.store.read_body)


def _differences(stored: TaskSummary, folded: TaskSummary) -> list[Difference]:
    pairs = [(item.name, getattr(stored, item.name), getattr(folded, item.name)) for item in fields(TaskSummary)]
    return [
        Difference(stored.vid, name, before, after)
        for name, before, after in pairs
        if (bool(before) != bool(after) if name in TIMED else before != after)
    ]
