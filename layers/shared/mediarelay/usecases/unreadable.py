"""Count the side fields that could not be read: of an answer when it is logged, of a callback when it is settled."""

from mediarelay import metrics
from mediarelay.contracts.observation import facts_of
from mediarelay.domain.entry import Entry

MAX_COUNTED_BYTES = 64 * 1024
"""Anybody with the path token may send callbacks that take long to read; a documented one has less than 4 KB."""


def count_unreadable(entry: Entry) -> None:
    """Count the fields of a line of the log that could not be read, by name; of a large one none."""
    if len(entry.body or b"") <= MAX_COUNTED_BYTES:
        for name in facts_of(entry).unreadable:
            metrics.count("FieldsUnreadable", field=name)
