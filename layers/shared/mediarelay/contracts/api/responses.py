"""How routes declare their parameters and answers, in OpenAPI's own form; handlers put these together.

Each value maps statuses to responses, so that a route's answers are a union: `success(TaskPage, "A page") | MALFORMED`.
"""

from http import HTTPStatus
from typing import Any

from pydantic import ConfigDict

from mediarelay.contracts.api.base import Problem, ResponseModel
from mediarelay.domain.tasks.intent import MAX_KEY

# What Powertools' `route(responses=...)` takes.
Responses = dict[int, Any]

IDEMPOTENCY_KEY = "Idempotency-Key"
RETRY_AFTER = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` for a repeat: nothing new was submitted",
        "schema": {"const": "true"},
    }
}


class OpenApiDocument(ResponseModel):
    """An OpenAPI document; see the OpenAPI Specification 3.1."""

    model_config = ConfigDict(extra="allow")
    openapi: str


def success(model: type[ResponseModel], description: str, status: int = 200, headers: Any = None) -> Responses:
    """Declare an answer that a model describes."""
    content = {"application/json": {"model": model}}
    return {status: {"description": description, "content": content} | ({"headers": headers} if headers else {})}


def problem_response(status: int, description: str) -> Responses:
    """Declare an answer in problem+json; one that asks to try again has Retry-After."""
    headers = {"headers": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    content = {"application/problem+json": {"model": Problem}}
    return {status: {"description": description, "content": content} | headers}


MALFORMED = problem_response(400, "Malformed; `field` names the place")
FORBIDDEN_TOKENS = problem_response(403, "`tokens` without the scope `read:tokens`")
NOT_FOUND = problem_response(404, "No such task, or song")
CONFLICT = problem_response(409, "The Idempotency-Key was used for another request")
REFUSED = problem_response(
    422, "The provider refused the request and would refuse it again; `detail` has its code and its message"
)
BUG = problem_response(500, "A bug; its trace is in the log")
LEDGER_DOWN = problem_response(503, "The ledger did not answer; nothing was promised")
LEDGER_OR_KEYS_DOWN = problem_response(
    503, "The ledger did not answer, or the secret with the provider's keys cannot be used; nothing was promised"
)
LEDGER_OR_KMS_DOWN = problem_response(503, "The ledger, or the key that decrypts tokens, did not answer")
# Every route refuses an unknown query parameter, and may have a bug.
ALWAYS = MALFORMED | BUG


def header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """Declare a request header."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"} | schema}


IDEMPOTENCY_KEY_HEADER = header(
    IDEMPOTENCY_KEY,
    "Names the request: the same key gives the same task, for good; with another request it is a 409. Without a key "
    "the request itself is the key, until DefaultKeyHours after the provider took it. Send a new key when the file "
    "behind the URL has new content.",
    minLength=1,
    maxLength=MAX_KEY,
)
