"""Unreadable rows of the table: each is counted and named in the log, and stops nobody."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from mediarelay.errors import RowUnreadable
from mediarelay.observability import count

T = TypeVar("T")
log = logging.getLogger(__name__)


def note_unreadable(error: RowUnreadable) -> None:
    """Count an unreadable row and name it in the log: by its key, never with its content."""
    count("RowsUnreadable", item=error.item)
    log.error("row unreadable", extra={"pk": error.pk, "sk": error.sk, "item": error.item})


def readable(
    decode: Callable[[Any], T], rows: Iterable[Any], park: Callable[[RowUnreadable], None] = note_unreadable
) -> Iterator[T]:
    """Yield what can be decoded of many rows, one by one; every other row goes to `park`."""
    for row in rows:
        try:
            found = decode(row)
        except RowUnreadable as error:
            park(error)
        else:
            yield found
