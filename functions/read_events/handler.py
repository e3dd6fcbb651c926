"""GET /events, POST /events/test: read the event log, and publish a test event."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, api_url, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.events import (
    EventPageResponse,
    EventsQuery,
    TestRequest,
    TestResponse,
    event_page,
)
from mediarelay.contracts.api.responses import ALWAYS, LEDGER_DOWN, LEDGER_OR_TOPIC_DOWN, success
from mediarelay.wiring.events import event_reader

READER = event_reader()
app = api_resolver()


@app.get(
    "/events",
    scope="read",
    operation_id="listEvents",
    tags=["events"],
    summary="List notifications as they were published, oldest first",
    description=(
        "The log keeps events for EventDays, and shows an event 5 s after its publication. An "
        "event that was published twice may appear twice, with the same id."
    ),
    responses=success(EventPageResponse, "Up to `limit` events, fewer if they are large") | ALWAYS | LEDGER_DOWN,
)
def list_events(query: EventsQuery) -> dict[str, Any]:
    """Return a page of the event log."""
    page = READER.page(query.after, query.type, query.limit)
    return event_page(page.events, page.end, more=page.more)


@app.post(
    "/events/test",
    scope="admin",
    operation_id="testEvents",
    tags=["events"],
    summary="Publish a test notification",
    description="Publishes `mediarelay.test` to all subscribers and endpoints.",
    responses=success(TestResponse, "The event is published", 202) | ALWAYS | LEDGER_OR_TOPIC_DOWN,
)
def publish_test(request: TestRequest) -> tuple[dict[str, Any], int]:
    """Publish a test event."""
    event = app.current_event.raw_event
    identity = READER.publish_test(request.message, client_name(event), api_url(event))
    return TestResponse(id=identity).model_dump(), 202


handler = observed(app.resolve)
