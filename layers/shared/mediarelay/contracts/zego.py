"""ZEGO's wire: what a game server relays of the SDK's results, and what proves that it came from there.

Read leniently where ZEGO's own documents and versions differ, strictly where a deadline or an identity would be wrong.
No pydantic: the function that receives relays is on the hot path.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from mediarelay.contracts.callback_head import read_object
from mediarelay.domain.song import Grant, Relay, Resource, SongKey, SongType, Span
from mediarelay.domain.song_errors import EMPTY, SongError, song_error
from mediarelay.errors import Malformed

SHARE_TTL = 3_600_000
KRC_TTL = 43_200_000
"""What the documents give as defaults (milliseconds)."""
MOST_RELAYS = 100
"""Of one batch."""
MOST_PARTS = 32
"""Resources, or segments, of one result: what is shown and announced has to stay small."""
TYPES = {str(number): kind for number, kind in enumerate(SongType)} | {kind.value: kind for kind in SongType}
"""A requested type, by the SDK's number or by name."""
QUALITIES = {"nomal": "normal"}
"""Old spellings; unknown qualities are kept as they are."""
FLAGS = {"1": True, "true": True, "0": False, "false": False}
SIGNATURE_FIELDS = ("signature", "timestamp", "nonce")
SECRET_FIELDS = frozenset({"share_token", "krc_token", "resource_id"})
NAMES = frozenset({"room_id", "song_id", "song_name", "singer_name"})
SHOWN_FIELDS = NAMES | {"resource_type", "request_id", "message", "quality"}
"""Texts that are kept in clear, beside whole numbers and flags."""

_LARGEST = 2**53
_LONGEST_TEXT = 512
_LONGEST_TOKEN = 4096
_PERCENT_ENCODED = re.compile(rb"\s*%7B", re.IGNORECASE)
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_PLAIN = re.compile(rf"{_WHOLE.pattern}|true|false|", re.IGNORECASE)
_TELLING = re.compile(r"share_token|krc_token|resource_id|\"\s*:", re.IGNORECASE)
"""What shows that a text holds a secret, or JSON with a member."""
_PACKED = re.compile(r"\s*(\{|\[\s*\"|\")")
"""What may be JSON, also if it is cut off."""
_MICROSECOND = timedelta(microseconds=1)
Value = TypeVar("Value")
Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """ZEGO's own signature fields, exactly as they were sent."""

    signature: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a game server: relays, and ZEGO's signature fields if it has them; `batch` if it has a list."""

    relays: tuple[Fields, ...]
    signed: Signed | None
    digest: str
    batch: bool


def read_message(body: bytes) -> Message:
    """Read a message: one relay, or `relays` with up to 100; JSON, or JSON percent-encoded once.

    Raises `Malformed`.
    """
    fields = read_object(unquote_to_bytes(body) if _PERCENT_ENCODED.match(body) else body)
    content = {name: value for name, value in fields.items() if name.lower() not in SIGNATURE_FIELDS}
    return Message(_relays(content), _signed(fields), _digest(content), "relays" in content)


def read_relays(message: Message, sent: datetime, at: datetime, identity: str) -> list[Relay]:
    """Read all relays of a message; raises `Malformed` naming the first that is not well-formed, and its field."""
    return [_read_one(message, place, sent, at, identity) for place in range(len(message.relays))]


def _read_one(message: Message, place: int, sent: datetime, at: datetime, identity: str) -> Relay:
    try:
        return read_relay(message.relays[place], sent, at, place, identity)
    except Malformed as error:
        where = f"relays.{place}." if message.batch else ""
        raise Malformed(where + error.field, error.reason) from error


def read_relay(fields: Fields, sent: datetime, at: datetime, place: int = 0, message: str = "") -> Relay:
    """Read one relay, the `place`-th of a message; raises `Malformed` naming the field.

    The same error again is another one, if ZEGO gave it no request id: only the message tells it from a repeat.
    """
    result = _result(fields.get("result"))
    data = result.get("data") or {}
    if not isinstance(data, dict):
        raise Malformed("result.data", "not an object")
    error = _error(fields, result, data)
    key = SongKey(
        room=_named(fields, "room_id"),
        song=_song(fields, data),
        vendor=_required(_whole(fields, "vendor_id"), "vendor_id"),
        type=_type(fields, data, sure=error is None),
    )
    again = [message, place] if error and not result.get("request_id") else _stated(fields, "shared")
    return Relay(
        key=key,
        digest=_digest([key.room, key.song, key.vendor, key.type, error and error.raw, again, result]),
        content=_digest(result),
        sent=min(sent, at),
        at=at + place * _MICROSECOND,
        request_id=_text(result, "request_id"),
        grant=None if error else _grant(fields, data, key.type),
        error=error,
    )


def redacted(value: Any, name: str = "") -> Any:
    """The same JSON value with nothing in it that may be a token or a resource id.

    Of texts only those are kept that are known to be none; of a token a digest is, so that equal ones can be told.
    """
    if name.lower() in SECRET_FIELDS and value not in (None, ""):
        return f"sha256:{_digest(value)[:16]}"
    if isinstance(value, dict):
        return {inner: redacted(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [redacted(member, name) for member in value]
    return _shown(value, name) if isinstance(value, str) else value


def _shown(text: str, name: str) -> Any:
    """The SDK's own form of a result is JSON text; any other text is shown if it is one of the known ones."""
    if name == "result":
        return redacted(_readable(text))
    telling = _TELLING.search(text) or (name not in NAMES and _PACKED.match(text))
    if _PLAIN.fullmatch(text) or (name in SHOWN_FIELDS and not telling):
        return text
    return f"{len(text)} characters"


def _readable(text: str) -> Any:
    try:
        return _result(text)
    except Malformed:
        return [text]  # of which its length is shown


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _relays(content: Fields) -> tuple[Fields, ...]:
    if "relays" not in content:
        return (content,)
    relays = content["relays"]
    if not isinstance(relays, list) or not 0 < len(relays) <= MOST_RELAYS:
        raise Malformed("relays", f"a list of 1 to {MOST_RELAYS}")
    if not all(isinstance(relay, dict) for relay in relays):
        raise Malformed("relays", "objects")
    return tuple(relays)


def _signed(fields: Fields) -> Signed | None:
    """ZEGO writes the names with small letters in some callbacks and with capitals in others."""
    found = {name.lower(): value for name, value in fields.items() if name.lower() in SIGNATURE_FIELDS}
    if found.keys() != set(SIGNATURE_FIELDS) or not all(map(_is_exact, found.values())):
        return None
    return Signed(**{name: str(value) for name, value in found.items()})


def _is_exact(value: object) -> bool:
    """Whether it is text, or a whole number of any size: a nonce may exceed 2^53."""
    return isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= _LONGEST_TEXT


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# ── relays ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _result(value: object) -> dict[str, Any]:
    """The SDK gives the result as JSON text; a server may have parsed it."""
    if isinstance(value, str):
        value = _parsed(value) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed("result", "an object, or one as JSON text")
    return value


def _parsed(text: str) -> dict[str, Any]:
    try:
        return read_object(text.encode("utf-8", "replace"))
    except Malformed as error:
        raise Malformed("result", error.reason) from error


def _song(fields: Fields, data: Fields) -> str:
    """An error may come without data: then the relay itself has to name the song."""
    return _named(data, "song_id", "result.data.") if data.get("song_id") else _named(fields, "song_id")


def _type(fields: Fields, data: Fields, *, sure: bool) -> SongType:
    """The requested type wins; else clips are told by `is_clip`, and some versions send `is_accompany` with it.

    An error may come without any of that; a guess would end the wrong lease.
    """
    stated = fields.get("resource_type")
    if stated is not None:
        if isinstance(stated, bool) or str(stated) not in TYPES:
            raise Malformed("resource_type", "0 to 3, or " + ", ".join(SongType))
        return TYPES[str(stated)]
    if not sure and not data.keys() & {"is_clip", "is_accompany", "other_segments"}:
        raise Malformed("resource_type", "needed, as the result does not tell")
    if _flag(data, "is_clip"):
        return SongType.SEGMENT if data.get("other_segments") else SongType.CLIP
    return SongType.ACCOMPANIMENT if _flag(data, "is_accompany") else SongType.SONG


def _error(fields: Fields, result: Fields, data: Fields) -> SongError | None:
    """Success is code 0, no error code of the SDK, and something given: `code` 0 alone is not."""
    for code in (_whole(fields, "error_code", low=-_LARGEST), _whole(result, "code", "result.", low=-_LARGEST)):
        if code:
            return song_error(code)
    return None if data.get("resources") else song_error(EMPTY)


def _grant(fields: Fields, data: Fields, kind: SongType) -> Grant:
    resources = tuple(_resource(one, place) for place, one in enumerate(_objects(data, "resources")))
    share_token = _token(data, "share_token", "result.data.") or next(
        (one.share_token for one in resources if one.share_token), None
    )
    krc_token = _token(data, "krc_token", "result.data.")
    shared = _shared(fields, data, kind, share_token)
    return Grant(
        resources=resources,
        shared=shared,
        share_token=share_token,
        share_ttl=_share_ttl(data, shared=shared),
        krc_token=krc_token,
        krc_ttl=_ttl(data, "krc_token_ttl", KRC_TTL) if krc_token else None,
        name=_text(data, "song_name"),
        singer=_text(data, "singer_name"),
        duration=_whole(data, "duration", "result.data.") or None,
        has_original=None if data.get("has_original") is None else _flag(data, "has_original"),
        segment=_span(data, "segment_begin", "segment_end", "result.data."),
        prelude=_whole(data, "prelude_duration", "result.data.", low=-_LARGEST),
        others=tuple(filter(None, map(_other, count(), _objects(data, "other_segments")))),
    )


def _shared(fields: Fields, data: Fields, kind: SongType, share_token: str | None) -> bool:
    """Whether it was got by sharing: as the relay says; else whole songs come then without any right to share."""
    stated = _stated(fields, "shared")
    if stated is not None:
        return stated
    rights = (data.get("share_token_ttl"), data.get("token_ttl"), share_token)
    return kind in {SongType.SONG, SongType.ACCOMPANIMENT} and all(right is None for right in rights)


def _share_ttl(data: Fields, *, shared: bool) -> int | None:
    if shared:
        return None
    return _ttl(data, "share_token_ttl", _ttl(data, "token_ttl", SHARE_TTL))


def _resource(data: Fields, place: int) -> Resource:
    path = f"result.data.resources.{place}."
    quality = _text(data, "quality")
    return Resource(
        resource_id=_token(data, "resource_id", path) or "",
        quality=QUALITIES.get(quality or "", quality),
        size=_whole(data, "size", path) or None,
        ttl=_whole(data, "resource_ttl", path),
        share_token=_token(data, "share_token", path),
    )


# ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _whole(fields: Fields, name: str, path: str = "", *, low: int = 0) -> int | None:
    """A whole number that is not below `low`, or one as text; None where it is not stated."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not _WHOLE.fullmatch(str(value)) or not low <= int(value) <= _LARGEST:
        raise Malformed(path + name, "a whole number was expected")
    return int(value)


def _ttl(data: Fields, name: str, default: int) -> int:
    stated = _whole(data, name, "result.data.")
    return default if stated is None else stated


def _flag(data: Fields, name: str) -> bool:
    return FLAGS.get(str(data.get(name)).lower(), False)


def _stated(fields: Fields, name: str) -> bool | None:
    """A flag that decides; None where it is not stated."""
    stated = fields.get(name)
    if stated is None:
        return None
    if (flag := FLAGS.get(str(stated).lower())) is None:
        raise Malformed(name, "true or false")
    return flag


def _text(fields: Fields, name: str) -> str | None:
    """Text to show; what is too long or is no text says nothing."""
    value = fields.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and _storable(value) else None


def _token(fields: Fields, name: str, path: str) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN or not _storable(value):
        raise Malformed(path + name, "text was expected")
    return value


def _named(fields: Fields, name: str, path: str = "") -> str:
    """An identity: text, or a number as text."""
    value = fields.get(name)
    if value is None:
        raise Malformed(path + name, "missing")
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not 0 < len(text.encode("utf-8", "replace")) <= _LONGEST_TEXT // 4 or not text.isprintable():
        raise Malformed(path + name, f"1 to {_LONGEST_TEXT // 4} bytes of printable text were expected")
    return text


def _storable(text: str) -> bool:
    """Half a surrogate pair can be spelt in JSON, and stored nowhere."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _required(value: Value | None, name: str) -> Value:
    if value is None:
        raise Malformed(name, "missing")
    return value


def _objects(data: Fields, name: str) -> Iterable[Fields]:
    """A list of objects; one object stands for a list of one, as the tables say `Object`."""
    value = data.get(name) or []
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or len(found) > MOST_PARTS or not all(isinstance(one, dict) for one in found):
        raise Malformed(f"result.data.{name}", f"a list of at most {MOST_PARTS} objects was expected")
    return found


def _other(place: int, segment: Fields) -> Span | None:
    return _span(segment, "begin", "end", f"result.data.other_segments.{place}.")


def _span(data: Fields, begin: str, end: str, path: str) -> Span | None:
    first, last = (_whole(data, name, path, low=-_LARGEST) for name in (begin, end))
    return None if first is None or last is None else Span(first, last)


# ── what is odd, and stays ───────────────────────────────────────────────────────────────────────────────────────────


def _is_early(grant: Grant) -> bool:
    begins = [span.begin for span in (grant.segment, *grant.others) if span]
    return min(begins, default=0) < 0 or (grant.prelude or 0) < 0


def _is_empty(grant: Grant) -> bool:
    return any(span.begin >= span.end for span in (grant.segment, *grant.others) if span)


def _is_outside(grant: Grant) -> bool:
    return bool(grant.segment and grant.duration and grant.segment.end > grant.duration)


def _leaves_clip(grant: Grant) -> bool:
    length = grant.segment.end - grant.segment.begin if grant.segment else None
    return length is not None and any(span.end > length for span in grant.others)


def _has_no_id(grant: Grant) -> bool:
    return any(not one.resource_id for one in grant.resources)


ODDITIES: Mapping[str, Callable[[Grant], bool]] = {
    "a segment begins before the song": _is_early,
    "a segment ends before it begins": _is_empty,
    "the segment ends after the song": _is_outside,
    "another segment ends after the clip": _leaves_clip,
    "a resource has no resource_id": _has_no_id,
}
"""What ZEGO itself sends at times: worth a warning, no reason to refuse a result."""


def oddities(grant: Grant) -> list[str]:
    """Name what is inconsistent in a result."""
    return [name for name, found in ODDITIES.items() if found(grant)]
