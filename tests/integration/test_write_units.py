"""What each path costs: calls to DynamoDB, write and read units, invocations. A change that costs more fails here."""

from typing import NamedTuple

import pytest

from benchmarks.paths import PATHS, measure
from benchmarks.pipeline import Pipeline
from tests.integration.lambda_sandbox import LambdaSandbox


class Cost(NamedTuple):
    calls: int
    """Calls to DynamoDB."""
    writes: int
    """Write units, with those of the indexes."""
    reads: float
    """Read units."""
    invocations: int
    messages: int
    """Messages through queues."""


# If a number falls, lower it here. If one must rise, benchmarks/README.md shows what that costs.
COSTS = {
    "callback": Cost(1, 2, 0, 1, 0),
    "duplicate": Cost(1, 1, 0, 1, 0),
    "callback, confirmed and published": Cost(12, 16, 5, 4, 1),
    "unknown task: the same": Cost(12, 14, 5, 4, 1),
    "submit": Cost(9, 17, 2, 1, 0),
    "batch, per task": Cost(11, 18, 3, 3, 1),
    "replay": Cost(13, 11, 6, 4, 1),
    "song": Cost(7, 10, 2, 2, 0),
    "delivery": Cost(10, 13, 5, 3, 1),
    "read": Cost(1, 0, 1, 1, 0),
    "tick": Cost(71, 3, 36, 3, 0),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_costs_what_the_table_states(path: str, lambda_sandbox: LambdaSandbox) -> None:
    used = measure(Pipeline(lambda_sandbox), path)
    table, invocations = used.table, used.invocations.total()
    found = Cost(table.calls.total(), table.write_units, table.read_units, invocations, used.messages)
    assert found == COSTS[path], f"write units by place: {dict(table.writes)}; calls: {dict(table.calls)}"
