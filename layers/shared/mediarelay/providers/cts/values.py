"""Readers of one value of the provider: None for no value, ValueError if it cannot be read.

- The provider may send a number as text.
- Empty text, `[]` and `{}` mean "no value": PHP writes an empty object as `[]`, and a list as an object with the keys
  "1", "2".
- A measure of 0 means "unknown": the documented failure of the basic callback has zeros only, m3u8 has size 0, ape and
  flac have bitrate 0.
- The readers guess nothing. A ratio, a number with a unit, a fraction of a byte, or an epoch number in place of a time
  cannot be read.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

from mediarelay.contracts.fields import nothing
from mediarelay.domain.tasks.vid import is_vid

# Readers of our JSON may parse numbers as doubles, which are exact up to here.
MAX_NUMBER = 2**53
# Backends send their smallest or largest date if they have none.
YEARS = range(2000, 2100)

_PROVIDER_ZONE = timezone(timedelta(hours=8))
_NO_TIME = "0000-00-00 00:00:00"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
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
