"""The tasks in the table. The log and the item of a task share a partition, so that one query reads both."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mediarelay.adapters.dynamodb.codec import Item, Row, type_of
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import TASK, after_prefix, task_partition
from mediarelay.adapters.dynamodb.observations import (
    SURPLUS,
    ObservationStore,
    decode_observation,
    decode_pending_check,
    is_pending,
)
from mediarelay.adapters.dynamodb.parts import join_parts
from mediarelay.adapters.dynamodb.task_items import TaskItemStore, decode_task_item
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.tasks.guard import without_guards
from mediarelay.domain.tasks.log import TaskLog
from mediarelay.errors import RowUnreadable

# `load` reads every attribute that the decoders of a task use. It leaves out `lazy_body`, so that the cost of loading a
# task does not depend on untrusted input.
LOADED = (
    *("pk", "sk", "item", "vid", "kind", "at", "body", "claim_summary", "due_shard", "due_at"),
    *("state", "url", "created_at", "updated_at", "outcome_at", "unpublished", "published", "known"),
    *("version", "attempts", "queried_at", "conflicts", "replayed", "guarded", "settled_until"),
    *("give_up_at", "reason", "submission"),
)


@dataclass(frozen=True)
class TaskStore(ObservationStore, TaskItemStore):
    """Reads and writes the logs and the items of tasks."""

    def load(self, vid: str) -> TaskLog:
        """Read a task's log and item; an unknown vid has an empty log. Claims and replies come without their bodies."""
        # The query reads backwards, so it begins with the task item, which sorts last. If another worker logs and folds
        # an observation between two pages, then the version of that item is outdated, and a write based on it fails.
        found = self.table.query(
            "pk = :pk",
            {":pk": task_partition(vid)},
            ProjectionExpression=", ".join(f"#{name}" for name in LOADED),
            ExpressionAttributeNames={f"#{name}": name for name in LOADED},
            FilterExpression=f"attribute_not_exists({SURPLUS})",
            ScanIndexForward=False,
        )
        rows = list(join_parts(reversed(list(found))))
        # An item may fail in two decoders, but is marked and counted once.
        unreadable: dict[tuple[str, str], RowUnreadable] = {}
        log = _decode_log(rows, lambda error: unreadable.update({error.row: error}))
        for error in unreadable.values():
            self.table.mark_unreadable(error)
        return log

    def vids(self) -> Iterator[str]:
        """Yield each vid with a stored observation, replay or item once. This scans the whole table."""
        seen: set[str] = set()
        for item in self.table.scan("pk"):
            partition = Row(item).text("pk")
            vid = after_prefix(partition)
            if partition == task_partition(vid) and vid not in seen:
                seen.add(vid)
                yield vid


def _decode_log(rows: list[Item], report: Callable[[RowUnreadable], None]) -> TaskLog:
    """Decode the items of one task. An unreadable task item counts as missing: it is computed from the log again."""
    # By the key, because the type may be what is damaged.
    items, others = [row for row in rows if _is_item(row)], [row for row in rows if not _is_item(row)]
    observations = [row for row in others if type_of(row) != ItemType.REPLAY]
    item = next(readable(decode_task_item, items, report), None)
    pending = tuple(readable(decode_pending_check, filter(is_pending, others), report))
    in_index = sum("due_shard" in row for row in others)
    return TaskLog(
        observations=tuple(readable(decode_observation, observations, report)),
        item=without_guards(item) if item and in_index > len(pending) else item,
        has_unreadable_item=bool(items) and item is None,
        pending=pending,
        replays=sum(type_of(row) == ItemType.REPLAY for row in others),
    )


def _is_item(row: Item) -> bool:
    return Row(row).text("sk") == TASK
