"""POST /tasks/audio/batch: store up to 500 submits; a queue hands them to the provider."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver
from mediarelay.aws_lambda.observability import observed
from mediarelay.aws_lambda.raw_http import header
from mediarelay.aws_lambda.submits import own_key
from mediarelay.contracts.api.responses import ALWAYS, IDEMPOTENCY_KEY, success
from mediarelay.contracts.api.submits import AudioBatchRequest, BatchResponse, batch_response
from mediarelay.errors import Malformed
from mediarelay.wiring.clients import batch_submitter

BATCHER = batch_submitter()
app = api_resolver()


@app.post(
    "/tasks/audio/batch",
    operation_id="submitBatch",
    tags=["tasks"],
    summary="Submit up to 500 audio tasks",
    description=(
        "Needs the scope `submit`. Each item is stored or refused by itself, and has the status that it would have had "
        "alone: 202 while the provider has not been asked, 200 once its vid is known, 400, 409, 422 (the provider "
        "refused it; the key is free again), 503. Its `idempotency_key` is for it what the header is for one task; the "
        "header is refused here. A queue hands the submits to the provider at the pace of the budget; send the same "
        "batch again to learn the vids."
    ),
    responses=success(BatchResponse, "One result for each item, in order", 207) | ALWAYS,
)
def submit_batch(request: AudioBatchRequest) -> tuple[dict[str, Any], int]:
    """Store the items and return one result for each."""
    event = app.current_event.raw_event
    if header(event, IDEMPOTENCY_KEY) is not None:
        raise Malformed(IDEMPOTENCY_KEY, "is not taken for a batch; give each task its own idempotency_key")
    return batch_response(BATCHER.take(request.tasks, lambda key: own_key(event, key))), 207


handler = observed(app.resolve)
