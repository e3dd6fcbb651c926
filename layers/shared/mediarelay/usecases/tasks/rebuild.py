"""Rebuild: fold the log of every task again, compare the result with its item, and write the items that differ."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

from mediarelay.domain.tasks.guard import relies_on_guards
from mediarelay.domain.tasks.item import TaskSummary
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.task import Task
from mediarelay.providers.observation import read_facts
from mediarelay.usecases.tasks.adoption import Adopt, log_answer
from mediarelay.usecases.tasks.answers import accepted_replies
from mediarelay.usecases.tasks.repository import TaskRepository

# These fields depend on the time of writing, so only whether they are set is compared.
TIMED = {"due"}


class Vids(Protocol):
    """Lists all tasks of the ledger."""

    def vids(self) -> Iterator[str]:
        """Yield every vid about which anything is stored."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of a task item that differs from the log; `answer` stands for a reply that can be read by now."""

    vid: str
    field: str
    stored: Any
    folded: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilder:
    """Compares task items with their logs. It reads the whole table, so operators run it, not a schedule."""

    tasks: TaskRepository
    store: Vids
    adopt: Adopt

    def differences(self) -> Iterator[Difference]:
        """Yield the differences of all tasks. A claim that waits for its query has no item, and needs none."""
        for vid in self.store.vids():
            yield from self.compare(vid)

    def compare(self, vid: str) -> list[Difference]:
        """Return the differences of one task."""
        log, task = self.tasks.load(vid)
        if task is None:
            return []
        # An answer changes the task, so the item is compared only after `repair` has logged the answer.
        if answers := list(self._new_answers(log, task)):
            return [Difference(vid, "answer", None, read_facts(one).state) for one in answers]
        if log.item is None:
            is_unconfirmed = bool(log.pending) and task.is_only_claimed
            return [] if is_unconfirmed else [Difference(vid, "item", None, task.state)]
        found = _differences(log.item.summary, self.tasks.next_step(log, task).item.summary)
        # The callbacks that guard an outcome stand in for the duty of its item.
        return [one for one in found if one.field != "due" or not relies_on_guards(log.item)]

    def repair(self, vid: str) -> None:
        """Log the replies that can be read by now as answers, and write the task item that follows from the log."""
        log, task = self.tasks.load(vid)
        if task is not None:
            for answer in self._new_answers(log, task):
                log_answer(self.tasks, answer, self.adopt)
            self.tasks.refresh(vid, log.item.bookkeeping.kind if log.item else task.kind)

    def _new_answers(self, log: TaskLog, task: Task) -> Iterator[LoggedObservation]:
        return accepted_replies(log, task.binding_statements, self.tasks.read_body)


def _differences(stored: TaskSummary, folded: TaskSummary) -> list[Difference]:
    pairs = [(item.name, getattr(stored, item.name), getattr(folded, item.name)) for item in fields(TaskSummary)]
    return [
        Difference(stored.vid, name, before, after)
        for name, before, after in pairs
        if (bool(before) != bool(after) if name in TIMED else before != after)
    ]
