"""What the ledger holds about one task, as values: log entries and the bookkeeping of the task item."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from mediarelay.domain.schedule import Due
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSummary:
    """What a callback claims, in short: enough to see a contradiction without reading its body."""

    state: State | None = None
    app_id: int | None = None
    bucket: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedObservation:
    """One line of the log: who said it, when we heard it (UTC), and the body exactly as received.

    Attributes:
        body: None where only the gist was read, or is left, or where it was not asked for.
        digest: SHA-256 of the body in hex: an entry's identity within its task, origin and kind.
        gist: Of a callback, what it claims.
        give_up_at: Of a callback, until when it is asked about: it may be stored long after it came.
        reason: Of a reply, why it was not taken for an answer.
    """

    vid: str
    kind: Kind
    origin: Origin
    at: datetime
    body: bytes | None
    digest: str = ""
    gist: ClaimSummary | None = None
    give_up_at: datetime | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        """Derive the digest where it is not given."""
        if not self.digest:
            object.__setattr__(self, "digest", hashlib.sha256(self.body or b"").hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookkeeping:
    """The bookkeeping of a task item: everything that is not said by observations.

    Attributes:
        kind: What the task is taken to be; it changes only for what is certain, so that each question is asked.
        version: Raised by each write; a writer that saw another version starts over.
        attempts: Questions to the provider so far that brought no outcome.
        asked_at: When the last question began.
        give_up_at: When the task counts as lost, unless it has an outcome by then.
        replayed: Replays that have had their question.
        published: What was announced on the topic.
        conflicts: Subjects of contradiction that were counted.
    """

    kind: Kind
    version: int = 0
    attempts: int = 0
    asked_at: datetime | None = None
    give_up_at: datetime
    replayed: int = 0
    published: frozenset["Publication"] = frozenset()
    conflicts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLog:
    """All the ledger has under one vid.

    Attributes:
        entries: The log.
        books: Of the task item, if there is one.
        open: Observations and replays for which the provider must still be asked, as nobody does on their behalf.
        replays: How often somebody asked for a replay.
        card: What the task item shows, if there is one.
    """

    entries: tuple[LoggedObservation, ...]
    books: Bookkeeping | None
    open: tuple["PendingCheck", ...] = ()
    replays: int = 0
    card: "TaskSummary | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCheck:
    """An item of a task, other than the task item, that waits in the due index until the provider was asked.

    Attributes:
        sk: Its sort key.
        item: `replay`, or the origin of the observation.
        kind: Of which kind it takes the task to be.
        at: When it came.
        give_up_at: Of a callback, until when it is asked about.
    """

    sk: str
    item: str
    kind: Kind
    at: datetime
    give_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A state as it is announced; `replay` counts how often that was asked for anew, so that no repeat is dropped."""

    state: State
    replay: int = 0

    @property
    def label(self) -> str:
        """How the ledger spells it."""
        return f"{self.state}#{self.replay}" if self.replay else self.state.value

    @classmethod
    def read(cls, label: str) -> Self:
        """Read what `label` spells."""
        state, _, replay = label.partition("#")
        return cls(State(state), int(replay or 0))


class TimeOf(StrEnum):
    """Which time of a task a selection is about."""

    CREATED = "created"
    OUTCOME = "outcome"


class Order(StrEnum):
    """Of a list: oldest first, or newest first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Tasks of one kind and state; `since` and `until` bound the time that `time` names, both included (UTC).

    A task without an outcome has no time of it.
    """

    kind: Kind
    state: State
    since: datetime | None = None
    until: datetime | None = None
    time: TimeOf = TimeOf.CREATED

    @property
    def key(self) -> str:
        """The partition of the listing."""
        return f"{self.kind}#{self.state}"


def time_of(state: State, wanted: TimeOf | None) -> TimeOf:
    """The time that a selection is about: by default that of the outcome, for states that are one."""
    return wanted or (TimeOf.OUTCOME if state in OUTCOMES else TimeOf.CREATED)


RATES = range(1, 1001)
"""Tasks a minute of a replay in bulk; with none it would never come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJob:
    """A replay in bulk: `rate` tasks per minute, newest first; `cursor` is where it has got to."""

    identity: str
    selection: Selection
    rate: int
    by: str
    at: datetime
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedBody:
    """A body in quarantine: where it came in, why it could not be read, when it came, and the keys of its items.

    `size` is that of the whole body, where only its beginning is here.
    """

    day: str
    digest: str
    keys: tuple[str, ...]
    route: str
    reason: str
    at: datetime
    body: bytes
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """What the task item shows of the fold, and what must happen next.

    `outcome_at` is when the outcome was told; `is_known` as in `Task`.
    """

    vid: str
    kind: Kind
    state: State
    url: str | None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None
    due: Due | None
    unpublished: "Publication | None"
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """One row of the `due` index. `at` is when a claim or an intent came, `give_up_at` the deadline of a task."""

    pk: str
    sk: str
    vid: str
    kind: Kind
    due_at: int
    at: datetime | None = None
    give_up_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the ledger that somebody follows: the item as it is now, in short."""

    item: str
    pk: str
    sk: str
    vid: str
    kind: Kind
    refused: bool
