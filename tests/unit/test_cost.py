"""The model of the monthly cost: its sums, its counts against the template, and the figure that the README states."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cost import LANES, PER_DAY, PER_MONTH, PER_TASK, TODAY, bill, deployed, total
from benchmarks.prices import PRICES, Price
from tests.hypothesis_profiles import patient
from tests.stack import ROOT, functions, resources, translated

README = (ROOT / "README.md").read_text("utf-8")
# What helpers of the stack cost changes slowly. A model that is further off than this misleads.
TOLERANCE = 0.3


@given(st.floats(0, 1e7), st.floats(0, 1e7))
@patient
def test_more_tasks_cost_more_and_none_cost_the_stack(one: float, other: float) -> None:
    few, many = sorted((one, other))
    assert total(0) <= total(few) <= total(many)
    assert total(many) == pytest.approx(sum(line.dollars for line in bill(many)))


def test_a_line_is_a_quantity_times_its_price() -> None:
    line = next(line for line in bill(1000) if line.price is PRICES["api_requests"])
    assert round(line.quantity) == 91_250, "a submit, a callback and a read per task"
    assert replace(line, price=Price("a service", "requests", 2, 1000), quantity=500).dollars == 1


def test_the_model_computes_what_the_template_deploys() -> None:
    assert deployed() == TODAY


def test_the_stream_has_the_lanes_of_the_template_in_each_shard() -> None:
    """A new table on demand takes 4,000 write units a second, and each of its partitions 1,000."""
    lanes = functions()["dispatch"]["Events"]["Changes"]["Properties"]["ParallelizationFactor"]
    assert lanes * 4 == LANES


def test_each_quantity_has_a_price() -> None:
    assert PER_TASK.keys() | PER_DAY.keys() | PER_MONTH.keys() | {"stored_gb"} == PRICES.keys()


def _metrics(alarm: dict[str, Any]) -> int:
    return len([one for one in alarm.get("Metrics", []) if "MetricStat" in one]) or 1


def test_the_counts_are_about_those_of_the_template() -> None:
    alarms = resources("AWS::CloudWatch::Alarm", translated()).values()
    assert PER_MONTH["alarm_metrics"] == pytest.approx(sum(map(_metrics, alarms)), rel=TOLERANCE)
    secrets = len(resources("AWS::SecretsManager::Secret", translated()))
    assert secrets <= PER_MONTH["secrets"] <= secrets + 1
    assert len(resources("AWS::KMS::Key", translated())) == PER_MONTH["keys"]


@pytest.mark.parametrize(
    ("pattern", "tasks"), [(r"\*\*\$(\d+) a month\*\* at 1,000 tasks a day", 1000), (r"\$(\d+) of it", 0)]
)
def test_the_readme_states_what_the_model_computes(pattern: str, tasks: int) -> None:
    (stated,) = re.findall(pattern, README)
    assert float(stated) == pytest.approx(total(tasks), abs=0.6)
