"""The event log in the table: one item for each publication, in a few partitions per day."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import merge

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode
from mediarelay.adapters.dynamodb.event_keys import event_key, event_partitions, position_of
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import due_attributes, expires_at
from mediarelay.adapters.dynamodb.parts import BODY
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.events import LoggedEvent, Position, utc_text

# The stream has so much time to start the deliveries of an event before the sweep does.
FAN_OUT_GRACE = timedelta(seconds=30)
# A compressed message fits into one item: SNS accepts none over 256 KB.
_LEVEL = 9


@dataclass(frozen=True)
class EventStore:
    """Reads and writes the event log.

    Attributes:
        days: How long to keep an event, in days.
        deliver: Whether events wait for their delivery to endpoints.
    """

    table: Table
    days: int
    deliver: bool = False

    def append(self, event: LoggedEvent, *, deliver: bool = True) -> None:
        """Store an event. With `deliver`, it waits for its delivery to all endpoints, if there is any delivery."""
        self.table.put_once(self._encode(event, deliver=deliver))

    def append_all(self, events: Sequence[LoggedEvent]) -> set[str]:
        """Store up to 25 events, as `append` does; return the ids of those that were not stored."""
        left = self.table.put_many([self._encode(event, deliver=True) for event in events])
        return {position_of(Row(item)).id for item in left}

    def find(self, position: Position) -> LoggedEvent | None:
        """Read an event; return None if it has expired, raise `RowUnreadable` if it is damaged."""
        found = self.table.get(event_key(position))
        return self.table.decoded(decode_event, found) if found else None

    def events(self, day: date, after: Position, until: datetime) -> Iterator[LoggedEvent]:
        """Yield the events of one day (UTC) behind a position and before a time, oldest first."""
        found = (readable(decode_event, self._rows(one, after, until)) for one in event_partitions(day))
        return merge(*found, key=lambda event: event.position)

    def complete(self, position: Position) -> None:
        """Take an event out of the due index: all its deliveries are stored."""
        self.table.update(event_key(position), "REMOVE due_shard, due_at", {})

    def _encode(self, event: LoggedEvent, *, deliver: bool) -> Item:
        due = Due(Duty.FAN_OUT, event.position.at + FAN_OUT_GRACE) if self.deliver and deliver else None
        return encode_event(event, self.days, due)

    def _rows(self, partition: str, after: Position, until: datetime) -> Iterator[Item]:
        # `!` sorts before `#`: behind a position without an id come all events of its time, behind one with an id all
        # later events. No event of the time `until` sorts before that time itself.
        behind = event_key(after).sk if after.id else utc_text(after.at)
        values = {":pk": partition, ":after": f"{behind}!", ":until": utc_text(until)}
        if behind >= utc_text(until):
            return iter(())
        return self.table.query("pk = :pk AND sk BETWEEN :after AND :until", values)


def encode_event(event: LoggedEvent, days: int, due: Due | None) -> Item:
    """Encode an event that expires after some days."""
    attributes: dict[str, object] = {
        "item": ItemType.EVENT,
        "type": event.type,
        BODY: zlib.compress(event.message.encode(), _LEVEL),
        **expires_at(event.position.at + timedelta(days=days)),
        **due_attributes(due, event.position.id),
    }
    return event_key(event.position).item | encode(attributes)


@decoder
def decode_event(row: Row) -> LoggedEvent:
    """Decode an event."""
    return LoggedEvent(position_of(row), row.text("type"), zlib.decompress(row.binary(BODY)).decode())
