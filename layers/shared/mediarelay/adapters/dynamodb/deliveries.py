"""Deliveries in the table. The index `listing` has them by endpoint and state, and by the time they were stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch
from mediarelay.adapters.dynamodb.event_keys import delivery_key, delivery_list
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import Key, due_attributes, expires_at
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.events import Position, read_position, utc_text
from mediarelay.domain.webhooks.delivery import Answer, Delivery, DeliveryState

# The stream has so much time to start the first attempt before the sweep does.
DELIVER_GRACE = timedelta(seconds=30)
LISTING = "listing"
# These texts sort before and behind every position, which begins with a year.
BEFORE_ALL, BEHIND_ALL = "0", "~"
# A claimed delivery is the same until the claim ends or its worker records the answer.
_IS_CLAIMED = "#state = :pending AND next_attempt_at = :seen"
_NAMES = {"#state": "state"}


@dataclass(frozen=True)
class DeliveryStore:
    """Reads and writes deliveries.

    Attributes:
        days: How long the event log keeps an event, and this store its deliveries, in days.
    """

    table: Table
    days: int

    def create(self, delivery: Delivery) -> bool:
        """Store a delivery; return False if the endpoint has one of this event already."""
        return self.table.put_once(encode_delivery(delivery, self.days))

    def find(self, endpoint: str, event_id: str) -> Delivery | None:
        """Read a delivery; return None if there is none, raise `RowUnreadable` if it is damaged."""
        found = self.table.get(delivery_key(endpoint, event_id))
        return self.table.decoded(decode_delivery, found) if found else None

    def claim(self, seen: Delivery, until: datetime) -> bool:
        """Count an attempt, and keep others from making one until a time; return False if another was faster."""
        change = "SET next_attempt_at = :until, due_at = :due, attempts = :attempts"
        values = {":until": until, ":due": epoch(until), ":attempts": seen.attempts + 1}
        return self._change(seen, change, values)

    def postpone(self, claimed: Delivery, until: datetime, answer: Answer | None = None) -> bool:
        """Store when the next attempt is due, and the result of the last one; return False if the claim has ended."""
        change = "SET next_attempt_at = :until, due_at = :due, attempts = :attempts"
        values = {":until": until, ":due": epoch(until), ":attempts": claimed.attempts}
        return self._change(claimed, change + (_RESULT if answer else ""), values | _result(answer))

    def fail(self, claimed: Delivery, answer: Answer) -> bool:
        """End a delivery without success; return False if the claim has ended."""
        change = f"SET list_key = :list, #state = :state{_RESULT} REMOVE due_shard, due_at, next_attempt_at"
        return self._change(claimed, change, _listed(claimed, DeliveryState.FAILED) | _result(answer))

    def complete(self, claimed: Delivery, answer: Answer, now: datetime) -> None:
        """Record that an event arrived, even if the claim has ended: it must not be sent again."""
        values = _listed(claimed, DeliveryState.DELIVERED) | {":status": answer.status, ":now": now}
        change = "SET list_key = :list, #state = :state, last_status = :status, delivered_at = :now"
        removed = " REMOVE due_shard, due_at, next_attempt_at, last_error"
        self.table.update(self._key(claimed), change + removed, values, names=_NAMES)

    def requeue(self, seen: Delivery, now: datetime) -> bool:
        """Begin the schedule of an ended delivery again; return False if it is pending."""
        change = (
            "SET list_key = :list, #state = :state, attempts = :none, next_attempt_at = :now, "
            "due_shard = :due_shard, due_at = :due_at REMOVE delivered_at"
        )
        due = due_attributes(Due(Duty.DELIVER, now), seen.event.id)
        values = _listed(seen, DeliveryState.PENDING) | {":none": 0, ":now": now}
        values |= {f":{name}": value for name, value in due.items()}
        return self.table.update(self._key(seen), change, values, "#state <> :state", _NAMES)

    def page(self, endpoint: str, state: DeliveryState | None, before: Position | None, limit: int) -> list[Delivery]:
        """Return deliveries of an endpoint, newest first, that were stored before a position."""
        end = str(before) if before else BEHIND_ALL
        states = [state] if state else list(DeliveryState)
        found = [self._listed(endpoint, one, BEFORE_ALL, end, limit, forward=False) for one in states]
        rows = merge(*found, key=lambda item: Row(item).text("list_at"), reverse=True)
        return list(islice(self._read(rows), limit))

    def failed(self, endpoint: str, since: datetime, until: datetime, limit: int) -> Iterator[Delivery]:
        """Yield the failed deliveries of an endpoint that were stored between two times, oldest first."""
        first, last = utc_text(since), f"{utc_text(until)}{BEHIND_ALL}"
        return self._read(self._listed(endpoint, DeliveryState.FAILED, first, last, limit, forward=True))

    def pending(self, endpoint: str, limit: int) -> int:
        """Return how many deliveries of an endpoint are pending, at most `limit`."""
        values = {":list": delivery_list(endpoint, DeliveryState.PENDING)}
        pages = self.table.query_pages("list_key = :list", values, IndexName=LISTING, Select="COUNT", Limit=limit)
        return int(next(pages)["Count"])

    def _listed(
        self, endpoint: str, state: DeliveryState, first: str, last: str, limit: int, *, forward: bool
    ) -> Iterator[Item]:
        values = {":list": delivery_list(endpoint, state), ":first": first, ":last": last}
        condition = "list_key = :list AND list_at BETWEEN :first AND :last"
        found = self.table.query(condition, values, IndexName=LISTING, ScanIndexForward=forward, Limit=limit + 1)
        return (item for item in found if Row(item).text("list_at") != last)

    def _read(self, rows: Iterator[Item]) -> Iterator[Delivery]:
        """Yield the deliveries that the index lists. The index has only a few of their attributes."""
        found = (self.table.get(Key.of(Row(item))) for item in rows)
        return readable(decode_delivery, (item for item in found if item))

    def _change(self, seen: Delivery, change: str, values: dict[str, object]) -> bool:
        expected = {":pending": DeliveryState.PENDING, ":seen": seen.next_attempt_at}
        return self.table.update(self._key(seen), change, values | expected, _IS_CLAIMED, _NAMES)

    def _key(self, delivery: Delivery) -> Key:
        return delivery_key(delivery.endpoint, delivery.event.id)


_RESULT = ", last_status = :status, last_error = :error"


def _result(answer: Answer | None) -> dict[str, object]:
    # A status of 0 stands for none: an update cannot set an attribute to nothing.
    return {":status": answer.status or 0, ":error": answer.reason} if answer else {}


def _listed(delivery: Delivery, state: DeliveryState) -> dict[str, object]:
    return {":list": delivery_list(delivery.endpoint, state), ":state": state}


def encode_delivery(delivery: Delivery, days: int) -> Item:
    """Encode a new delivery; it expires when its event does."""
    due = Due(Duty.DELIVER, delivery.next_attempt_at + DELIVER_GRACE) if delivery.next_attempt_at else None
    attributes: dict[str, object] = {
        "item": ItemType.DELIVERY,
        "endpoint": delivery.endpoint,
        "event": str(delivery.event),
        "type": delivery.type,
        "subject": delivery.subject,
        "created_at": delivery.created_at,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "last_error": delivery.last_error,
        "list_key": delivery_list(delivery.endpoint, delivery.state),
        "list_at": str(Position(delivery.created_at, delivery.event.id)),
        **expires_at(delivery.event.at + timedelta(days=days)),
        **due_attributes(due, delivery.event.id),
    }
    return delivery_key(delivery.endpoint, delivery.event.id).item | encode(attributes)


@decoder
def decode_delivery(row: Row) -> Delivery:
    """Decode a delivery."""
    delivery = Delivery(
        endpoint=row.text("endpoint"),
        event=read_position(row.text("event")),
        type=row.text("type"),
        subject=row.text("subject"),
        created_at=row.time("created_at"),
        state=DeliveryState(row.text("state")),
        attempts=row.count("attempts"),
        next_attempt_at=row.optional_time("next_attempt_at"),
        last_status=(row.count("last_status") or None) if "last_status" in row else None,
        last_error=row.optional_text("last_error"),
        delivered_at=row.optional_time("delivered_at"),
    )
    if Key.of(row) != delivery_key(delivery.endpoint, delivery.event.id):
        raise ValueError("pk: not that of the delivery")
    if (delivery.state is DeliveryState.PENDING) != (delivery.next_attempt_at is not None):
        raise ValueError("next_attempt_at: does not fit the state")
    return delivery
