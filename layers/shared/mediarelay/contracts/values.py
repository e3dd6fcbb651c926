"""Readers of one value of any provider: None for no value, ValueError if it cannot be read.

- A provider may send a number as text.
- Empty text, `[]` and `{}` mean "no value": PHP writes an empty object as `[]`, and a list as an object with the keys
  "1", "2".
- A measure of 0 means "unknown": of CTS, the documented failure of the basic callback has zeros only, m3u8 has size 0,
  ape and flac have bitrate 0.
- The readers guess nothing. A ratio, a number with a unit, a fraction of a byte, or an epoch number in place of a time
  cannot be read.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from mediarelay.contracts.fields import nothing

# Readers of our JSON may parse numbers as doubles, which are exact up to here.
MAX_NUMBER = 2**53
# Backends send their smallest or largest date if they have none.
YEARS = range(2000, 2100)

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
Quantity = TypeVar("Quantity", int, float)


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
    """Read text. Providers send integers in some fields that they document as text."""
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


def moment(value: object, zone: tzinfo, no_time: str) -> datetime | None:
    """Read a time as UTC. Without an offset, it is a time of `zone`; `no_time` means none."""
    value = nothing(value)
    if value in (None, no_time):
        return None
    # `fromisoformat` would also read 20161223, which may as well be a number.
    if not isinstance(value, str) or not _DATE.match(value.strip()):
        raise ValueError("not a time such as 2016-12-23 21:11:42")
    found = datetime.fromisoformat(value.strip())
    if found.year not in YEARS:
        raise ValueError("not a time that can be meant")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def short_text(value: object, limit: int) -> str | None:
    """Return a text that can be stored and shown: without control characters and halves of surrogate pairs."""
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        return None
    return None if _UNFIT.search(value) else value
