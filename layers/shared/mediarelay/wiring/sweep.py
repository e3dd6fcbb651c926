"""The sweep. It needs most use cases, so the polls do not load this module."""

from functools import cache

from mediarelay.domain.budget import Budget
from mediarelay.usecases.sweep import Sweeper
from mediarelay.wiring import base
from mediarelay.wiring.circuit import circuit_breaker
from mediarelay.wiring.events import event_publisher
from mediarelay.wiring.publishers import song_publisher, task_publisher
from mediarelay.wiring.queues import delivery_queue, submit_queue
from mediarelay.wiring.tasks import replayer, task_repository


@cache
def sweeper() -> Sweeper:
    """Return the sweep."""
    return Sweeper(
        tasks=task_repository(),
        events=event_publisher(),
        publisher=task_publisher(),
        submits=submit_queue(),
        max_submits=Budget(base.settings().calls_per_minute).background.limit,
        replayer=replayer(),
        songs=song_publisher(),
        deliveries=delivery_queue(),
        is_refused=circuit_breaker().is_refused,
        clock=base.now,
    )
