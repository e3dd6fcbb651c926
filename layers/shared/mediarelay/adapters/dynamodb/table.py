"""The table's own calls: conditional writes, queries page by page, and one error for all that may go wrong."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.adapters.dynamodb import items
from mediarelay.adapters.dynamodb.due_index import shard_of
from mediarelay.adapters.dynamodb.items import Item
from mediarelay.adapters.dynamodb.unreadable import note_unreadable, readable
from mediarelay.domain.due import Change
from mediarelay.errors import LedgerUnavailable, RowUnreadable

NOT_THERE = "attribute_not_exists(pk)"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table. Every method raises `LedgerUnavailable` when it does not answer."""

    client: Any
    table: str

    def put(
        self,
        item: Item,
        condition: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Write an item; return False if the condition does not hold."""
        extra = {"ExpressionAttributeValues": values} if values else {}
        extra |= {"ExpressionAttributeNames": names} if names else {}
        with table_errors() as refused:
            self.client.put_item(TableName=self.table, Item=item, ConditionExpression=condition, **extra)
        return not refused

    def get(self, key: Item) -> Item | None:
        """Read an item as it is now."""
        with table_errors():
            found: Item | None = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return found

    def put_over(self, item: Item, seen: int | None, decode: Callable[[Item], object]) -> bool:
        """Write an item over the version that was seen; return False if another writer came first.

        Nothing readable was seen if that is None: then it is written over nothing, or over what `decode` cannot read.
        """
        if seen is None:
            return self.put(item, NOT_THERE) or self._put_over_unreadable(item, decode)
        return self.put(item, "version = :seen", {":seen": {"N": str(seen)}})

    def _put_over_unreadable(self, item: Item, decode: Callable[[Item], object]) -> bool:
        """Write over an item that cannot be read, unless it changed meanwhile; a copy stays for the operator."""
        stored = self.get({name: item[name] for name in ("pk", "sk")})
        if stored is None or any(readable(decode, [stored], lambda _error: None)):
            return False
        self.put(items.unreadable_copy(stored), NOT_THERE)
        others = [name for name in stored if name not in {"pk", "sk"}]
        condition = " AND ".join(["attribute_exists(pk)", *(f"#n{index} = :v{index}" for index in range(len(others)))])
        names = {f"#n{index}": name for index, name in enumerate(others)}
        return self.put(item, condition, {f":v{index}": stored[name] for index, name in enumerate(others)}, names)

    @staticmethod
    def changes(images: Iterable[Item]) -> Iterator[Change]:
        """Read the new images of stream records; those that cannot be read are noted."""
        return readable(items.change, images)

    def decoded(self, decode: Callable[[Item], T], item: Item) -> T:
        """Decode one item; raises `RowUnreadable` once it is parked."""
        try:
            return decode(item)
        except RowUnreadable as error:
            self.park(error)
            raise

    def park(self, error: RowUnreadable) -> None:
        """Note an unreadable row, and take it from its duty to where an operator looks, so that no tick meets it again.

        Who may only read leaves it where it is. A row of the index alone, without an item, goes by itself.
        """
        note_unreadable(error)
        duty = {":shard": {"S": shard_of(items.UNREADABLE, error.sk)}}
        change = "SET parked_from = due_shard, due_shard = :shard"
        with suppress(LedgerUnavailable):
            self.update(error.pk, error.sk, change, duty, "attribute_exists(due_shard) AND due_shard <> :shard")

    def update(
        self,
        pk: str,
        sk: str,
        change: str,
        values: Mapping[str, Any],
        condition: str = "attribute_exists(pk)",
        names: Mapping[str, str] | None = None,
    ) -> bool:
        """Change an item; return False if the condition does not hold."""
        extra = {"ExpressionAttributeValues": values} if values else {}
        extra |= {"ExpressionAttributeNames": names} if names else {}
        with table_errors() as refused:
            self.client.update_item(
                TableName=self.table,
                Key=items.key(pk, sk),
                UpdateExpression=change,
                ConditionExpression=condition,
                **extra,
            )
        return not refused

    def query(self, **request: Any) -> Iterator[Item]:
        """Yield what a query finds, page by page; consistent unless it asks an index."""
        for answer in self.answers(self.client.query, **request):
            yield from answer["Items"]

    def answers(self, read: Callable[..., dict[str, Any]], **request: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages of a query or a scan."""
        request |= {"TableName": self.table, "ConsistentRead": "IndexName" not in request}
        while True:
            with table_errors():
                answer = read(**request)
            yield answer
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


@contextmanager
def table_errors() -> Iterator[list[str]]:
    """Collect a refused condition, raise everything else as `LedgerUnavailable`."""
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
