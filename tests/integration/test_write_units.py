"""What each path uses is what `benchmarks/counted.py` states: calls, write and read units, invocations, log bytes."""

from dataclasses import replace

import pytest

from benchmarks.counted import COUNTED, PathCost
from benchmarks.paths import PATHS, measure
from benchmarks.pipeline import PathUsage, Pipeline
from tests.integration.lambda_sandbox import LambdaSandbox


def counted(used: PathUsage) -> PathCost:
    return PathCost(
        calls=used.table.calls.total(),
        writes=used.table.write_units,
        reads=used.table.read_units,
        invocations=dict(used.invocations),
        messages=used.messages,
        publishes=used.publishes,
        log_bytes=used.log_bytes.total(),
        requests=used.requests,
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_path_uses_what_the_table_states(path: str, lambda_sandbox: LambdaSandbox) -> None:
    used = measure(Pipeline(lambda_sandbox), path)
    found, stated = counted(used), COUNTED[path]
    assert found.log_bytes == pytest.approx(stated.log_bytes, rel=0.1)
    assert replace(found, log_bytes=stated.log_bytes) == stated, (
        f"write units by place: {dict(used.table.writes)}; calls: {dict(used.table.calls)}"
    )
