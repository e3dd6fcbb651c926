"""Pages of a list that is too long for one answer."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. `cursor` is where the next page begins; None on the last page."""

    items: tuple[T, ...]
    cursor: str | None
