"""Batches, because services take a limited number of entries in one call."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# Batches in a row of which nothing succeeds, before the rest of the work waits: the service that it needs is down. One
# alone may be about one of its entries, or a moment.
MAX_FAILED_BATCHES = 2


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in batches of a size; the last one may be smaller."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
