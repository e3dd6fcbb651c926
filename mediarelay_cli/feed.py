"""Notifications as they come, over `GET /events`."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mediarelay_cli.api import Api, Json, Refused, listed
from mediarelay_cli.errors import CliError
from mediarelay_cli.names import file_name

# Seconds between two calls that bring nothing new.
EVERY = 2.0
PAGE = 100


@dataclass
class Feed:
    """The notifications after a cursor or an ISO 8601 time, oldest first.

    `types` are types, or their beginnings such as `mediarelay.task.*`; without any, all types match.
    """

    api: Api
    after: str
    types: Sequence[str] = ()

    def read(self) -> tuple[list[Json], bool]:
        """Return the notifications of the next page, and whether there are more already.

        Raises `Refused`, `CliError`.
        """
        page = self.api.get("/events", after=self.after, type=",".join(self.types) or None, limit=PAGE)
        found, before = listed(page, "events"), self.after
        self.after = str(page.get("cursor") or before)
        return found, bool(page.get("more")) and self.after != before

    def follow(self, note: Callable[[str], None], wait: Callable[[float], None] = time.sleep) -> Iterator[Json]:
        """Yield notifications without end. An API that does not answer for a while is reported and asked again."""
        while True:
            try:
                found, more = self.read()
            except Refused as error:
                if error.status < 500:  # noqa: PLR2004 - the stack refuses the request, and will refuse it again
                    raise
                found, more = _failed(error, note)
            except CliError as error:
                found, more = _failed(error, note)
            yield from found
            if not more:
                wait(EVERY)


def _failed(error: CliError, note: Callable[[str], None]) -> tuple[list[Json], bool]:
    note(f"{error.message}; trying again")
    return [], False


def summary(event: Json) -> str:
    """Return a notification in one line: its time, type and subject, and the file that it is about."""
    data = event.get("data") or {}
    source = data.get("source") or {}
    about = file_name(source.get("url") or data.get("url")) or data.get("reason") or data.get("message")
    replayed = f"replay {event['replay']}" if event.get("replay") else None
    texts = [str(event.get("time"))[:19], event.get("type"), event.get("subject"), about, replayed]
    return "  ".join(str(one) for one in texts if one)
