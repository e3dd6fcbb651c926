"""Rebuild: fold every task's log again and hold it against its item; what differs can be written anew."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Protocol

from mediarelay.contracts.observation import facts_of
from mediarelay.domain.tasks.lifecycle import advance
from mediarelay.domain.tasks.log import TaskSummary
from mediarelay.usecases.tasks.answers import rejudge
from mediarelay.usecases.tasks.repository import TaskRepository

TIMED = {"due"}
"""Follows from the time of writing; whether there is one at all does count."""


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
    ledger: Vids

    def differences(self) -> Iterator[Difference]:
        """Yield what differs, task by task. A claim that nobody has confirmed yet has no item, and needs none."""
        for vid in self.ledger.vids():
            yield from self.of(vid)

    def of(self, vid: str) -> list[Difference]:
        """Say what differs for one task."""
        record, task = self.tasks.load(vid)
        answers = list(rejudge(self.tasks.ledger, record, task.without_claims.said)) if task else []
        if answers:
            return [Difference(vid, "answer", None, facts_of(one).state) for one in answers]
        if task is None or (record.card is None and record.open and not task.without_claims.best):
            return []
        if record.card is None or record.books is None:
            return [Difference(vid, "item", None, task.state)]
        step = advance(record, task, self.tasks.rules, self.tasks.moment(record.books.kind))
        return _differences(record.card, step.card)

    def repair(self, vid: str) -> None:
        """Log the answers that could not be judged when they came; write a task's item as its log says."""
        record, task = self.tasks.load(vid)
        if task is not None:
            for answer in rejudge(self.tasks.ledger, record, task.without_claims.said):
                self.tasks.append(answer)
            self.tasks.refresh(vid, record.books.kind if record.books else task.kind)


def _differences(stored: TaskSummary, folded: TaskSummary) -> list[Difference]:
    pairs = [(item.name, getattr(stored, item.name), getattr(folded, item.name)) for item in fields(TaskSummary)]
    return [
        Difference(stored.vid, name, mine, theirs)
        for name, mine, theirs in pairs
        if (bool(mine) != bool(theirs) if name in TIMED else mine != theirs)
    ]
