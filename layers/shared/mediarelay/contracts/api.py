"""Our own HTTP contract: what clients send and what they get."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mediarelay.domain.entry import Entry
from mediarelay.domain.media import Fault, Kind, Rendition, Source, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.task import Task
from mediarelay.domain.vid import video_vid
from mediarelay.errors import Malformed

Text = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=2048)]
Vid = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,64}$")]


MOST_SHOWN = 64 * 1024
"""Bytes of one body that a history shows: its answer must stay below 6 MB."""
Model = TypeVar("Model", bound=BaseModel)


class AudioSubmit(BaseModel):
    """`POST /tasks/audio`: the file to transcode, in the provider's words."""

    model_config = ConfigDict(extra="forbid")
    url: Url
    bucketName: Text  # noqa: N815 - the provider's name, part of the contract
    bucketRegion: Text  # noqa: N815


class VideoTrack(BaseModel):
    """`POST /tasks/video`: a task to expect, by vid, by url, or by url and the headers of its upload."""

    model_config = ConfigDict(extra="forbid")
    vid: Vid | None = None
    url: Url | None = None
    cos_request_id: Text | None = None
    date: Text | None = None

    def known_vid(self) -> str | None:
        """The vid that follows from the request; None if only the provider can tell. Raises `Malformed`."""
        if self.vid or (self.url and self.cos_request_id and self.date):
            return self.vid or video_vid(self.cos_request_id or "", self.date or "")
        if self.url and not (self.cos_request_id or self.date):
            return None
        raise Malformed("vid", "give vid, or url, or url with cos_request_id and date")


class TaskCreated(BaseModel):
    """Answer to a submit: `vid` is null while the provider has not answered (202)."""

    vid: str | None
    kind: Kind
    state: State


class TaskView(BaseModel):
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


class TaskRow(BaseModel):
    """A task in a list."""

    vid: str
    kind: Kind
    state: State
    url: str | None = None
    created_at: datetime
    updated_at: datetime


class TaskPage(BaseModel):
    """A page of tasks, newest first; `cursor` leads to the next one."""

    tasks: list[TaskRow]
    cursor: str | None = None


class HistoryLine(BaseModel):
    """One observation: who said what, and when it came. `body` is null once its time to be kept is over."""

    origin: Origin
    at: datetime
    digest: str
    body: Any


class ConflictView(BaseModel):
    """Values that contradict each other, each with who said it; `settled` is the provider's own, once it told."""

    model_config = ConfigDict(from_attributes=True)
    subject: str
    values: dict[str, tuple[Origin, ...]]
    settled: str | None


class History(BaseModel):
    """A task's observations, oldest first, and what in them contradicts."""

    vid: str
    observations: list[HistoryLine]
    conflicts: list[ConflictView]


class Accepted(BaseModel):
    """Answer to a callback."""

    vid: str
    accepted: bool
    duplicate: bool


class Health(BaseModel):
    """Answer to a health check."""

    status: str = "ok"


class Problem(BaseModel):
    """RFC 9457: the shape of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str | None = None
    field: str | None = None


def read(model: type[Model], body: Mapping[str, Any]) -> Model:
    """Validate a request; raises `Malformed` with the first field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise Malformed(".".join(map(str, first["loc"])) or "body", first["msg"]) from error


def task_view(task: Task) -> dict[str, Any]:
    """Give a task as JSON values."""
    return TaskView.model_validate(task).model_dump(mode="json", exclude_none=True)


def history_view(task: Task, entries: tuple[Entry, ...]) -> dict[str, Any]:
    """Give a task's log as JSON values, oldest first."""
    ordered = sorted(entries, key=lambda entry: (entry.at, entry.digest))
    lines = [HistoryLine(origin=one.origin, at=one.at, digest=one.digest, body=_body(one)) for one in ordered]
    conflicts = [ConflictView.model_validate(one) for one in task.conflicts]
    return History(vid=task.vid, observations=lines, conflicts=conflicts).model_dump(mode="json")


def _body(entry: Entry) -> Any:
    """A body as JSON where it is JSON, else as text; of a large one only that it is large."""
    if entry.body is None:
        return None
    if len(entry.body) > MOST_SHOWN:
        return {"omitted": f"{len(entry.body)} bytes"}
    text = entry.body.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
