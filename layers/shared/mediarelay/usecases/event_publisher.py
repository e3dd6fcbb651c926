"""Publish an event: store it in the event log, then send it to the topic. All publishers do it here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.contracts.notification import Notification
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.errors import LedgerUnavailable

# A reader of the log waits 5 s before it passes a time (`usecases/read_events.py`). A row that took longer to write may
# be behind the reader by then. The other 2 s are for clocks that differ.
MAX_WRITE_TIME = timedelta(seconds=3)
MAX_WRITES = 3


class Topic(Protocol):
    """The topic of the subscribers."""

    def publish(self, message: str, attributes: dict[str, str]) -> None:
        """Publish one message; raises `Undelivered`."""


class EventLog(Protocol):
    """Stores events in the order of publication."""

    def append(self, event: LoggedEvent) -> None:
        """Store an event; raises `LedgerUnavailable`."""


@dataclass(frozen=True, slots=True)
class EventPublisher:
    """Publishes events. An event that is published again is another row of the log, with the same id."""

    log: EventLog
    topic: Topic
    clock: Callable[[], datetime]

    def publish(self, event: Notification) -> None:
        """Store an event and publish it; raises `LedgerUnavailable`, `Undelivered`."""
        # In this order: an event that subscribers have is always in the log, too.
        self._record(event)
        self.topic.publish(event.message, event.attributes)

    def _record(self, event: Notification) -> None:
        """Store an event. After a slow write, store it again under a later time, because readers may have missed it."""
        for _ in range(MAX_WRITES):
            at = self.clock()
            self.log.append(LoggedEvent(Position(at, event.id), event.type, event.message))
            if self.clock() - at <= MAX_WRITE_TIME:
                return
        raise LedgerUnavailable("writes of the event log take too long")
