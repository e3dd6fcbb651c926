"""The sweep: every duty that is not a query about a task. Polls do not load it."""

from functools import cache

from mediarelay.domain.budget import Budget
from mediarelay.usecases.sweep import Sweeper
from mediarelay.wiring import base
from mediarelay.wiring.circuit import circuit_open
from mediarelay.wiring.publishers import task_publisher
from mediarelay.wiring.queues import submit_queue
from mediarelay.wiring.songs import song_publisher
from mediarelay.wiring.tasks import replayer, task_repository


@cache
def sweeper() -> Sweeper:
    """Does what was left undone."""
    return Sweeper(
        tasks=task_repository(),
        bodies=base.ledger(),
        publisher=task_publisher(),
        submits=submit_queue(),
        budget=Budget(base.settings().calls_per_minute).background.limit,
        replayer=replayer(),
        leases=song_publisher(),
        refuses_us=lambda kind: circuit_open(kind)(),
        clock=base.now,
    )
