"""The dashboard names metrics that exist, and its body is what CloudWatch accepts."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack import ROOT, defaults, resources, template

SOURCES = (ROOT / "layers/shared/mediarelay", ROOT / "functions")
# What CloudWatch allows for a dashboard.
GRID, MAX_WIDGETS = 24, 500


def body() -> dict[str, Any]:
    """The body with every reference replaced by a name, and parameters by their defaults."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard", template()).values()
    text = dashboard["DashboardBody"]["Fn::Sub"]
    found: dict[str, Any] = json.loads(re.sub(r"\$\{([\w:.]+)\}", lambda name: defaults().get(name[1], name[1]), text))
    return found


WIDGETS = body()["widgets"]


def own_metrics() -> Iterator[str]:
    """The names of our own metrics, with `.` and `...` resolved."""
    for widget in WIDGETS:
        before: list[str] = []
        for row in widget["properties"].get("metrics", ()):
            names = [one for one in row if isinstance(one, str)]
            if names[:1] == ["..."]:
                names = before[: len(before) - len(names) + 1] + names[1:]
            before = [before[place] if name == "." else name for place, name in enumerate(names)]
            if before and before[0] == "Mediarelay":
                assert before[2:] == ["service", "mediarelay"]
                yield before[1]


@pytest.mark.parametrize("metric", sorted(set(own_metrics())))
def test_a_metric_is_counted_and_documented(metric: str) -> None:
    code = "".join(file.read_text("utf-8") for folder in SOURCES for file in folder.rglob("*.py"))
    assert f'"{metric}"' in code
    assert f"`{metric}`" in (ROOT / "docs/runbook.md").read_text("utf-8")


def test_widgets_fit_the_grid_and_do_not_overlap() -> None:
    cells = [
        (x, y)
        for one in WIDGETS
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < GRID
    assert len(WIDGETS) <= MAX_WIDGETS


def test_a_log_query_reads_details_that_are_counted() -> None:
    """`details.Published.state.lost` is what `count("Published", state="lost")` writes."""
    code = "".join(file.read_text("utf-8") for folder in SOURCES for file in folder.rglob("*.py"))
    queries = [one["properties"]["query"] for one in WIDGETS if one["type"] == "log"]
    read = {match.groups() for query in queries for match in re.finditer(r"details\.(\w+)\.(\w+)\.", query)}
    assert read
    for metric, detail in read:
        assert re.search(rf'(count|measure)\(\s*"{metric}",.*\b{detail}=', code), (metric, detail)


def test_every_dead_letter_queue_is_shown() -> None:
    text = json.dumps(WIDGETS)
    dead = [name for name in resources("AWS::SQS::Queue") if name.endswith("DeadLetters")]
    assert dead
    # A text cannot name a queue that a condition leaves out, so a search finds it by its name.
    assert [name for name in dead if f"{name}.QueueName" not in text and f"-{name}" not in text] == []
