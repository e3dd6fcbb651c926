"""Print the progress of a command for a person at a terminal.

Two rules apply to every terminal and every pipe: the screen cuts no path and wraps none in mid-word, and it prints
something at least every `MAX_SILENCE` seconds. A terminal shows one live line for each open task. A pipe gets the same
lines whenever the screen has been silent for too long.
"""

import os
import posixpath
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

# Seconds. A person who sees no line for longer believes that the command hangs.
MAX_SILENCE = 4.0
CHECK_EVERY = 0.5
# The second line of an event aligns with the text of the first.
INDENT = " " * 11
COLOURS = {"succeeded": "green", "failed": "red", "superseded": "yellow", "lost": "red"}
ID_DIGITS = 8
UNITS = ("B", "kB", "MB", "GB", "TB")
UNIT = 1000


@dataclass(frozen=True)
class OpenTask:
    """What the live line of a task shows: its state, how much of it is done, and since when it is open."""

    state: str
    percent: int | None
    since: float


class Screen:
    """A terminal that shows stages, states and notifications as they arrive, and the renditions at the end."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(highlight=False)
        self._clock = clock
        self._start = self._printed_at = self._began = clock()
        self._activity = "working"
        self._open: dict[str, OpenTask] = {}

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Show what is going on, from a thread: live in a terminal, in a pipe whenever it has been silent too long."""
        done = threading.Event()

        def report() -> None:
            while not done.wait(CHECK_EVERY):
                self.break_silence()

        reporter = threading.Thread(target=report, daemon=True)
        with self._live():
            reporter.start()
            try:
                yield
            finally:
                done.set()
                reporter.join()

    def _live(self) -> AbstractContextManager[object]:
        if not self._console.is_interactive:
            return nullcontext()
        # A traceback or a later command must not find the live lines between its own.
        return Live(get_renderable=self._live_lines, console=self._console, refresh_per_second=2, transient=True)

    def _live_lines(self) -> Text:
        return Text("\n".join(self._current()), style="dim", overflow="ellipsis", no_wrap=True)

    def _current(self) -> list[str]:
        """Return a line for each open task, or else one for the current activity."""
        now = self._clock()
        # The thread reads while the command changes the tasks.
        tasks = [
            self._beside(f"{now - one.since:6.1f} s … {name}: ", f"{one.state}{_percent(one.percent)}")
            for name, one in list(self._open.items())
        ]
        return tasks or [f"{now - self._began:6.1f} s … {self._activity}"]

    def _beside(self, text: str, end: str) -> str:
        """Join two texts in one line, and shorten the first one if the line is too long for the screen."""
        room = self._console.width - len(end)
        return (text if len(text) <= room else f"{text[: room - 3]}…: ") + end

    def break_silence(self) -> None:
        """In a pipe, print what is going on if the last line is older than `MAX_SILENCE`."""
        if self._clock() - self._printed_at < MAX_SILENCE:
            return
        if self._console.is_interactive:
            return
        for line in self._current():
            self.line(escape(line))

    def activity(self, text: str) -> None:
        """State what the command is doing now."""
        if text != self._activity:
            self._activity, self._began = text, self._clock()

    def open_task(self, name: str, state: str, percent: int | None) -> None:
        """State how far a task is that has no outcome yet."""
        known = self._open.get(name)
        self._open[name] = OpenTask(state, percent, known.since if known else self._clock())

    def close_task(self, name: str) -> None:
        """Remove the live line of a task."""
        self._open.pop(name, None)

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

    def sentence(self, text: str, indent: str = "") -> None:
        """Print plain text, wrapped between words."""
        for line in Text(text).wrap(self._console, self._console.width - len(indent)):
            self.line(f"{indent}{escape(line.plain.rstrip())}")

    def path(self, path: str | Path) -> None:
        """Print a path, a URL or a command on a line of its own."""
        self.line(f"    {escape(short(path) if isinstance(path, Path) else path)}")

    def state(self, name: str, task: Mapping[str, Any]) -> None:
        """Print a task's new state."""
        self._event("task", f"{name}:", task["state"])
        if "claimed" in task:
            self.line(f"{INDENT}[dim]a callback claims {task['claimed']}, not confirmed yet[/]")

    def notification(self, name: str, event: Mapping[str, Any]) -> None:
        """Print a notification, with the beginning of its id."""
        self._event("notification", f"{name}:", f"{event['type']} ({event['id'][:ID_DIGITS]}…)")

    def song(self, room: str, song: Mapping[str, Any]) -> None:
        """Print what a room should do about a song."""
        left = song.get("share_ms_left", 0) / 1000
        self._event("song", f"in {room}:", f"{song['next']} ({left:.1f} s left)")
        self.sentence(song["why"], INDENT)

    def renditions(self, name: str, renditions: Sequence[Mapping[str, Any]], outputs: Path) -> None:
        """Print each rendition of a task with its measures and the names of its files, and their folder once below."""
        self.line(f"\n{escape(name)}")
        paths = [f"{one['dst']['bucket']}{path}" for one in renditions for path in one["paths"]]
        folder = posixpath.commonpath([posixpath.dirname(path) for path in paths]) if paths else ""
        for one in renditions:
            self._rendition(one, posixpath.relpath(f"{one['dst']['bucket']}{one['paths'][0]}", folder))
        self.line("  in")
        self.path(outputs / folder)

    def _rendition(self, rendition: Mapping[str, Any], name: str) -> None:
        others = len(rendition["paths"]) - 1
        file = f"{name} (+{others})" if others else name
        measures = _measures(rendition, self._console.width)
        # A name that does not fit beside the measures gets a line of its own.
        fits = len(measures) + len(file) <= self._console.width
        for line in [measures + file] if fits else [measures.rstrip(), f"    {file}"]:
            self.line(escape(line))

    def faults(self, name: str, task: Mapping[str, Any], more: str) -> None:
        """Print why a task has not succeeded, as the provider states it, and `more`: the command that tells more."""
        self.line(f"\n[red]✗[/] {escape(name)}: {_coloured(task['state'])}")
        for fault in task.get("faults", ()):
            self.sentence(" ".join(str(fault[part]) for part in ("code", "message") if part in fault), "  ")
        if not task.get("faults"):
            self.sentence(WITHOUT_FAULTS.get(task["state"], "The provider states no reason."), "  ")
        self.line("  More:")
        self.path(more)

    def error(self, text: str) -> None:
        """Print an error that states its cause and a remedy."""
        self.line(f"[red]✗[/] {escape(text)}")

    def _event(self, what: str, subject: str, text: str) -> None:
        """Print an event on one line, or on two if it does not fit into one."""
        head = f"{self._clock() - self._start:6.1f} s {what:12} "
        fits = len(head) + len(subject) + 1 + len(text) <= self._console.width
        between = " " if fits else f"\n{INDENT}"
        self.line(f"[dim]{head[:9]}[/]{head[9:]}{escape(subject)}{between}{_coloured(text)}")


WITHOUT_FAULTS = {
    "lost": "The provider has not answered in time; a later answer still replaces this.",
    "superseded": "A newer task of the same file has replaced it.",
}


def short(path: Path) -> str:
    """The path as a person would type it: relative to the current folder if it is inside."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _coloured(text: str) -> str:
    colour = COLOURS.get(text)
    return f"[{colour}]{text}[/]" if colour else escape(text)


def _percent(percent: int | None) -> str:
    return "" if percent is None else f" {percent} %"


def _measures(rendition: Mapping[str, Any], width: int) -> str:
    """Return the kind of a rendition and its measures in columns. A narrow screen has no room for the bitrate."""
    picture = f"{rendition['width']}x{rendition['height']}" if "width" in rendition else ""
    bitrate = f"{rendition['bitrate'] / 1000:,.0f} kbit/s" if "bitrate" in rendition else ""
    columns = [f"  {rendition['kind']:6}", f"{picture:9}", f"{_size(rendition.get('size')):>8}", f"{bitrate:>12}"]
    return "  ".join([*(columns if width >= WIDE else columns[:-1]), ""])


# Columns of a screen on which the bitrate has room.
WIDE = 70


def _size(size: int | None) -> str:
    """Return a size with three digits: 291 kB."""
    if size is None:
        return ""
    value, unit = float(size), 0
    while value >= UNIT and unit < len(UNITS) - 1:
        value, unit = value / UNIT, unit + 1
    return f"{value:.3g} {UNITS[unit]}" if value < UNIT - 0.5 else f"{value:.0f} {UNITS[unit]}"
