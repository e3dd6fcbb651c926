"""Reads an object of a payload field by field.

Fields that identify the subject of a payload, or state its outcome, are read strictly. Any other field that cannot be
read is unknown, and does not affect the rest of the payload; `Fields.unreadable` collects its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, TypeVar

from mediarelay.errors import Malformed

# Python refuses to convert a text of thousands of digits to an integer.
_MAX_INDEX_DIGITS = 18
Value = TypeVar("Value")


def nothing(value: object) -> object:
    """Return None for an empty value, and any other value unchanged."""
    # PHP writes an empty object as `[]`.
    return None if value in ("", [], {}) else value


def as_list(value: object) -> list[object]:
    """Return a list, also from an object with positions as names, or from a single value."""
    # PHP and Lua write lists as objects; XML converters drop the brackets around one entry.
    value = nothing(value)
    if is_keyed(value):
        return [value[key] for key in sorted(value, key=int)]
    return value if isinstance(value, list) else [] if value is None else [value]


def is_keyed(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Return whether a value is a list that PHP or Lua wrote as an object, with positions as names."""
    return isinstance(value, Mapping) and all(is_index(key) for key in value)


def is_index(key: object) -> bool:
    """Return whether a name is a position in a list that was written as an object."""
    return isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) <= _MAX_INDEX_DIGITS


def _object(value: object) -> Mapping[str, object] | None:
    value = nothing(value)
    if value is None or isinstance(value, Mapping):
        return value
    raise ValueError("not an object")


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a payload.

    Attributes:
        data: The members as they were sent. Undocumented members are ignored.
        path: The path of the object in the payload, with a dot at its end. Lists have no index in it.
        unreadable: The paths of all fields of the payload that could not be read.
    """

    data: Mapping[str, object]
    path: str = ""
    # All objects of a payload share this set.
    unreadable: set[str] = field(default_factory=set)

    def strict(self, name: str, read: Callable[[object], Value]) -> Value:
        """Read a field that the payload is useless without; raise `Malformed` with its path if `read` fails."""
        try:
            return read(self.data.get(name))
        except ValueError as error:
            raise Malformed(f"{self.path}{name}", str(error)) from None

    def side(self, name: str, read: Callable[[object], Value | None]) -> Value | None:
        """Read any other field; return None if it is missing or cannot be read."""
        return self._or_none(name, self.data.get(name), read)

    def each(self, name: str, read: Callable[[object], Value | None]) -> tuple[Value | None, ...]:
        """Read a list of values, or a single value; an entry that cannot be read is None."""
        return tuple(self._or_none(name, value, read) for value in as_list(self.data.get(name)))

    def part(self, name: str) -> "Fields":
        """Return the object in a field, or an object without members if there is none."""
        found = self.parts(name)
        # A list of several objects is ambiguous, so none of them is used.
        if len(found) > 1:
            self.note(name)
        return found[0] if len(found) == 1 else self.inside(name, {})

    def parts(self, name: str, read: Callable[[object], Mapping[str, object] | None] = _object) -> list["Fields"]:
        """Return the objects in a list; leave out empty entries and those that cannot be read."""
        found = self.each(name, read)
        return [self.inside(name, value) for value in found if value is not None]

    def inside(self, name: str, data: Mapping[str, object]) -> "Fields":
        """Return a nested object, whose unreadable fields are collected with those of this one."""
        return Fields(data, f"{self.path}{name}.", self.unreadable)

    def note(self, name: str) -> None:
        """Record that a field cannot be read."""
        self.unreadable.add(f"{self.path}{name}")

    def _or_none(self, name: str, value: object, read: Callable[[object], Value | None]) -> Value | None:
        try:
            return read(value)
        except ValueError:
            self.note(name)
            return None
