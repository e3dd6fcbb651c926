"""GET /rooms/{room_id}/songs, its /{song_id} and /{song_id}/history: what a room may use now, and what it was told."""

from collections.abc import Callable
from typing import Any

from mediarelay.errors import Forbidden, Malformed
from mediarelay.http import Event, Response, answering, respond, scopes
from mediarelay.root import room_reader

READER = room_reader()
TOKENS = "read:tokens"


def wants_tokens(event: Event) -> bool:
    """Whether the caller asks for tokens; raises `Forbidden` without the scope for it, `Malformed`."""
    asked: str = (event.get("queryStringParameters") or {}).get("tokens", "false")
    if asked not in {"true", "false"}:
        raise Malformed("tokens", "true or false")
    if asked == "true" and TOKENS not in scopes(event):
        raise Forbidden(f"scope {TOKENS}")
    return asked == "true"


def place(event: Event) -> tuple[str, str]:
    """The room and the song that are asked for."""
    found = event["pathParameters"]
    return found["room_id"], found["song_id"]


ROUTES: dict[str, Callable[[Event], dict[str, Any]]] = {
    "GET /rooms/{room_id}/songs": lambda event: READER.room(event["pathParameters"]["room_id"]),
    "GET /rooms/{room_id}/songs/{song_id}": lambda event: READER.song(*place(event), tokens=wants_tokens(event)),
    "GET /rooms/{room_id}/songs/{song_id}/history": lambda event: READER.history(*place(event)),
}


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer what the route asks for; tokens only of one song, and only to whoever may see them."""
    return respond(200, ROUTES[event["routeKey"]](event), {"cache-control": "no-store"})
