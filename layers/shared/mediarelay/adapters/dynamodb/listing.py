"""Lists of intents and bulk replays, newest first: positions from the index, the items themselves from the table."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TypeVar

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.keys import Key, after_prefix
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.task_items import BEHIND_ALL
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import IntentSubject, ReplayJobSubject
from mediarelay.domain.page import ListedRow

MAX_WAITING = 1000
_LATEST = datetime.max.replace(tzinfo=UTC)
T = TypeVar("T")


def newest(table: Table, list_key: str, behind: str | None, limit: int) -> list[ListedRow]:
    """List at most `limit` rows of one list behind a position (None: from the beginning)."""
    values = {":key": list_key, ":behind": behind or BEHIND_ALL}
    rows = table.query(
        "list_key = :key AND list_at < :behind", values, IndexName="listing", ScanIndexForward=False, Limit=limit
    )
    return list(islice(readable(_decode_row, rows), limit))


def waiting(due_index: DueIndex, duties: Iterable[Duty]) -> list[ListedRow]:
    """List the intents or jobs that wait for some duties, in no fixed order.

    An earlier version stored items that are in no list. Those that have not ended wait in the due index. Only the
    `MAX_WAITING` rows that are due first are read, so that a page costs no more while a large batch waits.
    """
    waiting_rows = chain.from_iterable(due_index.waiting(duty, _LATEST) for duty in duties)
    rows = islice(waiting_rows, MAX_WAITING)
    found = ((row.subject, row.at) for row in rows if isinstance(row.subject, IntentSubject | ReplayJobSubject))
    return [ListedRow(subject.identity, f"{at.isoformat()}#{subject.identity}") for subject, at in found if at]


def read_all(table: Table, keys: Sequence[Key], decode: Callable[[Item], T]) -> list[T]:
    """Read up to 100 items, in no fixed order; leave out those that are gone or unreadable."""
    return list(readable(decode, table.get_many(keys)))


@decoder
def _decode_row(row: Row) -> ListedRow:
    return ListedRow(after_prefix(row.text("pk")), row.text("list_at"))
