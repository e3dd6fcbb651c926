"""Every minute: send audio tasks that are due to the confirm queue."""

from typing import Any

from mediarelay.domain.media import Kind
from mediarelay.root import circuit_open, confirm_queue, tick
from mediarelay.usecases.poll import poll

QUEUE = confirm_queue()


def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many confirmations were asked for."""
    return {"polled": poll(Kind.AUDIO, tick(context), QUEUE, circuit_open(Kind.AUDIO))}
