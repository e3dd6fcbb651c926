"""The task inside a callback or an answer: its state, its source file, and the results of its outputs.

The callback functions import this module, so it uses no third-party package and no facts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mediarelay.contracts.fields import Fields, nothing
from mediarelay.domain.tasks.file_url import CosFile, parse_stored
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed, NotATask
from mediarelay.providers.mps import values as read

# The member that holds the task, in a callback by its `EventType` and in an answer.
EVENTS = {"WorkflowTask": "WorkflowTaskEvent", "ScheduleTask": "ScheduleTaskEvent"}
DETAILS = ("WorkflowTask", "ScheduleTask")
# The members of a result that hold an output; other members hold analyses, which have a status only.
OUTPUTS = (
    *("TranscodeTask", "AnimatedGraphicTask", "SnapshotByTimeOffsetTask", "SampleSnapshotTask"),
    *("ImageSpriteTask", "AdaptiveDynamicStreamingTask"),
)
_RESULT_SETS = (
    *("MediaProcessResultSet", "AiContentReviewResultSet", "AiAnalysisResultSet", "AiRecognitionResultSet"),
)
FINISHED, SUCCESS, FAIL = "FINISH", "SUCCESS", "FAIL"
_STAGES = {"WAITING": State.PENDING, "PROCESSING": State.TRANSCODING}


@dataclass(frozen=True, slots=True)
class Location:
    """Where the source file lies; `printed` is its URL as `parse_printed` reads it, not escaped."""

    app_id: int | None = None
    bucket: str | None = None
    region: str | None = None
    path: str | None = None
    url: str | None = None
    printed: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one output or analysis: the member that holds it, its content, and its status."""

    member: str
    fields: Fields
    status: str | None


def unwrapped(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content of `Response`, which answers have and callbacks may have, or else the object itself."""
    inner = data.get("Response")
    return inner if isinstance(inner, Mapping) else data


def event_task(message: Fields) -> Fields:
    """Return the task in a callback.

    Raises:
        NotATask: The callback is about something else, such as an edit or a live stream.
        Malformed: It contains no task.
    """
    stated = message.data.get("EventType")
    # An event type that is missing is known from the member that is there.
    present = [member for member in EVENTS.values() if nothing(message.data.get(member)) is not None]
    member = EVENTS.get(stated) if isinstance(stated, str) and stated else next(iter(present), None)
    if isinstance(stated, str) and stated and member is None:
        raise NotATask("EventType: not about a transcode task")
    if member is None:
        raise Malformed("EventType", "is required: without it, the callback names no task")
    task = message.inside(member, message.strict(member, read.mapping))
    if not task.data:
        raise Malformed(member, "is required: without it, the callback names no task")
    return task


def answered_task(answer: Fields) -> Fields:
    """Return the task in an answer, without members if there is none yet; raises `Malformed` for another type."""
    if answer.side("TaskType", read.text) not in {None, *DETAILS}:
        raise Malformed("TaskType", f"none of {', '.join(DETAILS)}")
    found = [answer.inside(member, answer.strict(member, read.mapping)) for member in DETAILS]
    return next((task for task in found if task.data), found[0])


def results(task: Fields) -> list[Result]:
    """Return the results of a task, of a workflow and of a schedule alike."""
    entries = [entry for name in _RESULT_SETS for entry in task.parts(name)]
    entries += [activity.part("ActivityResItem") for activity in task.parts("ActivityResultSet")]
    found = [(member, entry.part(member)) for entry in entries for member in _members(entry)]
    return [Result(member, fields, fields.side("Status", read.text)) for member, fields in found if fields.data]


def _members(entry: Fields) -> list[str]:
    """Return the members of an entry that hold a result. An analysis has a status."""
    return [
        name
        for name, value in entry.data.items()
        if name in OUTPUTS or (isinstance(value, Mapping) and "Status" in value)
    ]


def stage(fields: Fields) -> State | None:
    """Return the state of a task that has not ended; None if it has. Raises `Malformed` for any other status."""
    status = fields.strict("Status", read.text)
    if status != FINISHED and status not in _STAGES:
        raise Malformed(f"{fields.path}Status", f"none of {', '.join((*_STAGES, FINISHED))}")
    return _STAGES.get(status)


def state(task: Fields, found: list[Result]) -> State:
    """Return the state of a task; raises `Malformed` if it cannot be known.

    | status | error of the task | outputs | state |
    | --- | --- | --- | --- |
    | WAITING, PROCESSING | any | any | pending, transcoding |
    | FINISH | any | at least one SUCCESS | succeeded |
    | FINISH | any | else at least one FAIL | failed |
    | FINISH | stated | any others | failed |
    | FINISH | none | any others | unknown |
    """
    if early := stage(task):
        return early
    statuses = {result.status for result in found}
    if SUCCESS in statuses:
        return State.SUCCEEDED
    if FAIL in statuses or error_code(task):
        return State.FAILED
    # The provider states neither an output nor an error. An outcome is final, so a guess would hide outputs that a
    # later answer lists, or let a client pay for the same task again. The task is queried again instead.
    raise Malformed(f"{task.path}Status", f"{FINISHED} without an error, and without an output that has ended")


def is_partial(task: Fields, found: list[Result]) -> bool:
    """Return whether a task that has ended has an output, and lacks another one."""
    statuses = {result.status for result in found}
    return stage(task) is None and SUCCESS in statuses and (statuses != {SUCCESS} or bool(error_code(task)))


def error_code(task: Fields) -> int | None:
    """Return the error of the task itself, which is about its source; None or 0 if there is none."""
    return task.strict("ErrCode", read.integer)


def kind(task: Fields) -> Kind | None:
    """Return the kind that the streams of the source show; None if the provider has not looked at them."""
    streams = task.part("MetaData").data
    videos, audios = (nothing(streams.get(name)) for name in ("VideoStreamSet", "AudioStreamSet"))
    if videos is None and audios is None:
        return None
    return Kind.AUDIO if videos is None else Kind.VIDEO


def location(task: Fields) -> Location:
    """Read where the source lies; raises `Malformed`, because this says whose file it is."""
    info = task.inside("InputInfo", task.strict("InputInfo", read.mapping))
    stated = ((reader, info.inside(name, info.strict(name, read.mapping))) for name, reader in _INPUTS.items())
    return next((reader(fields) for reader, fields in stated if fields.data), Location())


def _cos(fields: Fields) -> Location:
    (name, app_id), key = fields.strict("Bucket", read.bucket), fields.strict("Object", read.key)
    region, path = fields.side("Region", read.region), f"/{key}" if key else None
    if not (name and app_id and key and region):
        return Location(app_id, name, region, path)
    file = CosFile(app_id=app_id, bucket=name, region=region, key=key)
    return Location(app_id, name, region, path, file.url, file.printed)


def _url(fields: Fields) -> Location:
    url = fields.strict("Url", read.address)
    file = parse_stored(url) if url else None
    return Location(url=url, printed=file.printed if file else url)


def _s3(fields: Fields) -> Location:
    name, key = fields.strict("S3Bucket", read.address), fields.strict("S3Object", read.key)
    url = s3_url(name, key) if name and key else None
    path = f"/{key}" if key else None
    return Location(bucket=name, region=fields.side("S3Region", read.region), path=path, url=url, printed=url)


_INPUTS: dict[str, Callable[[Fields], Location]] = {"CosInputInfo": _cos, "UrlInputInfo": _url, "S3InputInfo": _s3}


def s3_url(bucket: str, key: str) -> str:
    """Return the URL of an object in a foreign storage. The key is escaped as `CosFile.url` escapes it."""
    return f"s3://{bucket}/{quote(key.removeprefix('/'), safe='/')}"
