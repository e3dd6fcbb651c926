"""Every minute: give up on what never answered, finish open submits, publish what the stream did not."""

from typing import Any

from mediarelay.root import sweeper, tick

SWEEPER = sweeper()


def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how much was done, by duty."""
    return SWEEPER.sweep(tick(context))
