"""Back-off: bounds, jitter, giving up; and shards that together hold everything."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.adapters.dynamodb.keys import shard_of, shards
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.schedule import (
    JITTER,
    MAX_UNKNOWN_WAIT,
    MAX_WAIT,
    first_check,
    first_wait,
    hide_until,
    next_check,
    next_minute,
    next_wait,
)
from mediarelay.domain.tasks.media import Kind
from tests.hypothesis_profiles import patient
from tests.unit.domain.strategies import START

FIRST = st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds))
JITTERS = st.floats(0, 1, exclude_max=True)
VISIBILITY_TIMEOUT = timedelta(minutes=3)
FAR = START + timedelta(days=365)


def wait(attempts: int, first: timedelta, jitter: float) -> timedelta:
    return next_wait(first, attempts, jitter)


@pytest.mark.parametrize(
    ("kind", "known", "duty"),
    [
        (Kind.VIDEO, True, Duty.VIDEO),
        (Kind.VIDEO, False, Duty.UNKNOWN_VIDEO),
        (Kind.AUDIO, True, Duty.AUDIO),
        (Kind.AUDIO, False, Duty.UNKNOWN_AUDIO),
    ],
)
def test_first_check(kind: Kind, known: bool, duty: Duty) -> None:
    created, minute_later = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
    assert first_check(kind, created, timedelta(minutes=1), known=known) == Due(duty, minute_later)


@pytest.mark.parametrize(
    ("attempts", "known", "seconds"),
    [
        (0, True, 60),
        (1, True, 102),
        (2, True, 173.4),
        (6, True, 1448.25414),
        (7, True, 2462.032038),
        (7, False, 2462.032038),
        (9, False, 7115.27258982),
        (10, False, 12095.963402694),
    ],
)
@pytest.mark.parametrize(("jitter", "part"), [(0, 0.75), (0.25, 0.875), (0.5, 1), (0.999, 1.2495)])
def test_the_waits_after_a_first_one_of_a_minute(
    attempts: int, known: bool, seconds: float, jitter: float, part: float
) -> None:
    wait = next_wait(timedelta(minutes=1), attempts, jitter, known=known)
    longest = MAX_WAIT if known else MAX_UNKNOWN_WAIT
    assert wait.total_seconds() == pytest.approx(min(seconds, longest.total_seconds()) * part)


@pytest.mark.parametrize(("known", "longest"), [(True, timedelta(minutes=30)), (False, timedelta(hours=2))])
@given(st.integers(0, 10**6), FIRST, JITTERS, st.integers(0, 10**6))
@patient
def test_no_wait_exceeds_its_maximum_by_more_than_the_jitter(
    known: bool, longest: timedelta, attempts: int, first: timedelta, jitter: float, starved: int
) -> None:
    over_budget_for = timedelta(seconds=starved)
    assert next_wait(first, attempts, jitter, known=known, over_budget_for=over_budget_for) <= longest * (1 + JITTER)


@pytest.mark.parametrize("known", [True, False])
@given(st.integers(0, 10**6), FIRST, st.integers(0, 10**6))
@patient
def test_jitter_spreads_tasks_that_wait_as_long_as_they_may(
    known: bool, attempts: int, first: timedelta, starved: int
) -> None:
    """Otherwise tasks that an outage has brought together would be due together for ever."""
    waits = [
        next_wait(first, attempts, jitter, known=known, over_budget_for=timedelta(seconds=starved))
        for jitter in (0, 0.5, 0.999)
    ]
    assert waits[0] < waits[1] < waits[2]


@given(st.integers(0, 10**6), FIRST, JITTERS)
@patient
def test_tasks_that_only_callbacks_name_end_up_waiting_longer(attempts: int, first: timedelta, jitter: float) -> None:
    known, unknown = wait(attempts, first, jitter), next_wait(first, attempts, jitter, known=False)
    assert unknown >= known
    assert next_wait(first, 40, jitter, known=False) >= min(MAX_UNKNOWN_WAIT, first * 1.7**20) * (1 - JITTER)
    assert unknown <= MAX_UNKNOWN_WAIT * (1 + JITTER)


@given(st.integers(0, 10), st.integers(0, 100_000), st.integers(0, 100_000), FIRST, JITTERS)
@patient
def test_the_longer_our_budget_is_used_up_the_longer_the_wait(
    attempts: int, seconds: int, more: int, first: timedelta, jitter: float
) -> None:
    def starved(total: int) -> timedelta:
        return next_wait(first, attempts, jitter, over_budget_for=timedelta(seconds=total))

    assert wait(attempts, first, jitter) == starved(0) <= starved(seconds) <= starved(seconds + more)
    assert starved(100_000) >= MAX_WAIT * (1 - JITTER)
    assert starved(seconds) <= MAX_WAIT * (1 + JITTER)


@given(st.integers(0, 10**6))
def test_the_next_minute_is_the_one_that_the_budget_counts_next(seconds: int) -> None:
    now = START + timedelta(seconds=seconds)
    assert timedelta() < next_minute(now) - now <= timedelta(minutes=1)
    assert f"{next_minute(now):%H:%M}" != f"{now:%H:%M}"


@given(st.integers(0, 10**6), FIRST, JITTERS)
@patient
def test_waits_stay_within_bounds(attempts: int, first: timedelta, jitter: float) -> None:
    shortest = min(first, MAX_WAIT) * (1 - JITTER)
    assert shortest <= wait(attempts, first, jitter) <= MAX_WAIT * (1 + JITTER)


@given(st.integers(0, 50), FIRST, JITTERS)
@patient
def test_waits_grow_with_the_attempts(attempts: int, first: timedelta, jitter: float) -> None:
    shorter, longer = wait(attempts, first, jitter), wait(attempts + 1, first, jitter)
    assert longer >= shorter
    if longer < MAX_WAIT * (1 - JITTER):
        assert longer > shorter


@pytest.mark.parametrize(
    ("left", "queried", "wait", "duty", "after"),
    [
        (600, True, 300, Duty.VIDEO, 300),
        (600, False, 300, Duty.VIDEO, 300),
        (120, True, 300, Duty.VIDEO, 120),
        (1, False, 300, Duty.VIDEO, 1),
        (0, True, 300, Duty.GIVE_UP, 0),
        (-100, True, 300, Duty.GIVE_UP, 0),
        (0, False, 300, Duty.VIDEO, 60),
        (-100, False, 10, Duty.VIDEO, 10),
    ],
)
def test_a_task_is_given_up_only_after_a_query_at_the_deadline_or_later(
    left: int, queried: bool, wait: int, duty: Duty, after: int
) -> None:
    give_up_at = START + timedelta(seconds=left)
    found = next_check(Duty.VIDEO, START, timedelta(seconds=wait), queried=queried, give_up_at=give_up_at)
    assert found == Due(duty, START + timedelta(seconds=after))


@given(st.integers(0, 100_000), st.integers(0, 10_000), JITTERS)
@patient
def test_what_waits_longer_is_taken_up_less_often(age: int, more: int, jitter: float) -> None:
    def lease(seconds: int | None, duty: Duty = Duty.SUBMIT) -> timedelta:
        since = None if seconds is None else START - timedelta(seconds=seconds)
        return hide_until(duty, START, since, VISIBILITY_TIMEOUT, jitter) - START

    assert lease(None) <= lease(age) <= lease(age + more)
    assert lease(age, Duty.PUBLISH) == lease(age, Duty.GIVE_UP) < timedelta(minutes=1), "the next tick tries again"
    assert VISIBILITY_TIMEOUT <= lease(age) <= MAX_WAIT * (1 + JITTER)
    assert lease(10 * 3600) >= MAX_WAIT


@given(st.sampled_from(Duty), st.text())
@patient
def test_every_identity_waits_in_a_shard_that_is_looked_at(duty: Duty, identity: str) -> None:
    assert shard_of(duty, identity) in shards(duty)


@pytest.mark.parametrize(
    ("identity", "shard"), [("", "video#0"), ("a", "video#1"), ("ab", "video#3"), ("\u00e4", "video#3")]
)
def test_the_shard_of_an_identity_stays(identity: str, shard: str) -> None:
    """Another process, or the next version, finds what this one has written."""
    assert shard_of(Duty.VIDEO, identity) == shard


def test_shards_are_used_evenly_and_not_shared_between_duties() -> None:
    used = [shard_of("video", f"{number:032x}1493379478") for number in range(400)]
    assert [used.count(shard) > 50 for shard in ("video#0", "video#1", "video#2", "video#3")] == [True] * 4
    every = [shard for duty in Duty for shard in shards(duty)]
    assert len(set(every)) == len(every) == 4 * len(Duty)


@pytest.mark.parametrize(
    ("duration", "wait"), [(None, 60), (0.0, 60), (599.0, 60), (1200.0, 120), (7200.0, 720), (1e9, 1800)]
)
def test_a_long_source_is_not_asked_about_at_once(duration: float | None, wait: int) -> None:
    assert first_wait(timedelta(seconds=60), duration) == timedelta(seconds=wait)
