"""Bulk replays: list them, follow one, and stop one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.domain.page import ListedRow, Page
from mediarelay.domain.tasks.replay_job import ReplayJob, is_job_id
from mediarelay.errors import NotFound
from mediarelay.observability import count
from mediarelay.usecases.cursors import decode_cursor, encode_cursor


class ReplayJobListing(Protocol):
    """Lists bulk replays."""

    def page(self, *, behind: str | None, limit: int) -> list[ListedRow]:
        """Return up to `limit` bulk replays behind a position, newest first."""

    def waiting(self) -> list[ListedRow]:
        """Return all bulk replays that have not ended, also those that are in no list."""

    def read(self, identities: Sequence[str]) -> dict[str, ReplayJob]:
        """Read bulk replays; leave out those that are gone or unreadable."""


class StoppableJobs(Protocol):
    """Reads and stops bulk replays."""

    def find_job(self, identity: str) -> ReplayJob | None:
        """Read a bulk replay; return None if there is none."""

    def stop_job(self, identity: str, by: str, now: datetime) -> bool:
        """Store that a client stopped a bulk replay; return False if it has ended already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJobs:
    """Reads and stops bulk replays for API clients."""

    jobs: StoppableJobs
    listing: ReplayJobListing
    clock: Callable[[], datetime]

    def find(self, identity: str) -> ReplayJob:
        """Return a bulk replay; raises `NotFound`."""
        job = self.jobs.find_job(identity) if is_job_id(identity) else None
        if job is None:
            raise NotFound(f"no replay {identity}")
        return job

    def page(self, *, limit: int, cursor: str | None) -> Page[ReplayJob]:
        """Return a page of bulk replays, newest first; raises `Malformed` (`cursor`)."""
        behind = decode_cursor(cursor, is_job_id)
        found = {row.identity: row for row in self.listing.page(behind=behind, limit=limit + 1)}
        # The jobs that are in no list are older than all others, so they are needed on the last page only.
        if len(found) <= limit:
            found |= {row.identity: row for row in self.listing.waiting() if behind is None or row.position < behind}
        rows = sorted(found.values(), key=lambda row: row.position, reverse=True)
        jobs = self.listing.read([row.identity for row in rows[:limit]])
        shown = tuple(jobs[row.identity] for row in rows[:limit] if row.identity in jobs)
        return Page(shown, encode_cursor(rows[limit - 1].position) if len(rows) > limit else None)

    def stop(self, identity: str, by: str) -> ReplayJob:
        """Stop a bulk replay and return it; one that has ended stays as it is. Raises `NotFound`.

        The part of the present minute may still be carried out.
        """
        job = self.find(identity)
        if self.jobs.stop_job(job.identity, by, self.clock()):
            count("ReplaysStopped", kind=job.selection.kind)
        return self.find(identity)
