"""Readers of one value of the provider. What all providers share is in `contracts/values.py`."""

from datetime import datetime, timedelta, timezone

from mediarelay.contracts.values import YEARS, address, count, flag, integer, measure, number, short_text, text
from mediarelay.contracts.values import moment as moment_in
from mediarelay.domain.tasks.vid import is_vid

__all__ = [
    "YEARS",
    "address",
    "count",
    "flag",
    "integer",
    "measure",
    "moment",
    "number",
    "owns",
    "short_text",
    "text",
    "vid",
]

_ZONE = timezone(timedelta(hours=8))
_NO_TIME = "0000-00-00 00:00:00"


def owns(vid: str) -> bool:
    """Return whether an id has no hyphen: the ids of API 3.0 have one."""
    return "-" not in vid


def vid(value: object) -> str:
    """Read the id of a task, which is required."""
    if not isinstance(value, str) or not is_vid(value):
        raise ValueError("not the id of a task")
    return value


def moment(value: object) -> datetime | None:
    """Read a time as UTC. Without an offset, it is the provider's wall clock (UTC+8)."""
    return moment_in(value, _ZONE, _NO_TIME)
