"""GET /rooms/{room_id}/songs, its /{song_id} and /{song_id}/history; GET /songs, /songs/history: the same by name."""

from mediarelay.contracts.api.views import NoQuery, Place, SongPlace, SongsQuery, TokensQuery, read
from mediarelay.errors import Forbidden
from mediarelay.http import Event, Response, respond, scopes
from mediarelay.routing import Answer, Route, serving
from mediarelay.wiring.songs import song_reader

READER, TOKENS, PRIVATE = song_reader(), "read:tokens", {"cache-control": "no-store"}


def songs(event: Event, query: SongsQuery) -> Response:
    """Show the songs of a room, or one of them; tokens only of one, and only to whoever may see them."""
    if query.tokens and TOKENS not in scopes(event):
        raise Forbidden(f"scope {TOKENS}")
    room, song = query.room_id, query.song_id
    return respond(200, READER.song(room, song, tokens=query.tokens) if song else READER.room(room), PRIVATE)


def history(_event: Event, query: SongPlace) -> Response:
    """Show what was relayed about a song."""
    return respond(200, READER.history(query.room_id, query.song_id), PRIVATE)


def by_path(asks: type[Place], answer: Answer) -> Answer:
    """Answer what the path names, and what the query adds."""
    return lambda event, query: answer(event, read(asks, READER.meant(event["pathParameters"]) | dict(query)))


ROUTES = {
    "GET /rooms/{room_id}/songs": Route(NoQuery, by_path(SongsQuery, songs)),
    "GET /rooms/{room_id}/songs/{song_id}": Route(TokensQuery, by_path(SongsQuery, songs)),
    "GET /rooms/{room_id}/songs/{song_id}/history": Route(NoQuery, by_path(SongPlace, history)),
    "GET /songs": Route(SongsQuery, songs),
    "GET /songs/history": Route(SongPlace, history),
}
handler = serving(ROUTES)
