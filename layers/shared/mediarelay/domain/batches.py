"""Batches, because services take a limited number of entries in one call."""

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import islice
from typing import Any, TypeVar

from mediarelay.errors import ServiceDown

T = TypeVar("T")
# Batches in a row of which a service accepts nothing, before the rest of the work waits. One alone may fail because of
# one of its entries, or of a moment.
MAX_FAILED_BATCHES = 2


def is_outage(failures: Mapping[Any, Exception], batch: Sized) -> bool:
    """Return whether a service accepted nothing of a batch because it is down. `failures` has the errors of entries."""
    return len(failures) == len(batch) and all(isinstance(error, ServiceDown) for error in failures.values())


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in batches of a size; the last one may be smaller."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
