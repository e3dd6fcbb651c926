"""API Gateway's HTTP events (payload 2.0) and answers without a resolver, and the errors of all functions.

The callback functions and the authorizer need no more, so neither Powertools' resolver nor pydantic is imported here:
together they would double the time in which such a function starts.
"""

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.errors import Malformed, MediarelayError, shown_detail

if TYPE_CHECKING:
    from mediarelay.usecases.tasks.receive import CallbackEndpoint

Event = Mapping[str, Any]
Response = dict[str, Any]
Handler = Callable[[Event, Any], Response]

RETRY_AFTER_SECONDS = "30"
log = logging.getLogger(__name__)


def raw_body(event: Event) -> bytes:
    """Return the request's body as the bytes that were sent."""
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("body", "not base64") from error


def header(event: Event, name: str) -> str | None:
    """Return a request header; API Gateway gives the names in lower case."""
    value = (event.get("headers") or {}).get(name.lower())
    return value if value is None else str(value)


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON in ASCII: a quoted value may hold half a surrogate pair, which has no UTF-8."""
    content = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": content, "body": json.dumps(body)}


def problem(error: MediarelayError) -> Response:
    """Answer with the one error shape of the API, RFC 9457. Only messages that are meant for callers leave."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    if detail := shown_detail(error):
        body["detail"] = detail
    if isinstance(error, Malformed):
        body["field"] = error.field
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    return respond(error.status, body, headers)


def log_error(error: Exception) -> MediarelayError:
    """Log an error and return what the caller may see of it; one that was not raised on purpose is a bug."""
    if isinstance(error, MediarelayError):
        log.info("refused", extra={"status": error.status, "error": type(error).__name__})
        return error
    log.error("bug", exc_info=error)
    return MediarelayError()


def with_problems(handler: Handler) -> Handler:
    """Make a handler answer its errors with problem+json."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - logged there
            return problem(log_error(error))

    return answer


def callback_handler(receiver: "CallbackEndpoint") -> Handler:
    """Make the handler of a callback route; it answers `{"vid", "accepted", "duplicate"}`."""

    @observed
    @with_problems
    def handler(event: Event, _context: Any) -> Response:
        token = (event.get("pathParameters") or {}).get("token")
        address = event["requestContext"]["http"]["sourceIp"]
        receipt = receiver.receive(token, address, lambda: raw_body(event))
        return respond(200, {"vid": receipt.vid, "accepted": True, "duplicate": receipt.duplicate})

    return handler
