"""GET /quarantine, POST /quarantine/replay: list bodies that could not be read, and read them again."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.operations import (
    QuarantinePage,
    QuarantineQuery,
    QuarantineReplayRequest,
    QuarantineReplayResponse,
    quarantine_page,
)
from mediarelay.contracts.api.responses import ALWAYS, LEDGER_DOWN, success
from mediarelay.wiring.clients import quarantine

QUARANTINE = quarantine()
app = api_resolver()


@app.get(
    "/quarantine",
    scope="admin",
    operation_id="listQuarantine",
    tags=["operation"],
    summary="List bodies of one day that could not be read",
    description="The bodies are untrusted input.",
    responses=success(QuarantinePage, "Up to 100 bodies") | ALWAYS | LEDGER_DOWN,
)
def list_quarantine(query: QuarantineQuery) -> dict[str, Any]:
    """Return a page of a day's bodies."""
    return quarantine_page(QUARANTINE.page(query.day, query.cursor))


@app.post(
    "/quarantine/replay",
    scope="admin",
    operation_id="rereadQuarantine",
    tags=["operation"],
    summary="Read bodies of one day again, after the reader was repaired",
    description=(
        "Reads up to 100 bodies. Each one that can be read now becomes a claim and leaves the "
        "quarantine. Repeat the request with `cursor` until the answer has none."
    ),
    responses=success(QuarantineReplayResponse, "How many were stored, and how many stay") | ALWAYS | LEDGER_DOWN,
)
def reread_quarantine(request: QuarantineReplayRequest) -> dict[str, Any]:
    """Read a page of a day's bodies again."""
    reread = QuarantineReplayResponse.model_validate(QUARANTINE.reread(request.day, request.cursor))
    return reread.model_dump(exclude_none=True)


handler = observed(app.resolve)
