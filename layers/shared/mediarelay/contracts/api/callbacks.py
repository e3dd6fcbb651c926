"""Callbacks over HTTP, for the OpenAPI document and the tests.

The callback functions import neither these models nor pydantic, so that they start fast. `providers/cts/head.py`,
`providers/mps/callbacks.py` and `contracts/zego/relay.py` read the requests instead.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from mediarelay.contracts.api.base import ResponseModel, Vid
from mediarelay.domain.songs.model import SongType


class Callback(BaseModel):
    """A callback of the provider. Mediarelay reads only these fields before it stores the callback."""

    vid: Vid
    # Old versions of the provider leave it out, and the other fields then identify the form.
    callback_type: str = ""


class MpsCallback(BaseModel):
    """A callback of MPS. Mediarelay reads only these fields, and the task's id, before it stores the callback."""

    EventType: str = Field(description="`WorkflowTask` or `ScheduleTask`; any other event is not about a task")
    WorkflowTaskEvent: dict[str, Any] | None = None
    ScheduleTaskEvent: dict[str, Any] | None = None
    Timestamp: int | None = Field(default=None, description="UNIX seconds at which the signature expires")
    Sign: str | None = Field(default=None, description="MD5 of Timestamp and NotifyKey")


class CallbackResponse(ResponseModel):
    """Response to a callback; `duplicate` if the same callback is already stored.

    `vid` is null if the callback is not about a task.
    """

    vid: str | None
    accepted: bool
    duplicate: bool


class SongRelayRequest(BaseModel):
    """`POST /callbacks/music`: one result of ZEGO's SDK, as the game server received it."""

    room_id: str
    vendor_id: int
    resource_type: SongType | int | None = Field(default=None, description="Requested type; by default inferred")
    song_id: str | None = Field(default=None, description="Required if the result does not name the song")
    error_code: int | None = Field(default=None, description="The SDK's errorCode")
    shared: bool | None = Field(default=None, description="Whether getSharedResource returned it; by default inferred")
    result: dict[str, Any] | str | None = Field(
        default=None, description="The SDK's result, as an object or as JSON text"
    )
    signature: str | None = Field(default=None, description="ZEGO's signature, without webhook headers")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class SongRelaysRequest(BaseModel):
    """`POST /callbacks/music`: several results in one request. All of them are accepted, or none."""

    relays: Annotated[list[SongRelayRequest], Field(min_length=1, max_length=100)]
    signature: str | None = Field(default=None, description="ZEGO's signature, without webhook headers")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class RelayReceipt(ResponseModel):
    """Result of one relay; `duplicate` if the same relay is already stored."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    accepted: bool
    duplicate: bool


class RelayResponse(ResponseModel):
    """Response to a batch of relays, with one result for each, in the same order."""

    results: list[RelayReceipt]
