"""The provider's fields, read one by one: what its documents print and what its backend is known to send.

Only what a task is and how it ended is read strictly (`Fields.strict`), any other field by itself (`Fields.side`).

Numbers may come as text; empty text, `[]` and `{}` mean "nothing" (PHP writes an empty object as `[]`, and a list as an
object with the keys "1", "2"); a measure of 0 means "not known": the documented failure of the basic callback is all
zeros, m3u8 has size 0, ape and flac bitrate 0. Nothing is guessed: a ratio, a unit behind a number, a fraction of a
byte or an epoch number instead of a time is not known.
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

# The documents' own numbers: 322960391 bytes in 600 s are printed as 4205, and 187 stands beside `191488_mp3`.
BITS_PER_KILOBIT = 1024

MAX_NUMBER = 2**53
# Of a time that can be meant: backends print their smallest or greatest date where they have none.
YEARS = range(2000, 2100)

_PROVIDER_ZONE = timezone(timedelta(hours=8))
_NO_TIME = "0000-00-00 00:00:00"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_INT64_DIGITS = 18
Quantity = TypeVar("Quantity", int, float)


def data_fields(data: object) -> Fields:
    """Return the fields of an answer's `data`; raises Malformed naming `data` if it is no object."""
    if not isinstance(data, Mapping):
        raise Malformed("data", "not an object")
    return Fields(data)


# ── readers of one value: None if it says nothing, ValueError if it cannot be read ────────────────────────────────────


def number(value: object) -> int | float | None:
    """Read a number, or a number as text; true and false are no numbers."""
    value = nothing(_number_in(value.strip()) if isinstance(value, str) else value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")  # noqa: TRY004 - one error for all that cannot be read
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # nor is NaN
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
    """Read an integer; 1000.0 is one."""
    found = number(value)
    if found is not None and found != int(found):
        raise ValueError("not an integer")
    return None if found is None else int(found)


def count(value: object) -> int | None:
    """Read how many there are; 0 is not known."""
    return _not_negative(integer(value)) or None


def measure(value: object) -> float | None:
    """Read how much there is; 0 is not known."""
    return float(_not_negative(number(value)) or 0) or None


def _not_negative(value: Quantity | None) -> Quantity | None:
    if value is not None and value < 0:
        raise ValueError("negative")
    return value


def text(value: object) -> str | None:
    """Read text, and integers where text is documented."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(integer(value))
    return address(value)


def address(value: object) -> str | None:
    """Read a URL or a path: text, and no number. Half a surrogate pair can be neither stored nor sent."""
    value = nothing(value)
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004 - as above
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("half a character") from None
    return value


def flag(value: object) -> bool | None:
    """Read yes and no, as text, as JSON's true and false, as 1 and 0."""
    value = nothing(value)
    if value is None:
        return None
    spelled = str(value).lower() if isinstance(value, bool) else (text(value) or "").strip().lower()
    if spelled not in _FLAGS:
        raise ValueError("neither yes nor no")
    return _FLAGS[spelled]


def vid(value: object) -> str:
    """Read a task's id, which is never missing."""
    if not isinstance(value, str) or not is_vid(value):
        raise ValueError("not 1 to 64 letters and digits")
    return value


def moment(value: object) -> datetime | None:
    """Read the provider's wall clock (UTC+8, no zone) as UTC; a zone that is stated counts."""
    value = nothing(value)
    if value in (None, _NO_TIME):
        return None
    if not isinstance(value, str) or not _DATE.match(value.strip()):
        raise ValueError("not a time such as 2016-12-23 21:11:42")
    found = datetime.fromisoformat(value.strip())
    if found.year not in YEARS:
        raise ValueError("not a time that can be meant")
    return (found if found.tzinfo else found.replace(tzinfo=_PROVIDER_ZONE)).astimezone(UTC)


# ── what several payloads have ───────────────────────────────────────────────────────────────────────────────────────


def place(fields: Fields, default: Place) -> Place:
    """Read a bucket; what is not stated is taken from `default`."""
    return Place(
        app_id=fields.side("app_id", count) or default.app_id,
        bucket=fields.side("bucket_name", text) or default.bucket,
        region=region(fields) or default.region,
    )


def region(fields: Fields) -> str | None:
    """Read a region. The tables say `region`, the payloads `bucket_region`; the latter wins."""
    stated, tabled = fields.side("bucket_region", text), fields.side("region", text)
    return stated or tabled


def source(origin: Fields, measures: Fields) -> Source:
    """Read the source file: whose it is from `origin`, strictly as far as it is stated; what it is from `measures`."""
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
    """Convert a bitrate given in `unit` bit/s."""
    return None if value is None else round(value * unit)


def faults(fields: Fields) -> tuple[Fault, ...]:
    """Read `error_code` and `error_msg`: scalar, null, or lists whose entries belong together by position."""
    return pair_faults(fields.each("error_code", text), fields.each("error_msg", text))


def pair_faults(codes: Sequence[str | None], messages: Sequence[str | None]) -> tuple[Fault, ...]:
    """Pair codes and messages by position; code 0 is no code, an error without either is no error."""
    pairs = ((_code(code), message) for code, message in zip_longest(codes, messages))
    return tuple(
        Fault(code=code, message=message) for code, message in pairs if code is not None or message is not None
    )


def _code(spelled: str | None) -> int | str | None:
    """Read a code as a number where it is one, else keep the text."""
    digits = (spelled or "").removeprefix("-")
    if spelled is None or not (digits.isascii() and digits.isdigit() and len(digits) <= _INT64_DIGITS):
        return spelled
    return int(spelled) or None
