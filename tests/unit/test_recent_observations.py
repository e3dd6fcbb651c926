"""Repeats in one execution environment: which observations need a call, compared with a plain model."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import LedgerUnavailable
from mediarelay.usecases.tasks.recent_observations import MAX_AGE_SECONDS, MAX_KNOWN, RecentObservations
from tests.hypothesis_profiles import patient

AT = datetime(2026, 3, 4, tzinfo=UTC)
DUE = Due(Duty.UNKNOWN_VIDEO, AT)
OBSERVATIONS = st.builds(
    lambda vid, kind, origin, body: LoggedObservation(vid=vid, kind=kind, origin=origin, at=AT, body=body),
    st.sampled_from(["a", "b"]),
    st.sampled_from(Kind),
    st.sampled_from([Origin.CLAIM, Origin.TRUSTED]),
    st.sampled_from([b"1", b"2"]),
)
STEPS = st.tuples(
    OBSERVATIONS, st.sampled_from([0.0, 1.0, MAX_AGE_SECONDS - 1.0, float(MAX_AGE_SECONDS)]), st.booleans()
)


@dataclass
class Store:
    """A store that may be down, and what it was asked."""

    down: bool = False
    stored: set[tuple[str, ...]] = field(default_factory=set)
    asked: list[Due | None] = field(default_factory=list)

    def append(self, observation: LoggedObservation, due: Due | None = None) -> bool:
        self.asked.append(due)
        if self.down:
            raise LedgerUnavailable("down")
        new = key(observation) not in self.stored
        self.stored.add(key(observation))
        return new


def key(one: LoggedObservation) -> tuple[str, ...]:
    return one.vid, one.kind, one.origin, one.digest


def observation(number: int) -> LoggedObservation:
    return LoggedObservation(vid=f"v{number}", kind=Kind.VIDEO, origin=Origin.CLAIM, at=AT, body=b"{}")


@patient
@given(st.lists(STEPS, max_size=25))
def test_only_what_was_stored_in_the_last_minutes_needs_no_call(
    steps: list[tuple[LoggedObservation, float, bool]],
) -> None:
    time, store, known = [0.0], Store(), dict[tuple[str, ...], float]()
    recent = RecentObservations(store, lambda: time[0])
    for one, later, store.down in steps:
        time[0] += later
        before, is_known = len(store.asked), known.get(key(one), 0.0) > time[0]
        new = key(one) not in store.stored
        if store.down and not is_known:
            with pytest.raises(LedgerUnavailable):
                recent.append(one, DUE)
        else:
            assert recent.append(one, DUE) is (new and not is_known)
            known.setdefault(key(one), 0.0)
            known[key(one)] = known[key(one)] if is_known else time[0] + MAX_AGE_SECONDS
        assert store.asked[before:] == ([] if is_known else [DUE])


def test_it_remembers_a_bounded_number_and_forgets_the_oldest() -> None:
    store = Store()
    recent = RecentObservations(store, lambda: 0.0)
    for number in range(MAX_KNOWN + 1):
        assert recent.append(observation(number))
    assert not recent.append(observation(1))
    assert len(store.asked) == MAX_KNOWN + 1, "the second one is still known"
    assert not recent.append(observation(0))
    assert len(store.asked) == MAX_KNOWN + 2, "the first one was forgotten"


def test_one_that_was_stored_again_is_not_the_oldest() -> None:
    time, store = [0.0], Store()
    recent = RecentObservations(store, lambda: time[0])
    for number in range(MAX_KNOWN):
        recent.append(observation(number))
    time[0] = MAX_AGE_SECONDS
    recent.append(observation(0))
    recent.append(observation(MAX_KNOWN))
    asked = len(store.asked)
    recent.append(observation(0))
    assert len(store.asked) == asked
