"""A progress bar on a terminal; a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Any, Self

from mediarelay_cli.output import Printer

# Seconds between two lines where there is no terminal.
EVERY = 5.0


class Progress:
    """Shows on stderr how far a command is: the numbers of finished and failed items, and the rate.

    The rate counts only what this run has done, so that skipped items do not raise it.
    """

    def __init__(self, printer: Printer, text: str, total: int) -> None:
        self.printer, self.text, self.total = printer, text, total
        self.done = self.failed = self.skipped = 0
        self.begun = self.shown = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self.printer.err.is_terminal:
            self._bar = _bar(self.printer)
            self._bar.start()
            self._task = self._bar.add_task(self.text, total=self.total, rate="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def add(self, done: int, *, failed: int = 0, skipped: int = 0) -> None:
        """Count finished items; `failed` and `skipped` of them failed or were skipped."""
        self.done, self.failed, self.skipped = self.done + done, self.failed + failed, self.skipped + skipped
        if self._bar:
            self._bar.update(self._task, completed=self.done, rate=self.rate())
        elif time.monotonic() - self.shown >= EVERY:
            self.shown = time.monotonic()
            self.printer.note(f"{self.text}: {self.done} of {self.total}, {self.rate()}")

    def rate(self) -> str:
        """Return the rate so far, with the number of failures if there are any."""
        seconds = max(time.monotonic() - self.begun, 0.001)
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{(self.done - self.skipped) / seconds:.1f}/s{failed}"


def _bar(printer: Printer) -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    text = TextColumn("{task.description}", markup=False)
    counts = (MofNCompleteColumn(), TextColumn("{task.fields[rate]}", markup=False), TimeRemainingColumn())
    return Bar(text, BarColumn(bar_width=None), *counts, console=printer.err, expand=True)
