"""JSON to frozen dataclasses and back, strictly: every error names the field (dotted path)."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mediarelay.errors import Malformed

T = TypeVar("T")
SECRET = "********"  # noqa: S105
"""What a secret field shows; sent back, it leaves the secret as it is."""


def ranged(default: Any, low: float, high: float) -> Any:
    """Declare a number field with a default and inclusive bounds."""
    return dataclasses.field(default=default, metadata={"range": (low, high)})


def secret(default: Any = dataclasses.MISSING) -> Any:
    """Declare a text field that `encode` hides."""
    return dataclasses.field(default=default, metadata={"secret": True})


def decode(kind: type[T], value: object, where: str = "") -> T:
    """Build `kind` from parsed JSON; raises `Malformed` for a wrong type, an unknown or missing field, a bound."""
    return _decode(kind, value, where)  # type: ignore[no-any-return]


def encode(value: Any, *, reveal: bool = True) -> Any:
    """Turn dataclasses into what `json.dumps` takes; secrets are hidden unless `reveal`."""
    if dataclasses.is_dataclass(value):
        return {f.name: _encode_field(f, getattr(value, f.name), reveal=reveal) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [encode(item, reveal=reveal) for item in value]
    return value.value if isinstance(value, Enum) else value


def merge(old: Any, new: Any) -> Any:
    """Lay `new` over `old`: objects field by field, anything else as a whole; a hidden secret keeps the old one."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{name: merge(old.get(name), value) for name, value in new.items()}}
    return old if new == SECRET else new


def _encode_field(field: "dataclasses.Field[Any]", value: Any, *, reveal: bool) -> Any:
    hidden = field.metadata.get("secret") and value is not None and not reveal
    return SECRET if hidden else encode(value, reveal=reveal)


def _decode(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind, value, where)
    return _FORMS.get(get_origin(kind), _scalar)(kind, value, where)


def _record(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise Malformed(where or "body", "must be an object")
    fields, hints = {f.name: f for f in dataclasses.fields(kind)}, _hints(kind)
    prefix = f"{where}." if where else ""
    for name in value.keys() - fields.keys():
        raise Malformed(f"{prefix}{name}", "is not known")
    for name in _required(kind) - value.keys():
        raise Malformed(f"{prefix}{name}", "is missing")
    found = {name: _decode(hints[name], item, prefix + name) for name, item in value.items()}
    for name, item in found.items():
        _check_range(fields[name], item, prefix + name)
    return kind(**found)


def _check_range(field: "dataclasses.Field[Any]", value: Any, where: str) -> None:
    low, high = field.metadata.get("range", (None, None))
    if low is not None and value is not None and not low <= value <= high:
        raise Malformed(where, f"must be from {low} to {high}")


@cache
def _required(kind: Any) -> frozenset[str]:
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return frozenset(f.name for f in fields if f.default is missing and f.default_factory is missing)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _member(kind: type[Enum], value: Any, where: str) -> Enum:
    try:
        return kind(value)
    except ValueError as error:
        raise Malformed(where, f"must be one of {[member.value for member in kind]}") from error


def _sequence(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Malformed(where, "must be a list")
    return tuple(_decode(get_args(kind)[0], item, f"{where}.{i}") for i, item in enumerate(value))


def _optional(kind: Any, value: Any, where: str) -> Any:
    inner = next(arg for arg in get_args(kind) if arg is not types.NoneType)
    return None if value is None else _decode(inner, value, where)


def _literal(kind: Any, value: Any, where: str) -> Any:
    if value not in get_args(kind):
        raise Malformed(where, f"must be one of {list(get_args(kind))}")
    return value


def _scalar(kind: Any, value: Any, where: str) -> Any:
    taken = (int, float) if kind is float else kind
    if not isinstance(value, taken) or (isinstance(value, bool) and kind is not bool):
        raise Malformed(where, f"must be {_SCALARS[kind]}")
    return value


_SCALARS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_FORMS: dict[Any, Callable[[Any, Any, str], Any]] = {
    tuple: _sequence,
    Union: _optional,
    types.UnionType: _optional,
    Literal: _literal,
}
