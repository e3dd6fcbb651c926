"""Requests and answers of API Gateway (payload 2.0) without a resolver, and the error answers of all functions.

The callback functions and the authorizer need no more. Powertools' resolver and pydantic would double the time that
such a function takes to start, so this module imports neither.
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
from mediarelay.errors import Malformed, MediarelayError, MissingScope, NotCancellable, shown_detail

# The other functions import this module too, and need no callback endpoint.
if TYPE_CHECKING:
    from mediarelay.usecases.tasks.receive import CallbackEndpoint

Event = Mapping[str, Any]
Response = dict[str, Any]
Handler = Callable[[Event, Any], Response]

# Long enough for a short outage to end, short enough for a client that waits.
RETRY_AFTER_SECONDS = "30"
log = logging.getLogger(__name__)


def raw_body(event: Event) -> bytes:
    """Return the request body as the bytes that were sent; raises `Malformed`."""
    body = event.get("body") or ""
    # `surrogatepass`: an escaped half of a surrogate pair in the event must not fail before the body is stored.
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("body", "not base64") from error


def header(event: Event, name: str) -> str | None:
    """Return a request header, or None. API Gateway sends the names in lower case."""
    value = (event.get("headers") or {}).get(name.lower())
    return value if value is None else str(value)


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with JSON in ASCII: a quoted value may hold half a surrogate pair, which UTF-8 cannot encode."""
    content = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": content, "body": json.dumps(body)}


def problem(error: MediarelayError) -> Response:
    """Return the answer of an error, as RFC 9457 defines it. It contains only texts that are meant for callers."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    if detail := shown_detail(error):
        body["detail"] = detail
    if isinstance(error, Malformed):
        body["field"] = error.field
    if isinstance(error, MissingScope):
        body |= {"code": "missing_scope", "scope": error.scope}
    if isinstance(error, NotCancellable):
        body["code"] = error.code
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    return respond(error.status, body, headers)


def log_error(error: Exception) -> MediarelayError:
    """Log an error and return the error that the caller sees. Any other exception than ours is a bug: status 500."""
    if not isinstance(error, MediarelayError):
        log.error("unexpected error", exc_info=error)
        return MediarelayError()
    shown = {"status": error.status, "error": type(error).__name__}
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        log.info("refused", extra=shown)
    else:
        # At error level, so that each 5xx leaves a trace at most log levels. The reason holds codes and keys only.
        log.error("failed", extra={**shown, "reason": str(error)})
    return error


def with_problems(handler: Handler) -> Handler:
    """Return a handler that answers errors with problem+json."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        try:
            return handler(event, context)
        except Exception as error:  # noqa: BLE001 - `log_error` logs it
            return problem(log_error(error))

    return answer


def callback_handler(endpoint: "CallbackEndpoint") -> Handler:
    """Return the handler of a callback route. It answers `{"vid", "accepted", "duplicate"}`."""

    @observed
    @with_problems
    def handler(event: Event, _context: Any) -> Response:
        token = (event.get("pathParameters") or {}).get("token")
        address = event["requestContext"]["http"]["sourceIp"]
        # The body is decoded only for an authenticated sender.
        receipt = endpoint.receive(token, address, lambda: raw_body(event))
        return respond(200, {"vid": receipt.vid, "accepted": True, "duplicate": receipt.duplicate})

    return handler
