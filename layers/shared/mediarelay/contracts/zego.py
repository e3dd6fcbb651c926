"""ZEGO's wire: what a game server relays of the SDK's results, and what proves that it came from there.

Read leniently where ZEGO's own documents and versions differ, strictly where a deadline or an identity would be wrong.
No pydantic: the function that receives relays is on the hot path.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
TYPES: dict[object, SongType] = {kind.value: kind for kind in SongType} | dict(enumerate(SongType))
"""A requested type, by the SDK's number or by name."""
QUALITIES = {"nomal": "normal"}
"""Old spellings; unknown qualities are kept as they are."""
FLAGS: dict[object, bool] = {1: True, "true": True, 0: False, "false": False}
"""A flag, by number or by word."""
SIGNATURE_FIELDS = ("signature", "timestamp", "nonce")
SECRET_FIELDS = frozenset({"share_token", "krc_token", "resource_id"})
NAMES = frozenset({"room_id", "song_id", "song_name", "singer_name"})
SHOWN_FIELDS = NAMES | {"resource_type", "request_id", "message", "quality"}
"""Texts that are kept in clear, beside whole numbers and flags."""
TEXTS = SHOWN_FIELDS | SECRET_FIELDS
"""Fields in which `007` and `7` are two values."""

_LARGEST = 2**53
_LONGEST_TEXT = 512
_LONGEST_TOKEN = 4096
_PERCENT_ENCODED = re.compile(rb"\s*%7B", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,19}(\.[0-9]{1,19})?(e[+-]?[0-9]{1,2})?\s*", re.IGNORECASE | re.ASCII)
"""A number as the serializers of other languages write it into text: `5`, `5.0`, `+5`, `4.32E7` (Java's doubles)."""
_PLACE = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
"""The name of a member where PHP or Lua wrote a list as an object."""
_PLAIN = re.compile(rf"{_NUMBER.pattern}|\s*(true|false|)\s*", re.IGNORECASE | re.ASCII)
_TELLING = re.compile(r"share_token|krc_token|resource_id|\"\s*:", re.IGNORECASE)
"""What shows that a text holds a secret, or JSON with a member."""
_PACKED = re.compile(r"\s*(\{|\[\s*\"|\")")
"""What may be JSON, also if it is cut off."""
_INFINITE = (float("inf"), float("-inf"))
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
    again = [message, place] if error and not result.get("request_id") else _flag(fields, "shared")
    return Relay(
        key=key,
        digest=_digest([key.room, key.song, key.vendor, key.type, error and error.raw, again, _one_spelling(result)]),
        content=_digest(_one_spelling(result)),
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
    if name.lower() in SECRET_FIELDS and not _is_nothing(value):
        return f"sha256:{_digest(value)[:16]}"
    if isinstance(value, dict):
        return {inner: redacted(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [redacted(member, name) for member in value]
    if isinstance(value, str):
        return _shown(value, name)
    return value if value not in _INFINITE else str(value)  # JSON has no word for it, though 1e999 is JSON


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
    relays = _placed(content["relays"])
    if not relays or len(relays) > MOST_RELAYS:
        raise Malformed("relays", f"a list of 1 to {MOST_RELAYS}")
    if not all(isinstance(relay, dict) for _, relay in relays):
        raise Malformed("relays", "objects")
    return tuple(relay for _, relay in relays)


def _signed(fields: Fields) -> Signed | None:
    """ZEGO writes the names with small letters in some callbacks and with capitals in others."""
    found = {name.lower(): _exact(value) for name, value in fields.items() if name.lower() in SIGNATURE_FIELDS}
    texts = {name: text for name, text in found.items() if text is not None and len(text) <= _LONGEST_TEXT}
    return Signed(**texts) if texts.keys() == set(SIGNATURE_FIELDS) else None


def _exact(value: object) -> str | None:
    """Text as it is; a whole number of any size as its digits (a nonce may exceed 2^53); None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        value = _whole_float(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _one_spelling(value: Any, name: str = "") -> Any:
    """Whatever language spelt a result: numbers, flags, lists and nothing in one form, so that a repeat is seen as one.

    Only digests are made of it.
    """
    if _is_keyed(value):
        return [_one_spelling(value[place]) for place in sorted(value, key=int)]
    if isinstance(value, dict):
        return {inner: _one_spelling(member, inner) for inner, member in value.items() if not _is_nothing(member)}
    if isinstance(value, list):
        return [_one_spelling(member) for member in value]
    same = _exact(value) if name in TEXTS else _number_of(value)
    return value if same is None else same


def _number_of(value: object) -> int | None:
    """A number or a flag in any spelling; None for anything else."""
    flag = value if isinstance(value, bool) else FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    return _integer(value if flag is None else int(flag))


# ── relays ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _result(value: object) -> dict[str, Any]:
    """The SDK gives the result as JSON text; a server may have parsed it."""
    if isinstance(value, str):
        value = _parsed(value) if value.strip() else {}
    if value is None or value == []:  # PHP writes an empty object as a list
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
    is_clip, is_accompany = (_flag(data, name, "result.data.") for name in ("is_clip", "is_accompany"))
    stated = fields.get("resource_type")
    if stated is not None and stated != "":
        if (kind := _known(TYPES, stated)) is None:
            raise Malformed("resource_type", "0 to 3, or " + ", ".join(SongType))
        return kind
    if not sure and all(_is_nothing(data.get(name)) for name in ("is_clip", "is_accompany", "other_segments")):
        raise Malformed("resource_type", "needed, as the result does not tell")
    if is_clip:
        return SongType.SEGMENT if _objects(data, "other_segments") else SongType.CLIP
    return SongType.ACCOMPANIMENT if is_accompany else SongType.SONG


def _error(fields: Fields, result: Fields, data: Fields) -> SongError | None:
    """Success is code 0, no error code of the SDK, and something given: `code` 0 alone is not."""
    for code in (_whole(fields, "error_code", low=-_LARGEST), _whole(result, "code", "result.", low=-_LARGEST)):
        if code:
            return song_error(code)
    return None if _objects(data, "resources") else song_error(EMPTY)


def _grant(fields: Fields, data: Fields, kind: SongType) -> Grant:
    resources = tuple(_resource(one, place) for place, one in _objects(data, "resources"))
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
        has_original=_flag(data, "has_original", "result.data."),
        segment=_span(data, "segment_begin", "segment_end", "result.data."),
        prelude=_whole(data, "prelude_duration", "result.data.", low=-_LARGEST),
        others=tuple(filter(None, (_other(one, place) for place, one in _objects(data, "other_segments")))),
    )


def _shared(fields: Fields, data: Fields, kind: SongType, share_token: str | None) -> bool:
    """Whether it was got by sharing: as the relay says; else whole songs come then without any right to share."""
    stated = _flag(fields, "shared")
    if stated is not None:
        return stated
    rights = (data.get("share_token_ttl"), data.get("token_ttl"), share_token)
    return kind in {SongType.SONG, SongType.ACCOMPANIMENT} and all(map(_is_nothing, rights))


def _share_ttl(data: Fields, *, shared: bool) -> int | None:
    if shared:
        return None
    return _ttl(data, "share_token_ttl", _ttl(data, "token_ttl", SHARE_TTL))


def _resource(data: Fields, place: str) -> Resource:
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


def _integer(value: object) -> int | None:
    """A whole number in any spelling: an integer, a double without a fraction, either of them as text; else None.

    A double of 2^53 or more may stand for another integer than the one that was meant, so it is none.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = _of_text(value)
    if isinstance(value, float):
        return _whole_float(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _of_text(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _whole_float(value: float) -> int | None:
    """Infinity (1e999 in JSON) is above the limit, and no comparison with NaN is true."""
    return int(value) if abs(value) < _LARGEST and value.is_integer() else None


def _whole(fields: Fields, name: str, path: str = "", *, low: int = 0) -> int | None:
    """A whole number that is not below `low`; None where it is not stated."""
    value = fields.get(name)
    if _is_nothing(value):
        return None
    number = _integer(value)
    if number is None or not low <= number <= _LARGEST:
        raise Malformed(path + name, "a whole number was expected")
    return number


def _ttl(data: Fields, name: str, default: int) -> int:
    stated = _whole(data, name, "result.data.")
    return default if stated is None else stated


def _flag(fields: Fields, name: str, path: str = "") -> bool | None:
    """0, 1, true or false; None where it is not stated. Anything else is refused: to take it as false is a guess."""
    value = fields.get(name)
    if _is_nothing(value):
        return None
    flag = value if isinstance(value, bool) else _known(FLAGS, value)
    if flag is None:
        raise Malformed(path + name, "0, 1, true or false was expected")
    return flag


def _known(table: Mapping[object, Value], value: object) -> Value | None:
    """Look up a number in any spelling, or a word whatever its case."""
    number = _integer(value)
    if number is None and isinstance(value, str):
        return table.get(value.strip().lower())
    return table.get(number)


def _is_nothing(value: object) -> bool:
    """Whether it is one of the ways to state nothing; PHP writes an empty object as `[]`."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _text(fields: Fields, name: str) -> str | None:
    """Text to show, or a number as text (PHP may turn texts of digits into numbers); anything else says nothing."""
    value = _exact(fields.get(name))
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and _storable(value) else None


def _token(fields: Fields, name: str, path: str) -> str | None:
    value = fields.get(name)
    if _is_nothing(value):
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN or not _storable(value):
        raise Malformed(path + name, "text was expected")
    return value


def _named(fields: Fields, name: str, path: str = "") -> str:
    """An identity: text, or a number as text."""
    value = fields.get(name)
    if value is None:
        raise Malformed(path + name, "missing")
    text = _exact(value) or ""
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


def _is_keyed(value: object) -> bool:
    """Whether it is a list that PHP or Lua wrote as an object, with the places as names."""
    return isinstance(value, dict) and all(_PLACE.fullmatch(name) for name in value)


def _placed(value: Any) -> list[tuple[str, Any]] | None:
    """The members of a list and their places, as they were sent; one object stands for a list of one; else None."""
    if _is_keyed(value):
        return sorted(value.items(), key=lambda member: int(member[0]))
    found = [value] if isinstance(value, dict) else value
    return [(str(place), one) for place, one in enumerate(found)] if isinstance(found, list) else None


def _objects(data: Fields, name: str) -> list[tuple[str, Fields]]:
    """A list of objects with their places; null in it stands for nothing."""
    found = [] if _is_nothing(data.get(name)) else _placed(data[name])
    members = None if found is None else [(place, one) for place, one in found if one is not None]
    if members is None or len(members) > MOST_PARTS or not all(isinstance(one, dict) for _, one in members):
        raise Malformed(f"result.data.{name}", f"a list of at most {MOST_PARTS} objects was expected")
    return members


def _other(segment: Fields, place: str) -> Span | None:
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
