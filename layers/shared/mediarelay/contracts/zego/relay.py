"""A relay: one result of ZEGO's SDK.

The song of a result, and whether it grants anything, are read strictly. Any other field costs only itself: a field that
cannot be read is not known (`Relay.unreadable`), and a time to live that cannot be read is over. A redacted relay reads
like the relay itself.
"""

from datetime import datetime, timedelta

from mediarelay.contracts.fields import Fields
from mediarelay.contracts.zego.message import Message
from mediarelay.contracts.zego.redaction import is_showable
from mediarelay.contracts.zego.values import (
    Object,
    Value,
    digest_of,
    exact_text,
    flag,
    identity,
    is_nothing,
    json_object,
    one_spelling,
    parse_result,
    signed_integer,
    song_type,
    token_text,
    unsigned_integer,
)
from mediarelay.domain.songs.errors import EMPTY, ZegoError, zego_error
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey, SongType, Span
from mediarelay.errors import Malformed

# ZEGO documents these defaults, in milliseconds.
SHARE_TTL = 3_600_000
KRC_TTL = 43_200_000
# Responses and notifications show all resources and segments of a result, and their size is limited.
MAX_PARTS = 32
# Old SDK versions misspell this quality. Unknown qualities are kept unchanged.
QUALITIES = {"nomal": "normal"}
_MICROSECOND = timedelta(microseconds=1)


def read_relays(message: Message, sent: datetime, at: datetime, identity: str) -> list[Relay]:
    """Read all relays of a message. Raises `Malformed` with the field of the first relay that cannot be read."""
    return [_read_one(message, position, sent, at, identity) for position in range(len(message.relays))]


def _read_one(message: Message, position: int, sent: datetime, at: datetime, identity: str) -> Relay:
    try:
        return read_relay(message.relays[position], sent, at, position, identity)
    except Malformed as error:
        where = f"relays.{position}." if message.batch else ""
        raise Malformed(where + error.field, error.reason) from error


def read_relay(content: Object, sent: datetime, at: datetime, position: int = 0, message_id: str = "") -> Relay:
    """Read the relay at one position of a message. Raises `Malformed` with the field.

    Without a request id, only the message distinguishes a second, equal error from a repeat of the first one.
    """
    fields = Fields(content)
    result = fields.inside("result", parse_result(content.get("result")))
    data = result.inside("data", result.strict("data", _data))
    error = _error(fields, result, data)
    key = SongKey(
        room=fields.strict("room_id", identity),
        song=_song(fields, data),
        vendor=_required(fields.strict("vendor_id", unsigned_integer), "vendor_id"),
        type=_type(fields, data, is_grant=error is None),
    )
    shared, same = fields.strict("shared", flag), one_spelling(result.data)
    again = [message_id, position] if error and not _is_numbered(result) else shared
    return Relay(
        key=key,
        digest=digest_of([key.room, key.song, key.vendor, key.type, error and error.raw, again, same]),
        content=digest_of(same),
        # A sender's clock may be ahead. Its relays must not sort behind later ones of other senders for that.
        sent=min(sent, at),
        # The relays of one message arrive together. Different times keep their order.
        at=at + position * _MICROSECOND,
        request_id=_text(result, "request_id"),
        grant=None if error else _grant(data, key.type, shared),
        error=error,
        unreadable=tuple(sorted(fields.unreadable)),
    )


def _data(value: object) -> Object:
    """Return the data of a result. All spellings of an empty value count as empty."""
    if value and not isinstance(value, dict):
        raise ValueError("must be an object")
    return value if isinstance(value, dict) else {}


def _song(fields: Fields, data: Fields) -> str:
    """Return the song. An error may have no data; then the relay itself must name the song."""
    return (data if data.data.get("song_id") else fields).strict("song_id", identity)


def _type(fields: Fields, data: Fields, *, is_grant: bool) -> SongType:
    """Return the requested type if it is stated; otherwise derive it from the data.

    `is_clip` comes first, because some SDK versions also send `is_accompany` with it. An error without any of these
    fields is refused: a guess would end the wrong lease.
    """
    is_clip, is_accompany = (data.strict(name, flag) for name in ("is_clip", "is_accompany"))
    if stated := fields.strict("resource_type", song_type):
        return stated
    if not is_grant and is_clip is None and is_accompany is None:
        raise Malformed("resource_type", "is required, because the result does not state it")
    if is_clip:
        return SongType.SEGMENT if _decisive(data, "other_segments") else SongType.CLIP
    return SongType.ACCOMPANIMENT if is_accompany else SongType.SONG


def _error(fields: Fields, result: Fields, data: Fields) -> ZegoError | None:
    """Return the error, if any. Success needs code 0, no error code of the SDK, and resources; code 0 alone is none."""
    for code in (fields.strict("error_code", signed_integer), result.strict("code", signed_integer)):
        if code:
            return zego_error(code)
    return None if _decisive(data, "resources") else zego_error(EMPTY)


def _decisive(data: Fields, name: str) -> list[Fields]:
    """Read a list that decides what a result is. Raises `Malformed` if it is too long, or no part of it can be read."""
    found = data.parts(name, json_object)
    is_unreadable = not found and f"{data.path}{name}" in data.unreadable
    if is_unreadable or len(found) > MAX_PARTS:
        raise Malformed(f"{data.path}{name}", f"must be a list of at most {MAX_PARTS} objects")
    return found


def _is_numbered(result: Fields) -> bool:
    """Return whether the request has an id, even one that cannot be shown."""
    stated = result.data.get("request_id")
    return bool(stated and exact_text(stated))


def _grant(data: Fields, kind: SongType, stated: bool | None) -> Grant:  # noqa: FBT001 - the relay's own `shared`
    resources = tuple(map(_resource, data.parts("resources", json_object)))
    tokens = (data.side("share_token", token_text), *(one.share_token for one in resources))
    share_token = next(filter(None, tokens), None)
    krc_token, krc_ttl = data.side("krc_token", token_text), _ttl(data, "krc_token_ttl")
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
        duration=data.side("duration", unsigned_integer) or None,
        has_original=data.side("has_original", flag),
        segment=_span(data, "segment_begin", "segment_end"),
        prelude=data.side("prelude_duration", signed_integer),
        others=_others(data),
    )


def _shared(data: Fields, kind: SongType, share_token: str | None) -> bool:
    """Return whether a result was obtained by sharing if the relay does not state it: then it has no right to share.

    A token that cannot be read grants no right; a time to live that cannot be read grants one that is over.
    """
    rights = (data.data.get("share_token_ttl"), data.data.get("token_ttl"), share_token)
    return kind in {SongType.SONG, SongType.ACCOMPANIMENT} and all(map(is_nothing, rights))


def _share_ttl(data: Fields, *, shared: bool) -> int | None:
    new, old = (_ttl(data, name) for name in ("share_token_ttl", "token_ttl"))
    return None if shared else _stated(new, _stated(old, SHARE_TTL))


def _resource(fields: Fields) -> Resource:
    quality = _text(fields, "quality")
    return Resource(
        resource_id=fields.side("resource_id", token_text) or "",
        quality=QUALITIES.get(quality or "", quality),
        size=fields.side("size", unsigned_integer) or None,
        ttl=_ttl(fields, "resource_ttl"),
        share_token=fields.side("share_token", token_text),
    )


def _others(data: Fields) -> tuple[Span, ...]:
    """Read the other parts of a clip. If there are too many, they count as unreadable."""
    found = data.parts("other_segments", json_object)
    if len(found) > MAX_PARTS:
        data.note("other_segments")
        return ()
    return tuple(filter(None, (_span(one, "begin", "end") for one in found)))


def _span(fields: Fields, begin: str, end: str) -> Span | None:
    first, last = (fields.side(name, signed_integer) for name in (begin, end))
    return None if first is None or last is None else Span(first, last)


def _ttl(fields: Fields, name: str) -> int | None:
    """Read a time to live: None if it is not stated, 0 if it cannot be read.

    A default for an unreadable value might last longer than what was granted.
    """
    found = fields.side(name, unsigned_integer)
    return 0 if found is None and not is_nothing(fields.data.get(name)) else found


def _stated(value: int | None, default: int) -> int:
    return default if value is None else value


def _text(fields: Fields, name: str) -> str | None:
    """Read text to show, or a number as text: PHP may turn text of digits into numbers."""

    def read(value: object) -> str | None:
        if is_nothing(value):
            return None
        text = exact_text(value)
        if text is None or not is_showable(text, name):
            raise ValueError("not text that can be shown")
        return text

    return fields.side(name, read)


def _required(value: Value | None, name: str) -> Value:
    if value is None:
        raise Malformed(name, "is required")
    return value
