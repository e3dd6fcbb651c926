"""Every minute: give up on what never answered, finish open submits, publish what the stream did not."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.wiring.sweep import sweeper
from mediarelay.wiring.ticks import tick

SWEEPER = sweeper()


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how much was done, by duty."""
    return SWEEPER.sweep(tick(context))
