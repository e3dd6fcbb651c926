"""GET /quarantine, POST /quarantine/replay: see what could not be read, and read it again."""

from typing import Any

from mediarelay.contracts.api import QuarantineWish, Rerun, quarantine_view, read
from mediarelay.http import Event, Response, answering, json_object, respond
from mediarelay.root import quarantine

QUARANTINE = quarantine()


def kept(event: Event) -> dict[str, Any]:
    """List some of what one day left."""
    wish = read(QuarantineWish, event.get("queryStringParameters") or {})
    return quarantine_view(*QUARANTINE.page(wish.day, wish.cursor))


def again(event: Event) -> dict[str, Any]:
    """Read some of what one day left again."""
    wish = read(QuarantineWish, json_object(event))
    return Rerun.model_validate(QUARANTINE.rerun(wish.day, wish.cursor)).model_dump()


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"bodies", "cursor"}` or `{"stored", "refused", "cursor"}`: 200."""
    return respond(200, (kept if event["routeKey"] == "GET /quarantine" else again)(event))
