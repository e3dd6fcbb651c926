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

from mediarelay.aws_lambda.observability import observed, request_id
from mediarelay.errors import Malformed, MediarelayError, MethodNotAllowed, shown_detail

# The other functions import this module too, and need no callback endpoint.
if TYPE_CHECKING:
    from mediarelay.usecases.tasks.receive import CallbackEndpoint

Event = Mapping[str, Any]
Response = dict[str, Any]
Handler = Callable[[Event, Any], Response]

# Long enough for a short outage to end, short enough for a client that waits.
RETRY_AFTER_SECONDS = "30"
# A reference relative to the API, which serves the page itself. The page has a section for each code.
ERROR_PAGE = "/docs/errors"
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


def problem(error: MediarelayError, event: Event) -> Response:
    """Return the answer of an error, as RFC 9457 defines it. It contains only texts that are meant for callers."""
    members = {
        "type": f"{ERROR_PAGE}#{error.problem_code}",
        "title": error.title,
        "status": error.status,
        "code": error.problem_code,
        "detail": shown_detail(error) or None,
        "field": getattr(error, "field", None),
        "scope": getattr(error, "scope", None),
        "request_id": request_id(event),
    }
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    return respond(error.status, {name: value for name, value in members.items() if value is not None}, headers)


def log_error(error: Exception) -> MediarelayError:
    """Log an error and return the error that the caller sees. Any other exception than ours is a bug: status 500."""
    if not isinstance(error, MediarelayError):
        log.error("unexpected error", exc_info=error)
        return MediarelayError()
    shown = {"status": error.status, "problem": error.problem_code, "error": type(error).__name__}
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
            return problem(log_error(error), event)

    return answer


def without_body_for_head(handler: Handler) -> Handler:
    """Return a handler whose answers to HEAD have the headers of the answer to GET, and no body."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        found = handler(event, context)
        return found | {"body": ""} if is_head(event) else found

    return answer


def is_head(event: Event) -> bool:
    """Return whether a request has the method HEAD."""
    return bool(event["requestContext"]["http"]["method"] == "HEAD")


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
