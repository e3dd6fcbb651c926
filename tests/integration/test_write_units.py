"""What each path uses is what `benchmarks/counted.py` states: calls, write and read units, invocations, log bytes."""

from dataclasses import replace

import pytest

from benchmarks.counted import CALLBACK_PATH, COUNTED
from benchmarks.paths import PATHS, counted, measure
from benchmarks.pipeline import Pipeline
from benchmarks.scale import WRITES
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


@pytest.mark.parametrize("trust", WRITES)
def test_a_callback_writes_what_the_model_of_the_scale_states(trust: str, lambda_sandbox: LambdaSandbox) -> None:
    lambda_sandbox.values["CALLBACK_TRUST"] = trust
    used = measure(Pipeline(lambda_sandbox), CALLBACK_PATH)
    assert used.table.writes == WRITES[trust]
    # Both pass the confirm queue and publish.
    assert (used.invocations["confirm"], used.publishes) == (1, 1)
