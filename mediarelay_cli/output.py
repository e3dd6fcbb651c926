"""What the commands print: tables for people, JSON for programs."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, NoReturn

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mediarelay_cli.errors import CliError, Exit

# A pipe has no width: each row stays on one line, so that `grep` and `cut` work.
ENDLESS = 100_000
GAP = 2
MIN_FLEXIBLE = 12
COMMON_WIDTH = 80
_INTEGER = re.compile(r"-?[0-9]+")


class _Console(Console):
    """A console that reports a closed pipe, where rich's own ends the process."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _console(*, stderr: bool = False) -> Console:
    return _Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False, markup=False)


@dataclass
class Printer:
    """Prints results to stdout, and everything else (progress, hints, errors) to stderr.

    With `as_json`, stdout gets JSON only, so that it can be piped into a program. Texts of a stack are untrusted:
    nothing in them is markup, and no control character reaches the terminal.
    """

    as_json: bool = False
    out: Console = field(default_factory=_console)
    err: Console = field(default_factory=lambda: _console(stderr=True))

    def json(self, value: Any) -> None:
        """Print one JSON value: indented on a terminal, else on one line."""
        write(self.out.file, encoded(value, self.out.encoding, indent=2 if self.out.is_terminal else None))

    def json_line(self, value: Any) -> None:
        """Print one JSON value on one line, for streams of values (JSON Lines)."""
        write(self.out.file, encoded(value, self.out.encoding))

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line of text as it is."""
        self.out.print(Text(printable(text)), style=style or None)

    def note(self, text: str, style: str = "dim") -> None:
        """Print a line that is no result."""
        self.err.print(Text(printable(text)), style=style)

    def show(self, value: Any, text: str) -> None:
        """Print a result: the value with `--json`, else the text."""
        if self.as_json:
            self.json(value)
        else:
            self.line(text)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        flexible: str = "",
        optional: Sequence[str] = (),
    ) -> None:
        """Print rows below their columns. None is shown as nothing.

        On a terminal that is too narrow, the table leaves out its `optional` columns, then shortens the `flexible`
        one, and at last becomes one block of lines for each row. A pipe gets every column in full.
        """
        grid = [[_cell(value) for value in row] for row in rows]
        shown = _fitting(columns, grid, self.width, flexible, optional)
        if shown is None:
            self._blocks(columns, grid)
        else:
            names = [columns[i] for i in shown]
            widths = self._widths(names, [[row[i] for i in shown] for row in grid], flexible)
            texts = [names, *([row[i] for i in shown] for row in grid)]
            for number, line in enumerate(_lines(texts, widths)):
                self.out.print(line, style="bold" if number == 0 else None)

    def _widths(self, names: Sequence[str], grid: Sequence[Sequence[str]], flexible: str) -> list[int]:
        """Return the width of each column. The flexible one gets what the others leave."""
        widths = [max(map(cell_len, column)) for column in zip(names, *grid, strict=True)]
        if flexible in names:
            i = list(names).index(flexible)
            others = sum(widths) - widths[i] + GAP * (len(widths) - 1)
            widths[i] = max(min(widths[i], self.width - others), 0)
        return widths

    def fields(self, pairs: Sequence[tuple[str, object]]) -> None:
        """Print names and values below each other; a value of None or an empty text is left out."""
        known = [(name, _cell(value)) for name, value in pairs if value is not None and value != ""]
        width = max((cell_len(name) for name, _ in known), default=0) + GAP
        for name, value in known:
            self.wrapped(value, label=name.ljust(width))

    def wrapped(self, text: str, label: str = "", style: str = "") -> None:
        """Print a text after its label. Its further lines begin below the first one."""
        label = one_line(label)
        room = max(self.width - cell_len(label), MIN_FLEXIBLE)
        lines = Text(printable(text)).wrap(self.out, room) if room < ENDLESS // 2 else [Text(printable(text))]
        for number, line in enumerate(lines):
            lead = Text(label if number == 0 else " " * cell_len(label), style="bold" if number == 0 else "")
            line.rstrip()
            line.stylize(style)
            self.out.print(lead + line)

    def clipped(self, label: str, text: str, style: str = "bold") -> None:
        """Print a label and a text on one line, and shorten the text if the terminal is too narrow.

        A terminal of less than 80 columns would lose too much: there, the text goes on below.
        """
        if self.width < COMMON_WIDTH:
            self.wrapped(one_line(text), f"{label}  ")
            return
        line = Text(printable(label), style=style) + Text("  " + one_line(text))
        line.truncate(self.width, overflow="ellipsis")
        self.out.print(line)

    def _blocks(self, columns: Sequence[str], grid: Sequence[Sequence[str]]) -> None:
        for number, row in enumerate(grid):
            if number:
                self.line()
            self.fields(list(zip(columns, row, strict=True)))

    @property
    def width(self) -> int:
        """The columns of the terminal; practically endless for a pipe or a file."""
        return self.out.width if self.out.is_terminal else ENDLESS

    @contextmanager
    def activity(self, text: str) -> Iterator[None]:
        """Show on a terminal what the command waits for."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(Text(printable(text)), spinner="line"):
            yield

    def confirm(self, text: str, *, yes: bool) -> None:
        """Ask on the terminal whether to go on. Raises `CliError` if the answer is no, or if no person can answer."""
        if yes:
            return
        if sys.stdin is None or not sys.stdin.isatty():
            raise CliError("nothing was changed: the command needs a confirmation", "Repeat it with --yes.", Exit.USAGE)
        self.err.print(Text(f"{printable(text)} [y/N] "), end="")
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise CliError("nothing was changed", code=Exit.USAGE)


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value))


def one_line(text: str) -> str:
    """Return a text without control characters, on one line."""
    return printable(text.replace("\n", " "))


def _fitting(
    columns: Sequence[str], grid: Sequence[Sequence[str]], width: int, flexible: str, optional: Sequence[str]
) -> list[int] | None:
    """Return the columns that fit into a width, or None if even the smallest choice does not."""
    widths = [max(map(cell_len, column)) for column in zip(columns, *grid, strict=True)]
    needed = [min(one, MIN_FLEXIBLE) if columns[i] == flexible else one for i, one in enumerate(widths)]
    for left_out in (set[str](), set(optional)):
        shown = [i for i, name in enumerate(columns) if name not in left_out]
        if sum(needed[i] + GAP for i in shown) - GAP <= width:
            return shown
    return None


def _lines(grid: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[Text]:
    """Yield rows whose cells have the stated widths; columns of whole numbers are aligned to the right."""
    numeric = [len(grid) > 1 and all(_INTEGER.fullmatch(row[i]) for row in grid[1:]) for i in range(len(widths))]
    for row in grid:
        line = Text()
        for cell, width, is_number in zip(row, widths, numeric, strict=True):
            shown = Text(cell)
            shown.truncate(width, overflow="ellipsis")
            space = Text(" " * (width - shown.cell_len))
            line += (space + shown if is_number else shown + space) + Text(" " * GAP)
        line.rstrip()
        yield line


def write(file: IO[str], text: str) -> None:
    """Write a line and flush it, so that the reader of a pipe gets each result at once."""
    file.write(text + "\n")
    file.flush()


def encoded(value: Any, encoding: str | None = "utf-8", indent: int | None = None) -> str:
    """Return a value as JSON that any terminal shows safely, and that the encoding can write.

    Characters that are not printable, and half surrogate pairs, are escaped. They stand inside JSON texts only, so
    the value stays the same.
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if not text.isprintable():
        text = "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=indent)
    return text


def printable(text: str) -> str:
    """Return a text without control characters, which could move the cursor or change colours of the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)


def ago(time: str | None, now: datetime) -> str:
    """Return how long ago an ISO 8601 time was, or how long until it, such as `3 min ago` or `in 2 h`.

    A text that is no such time is returned as it is.
    """
    if time is None:
        return ""
    try:
        seconds = (now - _utc(time)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return str(time)
    text = duration(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def _utc(time: str) -> datetime:
    moment = datetime.fromisoformat(time)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def duration(seconds: float) -> str:
    """Return a duration in its largest unit that leaves at least one whole, such as `3 min`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{int(seconds)} s"


def count(number: int, noun: str, *, more: bool = False) -> str:
    """Return a number with its noun, such as `1 task` or `1000+ tasks` (if there are `more`)."""
    return f"{number}{'+' if more else ''} {noun}{'' if number == 1 and not more else 's'}"


def selected(item: Mapping[str, Any], *names: str) -> list[Any]:
    """Return fields of an item in the order of a table's columns; a missing one is None."""
    return [item.get(name) for name in names]
