"""GET /tasks, /tasks/{vid}, /tasks/{vid}/history, /health."""

from collections.abc import Callable
from typing import Any

from mediarelay.errors import NotFound
from mediarelay.http import Event, Response, answering, respond
from mediarelay.root import reader

READER = reader()
ROUTES: dict[str, Callable[[Event], dict[str, Any]]] = {
    "GET /tasks": lambda event: READER.list(event.get("queryStringParameters") or {}),
    "GET /tasks/{vid}": lambda event: READER.task(event["pathParameters"]["vid"]),
    "GET /tasks/{vid}/history": lambda event: READER.history(event["pathParameters"]["vid"]),
    "GET /health": lambda _event: {"status": "ok"},
}


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer what the route asks for."""
    route = ROUTES.get(event["routeKey"])
    if route is None:
        raise NotFound("no such route")
    return respond(200, route(event))
