"""JSON to frozen dataclasses and back, strictly, by pydantic: every error names the field (dotted path)."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import zip_longest
from typing import Annotated, Any, TypeVar

from pydantic import PlainSerializer, SerializationInfo, TypeAdapter, ValidationError

from mediarelay.errors import Malformed

T = TypeVar("T")
SECRET = "********"  # noqa: S105
"""The placeholder for a secret. A `PUT` that contains it keeps the stored secret."""
_HIDE = {"hide": True}
MISSING, UNKNOWN = "is missing", "is not known"
"""Reasons of `Malformed`: a field without a default is not there, or a field is there that the type does not have."""
_REASONS = {"missing": MISSING, "unexpected_keyword_argument": UNKNOWN}


def _shown(value: str, info: SerializationInfo) -> str:
    return SECRET if info.context == _HIDE else value


Secret = Annotated[str, PlainSerializer(_shown)]
"""Text that `encode` hides."""


def decode(kind: type[T], value: object) -> T:
    """Build `kind` from parsed JSON; raises `Malformed` for a wrong type, an unknown or missing field, a bound."""
    try:
        # As JSON, because only there a strict pydantic takes a list for a tuple and a value for a member of an enum.
        return _adapter(kind).validate_json(json.dumps(value), strict=True, extra="forbid")  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise Malformed(where, _REASONS.get(first["type"], first["msg"].replace("Input should", "must"))) from None


def encode(value: Any, *, reveal: bool = True) -> Any:
    """Turn a dataclass, or a list of them, into what `json.dumps` takes; secrets are hidden unless `reveal`."""
    if isinstance(value, list | tuple):
        return [encode(item, reveal=reveal) for item in value]
    return _adapter(type(value)).dump_python(value, mode="json", context=None if reveal else _HIDE)


def merge(old: Any, new: Any) -> Any:
    """Merge `new` into `old`: objects by field, other values as a whole. A hidden secret keeps the old value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{name: merge(old.get(name), value) for name, value in new.items()}}
    return _reveal(old, new)


def _reveal(old: Any, new: Any) -> Any:
    """Return `new` with the secrets that it hides, from the same places in `old`."""
    if isinstance(new, Mapping):
        known = old if isinstance(old, Mapping) else {}
        return {name: _reveal(known.get(name), value) for name, value in new.items()}
    if isinstance(new, list):
        items = old if isinstance(old, list) else []
        return [_reveal(one, value) for one, value in zip_longest(items[: len(new)], new)]
    return old if new == SECRET else new


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
