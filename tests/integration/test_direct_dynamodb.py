"""The short way to moto's DynamoDB and the long one give the same answers."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mediarelay.adapters.aws import client
from tests.integration.direct_dynamodb import take_the_short_way

pytestmark = pytest.mark.over_http

A, B = {"pk": {"S": "a"}, "sk": {"S": "1"}}, {"pk": {"S": "a"}, "sk": {"S": "2"}}
ALL: dict[str, Any] = {
    "S": {"S": "text"},
    "N": {"N": "1.50"},
    "B": {"B": b"\x00\xff"},
    "BOOL": {"BOOL": True},
    "NULL": {"NULL": True},
    "SS": {"SS": ["one"]},
    "NS": {"NS": ["7"]},
    "BS": {"BS": [b"\x00"]},
    "L": {"L": [{"S": ""}, {"B": b"abc"}]},
    "M": {"M": {"x": {"M": {"y": {"B": b"\x01"}}}, "B": {"S": "no blob"}}},
}
DUE = [
    {"pk": {"S": f"{pk}"}, "sk": {"S": sk}, **due}
    for pk, sk, due in product("cb", "21", [{"due_shard": {"S": "video#1"}, "due_at": {"N": "10"}}])
]
PARTITION = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "a"}}}
WAITING = {
    "IndexName": "due",
    "KeyConditionExpression": "due_shard = :shard AND due_at <= :now",
    "ExpressionAttributeValues": {":shard": {"S": "video#1"}, ":now": {"N": "11"}},
}
ONLY_IF_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"Key": A}),
    ("put_item", {"Item": A | ALL}),
    ("put_item", {"Item": B | {"gone": {"S": "soon"}}}),
    ("put_item", {"Item": A} | ONLY_IF_NEW),
    ("put_item", {"Item": A | {"S": {"S": "new"}}, "ReturnValues": "ALL_OLD"}),
    ("put_item", {"Item": A | ALL}),
    ("put_item", {"Item": {"pk": {"S": ""}, "sk": {"S": "1"}}}),
    ("put_item", {"Item": A | {"big": {"B": bytes(420_000)}}}),
    ("put_item", {"Item": A | {"half": {"S": "x" * 210_000}, "other": {"S": "x" * 210_000}}}),
    ("put_item", {"Item": B | {"half": {"S": "x" * 210_000}}}),
    ("update_item", {"Key": B, "UpdateExpression": "SET other = :x",
                     "ExpressionAttributeValues": {":x": {"S": "x" * 210_000}}}),
    ("update_item", {"Key": B, "UpdateExpression": "SET half = :x",
                     "ExpressionAttributeValues": {":x": {"S": "x" * 190_000}}}),
    ("put_item", {"Item": B | {"gone": {"S": "soon"}}}),
    *(("put_item", {"Item": item}) for item in DUE),
    ("get_item", {"Key": A}),
    ("get_item", {"Key": A, "ConsistentRead": True, "ProjectionExpression": "sk, B, M, #s, M.x.y, nothing",
                  "ExpressionAttributeNames": {"#s": "SS"}}),
    ("get_item", {"Key": A, "TableName": "another"}),
    ("query", PARTITION),
    ("query", PARTITION | {"ScanIndexForward": False}),
    ("query", PARTITION | {"Limit": 1}),
    ("query", PARTITION | {"ExclusiveStartKey": A}),
    ("query", PARTITION | {"ProjectionExpression": "sk, B, N, L"}),
    ("query", PARTITION | {"FilterExpression": "attribute_exists(gone)"}),
    ("query", PARTITION | {"Select": "COUNT"}),
    ("query", {"KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)",
               "ExpressionAttributeValues": {":pk": {"S": "a"}, ":sk": {"S": "2"}}}),
    ("query", {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": "empty"}}}),
    ("query", WAITING),
    ("query", WAITING | {"Limit": 3}),
    ("scan", {}),
    ("scan", {"Limit": 2}),
    ("update_item", {"Key": A, "UpdateExpression": "SET N = N + :one REMOVE S",
                     "ExpressionAttributeValues": {":one": {"N": "1"}}, "ReturnValues": "ALL_NEW"}),
    ("update_item", {"Key": B, "UpdateExpression": "SET x = :x", "ConditionExpression": "gone = :x",
                     "ExpressionAttributeValues": {":x": {"B": b"\x02"}}}),
    ("transact_write_items", {"TransactItems": [{"Put": {"Item": A} | ONLY_IF_NEW}, {"Put": {"Item": B}}]}),
    ("transact_write_items", {"TransactItems": [{"Delete": {"Key": B}}, {"Put": {"Item": A}}]}),
    ("delete_item", {"Key": A, "ReturnValues": "ALL_OLD"}),
    ("scan", {}),
]  # fmt: skip


def with_table(name: str, request: dict[str, Any]) -> dict[str, Any]:
    if "TransactItems" in request:
        named = [{what: {"TableName": name} | one for what, one in part.items()} for part in request["TransactItems"]]
        return {"TransactItems": named}
    return {"TableName": name} | request


def answers(table: str) -> list[Any]:
    """What each call returns or raises, without what only HTTP has, and what names the table."""
    found: list[Any] = []
    for name, request in CALLS:
        try:
            answer = getattr(client("dynamodb"), name)(**with_table(table, request))
        except ClientError as error:
            answer = error.response | {"raised": type(error).__name__}
        answer.pop("ConsumedCapacity", None)
        found.append((name, answer | {"ResponseMetadata": answer["ResponseMetadata"]["HTTPStatusCode"]}))
    return found


def test_both_ways_answer_alike(make_table: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    long = answers(make_table())
    take_the_short_way(monkeypatch)
    assert answers(make_table()) == long
    raised = [answer["Error"]["Code"] for _, answer in long if "raised" in answer]
    assert {"ConditionalCheckFailedException", "ResourceNotFoundException", "ValidationException"} < set(raised)
