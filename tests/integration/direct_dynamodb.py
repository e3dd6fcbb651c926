"""A short way from boto3's DynamoDB client to moto's DynamoDB, without the HTTP between them.

Signing, headers, two JSON parsers and moto's generic serializer cost ten times what moto's DynamoDB itself does. The
short way leaves them out: botocore still checks and writes the request, moto still carries it out. Errors take the
whole way back. Modules marked `over_http` go the long way, and `test_direct_dynamodb.py` compares the two.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from threading import Lock
from typing import Any

import pytest
from botocore import xform_name
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_LAST
from botocore.model import OperationModel
from botocore.parsers import create_parser
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from werkzeug.exceptions import HTTPException

DIRECT = {
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"),
    *("BatchGetItem", "BatchWriteItem", "TransactWriteItems"),
}
"""The calls that read and write items; all others take the long way."""
LOCK = Lock()


@dataclass
class Response:
    """What botocore looks at in the HTTP response."""

    status_code: int


class Direct:
    """The event handler that answers in place of the network, while it is on."""

    on = False

    def __call__(self, model: OperationModel, params: Mapping[str, Any], **_: Any) -> tuple[Response, Any] | None:
        if not self.on or model.name not in DIRECT:
            return None
        handler = _handler(model, params)
        try:
            with LOCK:
                answer = getattr(handler, xform_name(model.name))()
        except HTTPException as error:
            return _failed(error.code, dict(error.get_headers()), error.description, model)
        except ServiceException as error:
            return _failed(*handler.serialized(ActionResult(error)), model)
        members = model.output_shape.members
        reported = {name: value for name, value in answer.result.items() if name in members and value is not None}
        return Response(200), reported | {"ResponseMetadata": {"HTTPStatusCode": 200}}


def _handler(model: OperationModel, params: Mapping[str, Any]) -> DynamoHandler:
    """Make moto's handler of one request, as moto makes it of what comes over HTTP."""
    handler = DynamoHandler()
    handler.body = handler.params = json.loads(params["body"], object_hook=_binary)
    handler.headers, handler.querystring, handler.uri_match, handler.response_headers = params["headers"], {}, {}, {}
    handler.region, handler.current_account = params["context"]["client_region"], DEFAULT_ACCOUNT_ID
    return handler


def _binary(found: dict[str, Any]) -> dict[str, Any]:
    """Decode a binary attribute value."""
    match found:
        case {"B": str(text)}:
            return {"B": b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [b64decode(text) for text in texts]}
    return found


def _failed(status: Any, headers: Any, body: Any, model: OperationModel) -> tuple[Response, Any]:
    response = {"status_code": status, "headers": headers, "body": str(body).encode()}
    parser = create_parser("json")
    parsed = parser.parse(response, model.output_shape)
    shape = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
    return Response(status), parsed | (parser.parse(response, shape) if shape else {})


direct = Direct()
BUILTIN_HANDLERS.append(("before-call.dynamodb", direct, REGISTER_LAST))


def one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """DynamoDB serialises the writes of an item; moto does not, so a lock around each call does."""
    plain = BotocoreStubber.process_request

    def process(stubber: BotocoreStubber, request: Any) -> Any:
        with LOCK:
            return plain(stubber, request)

    patch.setattr(BotocoreStubber, "process_request", process)


def take_the_short_way(patch: pytest.MonkeyPatch) -> None:
    """Leave out the HTTP, and let moto do the same with fewer steps.

    By itself it decodes an item once for each name of a projection, sorts the whole table for each query of one
    partition, and asks five queries of a value that is a string.
    """
    patch.setattr(direct, "on", True)
    patch.setattr(Item, "project", _project(Item.project))
    patch.setattr(Table, "query", _query(Table.query))
    patch.setattr(Table, "all_items", _all_items)
    patch.setattr(DynamoType, "cast_value", property(_cast_value))


def _project(plain: Callable[[Item, list[list[str]]], Item]) -> Callable[[Item, list[list[str]]], Item]:
    def project(item: Item, expressions: list[list[str]]) -> Item:
        regular = item.to_regular_json()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(item, "to_regular_json", lambda: regular)
            return plain(item, expressions)

    return project


def _query(plain: Callable[..., Any]) -> Callable[..., Any]:
    def query(table: Table, *args: Any, **kwargs: Any) -> Any:
        asked = signature(plain).bind(table, *args, **kwargs).arguments
        if asked.get("index_name"):
            return plain(table, *args, **kwargs)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(table, "all_items", lambda: list(table.items.get(asked["hash_key"], {}).values()))
            return plain(table, *args, **kwargs)

    return query


def _all_items(table: Table) -> list[Item]:
    """All items in the order of their keys, which are always strings here."""
    found = [item for partition in table.items.values() for item in partition.values()]
    return sorted(found, key=lambda item: (item.hash_key.value, item.range_key.value))


_plain_value = DynamoType.cast_value.fget


def _cast_value(value: DynamoType) -> Any:
    return value.value if value.type == "S" else _plain_value(value)
