"""Tasks: the repository that changes them, and the use cases that request queries and replays."""

from functools import cache

from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.replays import ReplayJobIndex, ReplayStore
from mediarelay.adapters.dynamodb.task_store import TaskStore
from mediarelay.domain.tasks.lifecycle import Rules
from mediarelay.usecases.tasks.replay import Replayer
from mediarelay.usecases.tasks.replay_jobs import ReplayJobs
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.request_confirm import ConfirmRequester
from mediarelay.wiring import base
from mediarelay.wiring.queues import confirm_queue, confirm_unknown_queue

# As many as a random UUID has, so no two jobs ever share an id.
JOB_ID_BITS = 128


def task_store() -> TaskStore:
    """Return the store of logs and task items."""
    return TaskStore(base.table(), base.settings().raw_body_days)


@cache
def task_repository() -> TaskRepository:
    """Return the repository of tasks."""
    settings = base.settings()
    return TaskRepository(
        store=task_store(),
        rules=Rules(first_poll_after=settings.first_poll_after, give_up_after=settings.give_up_after),
        clock=base.now,
        jitter=base.random.random,
    )


@cache
def confirm_requester() -> ConfirmRequester:
    """Return the use case that requests queries after callbacks and replays."""
    return ConfirmRequester(task_store(), confirm_queue(), confirm_unknown_queue())


@cache
def replay_jobs() -> ReplayJobs:
    """Return the use case that reads and stops bulk replays."""
    table = base.table()
    return ReplayJobs(jobs=ReplayStore(table), listing=ReplayJobIndex(table, DueIndex(table)), clock=base.now)


@cache
def replayer() -> Replayer:
    """Return the use case that replays tasks."""
    random = base.random
    return Replayer(
        tasks=task_repository(),
        listing=task_store(),
        replays=ReplayStore(base.table()),
        clock=base.now,
        identity=lambda: f"{random.getrandbits(JOB_ID_BITS):032x}",
    )
