"""Every minute: send audio tasks that are due to the confirm queue."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.domain.tasks.media import Kind
from mediarelay.usecases.poll import poll
from mediarelay.wiring.circuit import circuit_open
from mediarelay.wiring.ticks import query_queues, tick

QUEUES = query_queues()


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many confirmations were asked for."""
    return {"polled": poll(Kind.AUDIO, tick(context), QUEUES, circuit_open(Kind.AUDIO))}
