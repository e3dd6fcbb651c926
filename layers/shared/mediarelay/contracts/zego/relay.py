"""ZEGO's wire: what a game server relays of the SDK's results, and what proves that it came from there.

Which song a result is about and whether something was got is read strictly. Any other field costs nothing but itself:
one that cannot be read is not known (`Relay.unreadable`), and a time to live that cannot be read is over. Whatever
`redacted` leaves of a relay is read as the relay was.
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

from mediarelay.contracts.cts.head import read_any_integer
from mediarelay.contracts.fields import Fields, as_list, is_index, is_keyed
from mediarelay.domain.songs.errors import EMPTY, SongError, song_error
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey, SongType, Span
from mediarelay.errors import Malformed

SHARE_TTL = 3_600_000
KRC_TTL = 43_200_000
"""What the documents give as defaults (milliseconds)."""
MAX_RELAYS = 100
"""Of one batch."""
MAX_PARTS = 32
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
READ_TEXTS = frozenset({"song_name", "singer_name", "request_id", "quality"})
"""Texts that are side fields: of one that is not kept, something is kept that is no text."""
TEXTS = SHOWN_FIELDS | SECRET_FIELDS
"""Fields in which `007` and `7` are two values."""

_LARGEST = 2**53
_LONGEST_TEXT = 512
_LONGEST_TOKEN = 4096
_PERCENT_ENCODED = re.compile(rb"\s*%7B", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,19}(\.[0-9]{1,19})?(e[+-]?[0-9]{1,2})?\s*", re.IGNORECASE | re.ASCII)
"""A number as the serializers of other languages write it into text: `5`, `5.0`, `+5`, `4.32E7` (Java's doubles)."""
_PLAIN = re.compile(rf"{_NUMBER.pattern}|true|false", re.IGNORECASE | re.ASCII)
_FIELD = re.compile(r"[A-Za-z]+(_[A-Za-z]+)*")
"""The name of a field; what was meant as a value may be in the place of a name, too."""
_LONGEST_FIELD = 24
_TELLING = re.compile(r"share_token|krc_token|resource_id|\"\s*:", re.IGNORECASE)
"""What shows that a text holds a secret, or JSON with a member."""
_PACKED = re.compile(r"\s*(\{|\[\s*\"|\")")
"""What may be JSON, also if it is cut off."""
_INFINITE = (float("inf"), float("-inf"))
_MICROSECOND = timedelta(microseconds=1)
Value = TypeVar("Value")
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """ZEGO's own signature fields, exactly as they were sent."""

    signature: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a game server: relays, and ZEGO's signature fields if it has them; `batch` if it has a list."""

    relays: tuple[Object, ...]
    signed: Signed | None
    digest: str
    batch: bool


def read_message(body: bytes) -> Message:
    """Read a message: one relay, or `relays` with up to 100; JSON, or JSON percent-encoded once.

    Raises `Malformed`.
    """
    fields = read_any_integer(unquote_to_bytes(body) if _PERCENT_ENCODED.match(body) else body)
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


def read_relay(content: Object, sent: datetime, at: datetime, place: int = 0, message: str = "") -> Relay:
    """Read one relay, the `place`-th of a message; raises `Malformed` naming the field.

    The same error again is another one, if ZEGO gave it no request id: only the message tells it from a repeat.
    """
    fields = Fields(content)
    result = fields.inside("result", _result(content.get("result")))
    data = result.inside("data", result.strict("data", _data))
    error = _error(fields, result, data)
    key = SongKey(
        room=fields.strict("room_id", _name),
        song=_song(fields, data),
        vendor=_required(fields.strict("vendor_id", _whole), "vendor_id"),
        type=_type(fields, data, sure=error is None),
    )
    shared, same = fields.strict("shared", _flag), _one_spelling(result.data)
    again = [message, place] if error and not _is_numbered(result) else shared
    return Relay(
        key=key,
        digest=_digest([key.room, key.song, key.vendor, key.type, error and error.raw, again, same]),
        content=_digest(same),
        sent=min(sent, at),
        at=at + place * _MICROSECOND,
        request_id=_text(result, "request_id"),
        grant=None if error else _grant(data, key.type, shared),
        error=error,
        unreadable=tuple(sorted(fields.unreadable)),
    )


def redacted(value: Any, name: str = "") -> Any:
    """The same JSON value with nothing in it that may be a token or a resource id.

    Of texts only those are kept that are known to be none; of a token a digest is, so that equal ones can be told. What
    cannot be read stays so: a token that is none becomes a list.
    """
    if name.lower() in SECRET_FIELDS and not _is_nothing(value):
        return _digest_of(value)
    if isinstance(value, dict):
        return {_shown_name(inner): redacted(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [redacted(member) for member in value]
    if isinstance(value, str):
        return _shown(value, name)
    return value if value not in _INFINITE else str(value)  # JSON has no word for it, though 1e999 is JSON


def _digest_of(secret: object) -> str | list[str]:
    mark = f"sha256:{_digest(secret)[:16]}"
    return mark if _is_token(secret) else [mark]


def _shown_name(name: str) -> str:
    known = len(name) <= _LONGEST_FIELD and _FIELD.fullmatch(name)
    return name if known or is_index(name) else f"sha256:{_digest(name)[:16]}"


def _shown(text: str, name: str) -> Any:
    """The SDK's own form of a result is JSON text; any other text is shown if it is one of the known ones."""
    if name == "result":
        return redacted(_readable(text))
    if _is_nothing(text) or _PLAIN.fullmatch(text.strip()):
        return text
    if name in READ_TEXTS:
        return text if _is_showable(text, name) else [f"{len(text)} characters"]
    return text if name in SHOWN_FIELDS and not _may_tell(text, name) else f"{len(text)} characters"


def _is_showable(text: str, name: str) -> bool:
    return len(text) <= _LONGEST_TEXT and _storable(text) and not _may_tell(text, name)


def _may_tell(text: str, name: str) -> bool:
    """Whether a text may hold a token."""
    return bool(_TELLING.search(text) or (name not in NAMES and _PACKED.match(text)))


def _readable(text: str) -> Any:
    try:
        return _result(text)
    except Malformed:
        return [text]  # of which its length is shown


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _relays(content: Object) -> tuple[Object, ...]:
    if "relays" not in content:
        return (content,)
    relays = as_list(content["relays"])
    if not 0 < len(relays) <= MAX_RELAYS:
        raise Malformed("relays", f"a list of 1 to {MAX_RELAYS}")
    objects = tuple(relay for relay in relays if isinstance(relay, dict))
    if len(objects) < len(relays):
        raise Malformed("relays", "objects")
    return objects


def _signed(fields: Object) -> Signed | None:
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
    if is_keyed(value):
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
        return read_any_integer(text.encode("utf-8", "replace"))
    except Malformed as error:
        raise Malformed("result", error.reason) from error


def _data(value: object) -> Object:
    """What a result gives; any way to say nothing stands for nothing."""
    if value and not isinstance(value, dict):
        raise ValueError("not an object")
    return value if isinstance(value, dict) else {}


def _song(fields: Fields, data: Fields) -> str:
    """An error may come without data: then the relay itself has to name the song."""
    return (data if data.data.get("song_id") else fields).strict("song_id", _name)


def _type(fields: Fields, data: Fields, *, sure: bool) -> SongType:
    """The requested type wins; else clips are told by `is_clip`, and some versions send `is_accompany` with it.

    An error may come without any of that; a guess would end the wrong lease.
    """
    is_clip, is_accompany = (data.strict(name, _flag) for name in ("is_clip", "is_accompany"))
    if stated := fields.strict("resource_type", _kind):
        return stated
    if not sure and is_clip is None and is_accompany is None:
        raise Malformed("resource_type", "needed, as the result does not tell")
    if is_clip:
        return SongType.SEGMENT if _decisive(data, "other_segments") else SongType.CLIP
    return SongType.ACCOMPANIMENT if is_accompany else SongType.SONG


def _error(fields: Fields, result: Fields, data: Fields) -> SongError | None:
    """Success is code 0, no error code of the SDK, and something given: `code` 0 alone is not."""
    for code in (fields.strict("error_code", _position), result.strict("code", _position)):
        if code:
            return song_error(code)
    return None if _decisive(data, "resources") else song_error(EMPTY)


def _decisive(data: Fields, name: str) -> list[Fields]:
    """Read a list that decides what a result is; raises `Malformed` if it is too long or nothing of it can be read."""
    found = data.parts(name, _object)
    is_unreadable = not found and f"{data.path}{name}" in data.unreadable
    if is_unreadable or len(found) > MAX_PARTS:
        raise Malformed(f"{data.path}{name}", f"a list of at most {MAX_PARTS} objects was expected")
    return found


def _is_numbered(result: Fields) -> bool:
    """Whether ZEGO gave the request an id; it need not be one that can be shown."""
    stated = result.data.get("request_id")
    return bool(stated and _exact(stated))


def _grant(data: Fields, kind: SongType, stated: bool | None) -> Grant:  # noqa: FBT001 - the relay's own `shared`
    resources = tuple(map(_resource, data.parts("resources", _object)))
    tokens = (data.side("share_token", _token), *(one.share_token for one in resources))
    share_token = next(filter(None, tokens), None)
    krc_token, krc_ttl = data.side("krc_token", _token), _ttl(data, "krc_token_ttl")
    shared = _shared(data, kind, share_token) if stated is None else stated
    return Grant(
        resources=resources,
        shared=shared,
        share_token=share_token,
        share_ttl=_share_ttl(data, shared=shared),
        krc_token=krc_token,
        krc_ttl=_stated(krc_ttl, KRC_TTL) if krc_token else None,
        name=_text(data, "song_name"),
        singer=_text(data, "singer_name"),
        duration=data.side("duration", _whole) or None,
        has_original=data.side("has_original", _flag),
        segment=_span(data, "segment_begin", "segment_end"),
        prelude=data.side("prelude_duration", _position),
        others=_others(data),
    )


def _shared(data: Fields, kind: SongType, share_token: str | None) -> bool:
    """Whether it was got by sharing, where the relay does not say: whole songs come then without a right to share.

    A token that cannot be read is no such right; a time to live that cannot be read is one, and it is over.
    """
    rights = (data.data.get("share_token_ttl"), data.data.get("token_ttl"), share_token)
    return kind in {SongType.SONG, SongType.ACCOMPANIMENT} and all(map(_is_nothing, rights))


def _share_ttl(data: Fields, *, shared: bool) -> int | None:
    new, old = (_ttl(data, name) for name in ("share_token_ttl", "token_ttl"))
    return None if shared else _stated(new, _stated(old, SHARE_TTL))


def _resource(fields: Fields) -> Resource:
    quality = _text(fields, "quality")
    return Resource(
        resource_id=fields.side("resource_id", _token) or "",
        quality=QUALITIES.get(quality or "", quality),
        size=fields.side("size", _whole) or None,
        ttl=_ttl(fields, "resource_ttl"),
        share_token=fields.side("share_token", _token),
    )


def _others(data: Fields) -> tuple[Span, ...]:
    """Read the other parts of a clip; too many of them are not known."""
    found = data.parts("other_segments", _object)
    if len(found) > MAX_PARTS:
        data.note("other_segments")
        return ()
    return tuple(filter(None, (_span(one, "begin", "end") for one in found)))


def _span(fields: Fields, begin: str, end: str) -> Span | None:
    first, last = (fields.side(name, _position) for name in (begin, end))
    return None if first is None or last is None else Span(first, last)


def _ttl(fields: Fields, name: str) -> int | None:
    """Read a time to live: None where it is not stated, 0 where it cannot be read.

    A default, or anything else that was not stated, might promise more than was given.
    """
    found = fields.side(name, _whole)
    return 0 if found is None and not _is_nothing(fields.data.get(name)) else found


def _stated(value: int | None, default: int) -> int:
    return default if value is None else value


def _text(fields: Fields, name: str) -> str | None:
    """Read text to show, or a number as text (PHP may turn texts of digits into numbers)."""

    def read(value: object) -> str | None:
        if _is_nothing(value):
            return None
        text = _exact(value)
        if text is None or not _is_showable(text, name):
            raise ValueError("not text that can be shown")
        return text

    return fields.side(name, read)


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


def _whole(value: object) -> int | None:
    """A whole number that is not negative."""
    return _number_from(0, value)


def _position(value: object) -> int | None:
    """A whole number: an error's code, or a place that may be before the start."""
    return _number_from(-_LARGEST, value)


def _number_from(low: int, value: object) -> int | None:
    if _is_nothing(value):
        return None
    number = _integer(value)
    if number is None or not low <= number <= _LARGEST:
        raise ValueError("a whole number was expected")
    return number


def _flag(value: object) -> bool | None:
    """0, 1, true or false. Anything else cannot be read: to take it as false is a guess."""
    if _is_nothing(value):
        return None
    flag = value if isinstance(value, bool) else _known(FLAGS, value)
    if flag is None:
        raise ValueError("0, 1, true or false was expected")
    return flag


def _kind(value: object) -> SongType | None:
    """A requested type."""
    if value is None or value == "":
        return None
    if (kind := _known(TYPES, value)) is None:
        raise ValueError("0 to 3, or " + ", ".join(SongType))
    return kind


def _known(table: Mapping[object, Value], value: object) -> Value | None:
    """Look up a number in any spelling, or a word whatever its case."""
    number = _integer(value)
    if number is None and isinstance(value, str):
        return table.get(value.strip().lower())
    return table.get(number)


def _is_nothing(value: object) -> bool:
    """Whether it is one of the ways to state nothing; PHP writes an empty object as `[]`."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _token(value: object) -> str | None:
    if _is_nothing(value):
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN or not _storable(value):
        raise ValueError("text was expected")
    return value


def _is_token(value: object) -> bool:
    try:
        return _token(value) is not None
    except ValueError:
        return False


def _name(value: object) -> str:
    """An identity, which is never missing: text, or a number as text."""
    if value is None:
        raise ValueError("missing")
    text = _exact(value) or ""
    if not 0 < len(text.encode("utf-8", "replace")) <= _LONGEST_TEXT // 4 or not text.isprintable():
        raise ValueError(f"1 to {_LONGEST_TEXT // 4} bytes of printable text were expected")
    return text


def _object(value: object) -> Object | None:
    """An object in a list, also one without members."""
    if isinstance(value, dict):
        return value
    if _is_nothing(value):
        return None
    raise ValueError("not an object")


def _storable(text: str) -> bool:
    """Half a surrogate pair can be spelt in JSON, and stored nowhere."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _required(value: Value | None, name: str) -> Value:
    if value is None:
        raise Malformed(name, "missing")
    return value


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
