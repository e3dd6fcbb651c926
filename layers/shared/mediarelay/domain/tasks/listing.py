"""Lists of tasks: which tasks to select, in which order, and what a list shows of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mediarelay.domain.tasks.file_url import identity, parse_stored
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State


class TimeOf(StrEnum):
    """Which time of a task a selection is about."""

    CREATED = "created"
    OUTCOME = "outcome"


class Order(StrEnum):
    """The order of a list: oldest first, or newest first."""

    ASCENDING = "asc"
    DESCENDING = "desc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Tasks of one kind and state whose time lies between `since` and `until`, both included (UTC).

    `time` names the time that is compared. A task without an outcome has no time of its outcome.
    """

    kind: Kind
    state: State
    since: datetime | None = None
    until: datetime | None = None
    time: TimeOf = TimeOf.CREATED

    @property
    def key(self) -> str:
        """The kind and the state as one text."""
        return f"{self.kind}#{self.state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTask:
    """What a list shows of a task.

    Attributes:
        outcome_at: Only in a list that is sorted by this time.
        position: The place of the task in the list; a page may begin behind it.
    """

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """Tasks that no index selects: a list reads rows and leaves out those that the filter does not accept.

    Attributes:
        bucket: The source's bucket, as `music` or with its account as `music-1250000000`.
        url: The source's URL, as `file_url.identity` writes it.
        changed_since: The task changed at this time or later.
    """

    bucket: str | None = None
    url: str | None = None
    changed_since: datetime | None = None

    @property
    def accepts_all(self) -> bool:
        """Whether no row is left out."""
        return self == EVERY_TASK

    def accepts(self, task: ListedTask) -> bool:
        """Return whether a list shows a task."""
        if self.changed_since and task.updated_at < self.changed_since:
            return False
        if self.url is not None and (task.url is None or identity(task.url) != self.url):
            return False
        return self.bucket is None or self.bucket in _bucket_names(task.url)


EVERY_TASK = ListFilter()


def _bucket_names(url: str | None) -> tuple[str, ...]:
    """Return the names of the bucket that a URL names; none for a URL that names none."""
    file = parse_stored(url) if url else None
    return (file.bucket, f"{file.bucket}-{file.app_id}") if file else ()


def time_of(state: State, wanted: TimeOf | None) -> TimeOf:
    """Return the time that a selection is about: by default the time of the outcome if the state is an outcome."""
    return wanted or (TimeOf.OUTCOME if state in OUTCOMES else TimeOf.CREATED)
