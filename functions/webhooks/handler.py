"""The routes below /webhooks: operate the endpoints that receive events over HTTP."""

from typing import Any

from mediarelay.aws_lambda.http import api_resolver, api_url, client_name
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.events import TestRequest, TestResponse
from mediarelay.contracts.api.responses import (
    ALWAYS,
    ENDPOINT_DISABLED,
    LEDGER_OR_SECRET_DOWN,
    NO_ENDPOINT,
    success,
)
from mediarelay.contracts.api.webhooks import (
    DeliveriesQuery,
    DeliveryPage,
    EndpointInPath,
    EndpointItem,
    EndpointList,
    WebhookReplayRequest,
    WebhookReplayResponse,
    delivery_page,
    endpoint_item,
    endpoint_list,
)
from mediarelay.usecases.webhooks.manage import EndpointStatus
from mediarelay.wiring.webhooks import webhook_manager

MANAGER = webhook_manager()
ENDPOINT = success(EndpointItem, "The endpoint") | ALWAYS | NO_ENDPOINT | LEDGER_OR_SECRET_DOWN
app = api_resolver()


@app.get(
    "/webhooks",
    scope="read",
    operation_id="listWebhooks",
    tags=["webhooks"],
    summary="List the endpoints that receive events over HTTP",
    responses=success(EndpointList, "The endpoints") | ALWAYS | LEDGER_OR_SECRET_DOWN,
)
def list_webhooks() -> dict[str, Any]:
    """Return the status of every endpoint."""
    return endpoint_list(map(item, MANAGER.all()))


@app.post(
    "/webhooks/<name>/enable",
    scope="admin",
    operation_id="enableWebhook",
    tags=["webhooks"],
    summary="Enable an endpoint, and forget its failures",
    description="Its failed deliveries stay failed until they are replayed.",
    responses=ENDPOINT,
)
def enable(name: EndpointInPath) -> dict[str, Any]:
    """Enable an endpoint."""
    return item(MANAGER.enable(name)).model_dump(mode="json", exclude_none=True)


@app.post(
    "/webhooks/<name>/disable",
    scope="admin",
    operation_id="disableWebhook",
    tags=["webhooks"],
    summary="Disable an endpoint",
    description="Mediarelay stores its deliveries as failed, so that a replay can send them later.",
    responses=ENDPOINT,
)
def disable(name: EndpointInPath) -> dict[str, Any]:
    """Disable an endpoint."""
    client = client_name(app.current_event.raw_event)
    return item(MANAGER.disable(name, client)).model_dump(mode="json", exclude_none=True)


@app.post(
    "/webhooks/<name>/test",
    scope="admin",
    operation_id="testWebhook",
    tags=["webhooks"],
    summary="Send a test event to one endpoint",
    description="The event `mediarelay.test` goes to this endpoint only, whatever types it receives.",
    responses=success(TestResponse, "The delivery is stored", 202)
    | ALWAYS
    | NO_ENDPOINT
    | ENDPOINT_DISABLED
    | LEDGER_OR_SECRET_DOWN,
)
def test(name: EndpointInPath, request: TestRequest) -> tuple[dict[str, Any], int]:
    """Store the delivery of a test event."""
    event = app.current_event.raw_event
    identity = MANAGER.test(name, request.message, client_name(event), api_url(event))
    return TestResponse(id=identity).model_dump(), 202


@app.post(
    "/webhooks/<name>/replay",
    scope="admin",
    operation_id="replayWebhook",
    tags=["webhooks"],
    summary="Deliver events of a period again",
    description="Up to 500 events per request, oldest first. Their webhook-id stays the same.",
    responses=success(WebhookReplayResponse, "The deliveries are stored")
    | ALWAYS
    | NO_ENDPOINT
    | ENDPOINT_DISABLED
    | LEDGER_OR_SECRET_DOWN,
)
def replay(name: EndpointInPath, request: WebhookReplayRequest) -> dict[str, Any]:
    """Begin deliveries again."""
    done = MANAGER.replay(name, request.since, request.until, failed_only=request.failed_only)
    return WebhookReplayResponse.model_validate(done).model_dump(mode="json", exclude_none=True)


@app.get(
    "/webhooks/<name>/deliveries",
    scope="read",
    operation_id="listDeliveries",
    tags=["webhooks"],
    summary="List the deliveries of an endpoint, newest first",
    description="Deliveries are kept as long as their events, for EventDays.",
    responses=success(DeliveryPage, "A page of deliveries") | ALWAYS | NO_ENDPOINT | LEDGER_OR_SECRET_DOWN,
)
def list_deliveries(name: EndpointInPath, query: DeliveriesQuery) -> dict[str, Any]:
    """Return a page of deliveries."""
    return delivery_page(MANAGER.page(name, query.state, query.cursor, query.limit))


def item(status: EndpointStatus) -> EndpointItem:
    """Return the answer about one endpoint."""
    return endpoint_item(status.endpoint, status.health, status.pending)


handler = observed(app.resolve)
