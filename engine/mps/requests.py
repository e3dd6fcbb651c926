"""The requests of the MPS API as typed values, with the provider's names in JSON (`CosInputInfo`) and ours in Python.

`engine.decode` reads and prints them. Definitions and limits may come as text, as in the provider's own examples.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from engine.decode import Secret

MAX_SESSION_ID = 50
MAX_SESSION_CONTEXT = 1000
MAX_LIMIT = 100
# Each picture at a time is an output of ffmpeg.
MAX_OFFSETS = 100
_NUMBER_DIGITS = 10


def _number(value: object) -> object:
    text = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _NUMBER_DIGITS
    return int(str(value)) if text else value


Number = Annotated[int, BeforeValidator(_number)]
Offset = Annotated[float, Field(ge=0, le=1e9)]
OffsetText = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?[s%]$")]
StorageType = Literal["COS", "URL", "AWS-S3", "VOD"]
TaskState = Literal["WAITING", "PROCESSING", "FINISH"]


class _Named:
    """The base of all requests: JSON has the provider's names."""

    __slots__ = ()
    __pydantic_config__ = ConfigDict(alias_generator=to_pascal, serialize_by_alias=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosInput(_Named):
    """An object of a bucket. `bucket` is `name-1250000000`."""

    bucket: str
    region: str
    object: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlInput(_Named):
    """A file at a URL, escaped once."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Input(_Named):
    """An object of AWS S3, with the key that reads it."""

    s3_bucket: str
    s3_region: str
    s3_object: str
    s3_secret_id: Secret = ""
    s3_secret_key: Secret = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(_Named):
    """The source: the one of the fields that `type` names."""

    type: StorageType
    cos_input_info: CosInput | None = None
    url_input_info: UrlInput | None = None
    s3_input_info: S3Input | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CosStorage(_Named):
    """A bucket for outputs."""

    bucket: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Storage(_Named):
    """A bucket of AWS S3 for outputs, with the key that writes it."""

    s3_bucket: str
    s3_region: str
    s3_secret_id: Secret = ""
    s3_secret_key: Secret = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(_Named):
    """Where outputs go: the one of the fields that `type` names."""

    type: StorageType = "COS"
    cos_output_storage: CosStorage | None = None
    s3_output_storage: S3Storage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(_Named):
    """One requested output: the number of its template."""

    definition: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphicEntry(Entry):
    """A requested animated picture: its begin and end in the source, in seconds."""

    start_time_offset: Offset
    end_time_offset: Offset


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetEntry(Entry):
    """Requested pictures: each at a time of the source, as `1.5s` or `10%`, or in seconds."""

    ext_time_offset_set: Annotated[tuple[OffsetText, ...], Field(max_length=MAX_OFFSETS)] = ()
    time_offset_set: Annotated[tuple[Offset, ...], Field(max_length=MAX_OFFSETS)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs(_Named):
    """All requested outputs (`MediaProcessTask`)."""

    transcode_task_set: tuple[Entry, ...] = ()
    animated_graphic_task_set: tuple[GraphicEntry, ...] = ()
    snapshot_by_time_offset_task_set: tuple[OffsetEntry, ...] = ()
    sample_snapshot_task_set: tuple[Entry, ...] = ()
    image_sprite_task_set: tuple[Entry, ...] = ()
    adaptive_dynamic_streaming_task_set: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify(_Named):
    """Where callbacks go (`TaskNotifyConfig`). An empty `notify_type` means a message queue."""

    notify_type: Literal["", "URL", "CMQ", "TDMQ-CMQ", "SCF", "AWS-SQS"] = ""
    notify_mode: Literal["", "Finish", "Change"] = ""
    notify_url: str = ""
    notify_key: Secret = ""
    cmq_model: str = ""
    cmq_region: str = ""
    topic_name: str = ""
    queue_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMedia(_Named):
    """A task to start."""

    input_info: Input
    output_storage: Storage | None = None
    output_dir: str = ""
    schedule_id: Number | None = None
    media_process_task: Outputs | None = None
    task_notify_config: Notify | None = None
    tasks_priority: Annotated[Number, Field(ge=-10, le=10)] = 0
    session_id: str = ""
    session_context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTaskDetail(_Named):
    """The task to describe."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeTasks(_Named):
    """The tasks to list. Times are in ISO 8601."""

    status: TaskState
    limit: Annotated[Number, Field(ge=1, le=MAX_LIMIT)] = 10
    scroll_token: str = ""
    start_time: str = ""
    end_time: str = ""
    sub_task_has_failed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageTask(_Named):
    """An operation on a task."""

    operation_type: str
    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule that uploads to a bucket trigger, or a `ProcessMedia` with its id.

    An upload triggers it if its key begins with `prefix`. `outputs` and `notify` have the provider's names.
    """

    id: Annotated[int, Field(ge=1, le=2**31)]
    bucket: str
    region: str
    outputs: Outputs
    prefix: str = ""
    output_dir: str = ""
    notify: Notify | None = None


def without_nulls(value: Any) -> Any:
    """Return JSON without members that are null: clients may send them for parameters that they leave out."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value
