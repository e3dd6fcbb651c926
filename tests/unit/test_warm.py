"""The measurement of warm invocations: its table, its goals, and blocks that refuse a failed callback."""

from typing import Any

import pytest

from benchmarks.receiver import block
from benchmarks.warm import Figure, missed, table

FIGURES = {
    "U1: new": Figure(2.0, 1),
    "U3: new": Figure(5.0, 3),
    "raw: new": Figure(0.5, 1),
    "video_callback: new": Figure(1.2, 1),
}


def test_the_table_has_the_ratios_and_goals_name_what_exceeds_them() -> None:
    (*_, row) = table(FIGURES).splitlines()
    assert row.split()[-5:] == ["1.200", "1.0", "0.24", "0.60", "2.40"]
    assert missed(FIGURES) == ["0.24 of U3, the goal is 0.22", "0.60 of U1, the goal is 0.55"]


def test_a_block_measures_answered_callbacks_only() -> None:
    def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
        return {"statusCode": event["status"]}

    assert block(handler, [{"status": 200}] * 3) >= 0
    with pytest.raises(ValueError, match="503"):
        block(handler, [{"status": 200}, {"status": 503}])
