"""Problems: every fact that an operator must know becomes one, none is invented, and no facts break the computation."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    QuarantineFacts,
    QueueFacts,
    ScheduleFacts,
    SecretFacts,
    SubmissionFacts,
)
from mediarelay.domain.operations.overdue import (
    MISSED_INTERVALS,
    OVERDUE_AFTER,
    SCHEDULE_OF,
    SCHEDULES,
    is_late,
    is_overdue,
)
from mediarelay.domain.operations.problems import OLD_SUBMISSION, RUNBOOK, is_healthy, problems
from mediarelay.domain.operations.queues import DEAD_LETTERS, QUEUES
from mediarelay.domain.operations.severity import Severity
from tests.stack import ROOT, functions, resources, template

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAY = QuarantineFacts(day="2026-03-04")
SECOND = timedelta(seconds=1)
times = st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 2), max_value=datetime(8999, 1, 1))  # noqa: DTZ001
counts = st.integers(0, 2000)
names = st.text(max_size=8)
facts = st.builds(
    Facts,
    time=times,
    duties=st.lists(
        st.builds(
            DutyFacts,
            duty=st.sampled_from(Duty),
            due=counts,
            more=st.booleans(),
            oldest_due_at=st.none() | times,
            failed=counts,
        )
    ).map(tuple),
    circuits=st.lists(
        st.builds(
            CircuitFacts, circuit=names, provider=names, action=names, failures=counts, open_until=st.none() | times
        )
    ).map(tuple),
    budget=st.lists(
        st.builds(
            BudgetFacts,
            provider=names,
            minute=names,
            calls=counts,
            unknown_calls=counts,
            limit=counts,
            background_limit=counts,
        )
    ).map(tuple),
    queues=st.lists(st.builds(QueueFacts, queue=st.sampled_from(QUEUES), messages=counts)).map(tuple),
    dead_letters=st.lists(
        st.builds(QueueFacts, queue=st.sampled_from(sorted(DEAD_LETTERS)), messages=counts, in_flight=counts)
    ).map(tuple),
    schedules=st.lists(
        st.builds(
            ScheduleFacts,
            function=st.sampled_from(sorted(SCHEDULES)),
            every=st.timedeltas(SECOND, timedelta(days=1)),
            last=st.none() | st.builds(LastRun, at=times),
        )
    ).map(tuple),
    secrets=st.lists(
        st.builds(SecretFacts, secret=names, usable=counts, unusable=st.lists(names).map(tuple), readable=st.booleans())
    ).map(tuple),
    quarantine=st.builds(QuarantineFacts, day=names, bodies=counts, more=st.booleans()),
    submissions=st.builds(SubmissionFacts, open=counts, more=st.booleans(), oldest_at=st.none() | times),
    unavailable=st.lists(st.sampled_from(QUEUES)).map(tuple),
)


def found(**parts: object) -> list[tuple[str, Severity, str]]:
    """The problems of a deployment in which only these parts state anything."""
    built = Facts(time=NOW, **{"quarantine": DAY} | parts)  # type: ignore[arg-type]
    return [(one.code, one.severity, one.subject) for one in problems(built)]


def anchors() -> set[str]:
    """The headings of the runbook, as GitHub and MkDocs make anchors of them."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs/runbook.md").read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}


ANCHORS = anchors()


@given(facts)
def test_no_facts_break_the_list_and_only_errors_make_a_deployment_unhealthy(one: Facts) -> None:
    listed = problems(one)
    assert is_healthy(listed) == (not [each for each in listed if each.severity is Severity.ERROR])
    assert [each.severity for each in listed] == sorted(each.severity for each in listed), "errors come first"
    for each in listed:
        assert each.runbook.removeprefix(RUNBOOK) in ANCHORS
        assert each.detail
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", each.code)


def test_nothing_is_wrong_with_a_quiet_deployment() -> None:
    recent = LastRun(at=NOW - timedelta(minutes=1))
    quiet = {
        "duties": tuple(DutyFacts(duty=duty) for duty in Duty),
        "circuits": (CircuitFacts(circuit="a:B", provider="a", action="B", failures=4),),
        "budget": (BudgetFacts(provider="a", minute="m", calls=79, limit=100, background_limit=80),),
        "dead_letters": tuple(QueueFacts(queue=name) for name in DEAD_LETTERS),
        "schedules": tuple(ScheduleFacts(function=name, every=every, last=recent) for name, every in SCHEDULES.items()),
        "secrets": (SecretFacts(secret="ApiClients", usable=1),),
        "submissions": SubmissionFacts(open=3, oldest_at=NOW - OLD_SUBMISSION),
    }
    assert found(**quiet) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"circuits": (CircuitFacts(circuit="a:B", provider="a", action="B", failures=5, open_until=NOW),)},
            ("circuit_open", "error", "a:B"),
        ),
        (
            {"budget": (BudgetFacts(provider="a", minute="m", calls=80, limit=100, background_limit=80),)},
            ("budget_spent", "warning", "a"),
        ),
        ({"secrets": (SecretFacts(secret="ApiClients"),)}, ("secret_unusable", "error", "ApiClients")),
        (
            {"secrets": (SecretFacts(secret="ApiClients", usable=1, readable=False),)},
            ("secret_unusable", "error", "ApiClients"),
        ),
        (
            {"secrets": (SecretFacts(secret="ApiClients", usable=1, unusable=("clients.1: no",)),)},
            ("secret_entries_unusable", "warning", "ApiClients"),
        ),
        ({"quarantine": QuarantineFacts(day="2026-03-04", bodies=1)}, ("quarantine", "warning", "2026-03-04")),
        ({"unavailable": ("SubmitQueue",)}, ("queue_unavailable", "error", "SubmitQueue")),
        (
            {"submissions": SubmissionFacts(open=1, oldest_at=NOW - OLD_SUBMISSION - SECOND)},
            ("submissions_waiting", "warning", "submissions"),
        ),
        ({"duties": (DutyFacts(duty=Duty.PUBLISH, failed=1),)}, ("duty_failing", "warning", "publish")),
        (
            {"schedules": (ScheduleFacts(function="sweep", every=timedelta(minutes=1)),)},
            ("schedule_late", "warning", "sweep"),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_fact_that_matters_is_one_problem(parts: dict[str, object], expected: tuple[str, str, str]) -> None:
    assert found(**parts) == [expected]


@pytest.mark.parametrize("duty", list(Duty))
def test_a_duty_is_overdue_after_its_own_time(duty: Duty) -> None:
    limit = OVERDUE_AFTER[duty]
    at_limit = DutyFacts(duty=duty, due=1, oldest_due_at=NOW - limit)
    behind = DutyFacts(duty=duty, due=1, oldest_due_at=NOW - limit - SECOND)
    assert not is_overdue(at_limit, NOW)
    assert is_overdue(behind, NOW)
    code = "rows_unreadable" if duty is Duty.UNREADABLE else "duty_overdue"
    assert (found(duties=(at_limit,)), found(duties=(behind,))) == ([], [(code, Severity.ERROR, duty)])


def test_a_duty_that_only_just_became_due_is_not_overdue_by_any_table() -> None:
    """No limit is below two intervals of the schedule, or the status would flicker between two runs."""
    assert OVERDUE_AFTER.keys() == SCHEDULE_OF.keys() == set(Duty)
    assert all(limit >= 2 * SCHEDULES[SCHEDULE_OF[duty]] for duty, limit in OVERDUE_AFTER.items())


@pytest.mark.parametrize(("name", "every"), SCHEDULES.items())
def test_a_schedule_is_late_after_a_missed_run_also_if_the_last_one_took_all_its_time(
    name: str, every: timedelta
) -> None:
    timeout = timedelta(seconds=functions()[name]["Timeout"])
    slow = ScheduleFacts(function=name, every=every, last=LastRun(at=NOW - every - timeout))
    missing = ScheduleFacts(function=name, every=every, last=LastRun(at=NOW - MISSED_INTERVALS * every - SECOND))
    assert not is_late(slow, NOW)
    assert is_late(missing, NOW)
    assert found(schedules=(missing,)) == [("schedule_late", Severity.ERROR, name)]


def test_the_schedules_are_those_of_the_template() -> None:
    stated = {
        name: event["Properties"]["ScheduleExpression"]
        for name, item in functions().items()
        for event in item.get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    }
    minutes = {name: every // timedelta(minutes=1) for name, every in SCHEDULES.items()}
    assert stated == {name: f"rate({one} minute{'s' if one > 1 else ''})" for name, one in minutes.items()}


@pytest.mark.parametrize("name", sorted(DEAD_LETTERS))
def test_a_dead_letter_is_a_problem_also_while_an_operator_looks_at_it(name: str) -> None:
    expected = [("dead_letters", DEAD_LETTERS[name].severity, name)]
    assert found(dead_letters=(QueueFacts(queue=name, messages=1),)) == expected
    assert found(dead_letters=(QueueFacts(queue=name, in_flight=1),)) == expected


def test_the_queues_and_their_sources_are_those_of_the_template() -> None:
    stated = resources("AWS::SQS::Queue")
    redriven = {
        name: queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for name, queue in stated.items()
        if "RedrivePolicy" in queue
    }
    assert set(QUEUES) == set(redriven)
    assert set(DEAD_LETTERS) == set(stated) - set(QUEUES)
    for name, queue in DEAD_LETTERS.items():
        assert set(queue.sources) == {source for source, target in redriven.items() if target == name}
        kept = template()["Resources"][name].get("UpdateReplacePolicy") == "Retain"
        assert queue.is_only_copy == kept, "what survives the stack is nowhere else"


def test_this_file_looks_at_the_right_runbook() -> None:
    assert Path(ROOT / "docs/runbook.md").exists()
    assert "confirmdeadlettersalarm" in ANCHORS
