"""Replay: query tasks and publish them again because a client wants it; one task, or many at a bounded rate.

The request is written to the ledger first. The stream and the schedule then carry it out as they do with callbacks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

from mediarelay.domain.tasks.item import Selection
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.replay_job import ReplayJob
from mediarelay.domain.tasks.vid import checked
from mediarelay.errors import NotFound
from mediarelay.observability import count
from mediarelay.usecases.tasks.repository import TaskRepository

STEP = timedelta(minutes=1)
log = logging.getLogger(__name__)


class TaskListing(Protocol):
    """The lists of tasks."""

    def count(self, selection: Selection) -> int:
        """Count the tasks of a selection."""

    def page(self, selection: Selection, *, cursor: str | None, limit: int) -> list[dict[str, str]]:
        """List rows of a selection, newest first."""


class ReplayStore(Protocol):
    """Where replay requests and bulk replays are stored."""

    def request(self, vid: str, kind: Kind, identity: str, by: str, now: datetime) -> bool:
        """Store, once per identity, that a client wants a task queried and published again."""

    def create_job(self, job: ReplayJob) -> bool:
        """Store a bulk replay."""

    def find_job(self, identity: str) -> ReplayJob | None:
        """Read a bulk replay."""

    def advance_job(self, identity: str, cursor: str, due_at: datetime) -> None:
        """Note how far a bulk replay has come."""

    def complete_job(self, identity: str) -> None:
        """Take a bulk replay that has come to its end out of the due index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Takes replay requests. `identity` returns a new one each time, so no request counts as a repeat."""

    tasks: TaskRepository
    listing: TaskListing
    replays: ReplayStore
    clock: Callable[[], datetime]
    identity: Callable[[], str]

    def replay(self, vid: str, by: str) -> str:
        """Request a replay of a task; return the identity of the request. Raises `NotFound`."""
        _, task = self.tasks.load(checked(vid))
        if task is None:
            raise NotFound(f"no task {vid}")
        identity = self.identity()
        self.replays.request(vid, task.kind, identity, by, self.clock())
        count("Replays", kind=task.kind)
        return identity

    def count(self, selections: list[Selection]) -> int:
        """Count the tasks that a bulk replay would take."""
        return sum(map(self.listing.count, selections))

    def start(self, selections: list[Selection], rate: int, by: str) -> list[str]:
        """Start bulk replays, `rate` tasks per minute each; return their identities."""
        jobs = [
            ReplayJob(identity=self.identity(), selection=one, rate=rate, by=by, at=self.clock()) for one in selections
        ]
        for job in jobs:
            self.replays.create_job(job)
            log.info("replay in bulk", extra={"job": job.identity, "by": by, "which": job.selection.key})
        return [job.identity for job in jobs]

    def resume(self, identity: str, time_left: Callable[[], bool]) -> None:
        """Take the next minute's tasks of a bulk replay, as far as there is time.

        However often this runs, each task is requested once per job: the request has the job's identity.
        """
        job = self.replays.find_job(identity)
        if job is None:
            return
        chosen = job.selection
        rows = self.listing.page(chosen, cursor=job.cursor, limit=job.rate)
        done = [self._ask(row, job) for row in takewhile(lambda _row: time_left(), rows)]
        count("Replays", len(done), kind=chosen.kind)
        if len(done) == len(rows) < job.rate:
            self.replays.complete_job(identity)
        elif done:
            self.replays.advance_job(identity, done[-1], self.clock() + STEP)

    def _ask(self, row: dict[str, str], job: ReplayJob) -> str:
        """Request one replay of a job; return the row's position in the listing."""
        self.replays.request(row["vid"], job.selection.kind, job.identity, job.by, self.clock())
        return row["position"]
