"""The calls to the table: conditional writes, queries page by page, and one error for everything that may fail."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.adapters.dynamodb.codec import Item, Raw, Row, encode
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import NOT_THERE, THERE, UNREADABLE, Key, due_attributes, shard_of
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.domain.due import Due, Duty
from mediarelay.errors import LedgerUnavailable, RowUnreadable

T = TypeVar("T")
# Plain values by placeholder or attribute name.
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table. Every method raises `LedgerUnavailable` if the table does not answer."""

    client: Any
    name: str

    # ── single items ────────────────────────────────────────────────────────────────────────────────────────────────

    def get(self, key: Key) -> Item | None:
        """Read an item, strongly consistent."""
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
        """Write an item; return False if there is one with its key."""
        return self.put(item, NOT_THERE)

    def update(
        self,
        key: Key,
        change: str,
        values: Values,
        condition: str = THERE,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Change an item; return False if the condition does not hold."""
        with table_errors() as refused:
            self.client.update_item(
                TableName=self.name,
                Key=key.item,
                UpdateExpression=change,
                ConditionExpression=condition,
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
        """Change an item and return the attributes that `returns` names; none if the condition does not hold."""
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

    # ── many items ──────────────────────────────────────────────────────────────────────────────────────────────────

    def query(self, condition: str, values: Values, **options: Any) -> Iterator[Item]:
        """Yield what a query finds, page by page."""
        for page in self.query_pages(condition, values, **options):
            yield from page["Items"]

    def query_pages(self, condition: str, values: Values, **options: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a query."""
        request = {"KeyConditionExpression": condition, "ExpressionAttributeValues": encode(values)} | options
        return self._pages(self.client.query, request)

    def scan(self, projection: str) -> Iterator[Item]:
        """Yield every item of the table."""
        for page in self._pages(self.client.scan, {"ProjectionExpression": projection}):
            yield from page["Items"]

    def beginning(self, key: Key) -> Iterator[Item]:
        """Yield the items of a partition whose sort key begins as that of `key`, in the order of sort keys."""
        return self.query("pk = :pk AND begins_with(sk, :sk)", {":pk": key.pk, ":sk": key.sk})

    def _pages(self, read: Callable[..., dict[str, Any]], request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        # DynamoDB refuses consistent reads of a global secondary index.
        asked = {**request, "TableName": self.name, "ConsistentRead": "IndexName" not in request}
        while True:
            with table_errors():
                answer = read(**asked)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # ── versioned and unreadable items ──────────────────────────────────────────────────────────────────────────────

    def put_version(self, item: Item, seen: int | None, decode: Callable[[Item], object]) -> bool:
        """Write an item over the version that was seen; return False if another writer was faster.

        If no version was seen, the item is written if there is none, or if `decode` cannot read the stored one.
        """
        if seen is None:
            return self.put_once(item) or self.put_over_unreadable(item, decode)
        return self.put(item, "version = :seen", {":seen": seen})

    def put_over_unreadable(self, item: Item, decode: Callable[[Item], object]) -> bool:
        """Replace an unreadable item and keep a copy of it for the operator; return False if it is readable."""
        stored = self.get(Key.of(Row(item)))
        if stored is None or any(readable(decode, [stored], lambda _error: None)):
            return False
        self.put_once(_copy(stored))
        return self.put(item, *_unchanged(stored))

    def decoded(self, decode: Callable[[Item], T], item: Item) -> T:
        """Decode one item; park it and raise `RowUnreadable` if it cannot be read."""
        try:
            return decode(item)
        except RowUnreadable as error:
            self.park(error)
            raise

    def park(self, error: RowUnreadable) -> None:
        """Note an unreadable row and move it to `Duty.UNREADABLE`, so that no tick meets it again.

        Some functions may only read; then the row stays where it is.
        """
        note_unreadable(error)
        change = "SET parked_from = due_shard, due_shard = :shard"
        # An index may still list an item that was deleted; the condition keeps it from coming back as a fragment.
        condition = "attribute_exists(due_shard) AND due_shard <> :shard"
        with suppress(LedgerUnavailable):
            self.update(Key(*error.row), change, {":shard": shard_of(Duty.UNREADABLE, error.row[1])}, condition)


def _placeholders(values: Values | None, names: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the placeholders of an expression. DynamoDB refuses empty ones."""
    found: dict[str, Any] = {}
    if values:
        found["ExpressionAttributeValues"] = encode(values)
    if names:
        found["ExpressionAttributeNames"] = dict(names)
    return found


def _condition(condition: str | None) -> dict[str, str]:
    return {"ConditionExpression": condition} if condition else {}


def _unchanged(stored: Item) -> tuple[str, dict[str, object], dict[str, str]]:
    """Return the condition that an item still is what was read. An unreadable item has no version to compare."""
    others = [name for name in stored if name not in Key._fields]
    condition = " AND ".join([THERE, *(f"#n{index} = :v{index}" for index in range(len(others)))])
    values: dict[str, object] = {f":v{index}": Raw(stored[name]) for index, name in enumerate(others)}
    return condition, values, {f"#n{index}": name for index, name in enumerate(others)}


def _copy(stored: Item) -> Item:
    """Return the copy of an unreadable item. It is due for ever, so that the operator finds it."""
    key, digest = Key.of(Row(stored)), sha256(repr(sorted(stored.items())).encode()).hexdigest()[:16]
    due = Due(Duty.UNREADABLE, datetime.max.replace(tzinfo=UTC))
    attributes = {name: Raw(value) for name, value in stored.items() if name not in Key._fields}
    return Key(UNREADABLE, f"{key.pk} {key.sk} {digest}").item | encode(
        {"item": ItemType.UNREADABLE, "row": attributes} | due_attributes(due, digest)
    )


@contextmanager
def table_errors() -> Iterator[list[str]]:
    """Collect a refused condition; raise every other error of the call as `LedgerUnavailable`."""
    refused: list[str] = []
    try:
        yield refused
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code != "ConditionalCheckFailedException":
            raise LedgerUnavailable(code) from error
        refused.append(code)
    except BotoCoreError as error:
        raise LedgerUnavailable(type(error).__name__) from error
