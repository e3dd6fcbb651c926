"""What each path uses is what `benchmarks/counted.py` states: calls, write and read units, invocations, log bytes."""

from dataclasses import replace

import pytest

from benchmarks.counted import COUNTED
from benchmarks.paths import PATHS, counted, measure
from benchmarks.pipeline import Pipeline
from tests.integration.lambda_sandbox import LambdaSandbox


@pytest.mark.parametrize("path", PATHS)
def test_a_path_uses_what_the_table_states(path: str, lambda_sandbox: LambdaSandbox) -> None:
    used = measure(Pipeline(lambda_sandbox), path)
    found, stated = counted(used), COUNTED[path]
    assert found.log_bytes == pytest.approx(stated.log_bytes, rel=0.1)
    assert found.kept_bytes == pytest.approx(stated.kept_bytes, rel=0.1)
    assert replace(found, log_bytes=stated.log_bytes, kept_bytes=stated.kept_bytes) == stated, (
        f"write units by place: {dict(used.table.writes)}; calls: {dict(used.table.calls)}"
    )
