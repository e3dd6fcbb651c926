"""Declarations of parameters and responses in OpenAPI's form, which handlers combine for their routes.

Each value maps statuses to responses, so a route declares a union: `success(TaskPage, "A page") | MALFORMED`.
"""

from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict

from mediarelay.contracts.api.base import Problem, ResponseModel
from mediarelay.domain.tasks.intent import MAX_KEY

# The type of the argument `responses` of a route in Powertools.
Responses = dict[int, Any]

IDEMPOTENCY_KEY = "Idempotency-Key"
# A route lists its request headers under this name. Powertools overwrites `parameters` if the path has some.
REQUEST_HEADERS = "x-request-headers"
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before the next attempt", "schema": {"type": "integer"}}}
LOCATION = {
    "Location": {
        "description": "Where to follow the request: `/tasks/{vid}` (201) or `/submissions/{id}` (202)",
        "schema": {"type": "string"},
    }
}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` for a repeated request, which submitted nothing new",
        "schema": {"const": "true"},
    }
}
ETAG = {"ETag": {"description": "Identifies this version of the body", "schema": {"type": "string"}}}


class OpenApiDocument(ResponseModel):
    """An OpenAPI 3.1 document."""

    # Describing the document's own fields here would repeat the specification.
    model_config = ConfigDict(extra="allow")
    openapi: str


def success(model: type[ResponseModel], description: str, status: int = 200, headers: Any = None) -> Responses:
    """Declare a JSON response with the body that a model describes."""
    content = {"application/json": {"model": model}}
    return {status: {"description": description, "content": content} | ({"headers": headers} if headers else {})}


def problem_response(status: int, description: str) -> Responses:
    """Declare a problem+json response. A 503 also has the header `Retry-After`."""
    headers = {"headers": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    content = {"application/problem+json": {"model": Problem}}
    return {status: {"description": description, "content": content} | headers}


NOT_MODIFIED: Responses = {304: {"description": "The body is the version of `If-None-Match`", "headers": ETAG}}


def text_response(description: str, *media_types: str) -> Responses:
    """Declare a response with a text of one of some media types."""
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {200: {"description": description, "content": content, "headers": ETAG}}


MALFORMED = problem_response(400, "Malformed request; `field` names the wrong field")
FORBIDDEN_TOKENS = problem_response(403, "`tokens` requires the scope `read:tokens`")
NOT_FOUND = problem_response(404, "No such task, song, submission or job")
NO_FILE = problem_response(404, "No such file")
CONFLICT = problem_response(409, "The Idempotency-Key was already used for a different request")
NO_QUEUE = problem_response(404, "No such queue, or no such circuit")
NOT_REDRIVABLE = problem_response(409, "The messages of this queue cannot be processed again")
PURGE_REFUSED = problem_response(409, "The queue holds the only copy of its messages, or was just purged")
NOT_CANCELLABLE = problem_response(
    409,
    "The submission cannot be cancelled any more; `code` says why: `submission_sent`, `submission_completed` or "
    "`submission_refused`",
)
REFUSED = problem_response(
    422, "The provider refused the request and would refuse it again; `detail` contains its code and message"
)
BUG = problem_response(500, "Unexpected error; the log contains its stack trace")
LEDGER_DOWN = problem_response(503, "The ledger is unavailable; retry the request")
LEDGER_OR_TOPIC_DOWN = problem_response(503, "The ledger or the topic is unavailable; retry the request")
QUEUE_DOWN = problem_response(503, "SQS is unavailable; retry the request")
LEDGER_OR_KEYS_DOWN = problem_response(
    503, "The ledger is unavailable, or the secret with the provider's keys is unusable; retry the request"
)
NO_ENDPOINT = problem_response(404, "The secret WebhookEndpoints has no such endpoint")
ENDPOINT_DISABLED = problem_response(409, "The endpoint is disabled")
LEDGER_OR_SECRET_DOWN = problem_response(503, "The ledger is unavailable, or the secret WebhookEndpoints is unusable")
LEDGER_OR_KMS_DOWN = problem_response(503, "The ledger, or the KMS key that decrypts tokens, is unavailable")
# Every route refuses unknown query parameters, and any route may fail unexpectedly.
ALWAYS = MALFORMED | BUG


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Declare a request header; `schema` adds constraints to its type, string."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"} | schema}


IDEMPOTENCY_KEY_HEADER = header(
    IDEMPOTENCY_KEY,
    "Identifies the request. Repeating a request with its key returns the same task, without a time limit; a different "
    "request with that key gets 409. Without a key, an identical request returns the same task until DefaultKeyHours "
    "after the provider accepted it. Send a new key if the file at the URL has new content.",
    minLength=1,
    maxLength=MAX_KEY,
)
IF_NONE_MATCH = header("If-None-Match", "The `ETag` of an earlier answer; while it is current, the answer is 304")
