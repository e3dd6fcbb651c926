"""The log of tasks in the table: one item per observation."""

import zlib
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch, type_of
from mediarelay.adapters.dynamodb.item_types import MAY_WAIT_FOR, ItemType
from mediarelay.adapters.dynamodb.keys import (
    THERE,
    Key,
    body_partition,
    due_attributes,
    duty_text,
    expires_at,
    observation_key,
    vid_of,
    waits,
)
from mediarelay.adapters.dynamodb.parts import (
    BODY,
    LAZY_BODY,
    join_parts,
    may_have_parts,
    part_item,
    pieces_of,
    put_with_parts,
    remaining_body,
    split,
)
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.tasks.log import ClaimSummary, LoggedObservation, PendingCheck
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import CALLBACKS, STORED_APART, Origin

# An item that no reader needs any more. It may take DynamoDB a day or two to delete it.
SURPLUS = "surplus"
# A lazy body that is larger when compressed is stored apart. Documented callbacks have less than half of this.
MAX_INLINE_BODY_BYTES = 2048
# The number of parts of a lazy body that is stored apart. Its presence says where to read the body.
BODY_PARTS = "body_parts"


@dataclass(frozen=True)
class ObservationStore:
    """Appends to the logs of tasks and reads bodies.

    Attributes:
        table: The table.
        raw_body_days: Days after its deadline for which a settled claim is kept.
    """

    table: Table
    raw_body_days: int = 90

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        """Append an observation; return False, without a write, if it is already there.

        An unreadable answer or submit is replaced.
        """
        item = encode_observation(observation) | encode(due_attributes(due, observation.vid))
        if observation.origin in STORED_APART:
            return put_with_parts(self.table, *split_lazy_body(observation, item, self._end(observation)))
        head, parts = split(item)
        if put_with_parts(self.table, head, parts):
            return True
        # An answer or a submit has the same key each time it arrives, so an unreadable item in its place would lose the
        # task. Callback functions may only write, so trusted callbacks are left out.
        return observation.origin is not Origin.TRUSTED and self._replace_unreadable(head, parts)

    def _replace_unreadable(self, head: Item, parts: list[Item]) -> bool:
        """Write an observation over an unreadable one, and its parts over those with the same keys."""
        # The parts of a readable observation stay: another version of zlib may compress the same body to other bytes,
        # and a mix of old and new parts could not be read.
        if parts and any(readable(decode_observation, join_parts(self._with_parts(head)), lambda _error: None)):
            return False
        for part in parts:
            self.table.put(part, THERE)
        return self.table.put_over_unreadable(head, lambda stored: decode_observation(*join_parts([stored, *parts])))

    def read_body(self, observation: LoggedObservation) -> bytes | None:
        """Read the body of a claim or a reply; return None after it was deleted."""
        head = next(self.table.beginning(observation_key(observation)), {})
        if BODY_PARTS not in head:
            return remaining_body([head])
        return remaining_body(self.table.beginning(_lazy_body_key(observation)))

    def settle(
        self, checks: Iterable[PendingCheck], surplus: AbstractSet[RowHandle] = frozenset()
    ) -> list[LoggedObservation]:
        """Remove checks from the due index. Claims expire from then on; those of `surplus` expire at once.

        Return the callbacks among them that were still pending, with the bodies that are stored in their items.
        """
        # The update returns the item as it was, which saves a read.
        before = [self._settle(check, is_surplus=check.handle in surplus) for check in checks]
        callbacks = (item for item in before if is_pending(item) and type_of(item) in CALLBACKS)
        found = join_parts(row for item in callbacks for row in self._complete(item))
        return list(readable(_decode_callback, found))

    def _settle(self, check: PendingCheck, *, is_surplus: bool) -> Item:
        """Settle one check; return its item as it was, or an empty one if it was deleted."""
        change, values = "REMOVE due_shard, due_at", dict[str, object]()
        # Only a settled claim expires: one that waits may be all that is known about a task.
        if check.origin is Origin.CLAIM:
            end = check.at if is_surplus else self._end(check)
            values = {f":{name}": value for name, value in expires_at(end).items()}
            # Deleting it here would cost as much as this update, and needs a permission that few functions have.
            change += f" SET expires_at = :expires_at{f', {SURPLUS} = :expires_at' if is_surplus else ''}"
        # Without the condition, the update would create a fragment of an item that was deleted by hand.
        return self.table.update_and_return(Key(*check.handle), change, values, returns="ALL_OLD", condition=THERE)

    def _end(self, one: LoggedObservation | PendingCheck) -> datetime:
        """Return when a claim, or a large body, expires."""
        # An open task may have no other observation than claims, also settled ones, until its deadline.
        return (one.give_up_at or one.at) + timedelta(days=self.raw_body_days)

    def _complete(self, head: Item) -> Iterator[Item]:
        """Return an item and its parts, without a query if it has none."""
        return self._with_parts(head) if may_have_parts(head) else iter([head])

    def _with_parts(self, head: Item) -> Iterator[Item]:
        """Query an item and its parts."""
        return self.table.beginning(Key.of(Row(head)))


def split_lazy_body(observation: LoggedObservation, item: Item, end: datetime) -> tuple[Item, list[Item]]:
    """Divide an observation with a large lazy body into the item and parts that expire at `end`."""
    # Every sender with the path token can send any number of large bodies. In a partition of their own they do not slow
    # down the loading of a task, and they expire without a write.
    body = Row(item).binary(LAZY_BODY)
    if len(body) <= MAX_INLINE_BODY_BYTES:
        return item, []
    pieces, key = pieces_of(body), _lazy_body_key(observation)
    parts = [part_item(key, number, piece) | encode(expires_at(end)) for number, piece in enumerate(pieces)]
    head = {name: value for name, value in item.items() if name != LAZY_BODY}
    return head | encode({BODY_PARTS: len(parts)}), parts


def _lazy_body_key(observation: LoggedObservation) -> Key:
    return Key(body_partition(observation.vid), observation_key(observation).sk)


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_observation(one: LoggedObservation) -> Item:
    """Encode an observation."""
    attributes: dict[str, object] = {
        "item": one.origin,
        "vid": one.vid,
        "kind": one.kind,
        "at": one.at,
        LAZY_BODY if one.origin in STORED_APART else BODY: zlib.compress(one.body or b""),
        "claim_summary": _summary_attributes(one.claim_summary) if one.claim_summary else None,
        "give_up_at": epoch(one.give_up_at) if one.give_up_at else None,
        "reason": one.reason or None,
        "submission": one.submission,
    }
    return observation_key(one).item | encode(attributes)


def _summary_attributes(summary: ClaimSummary) -> dict[str, object]:
    return {"state": summary.state, "app_id": summary.app_id, "bucket": summary.bucket, "url": summary.url}


@decoder
def decode_observation(row: Row) -> LoggedObservation:
    """Decode an observation. Claims and replies come without their bodies."""
    origin = Origin(row.text("item"))
    is_lazy = origin in STORED_APART and BODY not in row
    found = LoggedObservation(
        vid=vid_of(row),
        kind=Kind(row.text("kind")),
        origin=origin,
        at=row.time("at"),
        body=None if is_lazy else zlib.decompress(row.binary(BODY)),
        digest=row.text("sk").rpartition("#")[2] if is_lazy else "",
        claim_summary=_decode_summary(row.nested("claim_summary")) if "claim_summary" in row else None,
        give_up_at=row.optional_seconds("give_up_at"),
        reason=row.optional_text("reason"),
        submission=row.optional_text("submission"),
    )
    # A repeat is recognised by its key alone, so a different content under that key would hide the real observation.
    if observation_key(found) != Key.of(row):
        raise ValueError("not the observation of its key")
    return found


def _decode_summary(row: Row) -> ClaimSummary:
    return ClaimSummary(
        state=State(row.text("state")) if "state" in row else None,
        app_id=row.number("app_id") if "app_id" in row else None,
        bucket=row.optional_text("bucket"),
        url=row.optional_text("url"),
    )


def _decode_callback(item: Item) -> LoggedObservation:
    """Decode a callback, with its body unless that is stored apart."""
    return replace(decode_observation(item), body=remaining_body([item]))


def is_pending(item: Item) -> bool:
    """Return whether an item in a task's partition, except the task item, waits for a query of the provider."""
    return waits(Row(item)) and type_of(item) != ItemType.TASK


@decoder
def decode_pending_check(row: Row) -> PendingCheck:
    """Decode a due callback, submit or replay request; refuse an unreadable observation, which needs no query."""
    is_replay = type_of(row.item) == ItemType.REPLAY
    return PendingCheck(
        handle=RowHandle(Key.of(row)),
        kind=Kind(row.text("kind")),
        at=row.time("at"),
        give_up_at=row.optional_seconds("give_up_at"),
        origin=None if is_replay else decode_observation(row.item).origin,
        due=_stated_due(row),
    )


def _stated_due(row: Row) -> Due | None:
    """Read when a check is due; return None if no tick would find it there. It needs a query all the same."""
    if duty_text(row) not in MAY_WAIT_FOR or "due_at" not in row:
        return None
    return Due(Duty(duty_text(row)), row.seconds("due_at"))
