"""Tasks over HTTP: submits and batches, a task, lists, and a task's history."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from mediarelay.contracts.api.base import (
    Key,
    OrderName,
    PageSize,
    QueryModel,
    RequestModel,
    StateText,
    TaskFilter,
    Text,
    TimeName,
    Vid,
)
from mediarelay.contracts.api.bodies import show_body
from mediarelay.contracts.observation import facts_of
from mediarelay.contracts.source_url import Url, stated_in_url
from mediarelay.domain.tasks.intent import Intent, Submitted, submit_status
from mediarelay.domain.tasks.log import LoggedObservation, Order, Selection, TimeOf
from mediarelay.domain.tasks.media import OUTCOMES, Fault, Kind, Rendition, Source, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.domain.tasks.vid import video_vid
from mediarelay.errors import Malformed, MediarelayError, shown_detail

MAX_TASKS = 500
"""Tasks in one batch."""


# ── submits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class AudioTaskRequest(RequestModel):
    """`POST /tasks/audio`: the file to transcode, in the provider's words."""

    url: Url
    bucketName: Text  # noqa: N815 - the provider's name, part of the contract
    bucketRegion: Text  # noqa: N815

    @field_validator("bucketName", "bucketRegion")
    @classmethod
    def _is_in_the_url(cls, value: str, others: ValidationInfo) -> str:
        return stated_in_url(value, others)


class VideoTaskRequest(RequestModel):
    """`POST /tasks/video`: a task to expect, by vid, by url, or by url and the headers of its upload."""

    vid: Vid | None = None
    url: Url | None = None
    cos_request_id: Text | None = None
    date: Text | None = None

    def known_vid(self) -> str | None:
        """Return the vid that follows from the request; None if only the provider knows it. Raises `Malformed`."""
        if self.vid or (self.url and self.cos_request_id and self.date):
            return self.vid or video_vid(self.cos_request_id or "", self.date or "")
        if self.url and not (self.cos_request_id or self.date):
            return None
        raise Malformed("vid", "is required, unless url is given, alone or with cos_request_id and date")


class SubmitResponse(BaseModel):
    """Answer to a submit: `vid` is null while the provider has not answered (202)."""

    vid: str | None
    kind: Kind
    state: State


class RefusedSubmit(BaseModel):
    """A submit that was accepted (202) and that the provider refused later; there is no task.

    `idempotency_key` and `client` are there if the client chose the key.
    """

    kind: Kind
    url: str
    bucketName: str | None = None  # noqa: N815 - as the client named it
    bucketRegion: str | None = None  # noqa: N815
    idempotency_key: str | None = None
    client: str | None = None
    reason: str
    accepted_at: datetime


class AudioBatchItem(AudioTaskRequest):
    """One task of a batch; `idempotency_key` names the request, by default the request itself."""

    idempotency_key: Key | None = None


class AudioBatchRequest(RequestModel):
    """`POST /tasks/audio/batch`: items are judged one by one, so one that is wrong does not stop the others."""

    tasks: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/AudioBatchItem"})]],
        Field(min_length=1, max_length=MAX_TASKS),
    ]


class BatchResult(BaseModel):
    """Result of one item: the status and fields that it would have had alone; `repeated` for a known key."""

    index: int
    status: int
    repeated: bool | None = None
    vid: str | None = None
    state: State | None = None
    detail: str | None = None
    field: str | None = None


class BatchResponse(BaseModel):
    """Results of a batch, in its order."""

    results: list[BatchResult]


def submit_response(submitted: Submitted) -> dict[str, Any]:
    """Return the answer to a submit as JSON values."""
    response = SubmitResponse(vid=submitted.vid, kind=submitted.kind, state=submitted.state)
    return response.model_dump(mode="json")


def refused_submit(intent: Intent) -> dict[str, Any]:
    """Return a refused submit as JSON values."""
    client, chosen_by_client, key = intent.key.partition("\n")
    chosen = {"client": client, "idempotency_key": key} if chosen_by_client else {}
    refused = RefusedSubmit.model_validate(
        {**intent.request, **chosen, "kind": intent.kind, "reason": intent.refused, "accepted_at": intent.at}
    )
    return refused.model_dump(mode="json", exclude_none=True)


def batch_response(results: list[Submitted | MediarelayError]) -> dict[str, Any]:
    """Return the results of a batch as JSON values."""
    response = BatchResponse(results=[_batch_result(index, result) for index, result in enumerate(results)])
    return response.model_dump(mode="json", exclude_none=True)


def _batch_result(index: int, result: Submitted | MediarelayError) -> BatchResult:
    if isinstance(result, MediarelayError):
        return BatchResult(
            index=index,
            status=result.status,
            detail=shown_detail(result) or result.title,
            field=getattr(result, "field", None),
        )
    return BatchResult(
        index=index,
        status=submit_status(result),
        repeated=result.repeated or None,
        vid=result.vid,
        state=result.state,
    )


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class TaskDetails(BaseModel):
    """A task as clients and subscribers see it. Fields without a known value are left out."""

    model_config = ConfigDict(from_attributes=True)
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


class TaskListItem(BaseModel):
    """A task in a list; `outcome_at` is there if the list goes by the time of the outcome."""

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime
    outcome_at: datetime | None = None


class TaskPage(BaseModel):
    """A page of tasks, each once; `cursor` leads to the next page, and is left out on the last one."""

    tasks: list[TaskListItem]
    cursor: str | None = None


class HistoryEntry(BaseModel):
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


class HistoryConflict(BaseModel):
    """Values that contradict each other, each with its origins; `settled` is the provider's own, null until known."""

    model_config = ConfigDict(from_attributes=True)
    subject: str
    values: dict[str, tuple[Origin, ...]]
    settled: str | None


class TaskHistory(BaseModel):
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
