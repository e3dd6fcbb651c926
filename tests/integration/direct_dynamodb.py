"""A short way from boto3's DynamoDB client to moto's DynamoDB, without the HTTP between them.

Signing, headers, two JSON parsers and moto's generic serializer cost ten times what moto's DynamoDB itself does. The
short way leaves them out: botocore still checks the request, moto still carries it out, and botocore still makes the
exceptions. Modules marked `over_http` go the long way, and `test_direct_dynamodb.py` compares the two.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import signature
from threading import Lock
from typing import Any

import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ParamValidationError
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser  # type: ignore[attr-defined]
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

DIRECT = {
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "BatchWriteItem", "TransactWriteItems"),
}
"""The calls that read and write items; all others take the long way."""
ACCOUNT = "123456789012"
"""The account that moto takes every caller for."""
INDEX_NAME = list(signature(Table.query).parameters).index("index_name") - 2
"""Where moto's own caller passes the index, after the table and the hash key."""
SMALL = 400_000
"""Bytes: below, an item is under the limit of DynamoDB however one counts."""
LOCK, VALIDATOR = Lock(), ParamValidator()
SUCCESS = {"ResponseMetadata": {"HTTPStatusCode": 200}}
PARTITION, DIFFERENT = re.compile(r"(\w+) = (:\w+)"), {"TableName", "Limit", "ExpressionAttributeValues"}
ACCEPTED: dict[frozenset[tuple[str, str]], tuple[str, str]] = {}
"""Queries that moto has carried out: their words, and the name and placeholder of the partition."""


def _make_api_call(plain: Callable[..., Any]) -> Callable[..., Any]:
    """Make botocore's call of an operation, with a short way for those in `DIRECT`."""

    def call(self: Any, operation: str, params: Mapping[str, Any]) -> Any:
        model = self.meta.service_model.operation_model(operation)
        if self.meta.service_model.service_name != "dynamodb" or operation not in DIRECT:
            return plain(self, operation, params)
        params = self._emit_api_params(api_params=params, operation_model=model, context={})
        if operation == "Query" and _finds_nothing(self.meta.region_name, params):
            return {"Items": [], "Count": 0, "ScannedCount": 0} | SUCCESS
        if (report := VALIDATOR.validate(params, model.input_shape)).has_errors():
            raise ParamValidationError(report=report.generate_report())
        answer = _carry_out(self, model, params)
        if operation == "Query":
            _accept(params)
        return answer

    return call


def _finds_nothing(region: str, params: Mapping[str, Any]) -> bool:
    """Return whether a query reads a partition without items, in words that moto has accepted before.

    Nine queries in ten are such: a sweep reads every shard of every duty.
    """
    # Whoever watches moto's queries sees all of them.
    if Table.query.__module__ != __name__ or (accepted := ACCEPTED.get(_words(params))) is None:
        return False
    name, placeholder = accepted
    wanted = params["ExpressionAttributeValues"][placeholder]["S"]
    table = dynamodb_backends[ACCOUNT][region].tables.get(params["TableName"])
    with LOCK:
        return table is not None and not any(
            name in item.attrs and item.attrs[name].value == wanted
            for part in table.items.values()
            for item in part.values()
        )


def _accept(params: Mapping[str, Any]) -> None:
    """Remember the words of a query that moto has carried out, with the name and placeholder of its partition."""
    begins = PARTITION.match(params["KeyConditionExpression"])
    if begins and not params.keys() & {"ExclusiveStartKey", "Select"}:
        ACCEPTED[_words(params)] = (begins[1], begins[2])


def _words(params: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Return a query without what differs from one to the next."""
    return frozenset((name, str(value)) for name, value in params.items() if name not in DIFFERENT)


def _carry_out(boto: Any, model: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    handler = _handler(boto, model, params)
    try:
        with LOCK:
            answer = getattr(handler, xform_name(model.name))()
    except HTTPException as error:
        raise _error(boto, model, error.code, dict(error.get_headers()), error.description) from error
    except ServiceException as error:
        raise _error(boto, model, *handler.serialized(ActionResult(error))) from error
    members = model.output_shape.members
    reported = {name: value for name, value in answer.result.items() if name in members and value is not None}
    return reported | SUCCESS


def _handler(boto: Any, model: Any, params: Mapping[str, Any]) -> DynamoHandler:
    """Make moto's handler of one request, as moto makes it of what comes over HTTP."""
    handler = DynamoHandler()
    handler.body = handler.params = _copy(params)
    handler.headers = {"x-amz-target": f"DynamoDB_20120810.{model.name}", "Content-Type": "application/x-amz-json-1.0"}
    handler.querystring, handler.uri_match, handler.response_headers = {}, {}, {}
    handler.region, handler.current_account = boto.meta.region_name, ACCOUNT
    return handler


def _copy(value: Any) -> Any:
    """Copy a request, so that moto keeps nothing of the caller's; JSON has only these containers."""
    if isinstance(value, Mapping):
        return {name: _copy(one) for name, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list | tuple) else value


def _error(boto: Any, model: Any, status: Any, headers: Any, body: Any) -> Exception:
    """Make the exception that botocore makes of an HTTP response."""
    parser, response = create_parser("json"), {"status_code": status, "headers": headers, "body": str(body).encode()}
    parsed = parser.parse(response, model.output_shape)
    shape = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
    modeled = parser.parse(response, shape) if shape else {}
    made: Exception = boto.exceptions.from_code(parsed["Error"]["Code"])(parsed | modeled, model.name)
    return made


def one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """DynamoDB serialises the writes of an item; moto does not, so a lock around each call does."""
    plain = BotocoreStubber.process_request

    def process(stubber: BotocoreStubber, request: Any) -> Any:
        with LOCK:
            return plain(stubber, request)

    patch.setattr(BotocoreStubber, "process_request", process)


def take_the_short_way(patch: pytest.MonkeyPatch) -> None:
    """Leave out the HTTP, and let moto do the same with fewer steps.

    By itself it decodes an item once for each name of a projection, encodes what it finds, sorts the whole table for
    each query of one partition, asks five queries of a value that is a string, measures a whole item for each name that
    it gets, and parses each update twice, of which it works on a copy. What a query of an empty partition finds is
    clear without it.
    """
    patch.setattr(BaseClient, "_make_api_call", _make_api_call(vars(BaseClient)["_make_api_call"]))
    patch.setattr(Item, "project", _project(Item.project))
    patch.setattr(Table, "query", _query(Table.query))
    patch.setattr(Table, "all_items", _all_items)
    patch.setattr(DynamoType, "cast_value", property(_cast_value))
    patch.setattr(LimitedSizeDict, "__setitem__", _set_item(LimitedSizeDict.__setitem__))
    patch.setattr(UpdateExpressionParser, "make", lru_cache(UpdateExpressionParser.make))
    patch.setattr(DepthFirstTraverser, "traverse", _traverse(DepthFirstTraverser.traverse))


def _project(plain: Callable[[Item, list[list[str]]], Item]) -> Callable[[Item, list[list[str]]], Item]:
    def project(item: Any, paths: list[list[str]]) -> Item:
        if any(len(path) > 1 for path in paths):
            return plain(item, paths)
        found = Item(item.hash_key, item.range_key, attrs={})
        for (name,) in paths:
            if name in item.attrs:
                dict.__setitem__(found.attrs, name, item.attrs[name])
        return found

    return project


def _query(plain: Callable[..., Any]) -> Callable[..., Any]:
    def query(table: Any, hash_key: DynamoType, *args: Any, **kwargs: Any) -> Any:
        if args[INDEX_NAME]:
            return plain(table, hash_key, *args, **kwargs)
        table.all_items = lambda: list(table.items.get(hash_key, {}).values())
        try:
            return plain(table, hash_key, *args, **kwargs)
        finally:
            del table.all_items

    return query


def _traverse(plain: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def traverse(traverser: Any, node: Any) -> Any:
        # moto makes both anew for each node of an expression.
        processors, kinds = traverser._processing_map(), traverser.nodes_to_be_processed()
        traverser._processing_map, traverser.nodes_to_be_processed = (lambda: processors), (lambda: kinds)
        return plain(traverser, node)

    return traverse


def _all_items(table: Table) -> list[Item]:
    """All items in the order of their keys, which are always strings here."""
    found = [item for partition in table.items.values() for item in partition.values()]
    return sorted(found, key=lambda item: (item.hash_key.value, item.range_key.value))


def _set_item(plain: Callable[[LimitedSizeDict, str, Any], None]) -> Callable[[LimitedSizeDict, str, Any], None]:
    def set_item(item: Any, name: str, value: Any) -> None:
        # Values that were replaced still count, so this is at least the item's size.
        item.at_most = (item.at_most if item else 0) + bytesize(name) + _size(value)
        (plain if item.at_most > SMALL else dict.__setitem__)(item, name, value)

    return set_item


def _size(value: Any) -> int:
    return value.size() if isinstance(value, DynamoType) else bytesize(str(value))


_plain_value = vars(DynamoType)["cast_value"].fget


def _cast_value(value: DynamoType) -> Any:
    return value.value if value.type == "S" else _plain_value(value)
