"""The due index of the table: rows that wait for a duty, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, epoch, type_of
from mediarelay.adapters.dynamodb.item_types import MAY_WAIT_FOR, UNDER_VID, ItemType
from mediarelay.adapters.dynamodb.keys import TASK, Key, after_prefix, duty_text, shards, task_partition, vid_of
from mediarelay.adapters.dynamodb.song_keys import LEASE, song_of_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem, IntentSubject, ReplayJobSubject, Subject, TaskSubject
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid


@dataclass(frozen=True)
class DueIndex:
    """Lists rows that are due, and hides those that a worker takes."""

    table: Table

    def waiting(self, duty: Duty, now: datetime) -> Iterator[DueItem]:
        """Yield what is due for one duty, from all shards, oldest first.

        A row that failed was hidden until a later time, so it comes behind the rows that were not tried since.
        """
        found = (readable(decode_due_item, self.rows(shard, now), self.table.park) for shard in shards(duty))
        return merge(*found, key=lambda row: row.due_at)

    def hide(self, item: DueItem, until: datetime) -> bool:
        """Hide a row until a time; return False if another worker did so, or settled it, in between."""
        # The index is eventually consistent. The time that was read shows that the row still is what the index listed.
        values = {":until": epoch(until), ":seen": epoch(item.due_at)}
        return self.table.update(Key(*item.handle), "SET due_at = :until", values, "due_at = :seen")

    def unreadable(self, now: datetime) -> Iterator[str | SongKey]:
        """Yield the vid of each task item, and the song of each lease, that was parked as unreadable.

        Only these can be computed from other items. All other parked rows are for the operator.
        """
        for shard in shards(Duty.UNREADABLE):
            for item in self.rows(shard, now):
                yield from readable(_decode_rebuildable, filter(_is_rebuildable, [item]), lambda _error: None)

    def rows(self, shard: str, now: datetime) -> Iterator[Item]:
        """Yield the raw rows of one shard that are due."""
        values = {":shard": shard, ":now": epoch(now)}
        return self.table.query("due_shard = :shard AND due_at <= :now", values, IndexName="due")


@decoder
def decode_due_item(row: Row) -> DueItem:
    """Decode a row of the due index; it has to be of a type that waits for its duty."""
    duty = Duty(duty_text(row))
    if type_of(row.item) not in MAY_WAIT_FOR[duty]:
        raise ValueError("item: of a type that does not wait for this duty")
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
    """Read what a row is about. Rows of songs, intents and jobs say it in their key only."""
    item_type = type_of(row.item)
    if item_type in UNDER_VID:
        return TaskSubject(vid_of(row), Kind(row.text("kind")))
    if item_type == ItemType.INTENT:
        return IntentSubject(after_prefix(row.text("pk")))
    if item_type == ItemType.REPLAY_JOB:
        return ReplayJobSubject(after_prefix(row.text("pk")))
    return song_of_key(row)


def _is_rebuildable(item: Item) -> bool:
    sk = Row(item).text("sk")
    return sk == TASK or sk.startswith(f"{LEASE}#")


@decoder
def _decode_rebuildable(row: Row) -> str | SongKey:
    """Read from its key alone what a parked row is about; nothing else of it can be trusted."""
    if row.text("sk") != TASK:
        return song_of_key(row)
    vid = after_prefix(row.text("pk"))
    if row.text("pk") != task_partition(vid) or not is_vid(vid):
        raise ValueError("the key of no task")
    return vid
