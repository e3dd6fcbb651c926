"""Batches, because services take a limited number of entries in one call."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# Batches in a row of which a service accepts nothing, before the rest of the work waits. One alone may fail because of
# one of its entries, or of a moment.
MAX_FAILED_BATCHES = 2


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in batches of a size; the last one may be smaller."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
