"""Read the event log from a position on, and publish test events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Protocol

from mediarelay.contracts.notification import client_test
from mediarelay.domain.events import LoggedEvent, Position, days_between, matches
from mediarelay.usecases.event_publisher import EventPublisher

# Several functions write the log at once, each with the time of its own clock. A reader that passed a time before the
# last row of that time is visible would miss that row for ever. Each row is visible 3 s after its time (see
# `EventPublisher`), and the clocks of functions differ by less than 2 s.
SETTLED_AFTER = timedelta(seconds=5)
# What one call reads at most, so that it ends in time whatever the log holds and the filter leaves out.
MAX_DAYS = 10
MAX_ROWS = 1000
# Lambda answers with at most 6 MB. A byte of a message takes up to 3.5 bytes of the answer, in which each character
# outside of ASCII is escaped twice. The last event of a page comes on top.
MAX_PAGE_BYTES = 1024 * 1024


class EventHistory(Protocol):
    """Reads the event log."""

    def events(self, day: date, after: Position, until: datetime) -> Iterator[LoggedEvent]:
        """Yield the events of one day (UTC) behind a position and before a time, oldest first."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A part of the event log, oldest event first.

    Attributes:
        events: The events, each id once.
        end: The position where the next page begins.
        more: Whether the log may already hold more events behind this page.
    """

    events: tuple[LoggedEvent, ...]
    end: Position
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReader:
    """Reads the event log, and publishes test events.

    Attributes:
        days: How long the log keeps events, in days.
    """

    log: EventHistory
    publisher: EventPublisher
    clock: Callable[[], datetime]
    days: int

    def page(self, after: Position | None, types: tuple[str, ...], limit: int) -> EventPage:
        """Return events behind a position, or from the beginning of the log; `types` are patterns."""
        until, oldest = self.clock() - SETTLED_AFTER, Position(self.clock() - timedelta(days=self.days))
        start = max(after or oldest, oldest)
        if start.at >= until:
            return EventPage((), start, more=False)
        days = list(islice(days_between(start.at, until), MAX_DAYS))
        end = min(until, _midnight_after(days[-1], until))
        rows = (event for day in days for event in self.log.events(day, start, end))
        return _page(rows, types, limit, Position(end), more=end < until)

    def publish_test(self, message: str, client: str, api_url: str) -> str:
        """Publish a test event and return its id; raises `LedgerUnavailable`, `Undelivered`."""
        event = client_test(message, client, self.clock(), api_url)
        self.publisher.publish(event)
        return event.id


def _midnight_after(day: date, until: datetime) -> datetime:
    return until.replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0, second=0, microsecond=0) + (
        timedelta(days=1)
    )


def _page(rows: Iterator[LoggedEvent], types: tuple[str, ...], limit: int, end: Position, *, more: bool) -> EventPage:
    """Return a page; it ends at the first limit that it reaches, otherwise at `end`."""
    found: dict[str, LoggedEvent] = {}
    size = 0
    for number, row in enumerate(rows, 1):
        if matches(row.type, types) and row.position.id not in found:
            found[row.position.id] = row
            size += len(row.message.encode())
        if len(found) == limit or number == MAX_ROWS or size >= MAX_PAGE_BYTES:
            return EventPage(tuple(found.values()), row.position, more=True)
    return EventPage(tuple(found.values()), end, more=more)
