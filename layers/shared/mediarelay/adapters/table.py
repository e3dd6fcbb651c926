"""The table's own calls: conditional writes, queries page by page, and one error for all that may go wrong."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.adapters import items
from mediarelay.adapters.items import Item
from mediarelay.errors import LedgerUnavailable

NOT_THERE = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class Table:
    """One DynamoDB table. Every method raises `LedgerUnavailable` when it does not answer."""

    client: Any
    table: str

    def put(self, item: Item, condition: str, values: Mapping[str, Any] | None = None) -> bool:
        """Write an item; return False if the condition does not hold."""
        extra = {"ExpressionAttributeValues": values} if values else {}
        with table_errors() as refused:
            self.client.put_item(TableName=self.table, Item=item, ConditionExpression=condition, **extra)
        return not refused

    def get(self, key: Item) -> Item | None:
        """Read an item as it is now."""
        with table_errors():
            found: Item | None = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return found

    def put_over(self, item: Item, seen: int | None) -> bool:
        """Write an item over the version that was seen (None: there was none); False if another writer came first."""
        if seen is None:
            return self.put(item, NOT_THERE)
        return self.put(item, "version = :seen", {":seen": {"N": str(seen)}})

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
