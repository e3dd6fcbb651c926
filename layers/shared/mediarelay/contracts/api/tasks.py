"""Tasks over HTTP: a task, lists, and a task's history."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import Field

from mediarelay.contracts.api.base import (
    OrderName,
    PageSize,
    QueryModel,
    ResponseModel,
    StateText,
    TaskFilter,
    TimeName,
)
from mediarelay.contracts.api.bodies import show_body
from mediarelay.contracts.observation import facts_of
from mediarelay.domain.tasks.item import Order, Selection, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import OUTCOMES, Fault, Kind, Rendition, Source, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task


class TaskDetails(ResponseModel):
    """A task as clients and subscribers see it. Fields without a known value are left out."""

    vid: str
    kind: Kind
    state: State
    claimed: State | None = Field(None, description="What an unconfirmed callback claims")
    source: Source
    renditions: tuple[Rendition, ...] = ()
    faults: tuple[Fault, ...] = ()
    created_at: datetime
    updated_at: datetime


class TaskQuery(TaskFilter, QueryModel):
    """`GET /tasks`: which tasks, in which order."""

    state: StateText | None = Field(default=None, description="Only tasks in these states, separated by commas")
    time: TimeName = Field(
        default=TimeOf.CREATED,
        description="What since, until and order are about. With outcome only tasks that have one are listed",
    )
    order: OrderName = Field(default=Order.DESCENDING, description="Newest or oldest first")
    limit: PageSize = Field(default=20, description="Tasks per page")
    cursor: str | None = Field(default=None, description="Where the previous page ended; use it with the same filters")

    def selections(self) -> list[Selection]:
        """Return one selection for each kind and state; raises `Malformed`."""
        return self._selections(self.state or (State if self.time is TimeOf.CREATED else OUTCOMES), self.time)


class TaskListItem(ResponseModel):
    """A task in a list; `outcome_at` is there if the list goes by the time of the outcome."""

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None


class TaskPage(ResponseModel):
    """A page of tasks, each once; `cursor` leads to the next page, and is left out on the last one."""

    tasks: list[TaskListItem]
    cursor: str | None = None


class HistoryEntry(ResponseModel):
    """One observation: its origin, and when it came.

    `body` is null once its time is over; of callbacks that are not believed, only the latest 20 show it, and so do the
    latest 20 replies. A `reply` is an answer of the provider that cannot be judged, or is about something else;
    `reason` says why.
    """

    origin: Origin
    at: datetime
    digest: str
    body: Any
    unreadable: tuple[str, ...] = Field(
        (), description="Fields of the provider that could not be read, so that their values are not known"
    )
    reason: str | None = None


class HistoryConflict(ResponseModel):
    """Values that contradict each other, each with its origins; `settled` is the provider's own, null until known."""

    subject: str
    values: dict[str, tuple[Origin, ...]]
    settled: str | None


class TaskHistory(ResponseModel):
    """A task's observations, oldest first, and their contradictions."""

    vid: str
    observations: list[HistoryEntry]
    conflicts: list[HistoryConflict]


def task_details(task: Task) -> dict[str, Any]:
    """Return a task as JSON values."""
    return TaskDetails.model_validate(task).model_dump(mode="json", exclude_none=True)


def task_history(task: Task, entries: Iterable[LoggedObservation]) -> dict[str, Any]:
    """Return a task's log, oldest first, as JSON values."""
    lines, bodies = [], []
    for one in entries:
        lines.append(_history_entry(one))
        bodies.append(show_body(one.body))
    conflicts = [HistoryConflict.model_validate(one) for one in task.conflicts]
    history = TaskHistory(vid=task.vid, observations=lines, conflicts=conflicts)
    shown = history.model_dump(mode="json", exclude_unset=True)
    for line, body in zip(shown["observations"], bodies, strict=True):
        line["body"] = body  # not through pydantic, which takes no half of a surrogate pair as a name
    return shown


def _history_entry(entry: LoggedObservation) -> HistoryEntry:
    return HistoryEntry(
        origin=entry.origin,
        at=entry.at,
        digest=entry.digest,
        body=None,
        unreadable=facts_of(entry).unreadable,
        **({"reason": entry.reason} if entry.reason else {}),
    )
