"""Readers of one value of the provider: None for no value, ValueError if it cannot be read.

Numbers, measures and texts are read as everywhere. What differs is in this module: times, buckets, regions and ids.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mediarelay.contracts.fields import nothing
from mediarelay.contracts.values import address, count, integer, measure, short_text, text
from mediarelay.contracts.values import moment as moment_in
from mediarelay.domain.tasks.vid import is_vid

__all__ = [
    "address",
    "bucket",
    "count",
    "integer",
    "key",
    "mapping",
    "measure",
    "moment",
    "owns",
    "percent",
    "region",
    "short_text",
    "text",
    "vid",
]

MAX_PERCENT = 100
_NO_TIME = "0000-00-00T00:00:00Z"
_BUCKET = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?)-([1-9][0-9]{0,14})", re.ASCII)
_REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)


def owns(vid: str) -> bool:
    """Return whether an id has the form of this provider's: 1250000000-WorkflowTask-{32 hex digits}t0, for example."""
    return is_vid(vid) and "-" in vid


def vid(value: object) -> str:
    """Read the id of a task, which is required."""
    if not isinstance(value, str) or not owns(value):
        raise ValueError("must be the id of a task, such as 1250000000-WorkflowTask-0123456789abcdef0123456789abcdeft0")
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """Read an object; a missing one has no members."""
    value = nothing(value)
    if value is not None and not isinstance(value, Mapping):
        raise ValueError("not an object")
    return value or {}


def moment(value: object) -> datetime | None:
    """Read a time as UTC, in which the provider states all times."""
    return moment_in(value, UTC, _NO_TIME)


def bucket(value: object) -> tuple[str | None, int | None]:
    """Read a bucket such as `clips-1250000000`, which holds its name and the account that owns it."""
    stated = address(value)
    found = _BUCKET.fullmatch(stated or "")
    if stated and not found:
        raise ValueError("not a bucket such as clips-1250000000")
    return (found[1], int(found[2])) if found else (None, None)


def percent(value: object) -> int | None:
    """Read a percentage, of which 0 is one."""
    stated = integer(value)
    if stated is not None and not 0 <= stated <= MAX_PERCENT:
        raise ValueError(f"not from 0 to {MAX_PERCENT}")
    return stated


def region(value: object) -> str | None:
    """Read a region such as `ap-shanghai`."""
    stated = address(value)
    if stated and not _REGION.fullmatch(stated):
        raise ValueError("not a region such as ap-shanghai")
    return stated


def key(value: object) -> str | None:
    """Read the key of an object, without the slash that the provider writes before it."""
    stated = address(value)
    return stated and stated.removeprefix("/")
