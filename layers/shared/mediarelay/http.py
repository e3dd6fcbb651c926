"""Between API Gateway's HTTP events (payload 2.0) and use cases: raw bodies in, JSON and problem+json out."""

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.domain.tasks.intent import MAX_KEY, Submitted, is_key, submit_status
from mediarelay.errors import Malformed, MediarelayError, shown_detail

if TYPE_CHECKING:
    from mediarelay.usecases.tasks.receive import CallbackEndpoint

Event = Mapping[str, Any]
Response = dict[str, Any]
Handler = Callable[[Event, Any], Response]

RETRY_AFTER_SECONDS = "30"
IDEMPOTENCY_KEY = "Idempotency-Key"
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


def idempotency_key(event: Event) -> str | None:
    """Return the client's key, made its own: two clients may choose the same one. Raises `Malformed`."""
    key = header(event, IDEMPOTENCY_KEY)
    if key is not None and not is_key(key):
        raise Malformed(IDEMPOTENCY_KEY, f"must be 1 to {MAX_KEY} printable characters")
    return own_key(event, key)


def own_key(event: Event, key: str | None) -> str | None:
    """Make a key the client's own."""
    return key and f"{client_name(event)}\n{key}"


def client_name(event: Event) -> str:
    """Who asks, as the authorizer found."""
    return _found(event, "client")


def scopes(event: Event) -> frozenset[str]:
    """What the caller may do, as the authorizer found."""
    return frozenset(_found(event, "scopes").split())


def _found(event: Event, name: str) -> str:
    return str(event["requestContext"].get("authorizer", {}).get("lambda", {}).get(name, ""))


def respond(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON, in ASCII: what it quotes may hold half a character, which nothing could send on."""
    content = {"content-type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": content, "body": json.dumps(body)}


def created(submitted: "Submitted") -> Response:
    """Answer to a submit: 201, 200 for a repeat, 202 with Retry-After while the provider has not answered."""
    body = {"vid": submitted.vid, "kind": submitted.kind.value, "state": submitted.state.value}
    waiting = {} if submitted.vid else {"retry-after": RETRY_AFTER_SECONDS}
    repeated = {"idempotency-replayed": "true"} if submitted.repeated else {}
    return respond(submit_status(submitted), body, waiting | repeated)


def problem(error: MediarelayError) -> Response:
    """Answer with the one error shape of the API: RFC 9457. Only messages meant for callers leave."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    if detail := shown_detail(error):
        body["detail"] = detail
    if isinstance(error, Malformed):
        body["field"] = error.field
    headers = {"content-type": "application/problem+json", "cache-control": "no-store"}
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = RETRY_AFTER_SECONDS
    return respond(error.status, body, headers)


def answering(handler: Handler) -> Handler:
    """Turn errors that were raised on purpose into problem+json; anything else is a bug: its trace is logged."""

    @wraps(handler)
    def answer(event: Event, context: Any) -> Response:
        try:
            return handler(event, context)
        except MediarelayError as error:
            log.info("refused", extra={"status": error.status, "error": type(error).__name__})
            return problem(error)
        except Exception:
            log.exception("bug")
            return problem(MediarelayError())

    return answer


def taking_callbacks(receiver: "CallbackEndpoint") -> Handler:
    """Make the handler of a callback route: it answers `{"vid", "accepted", "duplicate"}`."""

    @observed
    @answering
    def handler(event: Event, _context: Any) -> Response:
        token = (event.get("pathParameters") or {}).get("token")
        address = event["requestContext"]["http"]["sourceIp"]
        receipt = receiver.receive(token, address, lambda: raw_body(event))
        return respond(200, {"vid": receipt.vid, "accepted": True, "duplicate": receipt.duplicate})

    return handler
