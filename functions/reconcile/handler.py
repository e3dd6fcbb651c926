"""Every 5 minutes: add the tasks that a provider lists and that the ledger does not know."""

from typing import Any

from mediarelay.aws_lambda.observability import observed
from mediarelay.wiring.reconcile import reconciler
from mediarelay.wiring.ticks import run_recorder, time_left

RECONCILER, RECORDER = reconciler(), run_recorder("reconcile")


@observed
def handler(_event: Any, context: Any) -> dict[str, int]:
    """Return how many tasks were added."""
    added = RECONCILER.reconcile(time_left(context))
    RECORDER.record({})
    return {"added": added}
