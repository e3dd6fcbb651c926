"""The task items in the table: the summary and the bookkeeping of each task, listed by time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch, type_of, usable_time
from mediarelay.adapters.dynamodb.item_types import MAY_WAIT_FOR, ItemType
from mediarelay.adapters.dynamodb.keys import due_attributes, duty_text, shards, task_key, vid_of, waits
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem, TaskSummary
from mediarelay.domain.tasks.listing import ListedTask, Order, Selection, TimeOf
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State

# The index of task items for each time, and its sort key: `{time}#{vid}`.
LISTINGS = {TimeOf.CREATED: ("listing", "list_at"), TimeOf.OUTCOME: ("outcomes", "outcome_at")}
# These texts sort before and behind every position, which begins with a year.
BEFORE_ALL, BEHIND_ALL = "0", "~"


@dataclass(frozen=True)
class TaskItemStore:
    """Writes and lists task items."""

    table: Table

    def save(self, item: TaskItem, seen: TaskItem | None) -> bool:
        """Write a task item; return False if it is no longer the one that was `seen`."""
        return self.table.put_version(
            encode_task_item(item), seen.bookkeeping.version if seen else None, decode_task_item
        )

    def is_known(self, vid: str) -> bool:
        """Return whether anything but callbacks names a task, by reading its item only."""
        found = self.table.get(task_key(vid))
        # An item without the flag counts as unknown: its query then waits in the queue that cannot delay known tasks.
        return found is not None and found.get("known") == encode({"known": True})["known"]

    def bookkeeping(self, vid: str) -> Bookkeeping | None:
        """Read the bookkeeping of a task; return None without an item that can be read."""
        found = self.table.get(task_key(vid))
        items = readable(decode_task_item, [found] if found else [], lambda _error: None)
        return next((item.bookkeeping for item in items), None)

    def mark_published(self, vid: str, publication: Publication, due: Due | None = None) -> bool:
        """Record that a state was published; return False if the item states another publication by now.

        `due` replaces the duty of a task with an outcome. A started task keeps its duty: its query is still due.
        """
        change = "ADD published :labels, version :one REMOVE unpublished"
        values: dict[str, object] = {
            ":labels": frozenset({publication.label}),
            ":one": 1,
            ":label": publication.label,
        }
        if publication.state in OUTCOMES and due is None:
            change += ", due_shard, due_at"
        elif publication.state in OUTCOMES:
            change += " SET due_shard = :due_shard, due_at = :due_at"
            values |= {f":{name}": value for name, value in due_attributes(due, vid).items()}
        # A writer that read the item before this update finds another version and starts over, so it keeps this record.
        return self.table.update(task_key(vid), change, values, "unpublished = :label")

    def page(
        self, selection: Selection, *, cursor: str | None, limit: int, order: Order = Order.DESCENDING
    ) -> list[ListedTask]:
        """List at most `limit` tasks of a selection behind the position `cursor` (None: from the beginning)."""
        first, last = _bounds(selection)
        if cursor is not None and order is Order.ASCENDING:
            first = max(first, cursor)
        elif cursor is not None:
            last = min(last, cursor)
        if last < first:
            # DynamoDB refuses a range that ends before it starts.
            return []
        # BETWEEN includes the row of the cursor itself, so the query reads one more row and leaves that one out.
        condition, values, options = _listing(selection, first, last)
        options |= {"ScanIndexForward": order is Order.ASCENDING, "Limit": limit + 1}
        tasks = readable(listed_task(selection.time), self.table.query(condition, values, **options))
        return list(islice((task for task in tasks if task.position != cursor), limit))

    def count(self, selection: Selection) -> int:
        """Return the number of tasks in a selection."""
        first, last = _bounds(selection)
        if last < first:
            # As in `page`, DynamoDB would refuse the range.
            return 0
        condition, values, options = _listing(selection, first, last)
        return sum(page["Count"] for page in self.table.query_pages(condition, values, **options, Select="COUNT"))


def _listing(selection: Selection, first: str, last: str) -> tuple[str, dict[str, object], dict[str, Any]]:
    """Return the condition, values and options of a query for one kind and state, between two positions."""
    index, attribute = LISTINGS[selection.time]
    condition = f"list_key = :key AND {attribute} BETWEEN :first AND :last"
    return condition, {":key": selection.key, ":first": first, ":last": last}, {"IndexName": index}


def _bounds(selection: Selection) -> tuple[str, str]:
    """Return the first and the last position that a selection can contain."""
    first = selection.since.isoformat() if selection.since else BEFORE_ALL
    return first, f"{selection.until.isoformat()}{BEHIND_ALL}" if selection.until else BEHIND_ALL


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_task_item(item: TaskItem) -> Item:
    """Encode a task item."""
    attributes = _summary_attributes(item.summary) | _bookkeeping_attributes(item.bookkeeping)
    return task_key(item.summary.vid).item | encode({"item": ItemType.TASK} | attributes)


def _summary_attributes(summary: TaskSummary) -> dict[str, object]:
    return {
        "vid": summary.vid,
        "kind": summary.kind,
        "state": summary.state,
        "url": summary.url or None,
        "known": summary.is_known,
        "created_at": summary.created_at,
        "updated_at": summary.updated_at,
        "list_key": f"{summary.kind}#{summary.state}",
        "list_at": _position(summary.created_at, summary.vid),
        "outcome_at": _position(summary.outcome_at, summary.vid) if summary.outcome_at else None,
        "unpublished": summary.unpublished.label if summary.unpublished else None,
        **due_attributes(summary.due, summary.vid),
    }


def _bookkeeping_attributes(bookkeeping: Bookkeeping) -> dict[str, object]:
    return {
        "version": bookkeeping.version,
        "attempts": bookkeeping.attempts,
        "conflicts": bookkeeping.conflicts,
        "replayed": bookkeeping.replayed,
        "give_up_at": epoch(bookkeeping.give_up_at),
        "queried_at": bookkeeping.queried_at,
        "published": frozenset(one.label for one in bookkeeping.published),
        "guarded": bookkeeping.guarded or None,
        "settled_until": bookkeeping.settled_until,
    }


@decoder
def decode_task_item(row: Row) -> TaskItem:
    """Decode a task item."""
    if type_of(row.item) != ItemType.TASK:
        raise ValueError("item: not a task")
    return TaskItem(_decode_summary(row), _decode_bookkeeping(row))


def _decode_summary(row: Row) -> TaskSummary:
    return TaskSummary(
        vid=vid_of(row),
        kind=Kind(row.text("kind")),
        state=State(row.text("state")),
        url=row.optional_text("url"),
        created_at=row.time("created_at"),
        updated_at=row.time("updated_at"),
        outcome_at=_time_of(row.text("outcome_at")) if "outcome_at" in row else None,
        due=_decode_due(row) if waits(row) else None,
        unpublished=Publication.read(row.text("unpublished")) if "unpublished" in row else None,
        is_known=row.flag("known"),
    )


def _decode_due(row: Row) -> Due:
    """Decode the duty of a task item."""
    duty = Duty(duty_text(row))
    # In any other shard, no tick would find the task, and it would wait for ever.
    if ItemType.TASK not in MAY_WAIT_FOR[duty] or row.text("due_shard") not in shards(duty):
        raise ValueError("due_shard: no tick looks for a task there")
    return Due(duty, row.seconds("due_at"))


def _decode_bookkeeping(row: Row) -> Bookkeeping:
    return Bookkeeping(
        kind=Kind(row.text("kind")),
        version=row.count("version"),
        attempts=row.count("attempts"),
        queried_at=row.optional_time("queried_at"),
        give_up_at=row.seconds("give_up_at"),
        published=frozenset(map(Publication.read, row.texts("published"))),
        conflicts=row.count("conflicts"),
        replayed=row.count("replayed"),
        guarded=row.flag("guarded") if "guarded" in row else False,
        settled_until=row.optional_time("settled_until"),
    )


def _position(at: datetime, vid: str) -> str:
    """Return the position of a task in an index. The vid makes it unique, so that a page can begin behind it."""
    return f"{at.isoformat()}#{vid}"


def _time_of(position: str) -> datetime:
    return usable_time(datetime.fromisoformat(position.partition("#")[0]))


def check_position(text: str) -> str:
    """Return a position in an index unchanged; raise ValueError for any other text."""
    _time_of(text)
    return text


def listed_task(time: TimeOf) -> Callable[[Item], ListedTask]:
    """Return the decoder for rows of the index that is sorted by `time`."""

    @decoder
    def decode(row: Row) -> ListedTask:
        position, vid = row.text(LISTINGS[time][1]), vid_of(row)
        at = _time_of(position)
        # A client gets this text as its cursor, and no page could begin behind one in another form.
        if position != _position(at, vid):
            raise ValueError("position: does not match its time and vid")
        return ListedTask(
            vid=vid,
            kind=Kind(row.text("kind")),
            state=State(row.text("state")),
            url=row.optional_text("url"),
            created_at=row.time("created_at"),
            updated_at=row.time("updated_at"),
            outcome_at=at if time is TimeOf.OUTCOME else None,
            position=position,
        )

    return decode
