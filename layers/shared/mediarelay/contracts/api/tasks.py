"""Tasks over HTTP: one task, lists of tasks, and the history of a task."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from mediarelay.contracts.api.base import (
    OrderName,
    PageSize,
    QueryModel,
    ResponseModel,
    StateText,
    TaskFilter,
    TimeName,
    TimeText,
)
from mediarelay.contracts.api.bodies import show_body
from mediarelay.contracts.api.media import FaultDetails, RenditionDetails, SourceDetails
from mediarelay.domain.page import Page
from mediarelay.domain.tasks.file_url import identity
from mediarelay.domain.tasks.listing import ListedTask, ListFilter, Order, Selection, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task


class TaskDetails(ResponseModel):
    """A task, for clients and for subscribers of notifications. Fields without a known value are left out."""

    vid: str
    kind: Kind
    state: State
    claimed: State | None = Field(None, description="The state that an unconfirmed callback claims")
    source: SourceDetails
    renditions: tuple[RenditionDetails, ...] = ()
    faults: tuple[FaultDetails, ...] = ()
    partial: Annotated[Literal[True] | None, BeforeValidator(lambda partial: partial or None)] = Field(
        None, description="True if some outputs succeeded and others failed; otherwise left out"
    )
    progress: int | None = Field(
        None,
        ge=0,
        le=100,
        description="How much of an open task is done, in percent, by the latest answer; not in notifications",
    )
    reference: str | None = Field(None, description="The client's own reference, given with the request")
    submission: str | None = Field(None, description="The submission that made the task")
    created_at: datetime
    updated_at: datetime


def _bucket_text(value: str) -> str:
    if not _BUCKET.fullmatch(value):
        raise ValueError("must be a bucket such as music or music-1250000000")
    return value


def _url_text(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("must be the URL of a source file")
    return value


_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,99}", re.ASCII)
# A blank may stay unescaped in the URL of an object.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,9}://[^\x00-\x1f\x7f\ud800-\udfff]{1,2700}")
BucketText = Annotated[str, AfterValidator(_bucket_text), WithJsonSchema({"type": "string", "maxLength": 100})]
UrlText = Annotated[str, AfterValidator(_url_text), WithJsonSchema({"type": "string", "maxLength": 2700})]


class TaskQuery(TaskFilter, QueryModel):
    """`GET /tasks`: the tasks to list, and their order."""

    state: StateText | None = Field(default=None, description="Only tasks in these states, separated by commas")
    time: TimeName = Field(
        default=TimeOf.CREATED,
        description="The time that since, until and order refer to; outcome lists only tasks with an outcome",
    )
    order: OrderName = Field(default=Order.DESCENDING, description="Newest or oldest first")
    limit: PageSize = Field(default=20, description="Tasks per page")
    cursor: str | None = Field(
        default=None, description="The `cursor` of the previous page; use it with the same filters"
    )

    bucket: BucketText | None = Field(
        default=None, description="Only tasks whose source lies in this bucket: `music`, or `music-1250000000`"
    )
    url: UrlText | None = Field(default=None, description="Only tasks of this source, in any spelling of its URL")
    changed_since: TimeText | None = Field(
        default=None, description="Only tasks that changed at this time or later (`updated_at`)"
    )

    def where(self) -> ListFilter:
        """Return what no index selects."""
        url = identity(self.url) if self.url else None
        return ListFilter(bucket=self.bucket, url=url, changed_since=self.changed_since)

    def selections(self) -> list[Selection]:
        """Return one selection for each kind and state; raise `Malformed` if a state has no such time."""
        # Tasks without an outcome are not in the index that is sorted by the time of the outcome.
        return self._selections(self.state or (State if self.time is TimeOf.CREATED else OUTCOMES), self.time)


class TaskListItem(ResponseModel):
    """A task in a list. `outcome_at` is included if the list is ordered by the time of the outcome."""

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None


class TaskPage(ResponseModel):
    """A page of tasks. `cursor` leads to the next page and is missing on the last one."""

    tasks: list[TaskListItem]
    cursor: str | None = None


class HistoryEntry(ResponseModel):
    """One observation: its origin, and when it arrived.

    `body` is null after its retention period. Only the latest 20 untrusted callbacks and the latest 20 replies show
    their bodies. A `reply` is an answer of the provider that cannot be read, or that is about something else; `reason`
    says why.
    """

    origin: Origin
    at: datetime
    digest: str
    body: Any
    unreadable: tuple[str, ...] = Field(
        (), description="Fields of the provider that could not be read, so their values are unknown"
    )
    reason: str | None = None


class HistoryConflict(ResponseModel):
    """Values that contradict each other, each with its origins; `settled` is the provider's value, null if unknown."""

    subject: str
    values: dict[str, tuple[Origin, ...]]
    settled: str | None


class TaskHistory(ResponseModel):
    """The observations of a task, oldest first, and the contradictions between them."""

    vid: str
    observations: list[HistoryEntry]
    conflicts: list[HistoryConflict]


def task_details(task: Task) -> dict[str, Any]:
    """Return a task as JSON values."""
    return TaskDetails.model_validate(task).model_dump(mode="json", exclude_none=True)


def task_page(page: Page[ListedTask]) -> dict[str, Any]:
    """Return a page of tasks as JSON values."""
    tasks = [TaskListItem.model_validate(one) for one in page.items]
    return TaskPage(tasks=tasks, cursor=page.cursor).model_dump(mode="json", exclude_none=True)


def task_history(task: Task, observations: Iterable[tuple[LoggedObservation, tuple[str, ...]]]) -> dict[str, Any]:
    """Return the history of a task as JSON values, in the order of `observations`, each with its unreadable fields."""
    entries, bodies = [], []
    for one, unreadable in observations:
        entries.append(_history_entry(one, unreadable))
        bodies.append(show_body(one.body))
    conflicts = [HistoryConflict.model_validate(one) for one in task.conflicts]
    history = TaskHistory(vid=task.vid, observations=entries, conflicts=conflicts)
    shown = history.model_dump(mode="json", exclude_unset=True)
    # Pydantic refuses half of a surrogate pair as a name, and bodies may contain it, so they are added afterwards.
    for entry, body in zip(shown["observations"], bodies, strict=True):
        entry["body"] = body
    return shown


def _history_entry(observation: LoggedObservation, unreadable: tuple[str, ...]) -> HistoryEntry:
    return HistoryEntry(
        origin=observation.origin,
        at=observation.at,
        digest=observation.digest,
        body=None,
        unreadable=unreadable,
        # `exclude_unset` leaves out a reason that is not passed.
        **({"reason": observation.reason} if observation.reason else {}),
    )
