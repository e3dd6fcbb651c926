"""Parts that the submit functions share: the idempotency key, and the answer."""

from http import HTTPStatus

from mediarelay.aws_lambda.http import JsonResponse, client_name, json_response
from mediarelay.aws_lambda.raw_http import RETRY_AFTER_SECONDS, Event, header
from mediarelay.contracts.api.responses import (
    ALWAYS,
    CONFLICT,
    IDEMPOTENCY_KEY,
    LEDGER_OR_KEYS_DOWN,
    LOCATION,
    REFUSED,
    REPLAYED,
    RETRY_AFTER,
    success,
)
from mediarelay.contracts.api.submits import SubmitResponse, submit_response
from mediarelay.domain.tasks.intent import MAX_KEY, ClientKey, Submitted, is_key, submit_status
from mediarelay.errors import Malformed

SUBMIT_RESPONSES = (
    success(SubmitResponse, "The task", 201, headers=LOCATION)
    | success(
        SubmitResponse,
        "A repeat: the task that the same key gave before, whatever the file holds by now",
        headers=REPLAYED,
    )
    | success(
        SubmitResponse,
        "Stored; the vid is not known yet. Read the submission after Retry-After to learn it",
        202,
        headers=LOCATION | RETRY_AFTER | REPLAYED,
    )
    | ALWAYS
    | CONFLICT
    | REFUSED
    | LEDGER_OR_KEYS_DOWN
)


def respond_submitted(submitted: Submitted) -> JsonResponse:
    """Return the answer to a submit: 201, 200 for a repeat, 202 with Retry-After until the provider has answered."""
    status = submit_status(submitted)
    return json_response(submit_response(submitted), status, _headers(submitted, status))


def _headers(submitted: Submitted, status: int) -> dict[str, str]:
    places = {
        HTTPStatus.CREATED: f"/tasks/{submitted.vid}",
        HTTPStatus.ACCEPTED: f"/submissions/{submitted.submission}",
    }
    stated = {
        "location": places.get(HTTPStatus(status)),
        "retry-after": RETRY_AFTER_SECONDS if status == HTTPStatus.ACCEPTED else None,
        "idempotency-replayed": "true" if submitted.repeated else None,
    }
    return {name: value for name, value in stated.items() if value}


def idempotency_key(event: Event) -> ClientKey | None:
    """Return the idempotency key that the client chose, or None; raises `Malformed`."""
    key = header(event, IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not is_key(key):
        raise Malformed(IDEMPOTENCY_KEY, f"must be 1 to {MAX_KEY} printable characters")
    return ClientKey(client_name(event), key)
