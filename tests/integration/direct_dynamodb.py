"""A short way from boto3's DynamoDB client to moto's DynamoDB, without the HTTP between them.

Signing, headers, two JSON parsers and moto's generic serializer cost ten times what moto's DynamoDB itself does. The
short way leaves them out: botocore still checks and writes the request, moto still carries it out. Errors take the
whole way back. Modules marked `over_http` go the long way, and `test_direct_dynamodb.py` compares the two.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
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
from moto.dynamodb.models.dynamo_type import Item
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
        told = {name: value for name, value in answer.result.items() if name in members and value is not None}
        return Response(200), told | {"ResponseMetadata": {"HTTPStatusCode": 200}}


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
    return Response(status), create_parser("json").parse(response, model.output_shape)


direct = Direct()
BUILTIN_HANDLERS.append(("before-call.dynamodb", direct, REGISTER_LAST))


def one_at_a_time(patch: pytest.MonkeyPatch) -> None:
    """DynamoDB serialises the writes of an item; moto does not, so a lock around each call does."""
    plain = BotocoreStubber.process_request

    def process(stubber: BotocoreStubber, request: Any) -> Any:
        with LOCK:
            return plain(stubber, request)

    patch.setattr(BotocoreStubber, "process_request", process)


def decode_once(patch: pytest.MonkeyPatch) -> None:
    """Let moto decode an item once for a projection, and not once for each name in it."""
    plain = Item.project

    def project(item: Item, expressions: list[list[str]]) -> Item:
        regular = item.to_regular_json()
        item.to_regular_json = lambda: regular  # type: ignore[method-assign]
        try:
            return plain(item, expressions)
        finally:
            del item.to_regular_json

    patch.setattr(Item, "project", project)
