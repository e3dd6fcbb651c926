"""Until when the tasks of each provider were listed."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Row, decoder
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import THERE, list_cursor_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable
from mediarelay.domain.due import BEGINNING
from mediarelay.errors import RowUnreadable


@dataclass(frozen=True)
class ListCursorStore:
    """Reads and writes the time until which a provider's tasks were listed."""

    table: Table

    def find(self, provider: str) -> datetime | None:
        """Return the time (UTC); None before the first run. If it is unreadable, everything is listed again."""
        found = self.table.get(list_cursor_key(provider))
        try:
            return decode_list_cursor(found) if found else None
        except RowUnreadable as error:
            note_unreadable(error)
            # An unreadable time may sort after every real one, and then `save` would never replace it.
            self._write(provider, BEGINNING, THERE)
            return BEGINNING

    def save(self, provider: str, until: datetime) -> None:
        """Store the time, unless a later one is stored."""
        # Not `<=`, which is false before the first run.
        self._write(provider, until, "NOT #at > :at")

    def _write(self, provider: str, until: datetime, condition: str) -> None:
        self.table.update(
            list_cursor_key(provider),
            "SET #at = :at, #item = :item",
            {":at": until, ":item": ItemType.LIST_CURSOR},
            condition,
            {"#at": "at", "#item": "item"},
        )


@decoder
def decode_list_cursor(row: Row) -> datetime:
    """Decode the time."""
    return row.time("at")
