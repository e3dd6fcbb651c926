"""Every minute: give up overdue tasks, submit open intents, and publish what the stream did not publish."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.wiring.sweep import sweeper
from mediarelay.wiring.ticks import tick

SWEEPER = sweeper()


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return the number of rows that were carried out, by duty."""
    return SWEEPER.sweep(tick(context, "sweep"))
