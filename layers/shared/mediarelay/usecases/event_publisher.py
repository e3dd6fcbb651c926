"""Publish events: store them in the event log, then send them to the topic. All publishers do it here.

A batch of publications has three steps, each for all of its subjects before the next one:

prepare     load a task, an intent or a song, and build its events
send        store the events in the log, then send them to the topic
complete    record what the topic accepted
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.contracts.notification import Notification
from mediarelay.domain.batches import in_batches
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.errors import LedgerUnavailable, MediarelayError, Undelivered
from mediarelay.usecases.failures import Subject, noting

# A reader of the log waits 5 s before it passes a time (`usecases/read_events.py`). A row that took longer to write may
# be behind the reader by then. The other 2 s are for clocks that differ.
MAX_WRITE_TIME = timedelta(seconds=3)
MAX_WRITES = 3
# Events that the log stores in one call, which takes at most 25 rows.
STORED_TOGETHER = 25


class Topic(Protocol):
    """The topic of the subscribers."""

    def publish(self, events: Iterable[Notification]) -> Mapping[str, Undelivered]:
        """Publish events; return the errors of those that were not accepted, by event id."""


class EventLog(Protocol):
    """Stores events in the order of publication."""

    def append_all(self, events: Sequence[LoggedEvent]) -> set[str]:
        """Store events; return the ids of those that were not stored. Raises `LedgerUnavailable`."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The events of one subject, what to do once the topic has accepted all of them, and what if it has not."""

    events: tuple[Notification, ...]
    complete: Callable[[], object]
    keep_due: Callable[[], object] = lambda: None


Prepare = Callable[[], Prepared | None]


@dataclass(frozen=True, slots=True)
class EventPublisher:
    """Publishes events. An event that is published again is another row of the log, with the same id."""

    log: EventLog
    topic: Topic
    clock: Callable[[], datetime]

    def publish_all(self, work: Mapping[Subject, Prepare]) -> dict[Subject, Exception]:
        """Prepare, send and complete the publications of several subjects; return what failed, by subject.

        A failure concerns its own subject only. A subject that `prepare` returns None for has nothing to publish.
        """
        failures: dict[Subject, Exception] = {}
        prepared: dict[Subject, Prepared] = {}
        for subject, prepare in work.items():
            with noting(failures, subject):
                if found := prepare():
                    prepared[subject] = found
        refused = self._send_all([event for one in prepared.values() for event in one.events])
        for subject, one in prepared.items():
            error = _first(one.events, refused)
            with noting(failures, subject):
                (one.keep_due if error else one.complete)()
            failures |= {subject: error} if error else {}
        return failures

    def _send_all(self, events: Sequence[Notification]) -> Mapping[str, Exception]:
        """Send the events of several subjects; return the errors of those that were not published, by id.

        After an error that `send` does not expect, send each event alone, so that the error concerns one subject only.
        """
        failures: dict[str, Exception] = {}
        unexpected: dict[str, Exception] = {}
        with noting(unexpected, "all"):
            failures.update(self.send(events))
        for event in events if unexpected else ():
            with noting(failures, event.id):
                failures.update(self.send([event]))
        return failures

    def publish(self, *events: Notification) -> None:
        """Store and send events; raises `LedgerUnavailable`, `Undelivered` if one of them was not published."""
        if error := _first(events, self.send(events)):
            raise error

    def send(self, events: Iterable[Notification]) -> dict[str, MediarelayError]:
        """Store events and send them, each id once; return the errors of those that were not published, by id."""
        distinct = {event.id: event for event in events}
        failures: dict[str, MediarelayError] = {}
        for some in in_batches(distinct.values(), STORED_TOGETHER):
            failures |= self._record(some)
        # In this order: an event that subscribers have is always in the log, too.
        stored = (event for event in distinct.values() if event.id not in failures)
        return {**failures, **self.topic.publish(stored)}

    def _record(self, events: Sequence[Notification]) -> dict[str, MediarelayError]:
        """Store events; return the errors of those that were not stored, by id.

        After a slow write, store them again under a later time, because readers may have missed them.
        """
        for _ in range(MAX_WRITES):
            at = self.clock()
            try:
                failed = self.log.append_all(_logged(events, at))
            except LedgerUnavailable as error:
                return dict.fromkeys((event.id for event in events), error)
            if self.clock() - at <= MAX_WRITE_TIME:
                return dict.fromkeys(failed, LedgerUnavailable("the event log did not store an event"))
        too_slow = LedgerUnavailable("writes of the event log take too long")
        return dict.fromkeys((event.id for event in events), too_slow)


def _logged(events: Sequence[Notification], at: datetime) -> list[LoggedEvent]:
    """Return the rows of events, a microsecond apart, so that the log keeps their order."""
    return [
        LoggedEvent(Position(at + timedelta(microseconds=number), event.id), event.type, event.message)
        for number, event in enumerate(events)
    ]


def _first(events: Iterable[Notification], failures: Mapping[str, Exception]) -> Exception | None:
    return next((failures[event.id] for event in events if event.id in failures), None)
