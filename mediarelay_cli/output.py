"""What the commands print: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass
class Printer:
    """Prints results to stdout, and everything else (progress, hints, errors) to stderr.

    With `as_json`, stdout gets JSON only, so that it can be piped into a program.
    """

    as_json: bool = False
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))

    def json(self, value: Any) -> None:
        """Print one JSON value on one line if stdout is no terminal, else indented."""
        indent = 2 if self.out.is_terminal else None
        self.out.print(json.dumps(value, ensure_ascii=False, indent=indent), markup=False, highlight=False)

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line of text as it is. Texts of a stack are untrusted, so nothing in them is markup."""
        self.out.print(escape(printable(text)), style=style or None)

    def note(self, text: str, style: str = "dim") -> None:
        """Print a line that is no result."""
        self.err.print(escape(printable(text)), style=style)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print rows below their columns. None is shown as nothing."""
        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*("" if cell is None else escape(printable(str(cell))) for cell in row))
        self.out.print(table)


def printable(text: str) -> str:
    """Return a text without control characters, which could move the cursor or change colours of the terminal."""
    return "".join(one if one.isprintable() or one == "\n" else "�" for one in text)


def ago(time: str | None, now: datetime) -> str:
    """Return how long ago an ISO 8601 time was, or how long until it, such as `3 min ago` or `in 2 h`."""
    if time is None:
        return ""
    seconds = (now - datetime.fromisoformat(time).astimezone(UTC)).total_seconds()
    text = duration(abs(seconds))
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def duration(seconds: float) -> str:
    """Return a duration in its largest unit that leaves at least one whole, such as `3 min`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def selected(item: Mapping[str, Any], *names: str) -> list[Any]:
    """Return fields of an item in the order of a table's columns; a missing one is None."""
    return [item.get(name) for name in names]
