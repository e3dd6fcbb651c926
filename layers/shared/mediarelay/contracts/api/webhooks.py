"""Endpoints and deliveries over HTTP."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator

from mediarelay.contracts.api.base import PageSize, QueryModel, RequestModel, ResponseModel, TimeText
from mediarelay.contracts.api.events import PositionText
from mediarelay.domain.page import Page
from mediarelay.domain.webhooks.delivery import Delivery, DeliveryState
from mediarelay.domain.webhooks.egress import shown_url
from mediarelay.domain.webhooks.endpoint import Endpoint, EndpointHealth, EndpointState

EndpointInPath = Annotated[str, WithJsonSchema({"type": "string", "description": "The endpoint's name in the secret"})]
DeliveryStateName = Annotated[DeliveryState, Field(strict=False)]


class DeliveriesQuery(QueryModel):
    """`GET /webhooks/{name}/deliveries`: the state of the deliveries to list."""

    state: DeliveryStateName | None = Field(default=None, description="Only deliveries in this state")
    limit: PageSize = Field(default=50, description="Deliveries per page")
    cursor: PositionText | None = Field(default=None, description="The `cursor` of the previous page")


class WebhookReplayRequest(RequestModel):
    """`POST /webhooks/{name}/replay`: the period whose events to deliver again. A time without an offset is UTC."""

    since: TimeText = Field(description="From this time on")
    until: TimeText = Field(description="Up to this time")
    failed_only: bool = Field(
        default=True,
        description="true: failed deliveries that were stored in the period; false: all events of the period",
    )

    @field_validator("until")
    @classmethod
    def _in_order(cls, until: datetime, others: ValidationInfo) -> datetime:
        if (since := others.data.get("since")) and until < since:
            raise ValueError("must not be before since")
        return until


class WebhookReplayResponse(ResponseModel):
    """How many events were queued. `next_since` is there if some are left: repeat the request with it as `since`."""

    queued: int
    next_since: datetime | None = None


class EndpointItem(ResponseModel):
    """An endpoint, and what its attempts have shown. `url` has no path; `pending` counts up to 1,000 deliveries."""

    name: str
    url: str
    types: list[str]
    state: EndpointState
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None
    last_success_at: datetime | None = None
    last_status: int | None = None
    pending: int


class EndpointList(ResponseModel):
    """The endpoints in the order of the secret."""

    endpoints: list[EndpointItem]


class DeliveryItem(ResponseModel):
    """The delivery of an event. `id` is the event's id."""

    id: str
    type: str
    subject: str
    state: DeliveryState
    attempts: int
    last_status: int | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    created_at: datetime
    delivered_at: datetime | None = None


class DeliveryPage(ResponseModel):
    """Deliveries, newest first. `cursor` leads to the next page and is missing on the last one."""

    deliveries: list[DeliveryItem]
    cursor: str | None = None


def endpoint_item(endpoint: Endpoint, health: EndpointHealth, pending: int) -> EndpointItem:
    """Return an endpoint without its secrets, of which the path of its URL may be one."""
    return EndpointItem(
        name=endpoint.name,
        url=shown_url(endpoint.url),
        types=list(endpoint.types),
        state=health.state,
        failing_since=health.failing_since,
        paused_until=health.paused_until,
        disabled_at=health.disabled_at,
        disabled_reason=health.disabled_reason,
        last_success_at=health.last_success_at,
        last_status=health.last_status,
        pending=pending,
    )


def endpoint_list(items: Iterable[EndpointItem]) -> dict[str, Any]:
    """Return endpoints as JSON values."""
    return EndpointList(endpoints=list(items)).model_dump(mode="json", exclude_none=True)


def delivery_page(page: Page[Delivery]) -> dict[str, Any]:
    """Return a page of deliveries as JSON values."""
    items = [
        DeliveryItem(
            id=one.event.id,
            type=one.type,
            subject=one.subject,
            state=one.state,
            attempts=one.attempts,
            last_status=one.last_status,
            last_error=one.last_error,
            next_attempt_at=one.next_attempt_at,
            created_at=one.created_at,
            delivered_at=one.delivered_at,
        )
        for one in page.items
    ]
    return DeliveryPage(deliveries=items, cursor=page.cursor).model_dump(mode="json", exclude_none=True)
