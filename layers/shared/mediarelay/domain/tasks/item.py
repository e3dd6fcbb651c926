"""The task item: a summary of the fold for lists and the stream, and the bookkeeping that no observation states."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from mediarelay.domain.due import Due
from mediarelay.domain.tasks.media import Kind, State


@dataclass(frozen=True, slots=True)
class Publication:
    """A state that subscribers learn about.

    `replay` counts the replays of the task so far. It makes the notification of a replay a new one, which subscribers
    do not drop as a repeat.
    """

    state: State
    replay: int = 0

    @property
    def label(self) -> str:
        """The text that the ledger stores."""
        return f"{self.state}#{self.replay}" if self.replay else self.state.value

    @classmethod
    def read(cls, label: str) -> Self:
        """Read a stored label; raises ValueError."""
        state, _, replay = label.partition("#")
        return cls(State(state), int(replay or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """What the task item shows of the fold, and what must happen next.

    Attributes:
        outcome_at: When the provider stated the outcome.
        due: The next duty.
        unpublished: What must be published next.
        is_known: As in `Task`.
    """

    vid: str
    kind: Kind
    state: State
    url: str | None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None
    due: Due | None
    unpublished: Publication | None
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookkeeping:
    """The part of the task item that no observation states.

    Attributes:
        kind: The kind that the task is taken to be. It changes only once the kind is certain, so that the provider is
            queried for both kinds if callbacks contradict each other.
        version: Raised by each write. A writer that read another version starts over.
        attempts: Queries so far that brought no outcome.
        queried_at: When the last query began.
        give_up_at: When the task becomes `lost` unless it has an outcome.
        replayed: Replays that have had their query.
        published: What was published.
        conflicts: Subjects of contradiction that were counted.
        guarded: Whether callbacks that wait guarantee the publication of the outcome; see `guard`.
        settled_until: When the latest of the checks arrived that writes of this item have settled. The rows of all
            until then may leave the due index at any time. None: version 1.0.0 wrote the item.
    """

    kind: Kind
    version: int = 0
    attempts: int = 0
    queried_at: datetime | None = None
    give_up_at: datetime
    replayed: int = 0
    published: frozenset[Publication] = frozenset()
    conflicts: int = 0
    guarded: bool = False
    settled_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskItem:
    """One task item as the ledger holds it."""

    summary: TaskSummary
    bookkeeping: Bookkeeping
