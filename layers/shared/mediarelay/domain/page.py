"""Pages of a list that is too long for one answer."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A row of an index: what it lists, and its place in the list, `time#id`; a page may begin behind it."""

    identity: str
    position: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `cursor` is where the next page begins; None on the last page."""

    items: tuple[T, ...]
    cursor: str | None
