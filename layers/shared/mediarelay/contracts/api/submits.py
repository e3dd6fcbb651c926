"""Submits over HTTP: tasks to transcode or to track, and batches of audio tasks."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator

from mediarelay.contracts.api.base import Key, RequestModel, ResponseModel, Text, Vid
from mediarelay.contracts.source_url import Url, stated_in_url
from mediarelay.domain.tasks.intent import Intent, Submitted, submit_status
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.vid import video_vid
from mediarelay.errors import Malformed, MediarelayError, shown_detail

# The function creates one intent for each item, and API Gateway waits 30 seconds for all of them.
MAX_TASKS = 500


class AudioTaskRequest(RequestModel):
    """`POST /tasks/audio`: the file to transcode. The fields have the provider's names."""

    url: Url
    bucketName: Text  # noqa: N815 - the provider's name, part of the contract
    bucketRegion: Text  # noqa: N815

    @field_validator("bucketName", "bucketRegion")
    @classmethod
    def _is_in_the_url(cls, value: str, others: ValidationInfo) -> str:
        return stated_in_url(value, others)


class VideoTaskRequest(RequestModel):
    """`POST /tasks/video`: a task to track, by vid, by url, or by url and the response headers of its upload."""

    vid: Vid | None = None
    url: Url | None = None
    cos_request_id: Text | None = None
    date: Text | None = None

    def known_vid(self) -> str | None:
        """Return the vid that the request states or determines, or None if only the provider knows it.

        Raises `Malformed` if the request identifies no task.
        """
        if self.vid or (self.url and self.cos_request_id and self.date):
            return self.vid or video_vid(self.cos_request_id or "", self.date or "")
        if self.url and not (self.cos_request_id or self.date):
            return None
        raise Malformed("vid", "is required, unless url is given, alone or with cos_request_id and date")


class SubmitResponse(ResponseModel):
    """Response to a submit. `vid` is null (202) while the provider has not answered."""

    vid: str | None
    kind: Kind
    state: State


class RefusedSubmit(ResponseModel):
    """A submit that Mediarelay accepted (202) and the provider refused later. There is no task.

    `idempotency_key` and `client` are included if the client chose the key.
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
    detail: str | None = None
    field: str | None = None


class BatchResponse(ResponseModel):
    """Results of a batch, in the order of its items."""

    results: list[BatchResult]


def submit_response(submitted: Submitted) -> dict[str, Any]:
    """Return the response to a submit as JSON values."""
    response = SubmitResponse(vid=submitted.vid, kind=submitted.kind, state=submitted.state)
    return response.model_dump(mode="json")


def refused_submit(intent: Intent) -> dict[str, Any]:
    """Return a refused submit as JSON values."""
    # A default key is the request itself, which the event shows anyway.
    chosen = {"client": intent.client, "idempotency_key": intent.key} if intent.client is not None else {}
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
