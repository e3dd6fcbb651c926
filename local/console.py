"""What a person sees in the terminal."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

COLUMNS: dict[str, JustifyMethod] = {
    "rendition": "left",
    "picture": "left",
    "size": "right",
    "bitrate": "right",
    "path": "left",
}
COLOURS = {"succeeded": "green", "failed": "red", "superseded": "yellow", "lost": "red"}


class Screen:
    """Prints stages, states and notifications as they come, and the table at the end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._start = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a stage of the set-up with the time it took."""
        began = time.monotonic()
        with self._console.status(f"{name} …"):
            yield
        self._console.print(f"[green]✓[/] {escape(name)} [dim]{time.monotonic() - began:.1f} s[/]")

    def line(self, text: str) -> None:
        """Print a line of our own making (rich markup allowed)."""
        self._console.print(text, soft_wrap=True)

    def state(self, name: str, task: Mapping[str, Any]) -> None:
        """Print a task's new state."""
        claimed = f" [dim](a callback claims {task['claimed']}, not confirmed yet)[/]" if "claimed" in task else ""
        self._event("task", f"{escape(name)}: {_coloured(task['state'])}{claimed}")

    def notification(self, name: str, event: Mapping[str, Any]) -> None:
        """Print a notification."""
        self._event("notification", f"{escape(name)}: {event['type']} [dim]id {event['id']}[/]")

    def song(self, room: str, song: Mapping[str, Any]) -> None:
        """Print what a room is told to do about a song."""
        left = song.get("share_ms_left", 0) / 1000
        self._event("song", f"in {escape(room)}: {song['next']} [dim]({escape(song['why'])} {left:.1f} s left)[/]")

    def table(self, name: str, task: Mapping[str, Any]) -> None:
        """Print every rendition of a task: size, bitrate and path."""
        table = Table(title=escape(name), title_justify="left", box=SIMPLE)
        for column, justify in COLUMNS.items():
            table.add_column(column, justify=justify, no_wrap=column != "path", overflow="fold")
        for rendition in task["renditions"]:
            table.add_row(f"{rendition['kind']} {rendition['name']}", *_figures(rendition), _path(rendition))
        self._console.print(table)

    def error(self, text: str) -> None:
        """Print what went wrong and what to do about it."""
        self._console.print(f"[red]✗[/] {escape(text)}", soft_wrap=True)

    def _event(self, what: str, text: str) -> None:
        self._console.print(f"[dim]{time.monotonic() - self._start:6.1f} s[/] {what:12} {text}", soft_wrap=True)


def _path(rendition: Mapping[str, Any]) -> str:
    """The path in its bucket; of several covers the first, and how many there are."""
    first, *others = rendition["paths"]
    more = f" (and {len(others)} more)" if others else ""
    return escape(f"{rendition['dst']['bucket']}{first}{more}")


def _coloured(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/]" if colour else state


def _figures(rendition: Mapping[str, Any]) -> tuple[str, str, str]:
    picture = f"{rendition['width']}x{rendition['height']}" if "width" in rendition else ""
    size = f"{rendition['size']:,} B" if "size" in rendition else ""
    bitrate = f"{rendition['bitrate'] / 1000:,.0f} kbit/s" if "bitrate" in rendition else ""
    return picture, size, bitrate
