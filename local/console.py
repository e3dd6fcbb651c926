"""Print the progress of a command for a person at a terminal.

Two rules apply to every terminal and every pipe: the screen wraps and cuts no path, and it prints a line at least every
`MAX_SILENCE` seconds. So each path has a line of its own, and a thread reports what the command is waiting for.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

# Seconds. A person who sees no line for longer believes that the command hangs.
MAX_SILENCE = 4.0
CHECK_EVERY = 0.5
# The second line of an event aligns with the text of the first.
INDENT = " " * 11
COLOURS = {"succeeded": "green", "failed": "red", "superseded": "yellow", "lost": "red"}


class Screen:
    """A terminal that shows stages, states and notifications as they arrive, and the renditions at the end."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._start = self._printed_at = clock()
        self._activity = "working"

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Report the current activity, from a thread, whenever the screen has been silent for too long."""
        done = threading.Event()

        def report() -> None:
            while not done.wait(CHECK_EVERY):
                self.break_silence()

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            yield
        finally:
            done.set()
            reporter.join()

    def break_silence(self) -> None:
        """Print the current activity if the last line is older than `MAX_SILENCE`."""
        if self._clock() - self._printed_at >= MAX_SILENCE:
            self.line(f"[dim]{self._clock() - self._start:6.1f} s … {escape(self._activity)}[/]")

    def activity(self, text: str) -> None:
        """State what the command is doing now. The screen shows it only if it takes longer than `MAX_SILENCE`."""
        self._activity = text

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Print a stage of the set-up with its time, once it has succeeded."""
        began = self._clock()
        self.activity(name)
        yield
        self.line(f"[green]✓[/] {escape(name)} [dim]{self._clock() - began:.1f} s[/]")

    def line(self, text: str) -> None:
        """Print a line with rich's markup, however long it is. Escape text from outside."""
        # With `soft_wrap`, rich leaves wrapping to the terminal, which keeps a path selectable as one.
        self._console.print(text, soft_wrap=True)
        self._printed_at = self._clock()

    def path(self, path: str | Path) -> None:
        """Print a path or a URL on a line of its own."""
        self.line(f"    {escape(short(path) if isinstance(path, Path) else path)}")

    def state(self, name: str, task: Mapping[str, Any]) -> None:
        """Print a task's new state."""
        self._event("task", f"{escape(name)}: {_coloured(task['state'])}")
        if "claimed" in task:
            self.line(f"{INDENT}[dim]a callback claims {task['claimed']}, not confirmed yet[/]")

    def notification(self, name: str, event: Mapping[str, Any]) -> None:
        """Print a notification."""
        self._event("notification", f"{escape(name)}: {event['type']}")
        self.line(f"{INDENT}[dim]id {event['id']}[/]")

    def song(self, room: str, song: Mapping[str, Any]) -> None:
        """Print what a room should do about a song."""
        left = song.get("share_ms_left", 0) / 1000
        self._event("song", f"in {escape(room)}: {song['next']} [dim]({left:.1f} s left)[/]")
        self.line(f"{INDENT}[dim]{escape(song['why'])}[/]")

    def renditions(self, name: str, task: Mapping[str, Any]) -> None:
        """Print each rendition of a task with its size in bytes and its bitrate, and its path below."""
        self.line(f"\n{escape(name)}")
        for rendition in task["renditions"]:
            self.line("  ".join(["", f"{rendition['kind']} {rendition['name']:14}", *_figures(rendition)]).rstrip())
            self.path(_path(rendition))

    def error(self, text: str) -> None:
        """Print an error that states its cause and a remedy."""
        self.line(f"[red]✗[/] {escape(text)}")

    def _event(self, what: str, text: str) -> None:
        self.line(f"[dim]{self._clock() - self._start:6.1f} s[/] {what:12} {text}")


def short(path: Path) -> str:
    """The path as a person would type it: relative to the current folder if it is inside."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _path(rendition: Mapping[str, Any]) -> str:
    """The path in its bucket; of several covers the first, and how many there are."""
    first, *others = rendition["paths"]
    more = f" (and {len(others)} more)" if others else ""
    return f"{rendition['dst']['bucket']}{first}{more}"


def _coloured(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{state}[/]" if colour else state


def _figures(rendition: Mapping[str, Any]) -> tuple[str, str, str]:
    picture = f"{rendition['width']}x{rendition['height']}" if "width" in rendition else ""
    size = f"{rendition['size']:,} B" if "size" in rendition else ""
    bitrate = f"{rendition['bitrate'] / 1000:,.0f} kbit/s" if "bitrate" in rendition else ""
    return f"{picture:9}", f"{size:>15}", f"{bitrate:>15}"
