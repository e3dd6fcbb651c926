"""Reasons: every overdue row has one, the first that applies, and an action that names a command."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import (
    BudgetFacts,
    CircuitFacts,
    DutyFacts,
    Facts,
    LastRun,
    QueueFacts,
    ScheduleFacts,
)
from mediarelay.domain.operations.overdue import SCHEDULES
from mediarelay.domain.operations.stuck import OverdueRow, explain
from tests.unit.domain.operations.test_problems import DAY, NOW, facts

CIRCUIT = CircuitFacts(circuit="cts:GetCtsInfo", provider="cts", action="GetCtsInfo", failures=5, open_until=NOW)
BUDGET = BudgetFacts(provider="cts", minute="m", calls=80, limit=100, background_limit=80)
LATE = ScheduleFacts(function="poll_video", every=SCHEDULES["poll_video"], last=LastRun(at=NOW - timedelta(hours=1)))
QUEUE = QueueFacts(queue="ConfirmQueue", messages=3)
FAILING = DutyFacts(duty=Duty.VIDEO, failed=2)
ROW = OverdueRow(
    type="task", id="v1", duty=Duty.VIDEO, due_at=NOW - timedelta(hours=1), circuit="cts:GetCtsInfo", provider="cts"
)
rows = st.builds(
    OverdueRow,
    type=st.sampled_from(["task", "submission", "song", "replay", "row"]),
    id=st.text(max_size=5),
    duty=st.sampled_from(Duty),
    due_at=st.just(NOW),
    circuit=st.none() | st.just("cts:GetCtsInfo"),
    provider=st.none() | st.just("cts"),
    last_error=st.none() | st.just("the provider refused it"),
)


@given(rows, facts)
def test_every_row_has_a_reason_and_an_action(row: OverdueRow, known: Facts) -> None:
    found = explain(row, known)
    assert all(found)
    assert found.action.startswith("mediarelay ")
    assert (row.last_error or "") in found.why


@pytest.mark.parametrize(
    ("left_out", "why"),
    [
        (0, "poll_video has not completed a run since 2026-03-04T04:06:07Z"),
        (1, "5 calls of GetCtsInfo of cts failed in a row"),
        (2, "2 rows of this duty failed in the last run of poll_video; its log has the cause (`left due`)"),
        (3, "cts got all 80 calls that a minute has for queries and queued submits"),
        (4, "3 messages wait in ConfirmQueue"),
        (5, "it waits for poll_video"),
    ],
)
def test_the_first_cause_that_applies_is_the_reason(left_out: int, why: str) -> None:
    causes: list[dict[str, Any]] = [
        {"schedules": (LATE,)},
        {"circuits": (CIRCUIT,)},
        {"duties": (FAILING,)},
        {"budget": (BUDGET,)},
        {"queues": (QUEUE,)},
    ]
    known = {name: value for one in causes[left_out:] for name, value in one.items()}
    assert explain(ROW, Facts(time=NOW, quarantine=DAY, **known)).why == why


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (OverdueRow(type="row", id="pk sk", duty=Duty.VIDEO, due_at=NOW), "the row cannot be read"),
        (
            OverdueRow(type="task", id="v", duty=Duty.UNKNOWN_VIDEO, due_at=NOW),
            "only callbacks name this task; such tasks share a part of the call budget",
        ),
        (
            OverdueRow(type="submission", id="s", duty=Duty.PUBLISH, due_at=NOW, last_error="refused: no"),
            "it waits for sweep; refused: no",
        ),
    ],
)
def test_reasons_of_the_row_itself(row: OverdueRow, why: str) -> None:
    assert explain(row, Facts(time=NOW, quarantine=DAY)).why == why


def test_a_budget_delays_no_duty_that_makes_no_call() -> None:
    row = OverdueRow(type="task", id="v", duty=Duty.PUBLISH, due_at=NOW, provider="cts")
    assert explain(row, Facts(time=NOW, quarantine=DAY, budget=(BUDGET,))).why == "it waits for sweep"
