"""Back-off: bounds, jitter, giving up; and shards that together hold everything."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.adapters.dynamodb.keys import shard_of, shards
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.schedule import (
    JITTER,
    LAST_CHECK_INTERVAL,
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

KINDS = st.sampled_from(Kind)
FIRST = st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds))
JITTERS = st.floats(0, 1, exclude_max=True)
VISIBILITY_TIMEOUT = timedelta(minutes=3)
FAR = START + timedelta(days=365)


def wait(attempts: int, first: timedelta, jitter: float) -> timedelta:
    return next_wait(first, attempts, jitter)


@given(KINDS, FIRST)
def test_first_look(kind: Kind, after: timedelta) -> None:
    assert first_check(kind, START, after, known=True) == Due(kind.value, START + after)
    assert first_check(kind, START, after, known=False) == Due(f"unknown_{kind}", START + after)


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
    shortest, longest = min(first, MAX_WAIT) * (1 - JITTER), MAX_WAIT * (1 + JITTER)
    assert shortest <= wait(attempts, first, jitter) <= longest


@given(st.integers(0, 50), FIRST, JITTERS)
@patient
def test_waits_grow_with_the_attempts(attempts: int, first: timedelta, jitter: float) -> None:
    shorter, longer = wait(attempts, first, jitter), wait(attempts + 1, first, jitter)
    assert longer >= shorter
    if longer < MAX_WAIT * (1 - JITTER):
        assert longer > shorter


@given(st.integers(0, 50), FIRST, JITTERS, JITTERS)
@patient
def test_jitter_spreads_around_the_plain_wait(attempts: int, first: timedelta, jitter: float, other: float) -> None:
    plain = wait(attempts, first, 0.5)
    assert plain * (1 - JITTER) <= wait(attempts, first, jitter) <= plain * (1 + JITTER)
    if abs(jitter - other) > 0.001:
        assert wait(attempts, first, jitter) != wait(attempts, first, other)


@given(KINDS, st.booleans(), FIRST, JITTERS, st.integers(-100, 100_000))
@patient
def test_the_last_duty_is_to_give_up(kind: Kind, asked: bool, first: timedelta, jitter: float, left: int) -> None:
    give_up = START + timedelta(seconds=left)
    due = next_check(kind.value, START, wait(3, first, jitter), queried=asked, give_up_at=give_up)
    assert (due == Due(Duty.GIVE_UP, START)) == (asked and left <= 0), "only after a query at the deadline or later"
    if due.duty != "give_up":
        latest = START + wait(3, first, jitter)
        assert due == Due(kind.value, min(latest, give_up) if left > 0 else min(latest, START + LAST_CHECK_INTERVAL))


@given(st.integers(0, 100_000), st.integers(0, 10_000), JITTERS)
@patient
def test_what_waits_longer_is_taken_up_less_often(age: int, more: int, jitter: float) -> None:
    def lease(seconds: int | None, what: str = "submit") -> timedelta:
        since = None if seconds is None else START - timedelta(seconds=seconds)
        return hide_until(what, START, since, VISIBILITY_TIMEOUT, jitter) - START

    assert lease(None) <= lease(age) <= lease(age + more)
    assert lease(age, "publish") == lease(age, "give_up") < timedelta(minutes=1), "the next tick tries again"
    assert VISIBILITY_TIMEOUT <= lease(age) <= MAX_WAIT * (1 + JITTER)
    assert lease(10 * 3600) >= MAX_WAIT


@given(st.sampled_from(["video", "audio", "submit", "give_up", "publish"]), st.text())
@patient
def test_every_identity_waits_in_a_shard_that_is_looked_at(what: str, identity: str) -> None:
    assert shard_of(what, identity) in shards(what)
    assert shard_of(what, identity) == shard_of(what, identity)


def test_shards_are_used_evenly_and_not_shared_between_duties() -> None:
    used = [shard_of("video", f"{number:032x}1493379478") for number in range(400)]
    assert {used.count(shard) > 50 for shard in shards("video")} == {True}
    assert not {*shards("video")} & {*shards("audio")}
    assert not {*shards("video")} & {*shards("unknown_video")}


@pytest.mark.parametrize(
    ("duration", "wait"), [(None, 60), (0.0, 60), (599.0, 60), (1200.0, 120), (7200.0, 720), (1e9, 1800)]
)
def test_a_long_source_is_not_asked_about_at_once(duration: float | None, wait: int) -> None:
    assert first_wait(timedelta(seconds=60), duration) == timedelta(seconds=wait)
