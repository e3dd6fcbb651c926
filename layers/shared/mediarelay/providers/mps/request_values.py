"""Readers of one value of a client's request: ValueError if it is missing or cannot be served."""

import re
from collections.abc import Mapping
from typing import Any

from mediarelay.domain.tasks.facts import MAX_REFERENCE
from mediarelay.domain.tasks.file_url import REGIONS, key_flaw, source_key_flaw
from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.providers.mps import values

MAX_PRIORITY = 10
MAX_FOLDER = 512
MAX_SECONDS = 86_400
# A foreign storage accepts longer keys than the object storage.
MAX_S3_KEY_BYTES = 1024
_MAX_INT32, _MAX_INT64 = 2**31 - 1, 2**63 - 1
_LONG_REGIONS = {short: long for long, short in REGIONS.items()}
_WEB_URL = re.compile(r"https?://[^/?#\s@]+(?:[/?#]\S*)?", re.IGNORECASE)
_S3_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_FOLDER = re.compile(r"/(?:[^/]+/)*")


def members(value: object) -> Mapping[str, Any]:
    """Read an object."""
    if not isinstance(value, Mapping):
        raise ValueError("must be an object")  # noqa: TRY004 - one error for all that cannot be read
    return value


def optional_text(value: object) -> str | None:
    """Read a text of at most `MAX_URL` characters."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - as above
    if len(value) > MAX_URL:
        raise ValueError(f"must have at most {MAX_URL} characters")
    return values.address(value)


def text(value: object) -> str:
    """Read a text that is required."""
    stated = optional_text(value)
    if not stated:
        raise ValueError("is required")
    return stated


def bucket(value: object) -> str:
    """Read a bucket of the object storage: its name and the account that owns it."""
    stated = text(value).lower()
    try:
        values.bucket(stated)
    except ValueError:
        raise ValueError("must be a bucket such as clips-1250000000") from None
    return stated


def cos_key(value: object) -> str:
    """Read the key of a source in the object storage, with the slash that the provider expects before it."""
    stated = text(value).removeprefix("/")
    if flaw := source_key_flaw(stated):
        raise ValueError(f"the key {flaw}")
    return f"/{stated}"


def region(value: object) -> str:
    """Read a region; a short name becomes the one that the provider knows."""
    stated = text(value).lower()
    try:
        values.region(stated)
    except ValueError:
        raise ValueError("must be a region such as ap-shanghai") from None
    # A word of hosts that take a region's place, but no bucket lies there.
    if stated == "accelerate":
        raise ValueError("must be the region of the bucket, such as ap-shanghai")
    return long_region(stated)


def long_region(name: str) -> str:
    """Return `ap-shanghai` for `sh`; any name without a long one stays."""
    return _LONG_REGIONS.get(name.lower(), name.lower())


def s3_bucket(value: object) -> str:
    """Read a bucket of a foreign storage."""
    stated = text(value)
    if not _S3_BUCKET.fullmatch(stated):
        raise ValueError("must be the name of a bucket")
    return stated


def s3_key(value: object) -> str:
    """Read the key of an object in a foreign storage, without a slash before it."""
    stated = text(value).removeprefix("/")
    if flaw := key_flaw(stated, max_bytes=MAX_S3_KEY_BYTES):
        raise ValueError(f"the key {flaw}")
    return stated


def web_url(value: object) -> str:
    """Read the URL of a file on the web. It may have a query, which the web server may need."""
    stated = text(value)
    if not _WEB_URL.fullmatch(stated) or not stated.isprintable():
        raise ValueError("must be http:// or https://, a host without a user name, and a path")
    return stated


def folder(value: object) -> str | None:
    """Read the folder of the outputs, with a slash at both ends."""
    stated = optional_text(value)
    if stated is None:
        return None
    if len(stated) > MAX_FOLDER or not stated.isprintable() or not _FOLDER.fullmatch(stated):
        raise ValueError(f"must be a folder such as /out/, of at most {MAX_FOLDER} characters")
    if flaw := key_flaw(stated):
        raise ValueError(flaw)
    return stated


def reference(value: object) -> str | None:
    """Read the client's own reference."""
    stated = optional_text(value)
    if stated and len(stated) > MAX_REFERENCE:
        raise ValueError(f"must have at most {MAX_REFERENCE} characters")
    return stated


def priority(value: object) -> int | None:
    """Read the priority of a task at the provider; 0 is usual."""
    return _whole(value, -MAX_PRIORITY, MAX_PRIORITY)


def schedule(value: object) -> int | None:
    """Read the number of a schedule."""
    return _whole(value, 1, _MAX_INT64)


def definition(value: object) -> int:
    """Read the number of a template."""
    stated = _whole(value, 1, _MAX_INT32)
    if stated is None:
        raise ValueError("is required")
    return stated


def seconds(value: object) -> float | None:
    """Read a time in a source."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_SECONDS:
        raise ValueError(f"must be a number of seconds from 0 to {MAX_SECONDS}")
    return float(value)


def _whole(value: object, low: int, high: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"must be a whole number from {low} to {high}")
    return value
