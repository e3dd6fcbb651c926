"""POST /tasks/audio/batch: store up to 500 submits; the submit queue sends them to the provider."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import header
from mediarelay.contracts.api.responses import ALWAYS, IDEMPOTENCY_KEY, success
from mediarelay.contracts.api.submits import AudioBatchRequest, BatchResponse, batch_response
from mediarelay.errors import Malformed
from mediarelay.wiring.clients import batch_submitter

BATCHER = batch_submitter()
app = api_resolver()


@app.post(
    "/tasks/audio/batch",
    scope="submit",
    operation_id="submitBatch",
    tags=["tasks"],
    summary="Submit up to 500 audio tasks",
    description=(
        "Each item is stored or refused by itself. Its result has the status that it would "
        "have had alone: 202 until the provider has answered, 200 once its vid is known, 400, 409, 422 (the provider "
        "refused it), 503. Each item has its own `idempotency_key`; the header is refused here. A queue sends the "
        "submits to the provider at the pace of the call budget. Send the same batch again to learn the vids."
    ),
    responses=success(BatchResponse, "One result for each item, in order", 207) | ALWAYS,
)
def submit_batch(request: AudioBatchRequest) -> tuple[dict[str, Any], int]:
    """Store the items and return one result for each."""
    event = app.current_event.raw_event
    # One key for 500 tasks would make all but the first a conflict.
    if header(event, IDEMPOTENCY_KEY) is not None:
        raise Malformed(IDEMPOTENCY_KEY, "is not taken for a batch; give each task its own idempotency_key")
    return batch_response(BATCHER.enqueue(request.tasks, client_name(event))), 207


handler = observed(app.resolve)
