"""The times between which a provider's list is read: none is left out, and none is older than the list."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.usecases.tasks.reconcile import HORIZON_MARGIN, OVERLAP, STEP, steps

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEEK = timedelta(days=7)


def before(**amount: float) -> datetime:
    return NOW - timedelta(**amount)


@pytest.mark.parametrize(
    ("listed_until", "horizon", "expected"),
    [
        # The first run begins with the overlap, because earlier tasks are not ours.
        (None, WEEK, [(10, 0)]),
        # A run that follows another one after five minutes.
        (before(minutes=5), WEEK, [(15, 0)]),
        (before(minutes=50), WEEK, [(60, 0)]),
        # After an interruption, one step per hour.
        (before(minutes=51), WEEK, [(61, 1), (1, 0)]),
        (before(hours=2), WEEK, [(130, 70), (70, 10), (10, 0)]),
        # The provider lists nothing older than its horizon, and may refuse to.
        (before(days=30), timedelta(hours=1), [(50, 0)]),
        (before(minutes=55), timedelta(hours=1), [(50, 0)]),
        # A clock that was ahead.
        (NOW + timedelta(minutes=5), WEEK, [(5, 0)]),
        (NOW + timedelta(minutes=10), WEEK, []),
        (NOW + timedelta(hours=1), None, []),
    ],
)
def test_steps(listed_until: datetime | None, horizon: timedelta | None, expected: list[tuple[int, int]]) -> None:
    found = list(steps(listed_until, NOW, horizon))
    assert found == [(before(minutes=since), before(minutes=until)) for since, until in expected]


@given(st.timedeltas(timedelta(0), WEEK), st.none() | st.timedeltas(timedelta(hours=1), WEEK))
def test_steps_leave_nothing_out(behind: timedelta, horizon: timedelta | None) -> None:
    found = list(steps(NOW - behind, NOW, horizon))
    assert found[-1][1] == NOW
    assert found[0][0] == max(
        NOW - behind - OVERLAP, NOW - horizon + HORIZON_MARGIN if horizon else NOW - WEEK - OVERLAP
    )
    assert all(first[1] == second[0] for first, second in pairwise(found))
    assert all(timedelta(0) < until - since <= STEP for since, until in found)


def test_a_provider_without_a_horizon_is_listed_from_the_beginning() -> None:
    since, _ = next(steps(datetime.fromtimestamp(0, UTC), NOW, None))
    assert since == datetime.fromtimestamp(0, UTC) - OVERLAP
