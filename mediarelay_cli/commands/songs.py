"""`mediarelay songs ROOM`: the songs that a room may use, and for how long."""

import time
from typing import Annotated

import typer

from mediarelay_cli.api import Json, listed
from mediarelay_cli.app import AsJson, app, session
from mediarelay_cli.names import clock
from mediarelay_cli.output import Printer
from mediarelay_cli.session import Session
from mediarelay_cli.times import repeat

COLUMNS = ("song", "name", "type", "share", "lyrics", "files", "next", "why")
# Seconds after which a countdown asks the API again.
FRESH = 10.0
LEFT = ("share_ms_left", "krc_ms_left", "ms_left")


@app.command()
def songs(
    context: typer.Context,
    room: Annotated[str, typer.Argument(help="The room's id, as the game server relays it.")],
    song: Annotated[str, typer.Option(help="Only this song.")] = "",
    tokens: Annotated[bool, typer.Option("--tokens", help="Show tokens, in JSON; needs --song.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Count down, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the songs that a room may use now, and the time that is left for each.

    For example:

    - `mediarelay songs room-1`
    - `mediarelay songs room-1 --watch`
    """
    now = session(context, as_json=as_json)
    query = {"room_id": room, "song_id": song or None, "tokens": "true" if tokens else None}
    if watch:
        repeat(now.printer, 1, Countdown(now, query).show)
    _print(now.printer, _songs(now, query))


def _songs(now: Session, query: Json) -> list[Json]:
    found = now.api.get("/songs", **query)
    # One song is the answer itself.
    return listed(found, "songs") if "songs" in found else [found]


def _print(printer: Printer, found: list[Json]) -> None:
    if printer.as_json:
        printer.json(found)
    elif found:
        printer.table(COLUMNS, [_row(one) for one in found], flexible="why", optional=("type", "name"))
    else:
        printer.line("The room has no song.")


def _row(one: Json) -> list[object]:
    lasting = [each["ms_left"] for each in one.get("resources") or [] if isinstance(each.get("ms_left"), int)]
    left = [clock(one.get("share_ms_left")), clock(one.get("krc_ms_left")), clock(max(lasting, default=None))]
    return [one.get("song_id"), one.get("name"), one.get("type"), *left, one.get("next"), one.get("why")]


class Countdown:
    """Songs whose remaining times run down between two answers of the API."""

    def __init__(self, now: Session, query: Json) -> None:
        self.now, self.query = now, query
        self.songs, self.at = list[Json](), float("-inf")

    def show(self) -> None:
        """Print the songs with the times that are left now."""
        if time.monotonic() - self.at >= FRESH:
            self.songs, self.at = _songs(self.now, self.query), time.monotonic()
        passed = int((time.monotonic() - self.at) * 1000)
        _print(self.now.printer, [_later(one, passed) for one in self.songs])


def _later(song: Json, passed: int) -> Json:
    """Return a song after some milliseconds."""
    times = {name: max(song[name] - passed, 0) for name in LEFT if isinstance(song.get(name), int)}
    nested = {"resources": [_later(one, passed) for one in song["resources"]]} if song.get("resources") else {}
    return song | times | nested
