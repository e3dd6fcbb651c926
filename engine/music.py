"""A small game server: it relays signed results of ZEGO's SDK, in all their variants and with faults on request.

ZEGO posts nothing to a backend. Its SDK answers a phone, and the game server relays that answer. Times to live are in
milliseconds.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal
from uuid import uuid4

import urllib3
from pydantic import Field

from engine.decode import Secret
from mediarelay.errors import Malformed
from mediarelay.signing.standard_webhooks import headers
from mediarelay.signing.zego import callback_signature

DAY = 86_400_000
# Seconds by which the older of two acquisitions precedes the newer one that overtakes it. Mediarelay accepts relays of
# the last five minutes.
EARLIER = 60
# The SDK's code for a song without a licence.
NO_LICENCE = 1017030
# A valid secret that is not the game server's. A malformed one would fail before the signature is compared.
ANOTHER = "d3Jvbmc="
TIMEOUT = urllib3.Timeout(total=30)
Variant = Literal[
    "song",
    "accompaniment",
    "long_clip",
    "short_segment",
    "shared_song",
    "shared_accompaniment",
    "shared_clip",
    "legacy_song",
]
Wrong = Literal["nothing", "empty", "expired", "duplicates", "out_of_order", "wrong_signature", "error"]

_SPAN = {"is_clip": 1, "segment_begin": 30_000, "segment_end": 90_000, "prelude_duration": 2000}
_OTHERS = {"other_segments": [{"begin": 0, "end": 10_000}, {"begin": 20_000, "end": 30_000}]}
_LONG = {"duration": 240_000}
_LYRICS = {"krc_token": ..., "krc_token_ttl": ...}
_NAMED = {"song_name": "Die Loreley", "singer_name": "Chorus", **_LONG}
# The fields of `data` beside song_id and resources. `...` stands for a new token or the requested time to live.
VARIANTS: dict[str, dict[str, Any]] = {
    "song": {"is_accompany": 0, **_NAMED, "share_token_ttl": ...},
    "accompaniment": {"is_accompany": 1, "has_original": 1, **_LONG, "share_token": ..., "token_ttl": ..., **_LYRICS},
    "long_clip": {"is_accompany": 0, **_SPAN, "share_token_ttl": ..., **_LYRICS},
    "short_segment": {"is_accompany": 1, **_SPAN, **_OTHERS, "token_ttl": ..., **_LYRICS},
    "shared_song": {"is_accompany": 0, **_NAMED},
    "shared_accompaniment": {"is_accompany": 1, "has_original": 0, **_LONG, **_LYRICS},
    "shared_clip": {"is_accompany": 0, **_SPAN, "share_token_ttl": ..., **_LYRICS},
    "legacy_song": {"song_name": "Die Loreley", "share_token": ..., "token_ttl": ...},
}
# Fields that older versions of the SDK add to a resource or write differently. `nomal` is the SDK's own spelling.
RESOURCES: dict[str, dict[str, Any]] = {
    "accompaniment": {"share_token": ...},
    "short_segment": {"share_token": ...},
    "legacy_song": {"share_token": ..., "quality": "nomal"},
}
# The SDK's `resource_type` of each variant, by the last part of its name: 0 is a whole song.
TYPES = {name: {"clip": 2, "segment": 3, "accompaniment": 1}.get(name.rpartition("_")[2], 0) for name in VARIANTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class GameServer:
    """The address that receives relays, and the secret that signs them."""

    url: str
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request to relay results.

    `ttl` is how long every token and resource is valid, in milliseconds. `fault` is the fault to apply; an `error_code`
    alone implies the fault `error`.
    """

    room_id: str
    variant: Variant = "accompaniment"
    song_id: str = "104008"
    vendor_id: Annotated[int, Field(ge=0, le=99)] = 1
    ttl: Annotated[int, Field(ge=0, le=DAY)] = 300_000
    scheme: Literal["webhooks", "zego"] = "webhooks"
    fault: Wrong = "nothing"
    error_code: Annotated[int, Field(ge=0, le=2**31)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One relay to send. `age` is subtracted from its timestamp, in seconds; `secret` replaces the configured one."""

    fields: Mapping[str, Any]
    age: int = 0
    secret: str | None = field(default=None, repr=False)


def messages(order: Order) -> list[Message]:
    """Return the relays of an order, in the order of sending."""
    return WRONG["error" if order.error_code and order.fault == "nothing" else order.fault](order)


def _right(order: Order) -> Message:
    return Message(fields=_relay(order, _success(_data(order))))


def _empty(order: Order) -> Message:
    return Message(fields=_relay(order, _success({"song_id": order.song_id, "resources_size": 0, "resources": []})))


def _success(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"code": 0, "message": "success", "request_id": uuid4().hex, "data": data}


def _error(order: Order) -> Message:
    code = order.error_code or NO_LICENCE
    result = {"code": code, "message": "failed", "request_id": uuid4().hex}
    return Message(fields=_relay(order, result) | {"error_code": code})


def _out_of_order(order: Order) -> list[Message]:
    """Return a newer acquisition, and after it an older one that would end earlier."""
    return [_right(order), replace(_right(replace(order, ttl=order.ttl // 2)), age=EARLIER)]


WRONG: Mapping[str, Callable[[Order], list[Message]]] = {
    "nothing": lambda order: [_right(order)],
    "empty": lambda order: [_empty(order)],
    "expired": lambda order: [_right(replace(order, ttl=0))],
    "duplicates": lambda order: [_right(order)] * 3,
    "out_of_order": _out_of_order,
    "wrong_signature": lambda order: [replace(_right(order), secret=ANOTHER)],
    "error": lambda order: [_error(order)],
}


def _relay(order: Order, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a relay. Its `result` is JSON text, as SDKs return it."""
    about = {"room_id": order.room_id, "vendor_id": order.vendor_id, "song_id": order.song_id}
    shared = {"shared": True} if order.variant == "shared_clip" else {}
    return {**about, **shared, "resource_type": TYPES[order.variant], "result": json.dumps(result)}


def _data(order: Order) -> dict[str, Any]:
    resource = {"resource_id": uuid4().hex, "size": 3_145_728, "quality": "normal", "resource_ttl": order.ttl}
    resource |= _filled(RESOURCES.get(order.variant, {}), order)
    fields = _filled(VARIANTS[order.variant], order)
    return {"song_id": order.song_id, **fields, "resources_size": 1, "resources": [resource]}


def _filled(fields: Mapping[str, Any], order: Order) -> dict[str, Any]:
    return {name: _made(name, order) if value is ... else value for name, value in fields.items()}


def _made(name: str, order: Order) -> Any:
    return f"{name}-{uuid4().hex}" if name.endswith("_token") else order.ttl


def post(pool: urllib3.PoolManager, target: GameServer | None, order: Order) -> list[int]:
    """Send the relays of an order and return the HTTP status of each answer.

    Raises `Malformed` if the configuration names no game server, or if its address does not answer.
    """
    if target is None:
        raise Malformed("music", "the configuration names no game server")
    try:
        return [_post(pool, target, order.scheme, one) for one in messages(order)]
    except urllib3.exceptions.HTTPError as error:
        raise Malformed("music", f"{target.url}: {type(error).__name__}") from error


def _post(pool: urllib3.PoolManager, target: GameServer, scheme: str, message: Message) -> int:
    key, sent = message.secret or target.secret, str(int(time.time()) - message.age)
    body, proof = SCHEMES[scheme](key, sent, dict(message.fields))
    sent_with = proof | {"content-type": "application/json"}
    return pool.request("POST", target.url, body=body, headers=sent_with, timeout=TIMEOUT, redirect=False).status


def _webhooks(key: str, sent: str, fields: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(fields).encode()
    return body, headers(key, f"msg_{uuid4().hex}", sent, body)


def _zego(key: str, sent: str, fields: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    nonce = uuid4().int >> 64
    proof = {"signature": callback_signature(key, sent, nonce), "timestamp": sent, "nonce": nonce}
    return json.dumps(fields | proof).encode(), {}


SCHEMES: Mapping[str, Callable[[str, str, dict[str, Any]], tuple[bytes, dict[str, str]]]] = {
    "webhooks": _webhooks,
    "zego": _zego,
}
