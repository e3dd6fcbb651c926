"""The calls to the table: conditional writes, paginated queries, and one error for every failed call."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from random import uniform
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from mediarelay.adapters.aws_errors import NO_ANSWER
from mediarelay.adapters.dynamodb.codec import Item, Raw, Row, encode
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import NOT_THERE, THERE, UNREADABLE, Key, due_attributes, shard_of
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.domain.due import Due, Duty
from mediarelay.errors import LedgerUnavailable, RowUnreadable

T = TypeVar("T")
# Plain values by placeholder. The codec adds their types.
Values = Mapping[str, object]
# DynamoDB answers a batch in part if the table is busy, and takes what is left in later calls. Seconds before each.
WAITS = (0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table. Every method raises `LedgerUnavailable` if the table does not answer."""

    client: Any
    name: str

    # ── single items ────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, key: Key) -> Item | None:
        """Read an item with a consistent read; return None if there is none."""
        with table_errors():
            found: Item | None = self.client.get_item(TableName=self.name, Key=key.item, ConsistentRead=True).get(
                "Item"
            )
        return found

    def put(
        self, item: Item, condition: str, values: Values | None = None, names: Mapping[str, str] | None = None
    ) -> bool:
        """Write an item; return False if the condition does not hold."""
        with table_errors() as refused:
            self.client.put_item(
                TableName=self.name, Item=item, ConditionExpression=condition, **_placeholders(values, names)
            )
        return not refused

    def put_once(self, item: Item) -> bool:
        """Write a new item; return False if its key is in use."""
        return self.put(item, NOT_THERE)

    def update(
        self,
        key: Key,
        change: str,
        values: Values,
        condition: str | None = THERE,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Change an item, or without a condition create it; return False if the condition does not hold."""
        with table_errors() as refused:
            self.client.update_item(
                TableName=self.name,
                Key=key.item,
                UpdateExpression=change,
                **_condition(condition),
                **_placeholders(values, names),
            )
        return not refused

    def update_and_return(
        self,
        key: Key,
        change: str,
        values: Values,
        *,
        returns: str,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Change an item and return attributes as `ReturnValues` selects them; none if the condition does not hold."""
        found: Item = {}
        with table_errors():
            answer = self.client.update_item(
                TableName=self.name,
                Key=key.item,
                UpdateExpression=change,
                ReturnValues=returns,
                **_condition(condition),
                **_placeholders(values, names),
            )
            found |= answer["Attributes"]
        return found

    def delete(
        self,
        key: Key,
        condition: str | None = None,
        values: Values | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Delete an item; return False if the condition does not hold."""
        with table_errors() as refused:
            self.client.delete_item(
                TableName=self.name, Key=key.item, **_condition(condition), **_placeholders(values, names)
            )
        return not refused

    def get_many(self, keys: Sequence[Key]) -> Iterator[Item]:
        """Yield the items of up to 100 keys, in no fixed order, with consistent reads."""
        if not keys:
            return
        waiting: dict[str, Any] = {self.name: {"Keys": [key.item for key in keys], "ConsistentRead": True}}
        for _ in _rounds():
            with table_errors():
                answer = self.client.batch_get_item(RequestItems=waiting)
            yield from answer["Responses"].get(self.name, ())
            waiting = answer["UnprocessedKeys"]
            if not waiting:
                return
        raise LedgerUnavailable("UnprocessedKeys")

    def put_many(self, items: Sequence[Item]) -> list[Item]:
        """Write 1 to 25 items with distinct keys, over any item there; return those that were not written."""
        waiting = [{"PutRequest": {"Item": item}} for item in items]
        for _ in _rounds():
            with table_errors():
                answer = self.client.batch_write_item(RequestItems={self.name: waiting})
            waiting = answer["UnprocessedItems"].get(self.name, [])
            if not waiting:
                break
        return [request["PutRequest"]["Item"] for request in waiting]

    # ── many items ──────────────────────────────────────────────────────────────────────────────────────────────────

    def query(self, condition: str, values: Values, **options: Any) -> Iterator[Item]:
        """Yield the items of a query, page by page."""
        for page in self.query_pages(condition, values, **options):
            yield from page["Items"]

    def query_pages(self, condition: str, values: Values, **options: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a query."""
        request = {"KeyConditionExpression": condition, "ExpressionAttributeValues": encode(values)} | options
        return self._pages(self.client.query, request)

    def scan(self, projection: str) -> Iterator[Item]:
        """Yield every item of the table, with the attributes of `projection`."""
        for page in self._pages(self.client.scan, {"ProjectionExpression": projection}):
            yield from page["Items"]

    def beginning(self, key: Key) -> Iterator[Item]:
        """Yield the items of a partition whose sort key begins with that of `key`, in the order of sort keys."""
        return self.query("pk = :pk AND begins_with(sk, :sk)", {":pk": key.pk, ":sk": key.sk})

    def _pages(self, read: Callable[..., dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        # DynamoDB refuses consistent reads of a global secondary index.
        arguments = {**request, "TableName": self.name, "ConsistentRead": "IndexName" not in request}
        while True:
            with table_errors():
                answer = read(**arguments)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # ── versioned and unreadable items ──────────────────────────────────────────────────────────────────────────────

    def put_version(self, item: Item, seen: int | None, decode: Callable[[Item], object]) -> bool:
        """Write an item over the version that was `seen`; return False if the stored version is another one.

        Without a version, write the item if there is none, or if `decode` cannot read the stored one.
        """
        if seen is None:
            return self.put_once(item) or self.put_over_unreadable(item, decode)
        return self.put(item, "version = :seen", {":seen": seen})

    def put_over_unreadable(self, item: Item, decode: Callable[[Item], object]) -> bool:
        """Replace an unreadable item and keep a copy of it for the operator; return False if `decode` can read it."""
        stored = self.get(Key.of(Row(item)))
        if stored is None or any(readable(decode, [stored], lambda _error: None)):
            return False
        # The copy comes first: if this worker stops here, nothing is lost and the next one starts over.
        self.put_once(_copy(stored))
        return self.put(item, *_unchanged(stored))

    def decoded(self, decode: Callable[[Item], T], item: Item) -> T:
        """Decode one item; if that fails, mark it as unreadable and raise `RowUnreadable`."""
        try:
            return decode(item)
        except RowUnreadable as error:
            self.mark_unreadable(error)
            raise

    def mark_unreadable(self, error: RowUnreadable) -> None:
        """Count and log an unreadable row, and move it to `Duty.UNREADABLE`, where no tick finds it again."""
        note_unreadable(error)
        change = "SET previous_due_shard = due_shard, due_shard = :shard"
        # The index may still list a deleted item. Without the condition, the update would create a fragment of it.
        condition = "attribute_exists(due_shard) AND due_shard <> :shard"
        # Some functions may only read. They leave the row where it is, for one that may write.
        with suppress(LedgerUnavailable):
            self.update(Key(*error.row), change, {":shard": shard_of(Duty.UNREADABLE, error.row[1])}, condition)


def _rounds() -> Iterator[None]:
    """Yield for each call of a batch, from the second one on after a wait with jitter."""
    yield
    for seconds in WAITS:
        time.sleep(seconds * uniform(0.5, 1))  # noqa: S311 - no secret
        yield


def _placeholders(values: Values | None, names: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the placeholders of an expression. DynamoDB refuses an empty mapping of them."""
    found: dict[str, Any] = {}
    if values:
        found["ExpressionAttributeValues"] = encode(values)
    if names:
        found["ExpressionAttributeNames"] = dict(names)
    return found


def _condition(condition: str | None) -> dict[str, str]:
    return {"ConditionExpression": condition} if condition else {}


def _unchanged(stored: Item) -> tuple[str, dict[str, object], dict[str, str]]:
    """Return the condition, with its values and names, that an item has not changed since it was read."""
    # An unreadable item has no version to compare, so the condition compares every attribute.
    others = [name for name in stored if name not in Key._fields]
    condition = " AND ".join([THERE, *(f"#n{index} = :v{index}" for index in range(len(others)))])
    values: dict[str, object] = {f":v{index}": Raw(stored[name]) for index, name in enumerate(others)}
    return condition, values, {f"#n{index}": name for index, name in enumerate(others)}


def _copy(stored: Item) -> Item:
    """Return the copy of an unreadable item, in a partition of its own."""
    key, digest = Key.of(Row(stored)), sha256(repr(sorted(stored.items())).encode()).hexdigest()[:16]
    # With the latest possible time, no tick takes the copy, but the operator finds it in the index.
    due = Due(Duty.UNREADABLE, datetime.max.replace(tzinfo=UTC))
    attributes = {name: Raw(value) for name, value in stored.items() if name not in Key._fields}
    return Key(UNREADABLE, f"{key.pk} {key.sk} {digest}").item | encode(
        {"item": ItemType.UNREADABLE, "row": attributes} | due_attributes(due, digest)
    )


@contextmanager
def table_errors() -> Iterator[list[str]]:
    """Yield a list that is not empty after a refused condition; raise any other error as `LedgerUnavailable`."""
    refused: list[str] = []
    try:
        yield refused
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code != "ConditionalCheckFailedException":
            raise LedgerUnavailable(code) from error
        refused.append(code)
    except NO_ANSWER as error:
        raise LedgerUnavailable(type(error).__name__) from error
