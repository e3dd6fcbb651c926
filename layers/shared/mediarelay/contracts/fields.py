"""An object of a payload, read field by field.

What a payload is about and how that stands is read strictly. Any other field costs nothing but itself: a value that
cannot be read is not known, and `Fields.unreadable` collects the field's name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, TypeVar

from mediarelay.errors import Malformed

_MAX_INDEX_DIGITS = 18
Value = TypeVar("Value")


def nothing(value: object) -> object:
    """Read the ways to say nothing as None."""
    return None if value in ("", [], {}) else value


def as_list(value: object) -> list[object]:
    """Read a list as PHP or XML converters print it: with keys, or without its brackets if it has one entry."""
    value = nothing(value)
    if is_keyed(value):
        return [value[key] for key in sorted(value, key=int)]
    return value if isinstance(value, list) else [] if value is None else [value]


def is_keyed(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is a list that PHP or Lua wrote as an object, with the places as names."""
    return isinstance(value, Mapping) and all(is_index(key) for key in value)


def is_index(key: object) -> bool:
    """Whether it is the name of a member where a list was written as an object."""
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
        data: Its members as they were sent. Members outside the documents are ignored.
        path: Where it lies in the payload, with a dot at its end; lists are not numbered.
        unreadable: Names of all fields of the payload, with their paths, that could not be read.
    """

    data: Mapping[str, object]
    path: str = ""
    unreadable: set[str] = field(default_factory=set)

    def strict(self, name: str, read: Callable[[object], Value]) -> Value:
        """Read a field without which the payload says nothing; raises Malformed with its name."""
        try:
            return read(self.data.get(name))
        except ValueError as error:
            raise Malformed(f"{self.path}{name}", str(error)) from None

    def side(self, name: str, read: Callable[[object], Value | None]) -> Value | None:
        """Read any other field: None if it is not stated or cannot be read."""
        return self._or_none(name, self.data.get(name), read)

    def each(self, name: str, read: Callable[[object], Value | None]) -> tuple[Value | None, ...]:
        """Read a list of values, position by position; one value that is no list is a list of one."""
        return tuple(self._or_none(name, value, read) for value in as_list(self.data.get(name)))

    def part(self, name: str) -> "Fields":
        """Return the object inside a field; one without members if there is none."""
        found = self.parts(name)
        if len(found) > 1:
            self.note(name)
        return found[0] if len(found) == 1 else self.inside(name, {})

    def parts(self, name: str, read: Callable[[object], Mapping[str, object] | None] = _object) -> list["Fields"]:
        """Return the objects of a list; entries that say nothing are left out."""
        found = self.each(name, read)
        return [self.inside(name, value) for value in found if value is not None]

    def inside(self, name: str, data: Mapping[str, object]) -> "Fields":
        """Return an object that lies in a field."""
        return Fields(data, f"{self.path}{name}.", self.unreadable)

    def note(self, name: str) -> None:
        """Note that a field cannot be read."""
        self.unreadable.add(f"{self.path}{name}")

    def _or_none(self, name: str, value: object, read: Callable[[object], Value | None]) -> Value | None:
        try:
            return read(value)
        except ValueError:
            self.note(name)
            return None
