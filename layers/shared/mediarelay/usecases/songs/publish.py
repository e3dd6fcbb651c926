"""Publish the events of songs. The stream calls it for each new relay, the sweep for each lease that is due."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from mediarelay.contracts.notification import Notification, song_event
from mediarelay.domain.songs.events import (
    Margins,
    SongBookkeeping,
    SongEvent,
    SongLog,
    next_event,
    prune_published,
)
from mediarelay.domain.songs.lease import CurrentLease, Lease, lease
from mediarelay.domain.songs.model import SongKey
from mediarelay.errors import LedgerUnavailable
from mediarelay.observability import count
from mediarelay.usecases.concurrency import MAX_ATTEMPTS
from mediarelay.usecases.event_publisher import EventPublisher, Prepared

logger = logging.getLogger(__name__)


class LeaseStore(Protocol):
    """Stores the relays and the bookkeeping of songs."""

    def load(self, song: SongKey) -> SongLog | None:
        """Read everything about one song of a room; return None if nothing is stored about it."""

    def save(
        self,
        song: SongKey,
        bookkeeping: SongBookkeeping,
        seen: SongBookkeeping | None,
        due_at: datetime | None,
        now: datetime,
    ) -> bool:
        """Write the bookkeeping of a song; return False if it is no longer the one that was `seen`."""

    def settle(self, song: SongKey, digest: str) -> None:
        """Take a relay out of the due index."""


@dataclass(frozen=True, slots=True)
class DueEvents:
    """The events of a song that are due, and what they were derived from.

    Attributes:
        log: What is stored about the song.
        current: Its lease.
        now: When it was loaded (UTC).
        bookkeeping: The bookkeeping to store once the events are published.
        events: The events.
    """

    log: SongLog
    current: Lease
    now: datetime
    bookkeeping: SongBookkeeping
    events: tuple[SongEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPublisher:
    """Publishes the events of songs. A repeated event has the same id, so subscribers can drop it."""

    songs: LeaseStore
    events: EventPublisher
    api_url: str
    margins: Margins
    clock: Callable[[], datetime]

    def prepare(self, song: SongKey) -> Prepared | None:
        """Return the events of a song that are due; None if nothing can be read about it."""
        found = self._due_events(song)
        return Prepared(self._notifications(found), partial(self.complete, found)) if found else None

    def complete(self, due: DueEvents) -> None:
        """Record that events were published; start over if another writer was faster.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers were faster too often.
            Undelivered: The topic did not accept an event, which stays due.
        """
        if not self._record(due):
            self.publish_due(due.log.key)

    def publish_due(self, song: SongKey) -> tuple[SongEvent, ...]:
        """Publish the events of a song that are due, and store when the next one is; return them.

        Raises as `complete` does.
        """
        # The events are published before they are stored. A writer that loses the race publishes them twice with the
        # same ids; storing them first could lose them.
        for _ in range(MAX_ATTEMPTS):
            due = self._due_events(song)
            if due is None:
                return ()
            self.events.publish(*self._notifications(due))
            if self._record(due):
                return due.events
        raise LedgerUnavailable("too many writers")

    def _due_events(self, song: SongKey) -> DueEvents | None:
        log, now = self.songs.load(song), self.clock()
        if log is None:
            return None
        # No stored relay can be read. All leave the due index, because otherwise every tick would find them again.
        if not log.relays:
            self._settle(log)
            return None
        current, bookkeeping = lease(log.relays), log.bookkeeping or SongBookkeeping()
        events: list[SongEvent] = []
        while (event := next_event(current, bookkeeping, self.margins, now)) and event.at <= now:
            bookkeeping = replace(bookkeeping, published=bookkeeping.published | {event.label})
            events.append(event)
        return DueEvents(log, current, now, bookkeeping, tuple(events))

    def _notifications(self, due: DueEvents) -> tuple[Notification, ...]:
        current = CurrentLease(due.current, due.now, self.margins.safety)
        return tuple(song_event(current, event, self.api_url) for event in due.events)

    def _record(self, due: DueEvents) -> bool:
        """Store what was published, and when the next event is due; return False if another writer was faster."""
        if not self._save(due):
            return False
        for event in due.events:
            count("SongsPublished", type=event.type)
        _count_conflicts(due.current, due.log)
        self._settle(due.log)
        return True

    def _save(self, due: DueEvents) -> bool:
        upcoming = next_event(due.current, due.bookkeeping, self.margins, due.now)
        labels = prune_published(due.current, due.bookkeeping.published)
        written = replace(due.bookkeeping, version=due.bookkeeping.version + 1, published=labels)
        return self.songs.save(due.log.key, written, due.log.bookkeeping, upcoming.at if upcoming else None, due.now)

    def _settle(self, log: SongLog) -> None:
        # Only the relays that this fold has read: one that arrived since still has to be folded.
        for digest in log.unfolded:
            self.songs.settle(log.key, digest)


def _count_conflicts(current: Lease, log: SongLog) -> None:
    """Count the contradictions that involve a relay received since the last fold."""
    arrived = {relay.request_id for relay in log.relays if relay.digest in log.unfolded}
    if new := [request_id for request_id in current.conflicts if request_id in arrived]:
        count("SongConflicts", len(new))
        logger.warning("contradiction", extra={"song": current.key.song, "requests": new})
