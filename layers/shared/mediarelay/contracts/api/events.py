"""The event log over HTTP."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from mediarelay.contracts.api.base import PageSize, QueryModel, RequestModel, ResponseModel
from mediarelay.domain.events import LoggedEvent, Position, is_pattern, read_position

# Bytes of the message of a test event, which has to fit into one log line of a receiver.
MAX_MESSAGE = 256


def _position(value: object) -> Position:
    try:
        return read_position(str(value))
    except (ValueError, OverflowError):
        raise ValueError("must be a cursor, or an ISO 8601 time such as 2026-11-20T08:00:00Z") from None


def _patterns(value: object) -> tuple[str, ...]:
    """Read comma-separated types of events, or their beginnings."""
    patterns = tuple(dict.fromkeys(str(value).split(",")))
    if not all(map(is_pattern, patterns)):
        raise ValueError("must be types such as mediarelay.task.failed, or mediarelay.task.*")
    return patterns


PositionText = Annotated[
    Position, BeforeValidator(_position), WithJsonSchema({"type": "string", "examples": ["2026-11-20T08:00:00Z"]})
]
PatternsText = Annotated[
    tuple[str, ...],
    BeforeValidator(_patterns),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "examples": ["mediarelay.task.*"]}}),
]


class EventsQuery(QueryModel):
    """`GET /events`: where to begin, and which types of events to return."""

    after: PositionText | None = Field(
        default=None, description="The cursor of the previous answer, or a time; by default the oldest event"
    )
    type: PatternsText = Field(default=(), description="Only these types, separated by commas; `.*` ends a prefix")
    limit: PageSize = Field(default=100, description="Events per page")


class TestRequest(RequestModel):
    """`POST /events/test`: the message of the test event."""

    message: Annotated[str, StringConstraints(max_length=MAX_MESSAGE)] = "This is a test."


class TestResponse(ResponseModel):
    """Response to a request for a test event: the event's id."""

    id: str


class TestNotice(ResponseModel):
    """The data of a test event: a message, and the name of the client that requested it."""

    message: str
    client: str


class EventPageResponse(ResponseModel):
    """Events, oldest first. Send `cursor` as the next `after`, at once if `more` is true."""

    events: list[Annotated[dict[str, Any], WithJsonSchema({"$ref": "#/components/schemas/Notification"})]]
    cursor: str
    more: bool


def event_page(events: tuple[LoggedEvent, ...], end: Position, *, more: bool) -> dict[str, Any]:
    """Return a page of the event log as JSON values."""
    return {"events": [json.loads(one.message) for one in events], "cursor": str(end), "more": more}
