"""The promise under faults, in short; `make chaos` is the long form."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.chaos.chaos_run import ChaosRun, Pace, chaos_run
from tests.chaos.faults import FAULTS, Fault

TASKS = 10
MAX_SECONDS = 8.0
"""How long a fault lasts here: ten tasks are sent, polled and published while it does."""
MAX_WAIT = 180.0
PACE = Pace(senders=2, tick=3)
"""Slower than `make chaos`: each client more starts further environments of all functions that answer it, and most of
a row is waiting for a time-out, in which ticks find nothing to do."""


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChaosRun]:
    with chaos_run(tmp_path_factory.mktemp("chaos_run"), pace=PACE) as found:
        yield found


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.short], ids=lambda fault: fault.name)
def test_every_task_ends_in_its_outcome_and_a_notification(here: ChaosRun, fault: Fault) -> None:
    row = here.run(replace(fault, seconds=min(fault.seconds, MAX_SECONDS)), TASKS, MAX_WAIT)
    assert row.kept, row
    assert row.notifications >= TASKS
