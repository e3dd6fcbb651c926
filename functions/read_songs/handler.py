"""GET /rooms/{room_id}/songs, /{song_id} and /{song_id}/history; GET /songs and /songs/history, which take any name."""

from typing import Any

from mediarelay.aws_lambda.http import JsonResponse, api_resolver, json_response, require_scope
from mediarelay.aws_lambda.observability import observed
from mediarelay.contracts.api.base import RoomInPath, SongInPath, validate
from mediarelay.contracts.api.responses import (
    ALWAYS,
    FORBIDDEN_TOKENS,
    LEDGER_DOWN,
    LEDGER_OR_KMS_DOWN,
    NOT_FOUND,
    success,
)
from mediarelay.contracts.api.songs import (
    SongHistory,
    SongNames,
    SongPage,
    SongQuery,
    SongsQuery,
    TokensQuery,
    song_history,
    song_page,
)
from mediarelay.wiring.songs import song_reader

READER = song_reader()
BY_PATH = (
    "A path cannot carry every name with `%`, `/` or `?`: use GET /songs, with the name as a query parameter. A `%` "
    "works here as long as it can mean only one room and song."
)
RESOURCE_IDS = "Resource ids are for support: each is valid only in the SDK instance that received it."
HISTORY = success(SongHistory, "The latest 50 relays, oldest first, without their tokens")
app = api_resolver()


@app.get(
    "/rooms/<room_id>/songs",
    scope="read",
    operation_id="listSongs",
    tags=["songs"],
    summary="List the songs that a room may use now",
    description=f"The answer never has tokens. {BY_PATH}",
    responses=success(SongPage, "The room's songs; none for an unknown room") | ALWAYS | LEDGER_DOWN,
)
def list_songs(room_id: RoomInPath) -> JsonResponse:
    """Return the songs of a room."""
    return private(song_page(READER.room(*resolved(room_id=room_id))))


@app.get(
    "/rooms/<room_id>/songs/<song_id>",
    scope="read",
    operation_id="readSong",
    tags=["songs"],
    summary="Read one song that a room may use now",
    description=f"`tokens=true` needs `read:tokens` as well. {BY_PATH}",
    responses=success(SongPage, "The song, for each vendor and type")
    | ALWAYS
    | FORBIDDEN_TOKENS
    | NOT_FOUND
    | LEDGER_OR_KMS_DOWN,
)
def read_song(room_id: RoomInPath, song_id: SongInPath, query: TokensQuery) -> JsonResponse:
    """Return one song of a room."""
    return one_song(*resolved(room_id=room_id, song_id=song_id), tokens=query.tokens)


@app.get(
    "/rooms/<room_id>/songs/<song_id>/history",
    scope="admin",
    operation_id="readSongHistory",
    tags=["songs"],
    summary="Read the relays about a song",
    description=f"{RESOURCE_IDS} {BY_PATH}",
    responses=HISTORY | ALWAYS | NOT_FOUND | LEDGER_OR_KMS_DOWN,
)
def read_song_history(room_id: RoomInPath, song_id: SongInPath) -> JsonResponse:
    """Return the relays of one song of a room."""
    return private(song_history(READER.history(*resolved(room_id=room_id, song_id=song_id))))


@app.get(
    "/songs",
    scope="read",
    operation_id="findSongs",
    tags=["songs"],
    summary="List the songs that a room may use now, or one of them, whatever their names",
    description="`tokens=true` needs `song_id`, and the scope `read:tokens` as well.",
    responses=success(SongPage, "The songs; none for an unknown room")
    | ALWAYS
    | FORBIDDEN_TOKENS
    | NOT_FOUND
    | LEDGER_OR_KMS_DOWN,
)
def find_songs(query: SongsQuery) -> JsonResponse:
    """Return the songs of a room, or one of them."""
    if query.song_id is None:
        return private(song_page(READER.room(query.room_id)))
    return one_song(query.room_id, query.song_id, tokens=query.tokens)


@app.get(
    "/songs/history",
    scope="admin",
    operation_id="findSongHistory",
    tags=["songs"],
    summary="Read the relays about a song, whatever its name",
    description=f"{RESOURCE_IDS}",
    responses=HISTORY | ALWAYS | NOT_FOUND | LEDGER_OR_KMS_DOWN,
)
def find_song_history(query: SongQuery) -> JsonResponse:
    """Return the relays of one song of a room."""
    return private(song_history(READER.history(query.room_id, query.song_id)))


def resolved(**names: str) -> tuple[str, ...]:
    """Return the names that a path means; raises `Malformed` if a name is out of form, or may mean two songs."""
    validate(SongNames, names)
    return READER.resolve(*names.values())


def one_song(room: str, song: str, *, tokens: bool) -> JsonResponse:
    """Return the answer with one song; raises `MissingScope` if it asks for tokens without the scope `read:tokens`."""
    # Only the query tells whether this request needs one more scope than its route.
    require_scope(app.current_event.raw_event, "read:tokens" if tokens else None)
    return private(song_page(READER.song(room, song, tokens=tokens)))


def private(body: dict[str, Any]) -> JsonResponse:
    """Return an answer that no cache may store: deadlines pass, and tokens are secrets."""
    return json_response(body, headers={"cache-control": "no-store"})


handler = observed(app.resolve)
