"""How many messages the confirm queues get while the provider cannot be reached for an hour."""

import io
from contextlib import redirect_stdout, suppress
from dataclasses import replace

from benchmarks.measurement import Measurement
from benchmarks.pipeline import account, log_to, make_table
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import ProviderError
from tests.integration.doubles import Secret
from tests.integration.task_harness import TaskHarness

TASKS, MINUTES = 20, 60
# Nothing listens there: a call fails at once, and counts for the circuit as one that hangs.
CLOSED = "http://127.0.0.1:9/v2/index.php"
KEYS = Secret({"cts": {"secret_id": "AKIDexample", "secret_key": "example-secret-key"}})


def harness_without_provider() -> TaskHarness:
    """Return the use cases with the real client of the provider, which finds none."""
    harness = TaskHarness(make_table("ledger"))
    secrets = {**harness.deployment.secrets, "ProviderKeys": KEYS}
    harness.deployment = replace(harness.deployment, api=None, secrets=secrets)
    harness.configure(provider_endpoint=CLOSED)
    return harness


def messages() -> int:
    """Return how many messages the polls send about `TASKS` open tasks."""
    sent = 0
    with account(), redirect_stdout(io.StringIO()) as log, log_to(log):
        harness = harness_without_provider()
        for number in range(TASKS):
            harness.track(f"{number:030x}")
        for _ in range(MINUTES):
            harness.clock.forward(minutes=1)
            harness.poll()
            taken = harness.take()
            sent += len(taken)
            for vid, kind in taken:
                # The queue would deliver a message that failed again, which is no message of ours.
                with suppress(ProviderError):
                    harness.confirm(vid, Kind(kind))
    return sent


def figure(*, quick: bool) -> Measurement:  # noqa: ARG001 - it takes seconds
    """Return the messages per open task."""
    return Measurement({"messages": messages() / TASKS})
