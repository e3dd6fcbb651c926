"""The due index of the table: it lists rows that wait for a duty, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Any

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, epoch, type_of
from mediarelay.adapters.dynamodb.event_keys import delivery_of, position_of
from mediarelay.adapters.dynamodb.item_types import MAY_WAIT_FOR, UNDER_VID, ItemType
from mediarelay.adapters.dynamodb.keys import (
    HIDDEN_UNTIL,
    OBSERVATION,
    TASK,
    Key,
    after_prefix,
    duty_text,
    shards,
    task_partition,
    vid_of,
)
from mediarelay.adapters.dynamodb.song_keys import LEASE, song_of_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import BEGINNING, Duty
from mediarelay.domain.due_item import (
    DamagedRow,
    DeliverySubject,
    DueItem,
    EventSubject,
    IntentSubject,
    ReplayJobSubject,
    Subject,
    TaskSubject,
)
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid


@dataclass(frozen=True)
class DueIndex:
    """Lists due rows, and hides a row while a worker handles it."""

    table: Table

    def waiting(self, duty: Duty, now: datetime) -> Iterator[DueItem]:
        """Yield the rows that are due for one duty, from all shards, oldest first."""
        # A row that failed was hidden until a later time, so it sorts behind the rows that no worker has tried since.
        found = (readable(decode_due_item, self.rows(shard, now), self.table.mark_unreadable) for shard in shards(duty))
        return merge(*found, key=lambda row: row.due_at)

    def hide(self, item: DueItem, until: datetime) -> bool:
        """Hide an item from other ticks until a time; return False if another worker hid or settled it in between."""
        # The index is eventually consistent, so it may list a row that has changed since. The condition detects that.
        values = {":until": epoch(until), ":seen": epoch(item.due_at)}
        change = f"SET due_at = :until, {HIDDEN_UNTIL} = :until"
        return self.table.update(Key(*item.handle), change, values, "due_at = :seen")

    def unreadable(self, now: datetime) -> Iterator[str | SongKey]:
        """Yield the song of each unreadable lease, and the vid of each unreadable task item, then of each observation.

        Only the first two can be computed from other items. An observation may have been the guard of an outcome. The
        operator has to repair it and all other rows.
        """
        observations: list[Item] = []
        for shard in shards(Duty.UNREADABLE):
            for item in self.rows(shard, now):
                if Row(item).text("sk").startswith(f"{OBSERVATION}#"):
                    observations.append(item)
                elif _is_rebuildable(item):
                    yield from readable(_decode_rebuildable, [item], lambda _error: None)
        yield from dict.fromkeys(readable(_decode_rebuildable, observations, lambda _error: None))

    def rows(self, shard: str, now: datetime, **options: Any) -> Iterator[Item]:
        """Yield the due items of one shard, not decoded."""
        values = {":shard": shard, ":now": epoch(now)}
        return self.table.query("due_shard = :shard AND due_at <= :now", values, IndexName="due", **options)

    def count(self, duty: Duty, now: datetime, limit: int) -> tuple[int, datetime | None]:
        """Return how many rows are due for a duty, and from when the oldest one is due. The count stops at `limit`."""
        due: list[datetime] = []
        for shard in shards(duty):
            # At least one row of each shard, because any of them may hold the oldest one.
            left = max(1, limit - len(due))
            found = self.rows(shard, now, ProjectionExpression="due_at", Limit=left)
            due += [_due_time(item) for item in islice(found, left)]
        return min(len(due), limit), min(due, default=None)

    def arrivals(self, duty: Duty, limit: int) -> list[datetime]:
        """Return when items that wait for a duty arrived, of at most `limit` items, whether they are due or not."""
        arrived: list[datetime] = []
        for shard in shards(duty):
            found = self.table.query("due_shard = :shard", {":shard": shard}, IndexName="due", Limit=limit)
            arrived += readable(_decode_arrival, islice(found, max(0, limit - len(arrived))), lambda _error: None)
        return arrived

    def due_between(self, duty: Duty, since: datetime, until: datetime) -> Iterator[tuple[str, DueItem | DamagedRow]]:
        """Yield the rows of a duty that are due between two times, both included, oldest first.

        Rows that are due at the same time come in the order of the texts beside them, which identify the rows.
        """
        found = merge(*(self._between(shard, since, until) for shard in shards(duty)), key=lambda one: one[0])
        for _, same in groupby(found, key=lambda one: one[0]):
            rows = {" ".join(Key.of(Row(item))): item for _, item in same}
            yield from ((key, _decode_or_damaged(rows[key], key)) for key in sorted(rows))

    def _between(self, shard: str, since: datetime, until: datetime) -> Iterator[tuple[datetime, Item]]:
        values = {":shard": shard, ":since": epoch(since), ":until": epoch(until)}
        condition = "due_shard = :shard AND due_at BETWEEN :since AND :until"
        return ((_due_time(item), item) for item in self.table.query(condition, values, IndexName="due"))


def _due_time(item: Item) -> datetime:
    """Read the due time of a row; a time that cannot be used counts as the oldest one."""
    return next(readable(_decode_due_time, [item], lambda _error: None), BEGINNING)


def _decode_or_damaged(item: Item, key: str) -> DueItem | DamagedRow:
    return next(readable(decode_due_item, [item], lambda _error: None), DamagedRow(key, _due_time(item)))


@decoder
def _decode_due_time(row: Row) -> datetime:
    return row.seconds("due_at")


@decoder
def _decode_arrival(row: Row) -> datetime:
    return row.time("at")


@decoder
def decode_due_item(row: Row) -> DueItem:
    """Decode a row of the due index; refuse a type of item that never waits for its duty."""
    duty = Duty(duty_text(row))
    if type_of(row.item) not in MAY_WAIT_FOR[duty]:
        raise ValueError("item: this type does not wait for this duty")
    return DueItem(
        duty=duty,
        subject=_subject(row),
        due_at=row.seconds("due_at"),
        handle=RowHandle(Key.of(row)),
        at=row.optional_time("at"),
        give_up_at=row.optional_seconds("give_up_at"),
        is_replay=type_of(row.item) == ItemType.REPLAY,
    )


def _subject(row: Row) -> Subject:
    """Read the subject of a row. All but tasks name it in their key only."""
    item_type = type_of(row.item)
    if item_type in UNDER_VID:
        return TaskSubject(vid_of(row), Kind(row.text("kind")))
    if item_type == ItemType.INTENT:
        return IntentSubject(after_prefix(row.text("pk")))
    if item_type == ItemType.REPLAY_JOB:
        return ReplayJobSubject(after_prefix(row.text("pk")))
    if item_type in {ItemType.RELAY, ItemType.LEASE}:
        return song_of_key(row)
    if item_type == ItemType.EVENT:
        return EventSubject(position_of(row))
    if item_type == ItemType.DELIVERY:
        return DeliverySubject(*delivery_of(row))
    raise ValueError("item: a type that waits for nothing")


def _is_rebuildable(item: Item) -> bool:
    sk = Row(item).text("sk")
    return sk == TASK or sk.startswith(f"{LEASE}#")


@decoder
def _decode_rebuildable(row: Row) -> str | SongKey:
    """Read the subject of an unreadable row from its key, the only part of it that can be trusted."""
    if row.text("sk").startswith(f"{LEASE}#"):
        return song_of_key(row)
    vid = after_prefix(row.text("pk"))
    if row.text("pk") != task_partition(vid) or not is_vid(vid):
        raise ValueError("pk: not the key of a task")
    return vid
