"""Replay: query tasks and publish them again at the request of a client; one task, or many at a bounded rate.

The request is written to the ledger first. The stream and the schedule then carry it out as they do with callbacks.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol

from mediarelay.domain.tasks.listing import ListedTask, Selection
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.replay_job import JobStatus, ReplayJob
from mediarelay.domain.tasks.vid import checked
from mediarelay.errors import NotFound
from mediarelay.observability import count
from mediarelay.usecases.tasks.repository import TaskRepository

# `rate` counts tasks per minute, so each minute has one step.
STEP = timedelta(minutes=1)
log = logging.getLogger(__name__)


class SelectedTasks(Protocol):
    """Counts and lists the tasks of a selection."""

    def count(self, selection: Selection) -> int:
        """Count the tasks of a selection."""

    def page(self, selection: Selection, *, cursor: str | None, limit: int) -> list[ListedTask]:
        """Return up to `limit` tasks of a selection behind the cursor, newest first."""


class ReplayStore(Protocol):
    """Stores replay requests and bulk replays."""

    def request(self, vid: str, kind: Kind, identity: str, by: str, now: datetime) -> bool:
        """Store a request to query a task and publish it again; return False if the identity is already there."""

    def create_job(self, job: ReplayJob) -> bool:
        """Store a bulk replay; return False if it is already there."""

    def find_job(self, identity: str) -> ReplayJob | None:
        """Read a bulk replay; return None if there is none."""

    def record_progress(self, seen: ReplayJob, cursor: str, done: int) -> bool:
        """Store the position that a bulk replay has reached, and how many tasks it took; False if another has."""

    def postpone_job(self, identity: str, due_at: datetime) -> bool:
        """Store when the next step of a bulk replay is due; return False if it was stopped meanwhile."""

    def complete_job(self, identity: str, now: datetime) -> bool:
        """Take a finished bulk replay out of the due index; return False if it was stopped meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Stores replay requests. `identity` returns a new id with each call, so no request counts as a repeat."""

    tasks: TaskRepository
    listing: SelectedTasks
    replays: ReplayStore
    clock: Callable[[], datetime]
    identity: Callable[[], str]

    def replay(self, vid: str, by: str) -> str:
        """Request a replay for the client `by`; return the request's id. Raises `Malformed` (`vid`), `NotFound`."""
        _, task = self.tasks.load(checked(vid))
        if task is None:
            raise NotFound(f"no task {vid}")
        identity = self.identity()
        self.replays.request(vid, task.kind, identity, by, self.clock())
        count("Replays", kind=task.kind)
        return identity

    def count(self, selections: list[Selection]) -> int:
        """Count the tasks that bulk replays of these selections would take now."""
        return sum(map(self.listing.count, selections))

    def start(self, selections: list[Selection], rate: int, by: str) -> list[str]:
        """Start one bulk replay per selection, `rate` tasks per minute each; return their ids."""
        jobs = [
            ReplayJob(identity=self.identity(), selection=one, rate=rate, by=by, at=self.clock()) for one in selections
        ]
        for job in jobs:
            self.replays.create_job(job)
            log.info("replay in bulk", extra={"job": job.identity, "by": by, "which": job.selection.key})
        return [job.identity for job in jobs]

    def resume(self, identity: str, time_left: Callable[[], bool]) -> None:
        """Request replays of the next `rate` tasks of a job, as long as there is time.

        However often this runs, each task is requested once per job, because the request carries the job's id.
        """
        job = self.replays.find_job(identity)
        # The due index may still list a job that was stopped.
        if job is None or job.status is not JobStatus.RUNNING:
            return
        chosen = job.selection
        tasks = self.listing.page(chosen, cursor=job.cursor, limit=job.rate)
        done = [self._request(task, job) for task in takewhile(lambda _task: time_left(), tasks)]
        count("Replays", len(done), kind=chosen.kind)
        if done and not self.replays.record_progress(job, done[-1], len(done)):
            return
        # A short page is the last one, but only if time sufficed for all of it.
        if len(done) == len(tasks) < job.rate:
            self.replays.complete_job(identity, self.clock())
        elif done:
            self.replays.postpone_job(identity, self.clock() + STEP)

    def _request(self, task: ListedTask, job: ReplayJob) -> str:
        """Request one replay of a job; return the task's position in the list."""
        self.replays.request(task.vid, job.selection.kind, job.identity, job.by, self.clock())
        return task.position
