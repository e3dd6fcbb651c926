"""The codec between plain Python values and DynamoDB's typed attributes. No other module names an attribute type.

`encode` writes plain values. A `Row` reads one attribute at a time as the type that the caller expects. This code must
not misread an item that was changed by hand, or by a later version: an attribute that is missing, of another type or
not parsable raises `RowUnreadable` (see `decoder`).
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from mediarelay.adapters.dynamodb.item_types import ITEM_TYPES
from mediarelay.errors import RowUnreadable

# An item as DynamoDB's low-level API returns it: attribute name -> {type: value}.
Item = dict[str, dict[str, Any]]
# Stored times outside these years are unreadable: adding a timedelta near Python's first or last date overflows.
YEARS = range(1970, 9000)
# Stored counts outside this range are unreadable: DynamoDB could not add to a number of more than 38 digits.
COUNTS = range(2**53)
# Every error that reading a damaged item may raise. AWS calls raise none of these, so an outage is not mistaken for it.
UNPARSABLE = (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError, RecursionError, zlib.error)
_NO_ATTRIBUTE: dict[str, Any] = {}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Raw:
    """An attribute that is written back exactly as it was read, whatever its type."""

    attribute: dict[str, Any]


def encode(values: Mapping[str, object]) -> Item:
    """Encode plain values; leave out None and empty sets, which DynamoDB does not store."""
    return {name: _encoded(value) for name, value in values.items() if value is not None and value != frozenset()}


def _encoded(value: object) -> dict[str, Any]:
    kind = type(value)
    # Every attribute of every write passes here, and few types occur.
    if kind not in _ENCODER_OF:
        _ENCODER_OF[kind] = _encoder(kind)
    return _ENCODER_OF[kind](value)


def _encoder(given: type) -> Callable[[Any], dict[str, Any]]:
    for kind, encoder in _ENCODERS:
        if issubclass(given, kind):
            return encoder
    raise TypeError(f"{given.__name__} has no attribute type")


_ENCODER_OF: dict[type, Callable[[Any], dict[str, Any]]] = {}
_ENCODERS: tuple[tuple[type, Callable[[Any], dict[str, Any]]], ...] = (
    (Raw, lambda value: value.attribute),
    (bool, lambda value: {"BOOL": value}),  # before int, of which bool is a subclass
    (int, lambda value: {"N": str(value)}),
    (str, lambda value: {"S": str(value)}),
    (bytes, lambda value: {"B": value}),
    (datetime, lambda value: {"S": value.isoformat()}),
    (frozenset, lambda value: {"SS": sorted(value)}),
    (tuple, lambda value: {"L": [_encoded(one) for one in value]}),
    (Mapping, lambda value: {"M": encode(value)}),
)


@dataclass(frozen=True, slots=True)
class Row:
    """An item whose attributes are read one by one, each as the type that the caller expects.

    An attribute that no caller reads may have any value: one damaged attribute must not hide the others.
    """

    item: Item

    def __contains__(self, name: str) -> bool:
        """Return whether the item has an attribute, of any type."""
        return name in self.item

    def text(self, name: str) -> str:
        """Read a string."""
        return str(self.item[name]["S"])

    def optional_text(self, name: str) -> str | None:
        """Read a string; return None if there is no such attribute."""
        return self.text(name) if name in self else None

    def count(self, name: str, usable: range = COUNTS) -> int:
        """Read a count; raise ValueError if it is out of range."""
        found = int(self.item[name]["N"])
        if found not in usable:
            raise ValueError(f"{name}: not a usable count")
        return found

    def number(self, name: str) -> int:
        """Read an integer of any size."""
        return int(self.item[name]["N"])

    def flag(self, name: str) -> bool:
        """Read a boolean."""
        return bool(self.item[name]["BOOL"])

    def time(self, name: str) -> datetime:
        """Read an ISO 8601 time with its offset."""
        return usable_time(datetime.fromisoformat(self.item[name]["S"]))

    def optional_time(self, name: str) -> datetime | None:
        """Read an ISO 8601 time; return None if there is no such attribute."""
        return self.time(name) if name in self else None

    def seconds(self, name: str) -> datetime:
        """Read UNIX seconds."""
        return usable_time(datetime.fromtimestamp(self.number(name), UTC))

    def optional_seconds(self, name: str) -> datetime | None:
        """Read UNIX seconds; return None if there is no such attribute."""
        return self.seconds(name) if name in self else None

    def binary(self, name: str) -> bytes:
        """Read bytes."""
        return bytes(self.item[name]["B"])

    def binaries(self, name: str) -> tuple[bytes, ...]:
        """Read a list of bytes."""
        return tuple(bytes(one["B"]) for one in self.item[name]["L"])

    def texts(self, name: str) -> frozenset[str]:
        """Read a set of strings; return an empty set if there is no such attribute."""
        return frozenset(self.item[name]["SS"]) if name in self else frozenset()

    def nested(self, name: str) -> "Row":
        """Read a map."""
        return Row(dict(self.item[name]["M"]))

    def json_object(self, name: str) -> dict[str, Any]:
        """Read a JSON object."""
        found = json.loads(self.text(name))
        if not isinstance(found, dict):
            raise ValueError(f"{name}: not an object")  # noqa: TRY004 a damaged attribute, as all others
        return found


def lenient_text(item: Item, name: str) -> str:
    """Read a string; return an empty one if it is missing or of another type. For item types and log lines."""
    return str(item.get(name, _NO_ATTRIBUTE).get("S") or "")


def lenient_strings(item: Item, name: str) -> tuple[str, ...]:
    """Read a list of strings; leave out what is missing or of another type."""
    return tuple(str(one["S"]) for one in item.get(name, _NO_ATTRIBUTE).get("L") or () if "S" in one)


def lenient_binary(item: Item, name: str) -> bytes | None:
    """Read bytes; return None if they are missing or of another type."""
    found = item.get(name, _NO_ATTRIBUTE).get("B")
    return None if found is None else bytes(found)


def usable_time(found: datetime) -> datetime:
    """Return a time that can be compared with others and moved by any setting; raise ValueError for any other."""
    if found.tzinfo is None or found.year not in YEARS:
        raise ValueError("must have an offset and a usable year")
    return found


def epoch(at: datetime) -> int:
    """Return a time as UNIX seconds, which the due index sorts by and DynamoDB's time to live requires."""
    return int(at.timestamp())


def decoder(decode: Callable[[Row], T]) -> Callable[[Item], T]:
    """Decorate a function that reads a row, so that any fault of its item raises `RowUnreadable`."""

    @wraps(decode)
    def strict(item: Item) -> T:
        try:
            return decode(Row(item))
        except UNPARSABLE as error:
            raise row_unreadable(item, error) from error

    return strict


def type_of(item: Item) -> str:
    """Return the type that an item states, or an empty string if it states none."""
    return lenient_text(item, "item")


def row_unreadable(item: Item, error: Exception) -> RowUnreadable:
    """Return the error for an item. It names the key and the type, never the content, which may hold tokens."""
    # The type becomes a key of a metric's details, so it has to be one of a few.
    stated = type_of(item) if type_of(item) in ITEM_TYPES else "unknown"
    reason = str(error) if isinstance(error, KeyError) else type(error).__name__
    return RowUnreadable((lenient_text(item, "pk"), lenient_text(item, "sk")), stated, reason)
