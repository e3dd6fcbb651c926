"""Redaction: what is left of a relay once everything is removed that may be a token or a resource id."""

import re
from typing import Any

from mediarelay.contracts.fields import is_index
from mediarelay.contracts.zego.values import (
    MAX_TEXT,
    NAMES,
    NUMBER,
    READ_TEXTS,
    SECRET_FIELDS,
    SHOWN_FIELDS,
    digest_of,
    is_nothing,
    is_token,
    parse_result,
    storable,
)
from mediarelay.errors import Malformed

_PLAIN = re.compile(rf"{NUMBER.pattern}|true|false", re.IGNORECASE | re.ASCII)
# Any other name may be a value, even a token, that a server put in the wrong place.
_FIELD = re.compile(r"[A-Za-z]+(_[A-Za-z]+)*")
MAX_FIELD_NAME = 24
# Signs that a text contains a secret, or a JSON object with members.
_SECRET_SIGNS = re.compile(r"share_token|krc_token|resource_id|\"\s*:", re.IGNORECASE)
# The start of a text that may be JSON, even if it is cut off.
_PACKED = re.compile(r"\s*(\{|\[\s*\"|\")")
_INFINITE = (float("inf"), float("-inf"))


def redact(value: Any, name: str = "") -> Any:
    """Return a JSON value without anything that may be a token or a resource id.

    Only texts that are known to be harmless are kept. A token is replaced by a digest, so that equal tokens can be
    recognized. A value that cannot be read as a token becomes a list, so that it still cannot be read as one.
    """
    if name.lower() in SECRET_FIELDS and not is_nothing(value):
        return _mark_of(value)
    if isinstance(value, dict):
        return {_shown_name(inner): redact(member, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [redact(member) for member in value]
    if isinstance(value, str):
        return _shown(value, name)
    return value if value not in _INFINITE else str(value)  # 1e999 is valid JSON, Infinity is not


def _mark_of(secret: object) -> str | list[str]:
    mark = f"sha256:{digest_of(secret)[:16]}"
    return mark if is_token(secret) else [mark]


def _shown_name(name: str) -> str:
    known = len(name) <= MAX_FIELD_NAME and _FIELD.fullmatch(name)
    return name if known or is_index(name) else f"sha256:{digest_of(name)[:16]}"


def _shown(text: str, name: str) -> Any:
    """Return what is kept of a text: a result as a redacted object, a known harmless text, otherwise its length."""
    if name == "result":
        return redact(_readable(text))
    if is_nothing(text) or _PLAIN.fullmatch(text.strip()):
        return text
    if name in READ_TEXTS:
        return text if is_showable(text, name) else [f"{len(text)} characters"]
    return text if name in SHOWN_FIELDS and not _may_contain_token(text, name) else f"{len(text)} characters"


def is_showable(text: str, name: str) -> bool:
    """Return whether a text field can be shown."""
    return len(text) <= MAX_TEXT and storable(text) and not _may_contain_token(text, name)


def _may_contain_token(text: str, name: str) -> bool:
    """Return whether a text may contain a token."""
    return bool(_SECRET_SIGNS.search(text) or (name not in NAMES and _PACKED.match(text)))


def _readable(text: str) -> Any:
    try:
        return parse_result(text)
    except Malformed:
        return [text]  # redaction keeps the length of the text
