"""What happens next to a task: the earliest thing that waits for it, whatever rows it has."""

from datetime import UTC, datetime, timedelta

import pytest

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem, TaskSummary
from mediarelay.domain.tasks.log import PendingCheck, TaskLog
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.next_step import NextStep, next_step
from mediarelay.domain.tasks.origin import Origin

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def item(due: Due | None, *published: Publication) -> TaskItem:
    summary = TaskSummary(
        vid="v",
        kind=Kind.VIDEO,
        state=State.EXPECTED,
        created_at=NOW,
        updated_at=NOW,
        url=None,
        due=due,
        unpublished=None,
    )
    return TaskItem(summary, Bookkeeping(kind=Kind.VIDEO, attempts=3, give_up_at=LATER, published=frozenset(published)))


def claim(at: datetime) -> PendingCheck:
    return PendingCheck(
        handle=RowHandle(("p", "s")),
        kind=Kind.VIDEO,
        at=NOW,
        give_up_at=LATER,
        origin=Origin.CLAIM,
        due=Due(Duty.UNKNOWN_VIDEO, at),
    )


@pytest.mark.parametrize(
    ("duty", "name"),
    [
        (Duty.VIDEO, "query"),
        (Duty.UNKNOWN_AUDIO, "query"),
        (Duty.GIVE_UP, "give_up"),
        (Duty.PUBLISH, "publish"),
    ],
)
def test_each_duty_has_a_name_for_readers(duty: Duty, name: str) -> None:
    found = next_step(TaskLog(observations=(), item=item(Due(duty, NOW))))
    assert (found.duty, found.at, found.attempts, found.give_up_at) == (name, NOW, 3, LATER)


def test_a_claim_that_waits_comes_first_if_it_is_due_earlier() -> None:
    log = TaskLog(observations=(), item=item(Due(Duty.VIDEO, LATER)), pending=(claim(NOW), claim(LATER)))
    assert next_step(log).at == NOW


def test_a_task_that_only_a_claim_names_has_a_next_step() -> None:
    log = TaskLog(observations=(), pending=(claim(LATER), claim(NOW)))
    assert next_step(log) == NextStep(duty="query", at=NOW, give_up_at=LATER)


def test_a_task_with_a_published_outcome_waits_for_nothing() -> None:
    outcome = Publication(State.SUCCEEDED)
    found = next_step(TaskLog(observations=(), item=item(None, outcome, Publication(State.PROBED))))
    assert (found.duty, found.at, set(found.published)) == (None, None, {outcome, Publication(State.PROBED)})
    assert next_step(TaskLog(observations=())) == NextStep()
