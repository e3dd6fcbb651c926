"""Counts and logs unreadable rows, so that none of them delays other rows."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mediarelay.errors import RowUnreadable
from mediarelay.observability import count

R = TypeVar("R")
T = TypeVar("T")
log = logging.getLogger(__name__)


def note_unreadable(error: RowUnreadable) -> None:
    """Count an unreadable row and log its key."""
    # The content of a row may hold tokens, so it never gets into the log.
    count("RowsUnreadable", item=error.item)
    pk, sk = error.row
    log.error("row unreadable", extra={"pk": pk, "sk": sk, "item": error.item})


def readable(
    decode: Callable[[R], T], rows: Iterable[R], report: Callable[[RowUnreadable], None] = note_unreadable
) -> Iterator[T]:
    """Yield the rows that can be decoded, one by one; pass the error of each other row to `report`."""
    for row in rows:
        try:
            found = decode(row)
        except RowUnreadable as error:
            report(error)
        else:
            yield found
