"""Publish the events of songs. The stream calls it for each new relay, the sweep for each lease that is due."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from mediarelay.contracts.notification import song_event
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
from mediarelay.usecases.event_publisher import EventPublisher

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPublisher:
    """Publishes the events of songs. A repeated event has the same id, so subscribers can drop it."""

    songs: LeaseStore
    events: EventPublisher
    api_url: str
    margins: Margins
    clock: Callable[[], datetime]

    def publish_due(self, song: SongKey) -> list[SongEvent]:
        """Publish the events of a song that are due, and store when the next one is; return them.

        Raises:
            LedgerUnavailable: The table did not answer, or other writers were faster too often.
            Undelivered: The topic did not accept an event, which stays due.
        """
        # The events are published before they are stored. A writer that loses the race publishes them twice with the
        # same ids; storing them first could lose them.
        for _ in range(MAX_ATTEMPTS):
            log, now = self.songs.load(song), self.clock()
            if log is None:
                return []
            # No stored relay can be read. All leave the due index, because otherwise every tick would find them again.
            if not log.relays:
                self._settle(log)
                return []
            current = lease(log.relays)
            bookkeeping, published = self._publish(current, log.bookkeeping or SongBookkeeping(), now)
            if self._save(current, log, bookkeeping, now):
                _count_conflicts(current, log)
                self._settle(log)
                return published
        raise LedgerUnavailable("too many writers")

    def _publish(
        self, current: Lease, bookkeeping: SongBookkeeping, now: datetime
    ) -> tuple[SongBookkeeping, list[SongEvent]]:
        published: list[SongEvent] = []
        while (event := next_event(current, bookkeeping, self.margins, now)) and event.at <= now:
            self.events.publish(song_event(CurrentLease(current, now, self.margins.safety), event, self.api_url))
            count("SongsPublished", type=event.type)
            bookkeeping = replace(bookkeeping, published=bookkeeping.published | {event.label})
            published.append(event)
        return bookkeeping, published

    def _save(self, current: Lease, log: SongLog, bookkeeping: SongBookkeeping, now: datetime) -> bool:
        upcoming = next_event(current, bookkeeping, self.margins, now)
        labels = prune_published(current, bookkeeping.published)
        written = replace(bookkeeping, version=bookkeeping.version + 1, published=labels)
        return self.songs.save(log.key, written, log.bookkeeping, upcoming.at if upcoming else None, now)

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
