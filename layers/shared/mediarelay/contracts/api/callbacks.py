"""Callbacks over HTTP, for the description of the API and its tests.

The callback functions load neither these models nor pydantic: `contracts/cts/head.py` and `contracts/zego/relay.py`
read what they receive.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from mediarelay.contracts.api.base import ResponseModel, Vid
from mediarelay.domain.songs.model import SongType


class Callback(BaseModel):
    """A callback of the provider. Only these fields are read before it is stored."""

    vid: Vid
    callback_type: str = ""


class CallbackResponse(ResponseModel):
    """Answer to a callback."""

    vid: str
    accepted: bool
    duplicate: bool


class SongRelayRequest(BaseModel):
    """`POST /callbacks/music`: one result of ZEGO's SDK, as the game server got it."""

    room_id: str
    vendor_id: int
    resource_type: SongType | int | None = Field(default=None, description="What was requested; by default inferred")
    song_id: str | None = Field(default=None, description="Needed for an error whose result does not name the song")
    error_code: int | None = Field(default=None, description="The SDK's errorCode")
    shared: bool | None = Field(default=None, description="Got by getSharedResource; by default inferred")
    result: dict[str, Any] | str | None = Field(default=None, description="The SDK's result, as an object or as text")
    signature: str | None = Field(default=None, description="ZEGO's fields, unless Standard Webhooks headers are sent")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class SongRelaysRequest(BaseModel):
    """`POST /callbacks/music`: several results at once, all of them taken or none."""

    relays: Annotated[list[SongRelayRequest], Field(min_length=1, max_length=100)]
    signature: str | None = Field(default=None, description="ZEGO's fields, unless Standard Webhooks headers are sent")
    timestamp: int | str | None = None
    nonce: int | str | None = None


class RelayReceipt(ResponseModel):
    """Answer to one relay."""

    room_id: str
    song_id: str
    vendor_id: int
    type: SongType
    accepted: bool
    duplicate: bool


class RelayResponse(ResponseModel):
    """Answer to a batch of relays, in its order."""

    results: list[RelayReceipt]
