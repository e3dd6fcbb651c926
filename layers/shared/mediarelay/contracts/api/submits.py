"""Submits over HTTP: tasks to transcode or to track, and batches of audio tasks."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationInfo, WithJsonSchema, field_validator
from pydantic.config import JsonDict

from mediarelay.contracts.api.base import Key, RequestModel, ResponseModel, Text, Vid
from mediarelay.contracts.source_url import Url, stated_in_url
from mediarelay.domain.tasks.facts import MAX_REFERENCE
from mediarelay.domain.tasks.intent import Intent, Submitted, submit_status
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.vid import video_vid
from mediarelay.errors import Malformed, MediarelayError, shown_detail

# The function creates one intent for each item, and API Gateway waits 30 seconds for all of them.
MAX_TASKS = 500
MAX_OUTPUTS = 50


# The forms as the published schema states them; whoever serves a request reads its fields and says what is wrong.
BUCKET: JsonDict = {"pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,48}[A-Za-z0-9])?-[1-9][0-9]{0,14}$"}
REGION: JsonDict = {"pattern": "^[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?$"}
S3_BUCKET: JsonDict = {"pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"}
FOLDER: JsonDict = {"pattern": "^/([^/]+/)*$", "maxLength": 512}
WEB_URL: JsonDict = {"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#\\s@]+([/?#]\\S*)?$"}


class SourceRequest(RequestModel):
    """The file to transcode: an object of the object storage, a URL, or an object of AWS S3."""

    bucket: Text | None = Field(
        None, description="Bucket with its account, such as `clips-1250000000`", json_schema_extra=BUCKET
    )
    region: Text | None = Field(
        None, description="Region of the bucket, such as `ap-shanghai`", json_schema_extra=REGION
    )
    object: Text | None = Field(None, description="Key of the object, not escaped, such as `/in/a.mp4`")
    url: Text | None = Field(
        None, description="URL of a file on the web; it needs a `destination`", json_schema_extra=WEB_URL
    )
    s3_bucket: Text | None = Field(None, json_schema_extra=S3_BUCKET)
    s3_region: Text | None = Field(None, json_schema_extra=REGION)
    s3_object: Text | None = Field(None, description="Key of the object, not escaped")


class DestinationRequest(RequestModel):
    """Where the outputs go."""

    bucket: Text | None = Field(
        None, description="Bucket with its account, such as `clips-1250000000`", json_schema_extra=BUCKET
    )
    region: Text | None = Field(None, json_schema_extra=REGION)
    s3_bucket: Text | None = Field(None, json_schema_extra=S3_BUCKET)
    s3_region: Text | None = Field(None, json_schema_extra=REGION)


class OutputRequest(RequestModel):
    """One output: a template of the provider. Templates of different types share their numbers."""

    definition: int = Field(ge=1, le=2**31 - 1)
    type: Literal["transcode", "gif", "snapshot", "sprite", "stream"] | None = Field(
        None, description="By default `gif` for 20000 and 20001, and `transcode` for any other template"
    )
    start: float | None = Field(
        None, ge=0, le=86_400, description="Seconds of the source at which a GIF begins, by default 0"
    )
    end: float | None = Field(
        None, ge=0, le=86_400, description="Seconds of the source at which a GIF ends, by default start + 3"
    )


Reference = Annotated[str, StringConstraints(min_length=1, max_length=MAX_REFERENCE)]
Output = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
                {"$ref": "#/components/schemas/OutputRequest"},
            ]
        }
    ),
]


class TaskRequest(RequestModel):
    """A task to submit. Which fields a request takes and needs depends on its provider.

    The older form names an object of the object storage by `url`, and its bucket and region once more.
    """

    provider: Text | None = Field(None, description="`mps` or `cts`; by default the parameter `Provider`")
    url: Url | None = None
    bucketName: Text | None = None  # noqa: N815 - the provider's name, part of the contract
    bucketRegion: Text | None = None  # noqa: N815
    source: SourceRequest | None = None
    outputs: list[Output] | None = Field(
        None,
        min_length=1,
        max_length=MAX_OUTPUTS,
        description="Templates, as numbers (a transcode, or 20000 for a GIF) or as objects; by default the usual ones "
        "of the kind",
    )
    schedule: int | None = Field(
        None, ge=1, le=2**63 - 1, description="Number of a schedule of the provider, instead of `outputs`"
    )
    destination: DestinationRequest | None = None
    output_dir: Text | None = Field(
        None, description="Folder of the outputs, such as `/out/`", json_schema_extra=FOLDER
    )
    priority: int | None = Field(None, ge=-10, le=10, description="-10 to 10; by default 0")
    reference: Reference | None = Field(
        None, description="Your own reference, up to 1,000 characters: task and notification show it"
    )

    @field_validator("bucketName", "bucketRegion")
    @classmethod
    def _is_in_the_url(cls, value: str | None, others: ValidationInfo) -> str | None:
        return value and stated_in_url(value, others)


class AudioTaskRequest(TaskRequest):
    """`POST /tasks/audio`: the audio file to transcode."""


class VideoTaskRequest(TaskRequest):
    """`POST /tasks/video`: a video to transcode, or the vid of a task to track."""

    vid: Vid | None = None
    cos_request_id: Text | None = None
    date: Text | None = None

    def known_vid(self) -> str | None:
        """Return the vid that the request states or determines, or None if only the provider knows it.

        Raises `Malformed` if the request identifies no task, or both a task and the work of a new one.
        """
        if self.vid or (self.url and self.cos_request_id and self.date):
            if other := next((name for name in NEW_TASK_ONLY if getattr(self, name) is not None), None):
                raise Malformed(other, "is not taken with a task that exists already")
            return self.vid or video_vid(self.cos_request_id or "", self.date or "")
        if self.cos_request_id or self.date:
            raise Malformed(*self._missing_of_upload())
        if self.url or self.source:
            return None
        raise Malformed("vid", "is required, unless url is given, alone or with cos_request_id and date, or source")

    def _missing_of_upload(self) -> tuple[str, str]:
        """Return the first field that an upload lacks, and what is wrong: its three fields determine the vid."""
        needed = {"url": self.url, "cos_request_id": self.cos_request_id, "date": self.date}
        missing, *_ = [name for name, value in needed.items() if not value]
        given = " and ".join(name for name, value in needed.items() if value and name != "url")
        return missing, f"is required with {given}: the headers of an upload identify its task together"


# Fields that only a new task can take.
NEW_TASK_ONLY = ("provider", "source", "outputs", "schedule", "destination", "output_dir", "priority")


class SubmitResponse(ResponseModel):
    """Response to a submit. `vid` is null (202) while the provider has not answered.

    `submission` is missing for a task that is only tracked.
    """

    vid: str | None
    kind: Kind
    state: State
    submission: str | None = Field(None, description="The id of the submission: `GET /submissions/{id}` follows it")


class RefusedSubmit(ResponseModel):
    """A submit that Mediarelay accepted (202) and the provider refused later, or did not answer in time.

    There is no task, unless `reason` says that an earlier attempt may have made one.

    `idempotency_key` and `client` are included if the client chose the key.
    """

    submission: str
    kind: Kind
    provider: str
    url: str | None = None
    bucketName: str | None = None  # noqa: N815 - as the client named it
    bucketRegion: str | None = None  # noqa: N815
    source: SourceRequest | None = None
    reference: str | None = None
    idempotency_key: str | None = None
    client: str | None = None
    reason: str
    accepted_at: datetime


class AudioBatchItem(AudioTaskRequest):
    """One task of a batch. `idempotency_key` has the meaning of the header `Idempotency-Key`."""

    idempotency_key: Key | None = None


class AudioBatchRequest(RequestModel):
    """`POST /tasks/audio/batch`: up to 500 tasks. Each one succeeds or fails on its own."""

    # Pydantic would refuse the whole batch for one wrong item, so each item is validated by itself later.
    tasks: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/AudioBatchItem"})]],
        Field(min_length=1, max_length=MAX_TASKS),
    ]


class BatchResult(ResponseModel):
    """Result of one item: the status and fields of a single submit. `repeated` if its key was already used."""

    index: int
    status: int
    repeated: bool | None = None
    vid: str | None = None
    state: State | None = None
    submission: str | None = None
    detail: str | None = None
    field: str | None = None


class BatchResponse(ResponseModel):
    """Results of a batch, in the order of its items."""

    results: list[BatchResult]


def submit_response(submitted: Submitted) -> dict[str, Any]:
    """Return the response to a submit as JSON values."""
    response = SubmitResponse.model_validate(submitted).model_dump(mode="json")
    if submitted.submission is None:
        del response["submission"]
    return response


def refused_submit(intent: Intent) -> dict[str, Any]:
    """Return a refused submit as JSON values."""
    # A default key is the request itself, which the event shows anyway.
    chosen = {"client": intent.client, "idempotency_key": intent.key} if intent.client is not None else {}
    known = {"kind": intent.kind, "provider": intent.provider, "reason": intent.refused, "accepted_at": intent.at}
    refused = RefusedSubmit.model_validate({**intent.request, **chosen, **known, "submission": intent.submission})
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
        submission=result.submission,
    )
