"""Tasks: what adds observations to them, and requests queries and replays."""

from functools import cache

from mediarelay.domain.tasks.lifecycle import Rules
from mediarelay.usecases.tasks.replay import Replayer
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.request_confirm import ConfirmRequester
from mediarelay.wiring import base
from mediarelay.wiring.queues import confirm_queue, confirm_unknown_queue

JOB_ID_BITS = 128


@cache
def task_repository() -> TaskRepository:
    """Adds observations to tasks."""
    settings = base.settings()
    return TaskRepository(
        store=base.ledger(),
        rules=Rules(first_poll_after=settings.first_poll_after, give_up_after=settings.give_up_after),
        clock=base.now,
        jitter=base.random.random,
    )


@cache
def confirm_requester() -> ConfirmRequester:
    """Requests queries after callbacks and replays."""
    return ConfirmRequester(base.ledger(), confirm_queue(), confirm_unknown_queue())


@cache
def replayer() -> Replayer:
    """Replays tasks."""
    return Replayer(tasks=task_repository(), ledger=base.ledger(), clock=base.now, identity=_job_id)


def _job_id() -> str:
    return f"{base.random.getrandbits(JOB_ID_BITS):032x}"
