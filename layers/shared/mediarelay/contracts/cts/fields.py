"""Readers of the provider's fields, in the forms that its documents print and its backend is known to send.

Fields that identify a task or state its outcome are read strictly (`Fields.strict`). Any other field that cannot be
read is unknown (`Fields.side`).

- The provider may send a number as text.
- Empty text, `[]` and `{}` mean "no value": PHP writes an empty object as `[]`, and a list as an object with the keys
  "1", "2".
- A measure of 0 means "unknown": the documented failure of the basic callback has zeros only, m3u8 has size 0, ape and
  flac have bitrate 0.
- The readers guess nothing. A ratio, a number with a unit, a fraction of a byte, or an epoch number in place of a time
  cannot be read.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import zip_longest
from typing import TypeVar

from mediarelay.contracts.fields import Fields, nothing
from mediarelay.domain.tasks.file_url import printed_url
from mediarelay.domain.tasks.media import Fault, Place, Source
from mediarelay.domain.tasks.vid import is_vid
from mediarelay.errors import Malformed

# Not 1000: the provider's examples give 4205 for 322960391 bytes in 600 s, and 187 beside `191488_mp3`.
BITS_PER_KILOBIT = 1024
# Readers of our JSON may parse numbers as doubles, which are exact up to here.
MAX_NUMBER = 2**53
# Backends send their smallest or largest date if they have none.
YEARS = range(2000, 2100)

_PROVIDER_ZONE = timezone(timedelta(hours=8))
_NO_TIME = "0000-00-00 00:00:00"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_INT64_DIGITS = 18
Quantity = TypeVar("Quantity", int, float)


def data_fields(data: object) -> Fields:
    """Return the fields of an answer's `data`; raise `Malformed` if it is not an object."""
    if not isinstance(data, Mapping):
        raise Malformed("data", "not an object")
    return Fields(data)


# ── readers of one value: None for no value, ValueError if it cannot be read ──────────────────────────────────────────


def number(value: object) -> int | float | None:
    """Read a number, or a number as text; refuse true and false."""
    value = nothing(_number_in(value.strip()) if isinstance(value, str) else value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")  # noqa: TRY004 - one error for all that cannot be read
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # NaN fails this comparison, too
        raise ValueError("out of range")
    return value


def _number_in(text: str) -> object:
    if not text:
        return None
    found = _NUMBER.fullmatch(text)
    if not found:
        raise ValueError("not a number")
    return float(text) if found[1] or found[2] else int(text)


def integer(value: object) -> int | None:
    """Read an integer, also in the form 1000.0."""
    found = number(value)
    if found is not None and found != int(found):
        raise ValueError("not an integer")
    return None if found is None else int(found)


def count(value: object) -> int | None:
    """Read a count; 0 is unknown."""
    return _not_negative(integer(value)) or None


def measure(value: object) -> float | None:
    """Read a measure; 0 is unknown."""
    return float(_not_negative(number(value)) or 0) or None


def _not_negative(value: Quantity | None) -> Quantity | None:
    if value is not None and value < 0:
        raise ValueError("negative")
    return value


def text(value: object) -> str | None:
    """Read text. The provider sends integers in some fields that it documents as text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(integer(value))
    return address(value)


def address(value: object) -> str | None:
    """Read a URL or a path; refuse a number."""
    value = nothing(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004 - as above
    # JSON can spell half of a surrogate pair, which DynamoDB and SNS refuse.
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("half a character") from None
    return value


def flag(value: object) -> bool | None:
    """Read a flag, spelled `yes` and `no`, `true` and `false`, or 1 and 0."""
    value = nothing(value)
    if value is None:
        return None
    spelled = str(value).lower() if isinstance(value, bool) else (text(value) or "").strip().lower()
    if spelled not in _FLAGS:
        raise ValueError("neither yes nor no")
    return _FLAGS[spelled]


def vid(value: object) -> str:
    """Read the id of a task, which is required."""
    if not isinstance(value, str) or not is_vid(value):
        raise ValueError("not 1 to 64 letters and digits")
    return value


def moment(value: object) -> datetime | None:
    """Read a time as UTC. Without an offset, it is the provider's wall clock (UTC+8)."""
    value = nothing(value)
    if value in (None, _NO_TIME):
        return None
    # `fromisoformat` would also read 20161223, which may as well be a number.
    if not isinstance(value, str) or not _DATE.match(value.strip()):
        raise ValueError("not a time such as 2016-12-23 21:11:42")
    found = datetime.fromisoformat(value.strip())
    if found.year not in YEARS:
        raise ValueError("not a time that can be meant")
    return (found if found.tzinfo else found.replace(tzinfo=_PROVIDER_ZONE)).astimezone(UTC)


# ── fields of several payloads ───────────────────────────────────────────────────────────────────────────────────────


def place(fields: Fields, default: Place) -> Place:
    """Read the location of a file; take missing fields from `default`."""
    return Place(
        app_id=fields.side("app_id", count) or default.app_id,
        bucket=fields.side("bucket_name", text) or default.bucket,
        region=region(fields) or default.region,
    )


def region(fields: Fields) -> str | None:
    """Read a region."""
    # The documents name the field `region` in their tables and `bucket_region` in their examples. Real payloads follow
    # the examples.
    stated, tabled = fields.side("bucket_region", text), fields.side("region", text)
    return stated or tabled


def source(origin: Fields, measures: Fields) -> Source:
    """Read the source file: its location from `origin`, its measures from `measures`."""
    # URL, app id and bucket say whose file this is. If one of them is stated but unreadable, the payload is refused.
    url, path = origin.strict("url", address), origin.side("url_f0", address)
    return Source(
        url=url and printed_url(url, path),
        name=origin.side("name", text),
        path=path,
        place=Place(
            app_id=origin.strict("app_id", count), bucket=origin.strict("bucket_name", text), region=region(origin)
        ),
        container=origin.side("v_type", text),
        size=measures.side("size", count),
        duration=measures.side("duration", measure),
        bitrate=bits_per_second(measures.side("bitrate", measure), BITS_PER_KILOBIT),
        width=measures.side("width", count),
        height=measures.side("height", count),
        fps=measures.side("fps", measure),
        rotation=measures.side("rotation", text),
        has_video=measures.side("HasVideoStream", flag),
        has_audio=measures.side("HasAudioStream", flag),
        format=measures.side("format", text),
        encoder=measures.side("encoder", text),
        sample_rate=measures.side("sample_rate", count),
    )


def bits_per_second(value: float | None, unit: int) -> int | None:
    """Return a bitrate, given in multiples of `unit` bit/s, in bit/s."""
    return None if value is None else round(value * unit)


def faults(fields: Fields) -> tuple[Fault, ...]:
    """Read `error_code` and `error_msg`: each is a scalar, null, or a list, and lists are paired by position."""
    return pair_faults(fields.each("error_code", text), fields.each("error_msg", text))


def pair_faults(codes: Sequence[str | None], messages: Sequence[str | None]) -> tuple[Fault, ...]:
    """Return the faults of codes and messages, paired by position. Code 0 is no code; empty pairs are dropped."""
    pairs = ((_code(code), message) for code, message in zip_longest(codes, messages))
    return tuple(
        Fault(code=code, message=message) for code, message in pairs if code is not None or message is not None
    )


def _code(spelled: str | None) -> int | str | None:
    """Return a code as a number if it is one, otherwise as text."""
    digits = (spelled or "").removeprefix("-")
    if spelled is None or not (digits.isascii() and digits.isdigit() and len(digits) <= _INT64_DIGITS):
        return spelled
    return int(spelled) or None
