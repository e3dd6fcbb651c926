"""Every minute: send the audio tasks that are due to the confirm queues."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.domain.tasks.media import Kind
from mediarelay.usecases.poll import poll
from mediarelay.wiring.circuit import circuit_breaker
from mediarelay.wiring.ticks import query_queues, tick

QUEUES, BREAKER = query_queues(), circuit_breaker()


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many queries were requested."""
    return {"polled": poll(Kind.AUDIO, tick(context, "poll_audio"), QUEUES, BREAKER.find)}
