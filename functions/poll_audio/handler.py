"""Every minute: send audio tasks that are due to the confirm queue."""

from typing import Any

from mediarelay.domain.tasks.media import Kind
from mediarelay.root import circuit_open, query_queues, tick
from mediarelay.usecases.poll import poll

QUEUES = query_queues()


def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many confirmations were asked for."""
    return {"polled": poll(Kind.AUDIO, tick(context), QUEUES, circuit_open(Kind.AUDIO))}
