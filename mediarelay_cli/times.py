"""Times as people type them, and commands that repeat."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.output import Printer

UNITS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGE = re.compile(r"(?P<number>[0-9]{1,7})(?P<unit>s|m|min|h|d|w)", re.ASCII)
TIME_HELP = "A time such as 2026-11-20T08:00:00Z, or an age such as 90s, 15m, 2h or 7d."


def moment(text: str, name: str) -> str | None:
    """Return a time that an option states as ISO 8601 in UTC; None for an empty text. Raises `CliError`."""
    if not text:
        return None
    try:
        return _read(text).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError) as error:
        raise CliError(f"{name}: {text} is no time", TIME_HELP, Exit.USAGE) from error


def _read(text: str) -> datetime:
    if age := _AGE.fullmatch(text):
        return datetime.now(UTC) - timedelta(seconds=int(age["number"]) * UNITS[age["unit"]])
    stated = datetime.fromisoformat(text)
    return stated.replace(tzinfo=stated.tzinfo or UTC).astimezone(UTC)


def today() -> str:
    """Return the current day in UTC."""
    return datetime.now(UTC).date().isoformat()


def repeat(printer: Printer, seconds: float, show: Callable[[], object]) -> NoReturn:
    """Show something again and again, until Ctrl-C. On a terminal, each time replaces the one before."""
    while True:
        if printer.out.is_terminal and not printer.as_json:
            printer.out.clear()
        show()
        time.sleep(seconds)
