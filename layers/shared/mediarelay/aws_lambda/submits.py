"""Parts that the submit functions share: the idempotency key, and the answer."""

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
    waiting = {} if submitted.vid else {"retry-after": RETRY_AFTER_SECONDS}
    repeated = {"idempotency-replayed": "true"} if submitted.repeated else {}
    headers = _location(submitted) | waiting | repeated
    return json_response(submit_response(submitted), submit_status(submitted), headers)


def _location(submitted: Submitted) -> dict[str, str]:
    """Return the header that names what a request has made: a task, or a submission without one."""
    if submitted.vid is None:
        return {"location": f"/submissions/{submitted.submission}"}
    return {} if submitted.repeated else {"location": f"/tasks/{submitted.vid}"}


def idempotency_key(event: Event) -> ClientKey | None:
    """Return the idempotency key that the client chose, or None; raises `Malformed`."""
    key = header(event, IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not is_key(key):
        raise Malformed(IDEMPOTENCY_KEY, f"must be 1 to {MAX_KEY} printable characters")
    return ClientKey(client_name(event), key)
