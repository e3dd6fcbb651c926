"""Failures within a tick: each is counted and logged with its subject, and none stops the rows behind it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem, IntentSubject, ReplayJobSubject, Subject, TaskSubject
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.songs.model import SongKey, SongType
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import LedgerUnavailable, ServiceDown, Undelivered
from mediarelay.usecases.tick import MAX_FAILURE_TIME, FailureBudget
from tests.counts import counted

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ROWS = [
    DueItem(
        duty=Duty.PUBLISH,
        subject=TaskSubject(vid, Kind.VIDEO),
        due_at=NOW,
        handle=RowHandle((f"TASK#{vid}", "TASK")),
    )
    for vid in ("v1", "v2", "v3")
]


class Clock:
    """Each reading is `step` later than the one before."""

    def __init__(self, step: timedelta = timedelta()) -> None:
        self.now, self.step = NOW, step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


def fail(failures: FailureBudget, keys: dict[str, str] | None = None) -> None:
    with failures.tolerate(keys or {}):
        raise KeyError("bug")


def scan(failures: FailureBudget, error: Exception) -> None:
    with failures.scan_guard():
        raise error


@pytest.mark.parametrize(
    ("subject", "keys"),
    [
        (TaskSubject("v1", Kind.VIDEO), {"vid": "v1"}),
        (IntentSubject("i1"), {"intent": "i1"}),
        (ReplayJobSubject("j1"), {"job": "j1"}),
        (SongKey("room 1", "s1", 1, SongType.SONG), {"room": "room 1", "song": "s1"}),
    ],
)
def test_a_failure_is_logged_with_the_keys_of_its_subject(
    subject: Subject, keys: dict[str, str], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(FailureBudget(Duty.PUBLISH, Clock()), subject.log_keys)
    (record,) = caplog.records
    fields: dict[str, Any] = vars(record)
    assert (record.message, record.levelname, fields["duty"]) == ("left due", "ERROR", Duty.PUBLISH)
    assert {name: fields.get(name) for name in ("vid", "intent", "job", "room", "song") if name in fields} == keys
    assert counted(capsys).by("LeftDue", "duty") == {"publish": 1}


@pytest.mark.parametrize(
    ("seconds", "exhausted"), [(MAX_FAILURE_TIME.seconds / 2 - 1, False), (MAX_FAILURE_TIME.seconds / 2, True)]
)
def test_the_rest_of_the_tick_belongs_to_others_once_failures_took_too_long(seconds: float, *, exhausted: bool) -> None:
    failures = FailureBudget(Duty.PUBLISH, Clock(timedelta(seconds=seconds)))
    fail(failures)
    fail(failures)
    assert failures.exhausted is exhausted


@pytest.mark.parametrize(
    ("failed", "exhausted"),
    [
        ([3], False),
        ([3, 3], True),
        ([3, 0, 3], False),
        ([3, 2, 3], False),
        ([2] * 9, False),
        ([2, 3, 3], True),
    ],
)
def test_after_two_batches_in_a_row_of_which_a_service_accepts_nothing_the_rest_waits(
    failed: list[int], *, exhausted: bool
) -> None:
    """Of each batch of three rows, so many fail."""
    failures = FailureBudget(Duty.PUBLISH, Clock())
    for count in failed:
        failures.tolerate_all(ROWS, dict.fromkeys(ROWS[:count], ServiceDown("X")), NOW)
    assert failures.exhausted is exhausted


@pytest.mark.parametrize("error", [Undelivered("InvalidParameter"), KeyError("a mistake"), LedgerUnavailable("X")])
def test_what_is_wrong_with_the_rows_themselves_stops_no_other(error: Exception) -> None:
    failures = FailureBudget(Duty.PUBLISH, Clock())
    for _ in range(9):
        failures.tolerate_all(ROWS, dict.fromkeys(ROWS, error) | {ROWS[0]: ServiceDown("X")}, NOW)
    assert not failures.exhausted


def test_success_costs_nothing() -> None:
    failures = FailureBudget(Duty.PUBLISH, Clock(timedelta(minutes=1)))
    with failures.tolerate({}):
        pass
    assert not failures.exhausted


@pytest.mark.parametrize("error", [LedgerUnavailable("ThrottlingException"), Undelivered("ClientError")])
def test_rows_that_cannot_be_listed_fail_the_tick_at_its_end_by_the_error_of_the_cause(error: Exception) -> None:
    failures = FailureBudget(Duty.SUBMIT, Clock())
    scan(failures, error)
    with pytest.raises(type(error), match=rf"^submit: some rows could not be taken \({error}\)$"):
        failures.raise_if_incomplete()


def test_a_bug_is_not_taken_for_an_outage() -> None:
    failures = FailureBudget(Duty.SUBMIT, Clock())
    with pytest.raises(KeyError):
        scan(failures, KeyError("bug"))
    failures.raise_if_incomplete()
