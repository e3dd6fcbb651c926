"""The one way to add to a task: append an entry, fold the log, keep the task item up to date."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.contracts.observation import observe
from mediarelay.domain.entry import Books, Card, Entry, Record
from mediarelay.domain.media import OUTCOMES, Kind, State
from mediarelay.domain.schedule import Due, next_look
from mediarelay.domain.task import Origin, Task, fold
from mediarelay.errors import LedgerUnavailable

PUBLISH_GRACE = timedelta(seconds=30)
"""How long the stream has to announce an outcome before the sweep does."""
RACES = 5
LONGEST_URL = 2048
"""Of what lists show: a claim may state a URL that no item could hold."""
STARTED = frozenset({State.PROBED, State.TRANSCODING})


class Log(Protocol):
    """The part of the ledger that tasks need."""

    def record(self, entry: Entry, due: Due | None = None) -> bool:
        """Append an entry once."""

    def load(self, vid: str, *, bare_claims: bool = False) -> Record:
        """Read a task's log and books."""

    def save(self, card: Card, books: Books, seen: Books | None) -> bool:
        """Write the task item unless it moved on."""

    def settle(self, vid: str, keys: tuple[str, ...]) -> None:
        """Take claims out of the due index."""


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
        seen = observe(record.entries, bare_claims=True)
        return record, fold(seen) if seen else None

    def add(self, entry: Entry) -> Task:
        """Append an entry and bring the task item up to date. The log comes first: what is logged is never lost."""
        self.ledger.record(entry)
        return self.refresh(entry.vid, entry.kind, asked=entry.origin is Origin.ANSWER)

    def refresh(self, vid: str, kind: Kind, *, asked: bool, busy: bool = False) -> Task:
        """Write the task item as the log says.

        Args:
            vid: The task.
            kind: Of which kind it was taken to be.
            asked: The provider was asked just now.
            busy: It could not tell, so what waits for its answer must go on waiting.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers came first too often.
        """
        for _ in range(RACES):
            record, task = self.load(vid)
            if task is None:
                raise LedgerUnavailable(f"nothing known about {vid}")
            kind = task.kind if task.without_claims.best.keys() - {Origin.TIMEOUT} else kind
            books = self._books(record, task, asked=asked)
            if self.ledger.save(self._card(task, kind, books, asked=asked), books, record.books):
                self.ledger.settle(vid, self._settled(record, task, kind, busy=busy))
                return task
        raise LedgerUnavailable("too many writers")

    def _settled(self, record: Record, task: Task, kind: Kind, *, busy: bool) -> tuple[str, ...]:
        """Which claims need no look of their own any more.

        The task item takes over what is of its kind. Once that is given up, a later claim waits by itself, until the
        provider has answered or the claim is as old as a task may become.
        """
        oldest = self.clock() - self.lifetime
        alone = busy and task.outcome is State.LOST
        done = task.outcome not in {None, State.LOST}
        return tuple(
            claim.sk for claim in record.open_claims if done or claim.at < oldest or (claim.kind is kind and not alone)
        )

    def _books(self, record: Record, task: Task, *, asked: bool) -> Books:
        books = record.books or Books(give_up_at=self.clock() + self.lifetime)
        attempts = 0 if task.outcome else books.attempts + asked
        return replace(books, version=books.version + 1, attempts=attempts)

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
        if task.outcome:
            return Due("publish", self.clock() + PUBLISH_GRACE) if task.outcome not in books.published else None
        return next_look(
            kind,
            self.clock(),
            attempts=books.attempts,
            asked=asked,
            first=self.first_look_after,
            give_up=books.give_up_at,
            luck=self.luck(),
        )


def unpublished(task: Task, books: Books) -> State | None:
    """What subscribers should hear next: an outcome once each, and that the work started."""
    if task.state in OUTCOMES:
        return None if task.state in books.published else task.state
    began = task.state in STARTED and not books.published & STARTED
    return task.state if began else None
