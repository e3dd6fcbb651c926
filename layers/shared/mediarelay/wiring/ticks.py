"""Scheduled runs: how long one lasts, and the queues that polls fill."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.runs import RunStore
from mediarelay.domain.schedule import next_minute
from mediarelay.usecases.operations.runs import RunRecorder
from mediarelay.usecases.poll import QueryQueue
from mediarelay.usecases.tick import Tick
from mediarelay.wiring import base
from mediarelay.wiring.circuit import budget
from mediarelay.wiring.queues import confirm_queue, confirm_unknown_queue

# A tick takes no further row once so little of its time is left, because a row may need most of it.
RESERVE_MS = 20_000


def time_left(context: Any) -> Callable[[], bool]:
    """Return whether an invocation has time for another row, each time it is asked."""
    return lambda: context.get_remaining_time_in_millis() > RESERVE_MS


def wait_for_minute(time_left: Callable[[], bool]) -> bool:
    """Wait until the next minute begins, and with it a new call budget; return False if there is no time left."""
    end = next_minute(base.now())
    while time_left() and base.now() < end:
        time.sleep(1)
    return time_left()


@cache
def run_recorder(function: str) -> RunRecorder:
    """Return the use case that records the runs of a scheduled function."""
    return RunRecorder(RunStore(base.table()), function, base.now)


def tick(context: Any, function: str) -> Tick:
    """Return one run of a scheduled function, bounded by the remaining time of the invocation."""
    return Tick(
        rows=DueIndex(base.table()),
        clock=base.now,
        time_left=time_left(context),
        visibility_timeout=base.settings().visibility_timeout,
        jitter=base.random.random,
        record_run=run_recorder(function).record,
    )


@cache
def query_queues() -> list[QueryQueue]:
    """Return the classes of queries, the more urgent one first."""
    queues = {True: confirm_queue(), False: confirm_unknown_queue()}
    return [QueryQueue(known, queue, budget().queries(known=known)) for known, queue in queues.items()]
