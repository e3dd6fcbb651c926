"""GET /rooms/{room_id}/songs, /rooms/{room_id}/songs/{song_id}: what a room may use now."""

from typing import Any

from mediarelay.errors import Forbidden
from mediarelay.http import Event, Response, answering, respond, scopes
from mediarelay.root import room_reader

READER = room_reader()
TOKENS = "read:tokens"


def wants_tokens(event: Event) -> bool:
    """Whether the caller asks for tokens; raises `Forbidden` without the scope for it."""
    wanted = (event.get("queryStringParameters") or {}).get("tokens") == "true"
    if wanted and TOKENS not in scopes(event):
        raise Forbidden(f"scope {TOKENS}")
    return wanted


@answering
def handler(event: Event, _context: Any) -> Response:
    """Answer `{"songs"}`; tokens only of one song, and only to whoever may see them."""
    place = event["pathParameters"]
    if "song_id" not in place:
        return respond(200, READER.room(place["room_id"]))
    found = READER.song(place["room_id"], place["song_id"], tokens=wants_tokens(event))
    return respond(200, found, {"cache-control": "no-store"})
