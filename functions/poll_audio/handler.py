"""Every minute: send the audio tasks that are due to the confirm queues."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.domain.tasks.media import Kind
from mediarelay.usecases.poll import poll
from mediarelay.wiring.circuit import is_circuit_open
from mediarelay.wiring.ticks import query_queues, tick

QUEUES = query_queues()


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many queries were requested."""
    return {"polled": poll(Kind.AUDIO, tick(context), QUEUES, is_circuit_open)}
