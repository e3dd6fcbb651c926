"""The one way to add to a task: append an entry, fold the log, keep the task item up to date."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay import metrics
from mediarelay.contracts.observation import observe
from mediarelay.domain.entry import Books, Card, Entry, OpenClaim, Record
from mediarelay.domain.media import OUTCOMES, Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import Due, next_look
from mediarelay.domain.task import Task, fold
from mediarelay.errors import LedgerUnavailable

PUBLISH_GRACE = timedelta(seconds=30)
"""How long the stream has to announce an outcome before the sweep does."""
RACES = 5
LONGEST_URL = 2048
"""Of what lists show: a claim may state a URL that no item could hold."""
log = logging.getLogger(__name__)
STARTED = frozenset({State.PROBED, State.TRANSCODING})


class Log(Protocol):
    """The part of the ledger that tasks need."""

    def record(self, entry: Entry, due: Due | None = None) -> bool:
        """Append an entry once."""

    def load(self, vid: str, *, bare_claims: bool = False) -> Record:
        """Read a task's log and books."""

    def save(self, card: Card, books: Books, seen: Books | None) -> bool:
        """Write the task item unless it moved on."""

    def settle(self, vid: str, claims: tuple[OpenClaim, ...]) -> None:
        """Note that nobody needs to ask about these claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Adds observations to tasks. `luck` gives random numbers in [0, 1)."""

    ledger: Log
    first_look_after: timedelta
    lifetime: timedelta
    clock: Callable[[], datetime]
    luck: Callable[[], float]

    def load(self, vid: str) -> tuple[Record, Task | None]:
        """Read a task and fold what is known; None if nothing is. Claims count only as a sign that there is a task."""
        record = self.ledger.load(vid, bare_claims=True)
        seen = observe(record.entries)
        return record, fold(seen) if seen else None

    def add(self, entry: Entry) -> Task:
        """Append an entry and bring the task item up to date. The log comes first: what is logged is never lost."""
        self.ledger.record(entry)
        return self.refresh(entry.vid, entry.kind, asked=entry.origin is Origin.ANSWER)

    def refresh(self, vid: str, kind: Kind, *, asked: bool) -> Task:
        """Write the task item as the log says.

        Args:
            vid: The task.
            kind: Of which kind it was taken to be.
            asked: The provider was asked just now.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers came first too often.
        """
        for _ in range(RACES):
            record, task = self.load(vid)
            if task is None:
                raise LedgerUnavailable(f"nothing known about {vid}")
            books = self._books(record, task, asked=asked)
            card = self._card(task, _kind(record, task, kind), books, asked=asked)
            if self.ledger.save(card, books, record.books):
                self.ledger.settle(vid, self._settled(record, task, card))
                _count_conflicts(task, record.books)
                return task
        raise LedgerUnavailable("too many writers")

    def _settled(self, record: Record, task: Task, card: Card) -> tuple[OpenClaim, ...]:
        """Which claims need no look of their own any more.

        The task item asks on behalf of all claims of its kind, and of all claims once its kind is certain.
        """
        oldest = self.clock() - self.lifetime
        asking = card.due is not None and card.due.what == card.kind.value
        taken_over = set(Kind) if task.certain_kind else {card.kind}
        return tuple(
            claim
            for claim in record.open_claims
            if task.settled or claim.at < oldest or (asking and claim.kind in taken_over)
        )

    def _books(self, record: Record, task: Task, *, asked: bool) -> Books:
        books = self._reopened(record.books or Books(give_up_at=self.clock() + self.lifetime), record, task)
        attempts = 0 if task.settled else books.attempts + asked
        return replace(books, version=books.version + 1, attempts=attempts, conflicts=len(task.conflicts))

    def _reopened(self, books: Books, record: Record, task: Task) -> Books:
        """A claim that comes after the task was lost gives it a new lifetime: the provider may know it by now."""
        deadline = max((claim.at + self.lifetime for claim in record.open_claims), default=books.give_up_at)
        if task.outcome is not State.LOST or deadline <= books.give_up_at:
            return books
        return replace(books, give_up_at=deadline, attempts=0)

    def _card(self, task: Task, kind: Kind, books: Books, *, asked: bool) -> Card:
        return Card(
            vid=task.vid,
            kind=kind,
            state=task.state,
            url=task.source.url if len(task.source.url or "") <= LONGEST_URL else None,
            created_at=task.created_at,
            updated_at=task.updated_at,
            due=self._due(task, kind, books, asked=asked),
            unpublished=unpublished(task, books),
        )

    def _due(self, task: Task, kind: Kind, books: Books, *, asked: bool) -> Due | None:
        if unpublished(task, books) in OUTCOMES:
            return Due("publish", self.clock() + PUBLISH_GRACE)
        if task.settled:
            return None
        look = next_look(
            kind,
            self.clock(),
            attempts=books.attempts,
            asked=asked,
            first=self.first_look_after,
            give_up=books.give_up_at,
            luck=self.luck(),
        )
        over = task.lost_at is not None and (look.what == "lost" or books.give_up_at <= task.lost_at)
        return None if over else look


def _count_conflicts(task: Task, before: Books | None) -> None:
    new = len(task.conflicts) - (before.conflicts if before else 0)
    if new > 0:
        metrics.count("Conflicts", new, kind=task.kind)
        subjects = [conflict.subject for conflict in task.conflicts]
        log.warning("contradiction", extra={"vid": task.vid, "fields": subjects})


def _kind(record: Record, task: Task, kind: Kind) -> Kind:
    """Of which kind a task is taken to be: as is certain, else as the first claim says, so that it does not change."""
    claims = sorted((one.at, one.kind) for one in record.entries if one.origin is Origin.CLAIM)
    return task.certain_kind or (claims[0][1] if claims else kind)


def unpublished(task: Task, books: Books) -> State | None:
    """What subscribers should hear next: an outcome once each, and that the work started."""
    if task.state in OUTCOMES:
        return None if task.state in books.published else task.state
    began = task.state in STARTED and not books.published & STARTED
    return task.state if began else None
