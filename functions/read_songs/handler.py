"""GET /rooms/{room_id}/songs, its /{song_id} and /{song_id}/history; GET /songs, /songs/history: the same by name."""

from mediarelay.contracts.api import NoQuery, Place, SongPlace, SongsQuery, TokensQuery, read
from mediarelay.errors import Forbidden
from mediarelay.http import Event, Response, respond, scopes
from mediarelay.root import room_reader
from mediarelay.routing import Route, serving

READER = room_reader()
TOKENS, PRIVATE = "read:tokens", {"cache-control": "no-store"}


def songs(event: Event, query: SongsQuery) -> Response:
    """Show the songs of a room, or one of them; tokens only of one, and only to whoever may see them."""
    if query.tokens and TOKENS not in scopes(event):
        raise Forbidden(f"scope {TOKENS}")
    name = query.song_id
    found = READER.song(query.room_id, name, tokens=query.tokens) if name else READER.room(query.room_id)
    return respond(200, found, PRIVATE)


def history(_event: Event, query: SongPlace) -> Response:
    """Show what was relayed about a song."""
    return respond(200, READER.history(query.room_id, query.song_id), PRIVATE)


def named(event: Event) -> dict[str, str]:
    """The room and the song that the path names."""
    return READER.meant(read(Place, event["pathParameters"]).model_dump(exclude_none=True))


ROUTES = {
    "GET /rooms/{room_id}/songs": Route(NoQuery, lambda e, _: songs(e, SongsQuery(**named(e)))),
    "GET /rooms/{room_id}/songs/{song_id}": Route(
        TokensQuery, lambda e, asked: songs(e, SongsQuery(**named(e), **dict(asked)))
    ),
    "GET /rooms/{room_id}/songs/{song_id}/history": Route(NoQuery, lambda e, _: history(e, SongPlace(**named(e)))),
    "GET /songs": Route(SongsQuery, songs),
    "GET /songs/history": Route(SongPlace, history),
}
handler = serving(ROUTES)
