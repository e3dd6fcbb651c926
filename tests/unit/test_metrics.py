"""Counters in CloudWatch's embedded metric format."""

import json

import pytest

from mediarelay import metrics
from mediarelay.domain.tasks.media import Kind


@pytest.mark.parametrize(
    ("value", "dimensions", "names"),
    [(1, {}, []), (3, {"kind": Kind.VIDEO}, ["kind"]), (0, {"b": "2", "a": "1"}, ["a", "b"])],
)
def test_one_line_per_count(
    capsys: pytest.CaptureFixture[str], value: int, dimensions: dict[str, str], names: list[str]
) -> None:
    metrics.count("ClaimStored", value, **dimensions)
    text = capsys.readouterr().out
    line = json.loads(text)
    assert text.count("\n") == 1
    assert isinstance(line["_aws"].pop("Timestamp"), int)
    metric = {"Name": "ClaimStored", "Unit": "Count"}
    assert line == {
        "_aws": {"CloudWatchMetrics": [{"Namespace": "Mediarelay", "Dimensions": [names], "Metrics": [metric]}]},
        "ClaimStored": value,
        **dimensions,
    }


def test_what_an_alarm_watches_is_counted_in_all_and_by_its_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch adds nothing up: without the count in all, the alarm would watch a metric that never has a value."""
    metrics.count_alarmed("RowsUnreadable", item="task")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for line in lines] == [[[]], [["item"]]]
    assert [line["RowsUnreadable"] for line in lines] == [1, 1]
