"""Leases: no order and no repetition of relays changes them, and nothing but an acquisition makes them last longer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.songs.errors import zego_error
from mediarelay.domain.songs.lease import (
    MAX_VALIDITY,
    CurrentLease,
    Lease,
    Next,
    Part,
    SongTokens,
    advice,
    lease,
    merge,
    valid_tokens,
)
from mediarelay.domain.songs.model import Grant, Relay, Resource, SongKey, SongType
from tests.hypothesis_profiles import patient, thorough

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = SongKey("room", "song", 0, SongType.SONG)
NO_MARGIN = timedelta()
HOUR = 3_600_000


def got(digest: str = "a", *, after: int = 0, sent: int | None = None, ttl: int | None = HOUR, **changes: Any) -> Relay:
    """A success, received so many seconds after the start."""
    resources = (Resource(resource_id=digest, ttl=ttl),)
    values: dict[str, Any] = {"resources": resources, "share_ttl": HOUR, "share_token": digest} | changes
    when = after if sent is None else sent
    return Relay(
        key=KEY,
        digest=digest,
        sent=NOW + timedelta(seconds=when),
        at=NOW + timedelta(seconds=after),
        grant=Grant(**values),
    )


def failed(code: int, digest: str = "e", *, after: int = 0) -> Relay:
    at = NOW + timedelta(seconds=after)
    return Relay(key=KEY, digest=digest, sent=at, at=at, error=zego_error(code))


def left(known: Lease, after: float = 0, margin: timedelta = NO_MARGIN) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for hold in known.entitlements(margin):
        found.setdefault(hold.part.value, []).append(hold.remaining_ms(NOW + timedelta(seconds=after)))
    return found


def longest(known: Lease, now: datetime) -> dict[str, int]:
    """Of each part what is left of the hold that lasts longest."""
    found: dict[str, int] = {}
    for hold in known.entitlements(NO_MARGIN):
        found[hold.part.value] = max(found.get(hold.part.value, 0), hold.remaining_ms(now))
    return found


def reported(known: Lease, after: float = 0) -> str:
    return advice(known, NOW + timedelta(seconds=after), NO_MARGIN).next.value


grants = st.builds(
    Grant,
    resources=st.lists(
        st.builds(Resource, resource_id=st.just("r"), ttl=st.none() | st.integers(0, 2**53)), min_size=1, max_size=3
    ).map(tuple),
    share_ttl=st.none() | st.integers(0, 2**53),
    krc_token=st.none() | st.just("k"),
    krc_ttl=st.integers(0, 2**53),
)
moments = st.integers(0, 90_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
contents = st.one_of(
    grants.map(lambda grant: {"grant": grant}),
    st.sampled_from([1017050, 1017051, 1017030, 1017010, 0, 7]).map(lambda code: {"error": zego_error(code)}),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Relay]:
    """Relays in which a digest stands for one content, as in reality, received any number of times."""
    results = draw(st.lists(contents, min_size=1, max_size=5))
    times = st.tuples(st.sampled_from(range(len(results))), moments, moments)
    return [
        Relay(key=KEY, digest=str(number), sent=sent, at=at, **results[number])
        for number, sent, at in draw(st.lists(times, min_size=1, max_size=10))
    ]


@thorough
@given(relays=histories(), data=st.data())
def test_no_order_and_no_repetition_changes_a_lease(relays: list[Relay], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(relays)) + data.draw(st.lists(st.sampled_from(relays), max_size=4))
    cut = data.draw(st.integers(0, len(shuffled)))
    whole = lease(relays)
    assert lease(shuffled) == whole
    assert merge(lease(shuffled[:cut]), lease(shuffled[cut:])) == whole
    assert merge(whole, whole) == whole
    assert merge(lease([]), whole) == whole


@thorough
@given(relays=histories(), moments=st.tuples(moments, moments))
def test_time_left_only_falls_and_is_never_negative_nor_over_a_day(
    relays: list[Relay], moments: tuple[datetime, datetime]
) -> None:
    known, (early, late) = lease(relays), sorted(moments)
    for hold in known.entitlements(timedelta(seconds=5)):
        assert 0 <= hold.remaining_ms(late) <= hold.remaining_ms(early)
        assert hold.remaining_ms(max(relay.at for relay in relays)) <= MAX_VALIDITY / timedelta(milliseconds=1)


@thorough
@given(relays=histories(), moment=moments, data=st.data())
def test_nothing_but_an_acquisition_makes_a_time_longer(
    relays: list[Relay], moment: datetime, data: st.DataObject
) -> None:
    before, received = lease(relays), max(relay.at for relay in relays)
    errors = st.builds(
        lambda code, digest, sent: Relay(key=KEY, digest=digest, sent=sent, at=received, error=zego_error(code)),
        st.sampled_from([1017050, 1017051, 1017030, 0]),
        st.sampled_from(["x", "y"]),
        moments,
    )
    repeats = st.sampled_from(relays).map(lambda one: replace(one, at=received, sent=max(received, one.sent)))
    after = lease([*relays, *data.draw(st.lists(errors | repeats, max_size=5))])
    was, now = longest(before, moment), longest(after, moment)
    assert all(now[part] <= was.get(part, 0) for part in now)


@patient
@given(relays=histories(), later=st.lists(moments))
def test_a_repeat_changes_nothing(relays: list[Relay], later: list[datetime]) -> None:
    first = relays[0]
    repeats = [replace(first, at=max(at, first.at), sent=max(at, first.sent)) for at in later]
    assert lease([*relays, *repeats]) == lease(relays)


def test_deadlines_count_from_the_first_receipt() -> None:
    known = lease([got(after=10), got(after=0), got(after=99)])
    assert left(known) == {"share": [HOUR], "resource": [HOUR]}
    assert left(known, after=3600) == {"share": [0], "resource": [0]}


def test_a_margin_makes_everything_end_earlier() -> None:
    assert left(lease([got()]), margin=timedelta(seconds=30)) == {"share": [HOUR - 30_000], "resource": [HOUR - 30_000]}


def test_an_older_acquisition_that_comes_late_shortens_nothing() -> None:
    new, old = got("b", after=60, ttl=HOUR), got("a", after=90, sent=0, ttl=1000, share_ttl=1000)
    for order in permutations([new, old]):
        assert left(lease(order), after=90) == {"share": [HOUR - 30_000], "resource": [HOUR - 30_000]}


def test_the_newest_acquisition_wins() -> None:
    known = lease([got("a", ttl=20 * HOUR), got("b", after=60, ttl=HOUR)])
    assert left(known, after=60) == {"share": [HOUR], "resource": [HOUR]}
    assert [hold.token for hold in known.entitlements(NO_MARGIN) if hold.part is Part.SHARE] == ["b"]


def test_what_was_shared_gives_no_right_to_share() -> None:
    known = lease([got("a"), got("b", after=1800, share_ttl=None, share_token=None, shared=True)])
    assert left(known, after=1800) == {"share": [HOUR // 2], "resource": [HOUR]}


def test_the_token_of_a_shared_resource_is_hidden_although_an_older_acquisition_may_be_shared() -> None:
    """The right to share belongs to the acquisition that granted it, not to what was shared with this room."""
    resources = (Resource(resource_id="b", ttl=HOUR, share_token="not ours"),)
    shared = got("b", after=60, resources=resources, share_ttl=None, share_token=None, shared=True)
    current = CurrentLease(lease([got("a"), shared]), NOW + timedelta(seconds=60), NO_MARGIN)
    assert valid_tokens(current, {"a", "b"}) == SongTokens(share="a", resources=(None,))


def test_nobody_shares_it_ends_the_shared_lease_until_the_next_acquisition() -> None:
    ended = [got("a"), failed(1017050, after=60)]
    assert "share" not in left(lease(ended), after=60)
    assert "resource" in left(lease(ended), after=60)
    again = lease([*ended, got("b", after=120)])
    assert left(again, after=120)["share"] == [HOUR]


@pytest.mark.parametrize("ttl", [None, 2**53, 25 * HOUR])
def test_no_resource_lasts_longer_than_a_day(ttl: int | None) -> None:
    known = lease([got(ttl=ttl)])
    assert left(known)["resource"] == [HOUR if ttl is None else 24 * HOUR]


@pytest.mark.parametrize(
    ("relays", "after", "expected"),
    [
        ([got()], 0, Next.USE),
        ([got(ttl=1000)], 2, Next.SHARE),
        ([got(ttl=1000, share_ttl=None)], 2, Next.ACQUIRE),
        ([got()], 3600, Next.ACQUIRE),
        ([failed(1017030)], 0, Next.GIVE_UP),
        ([failed(0)], 0, Next.GIVE_UP),
        ([failed(1017041)], 0, Next.GIVE_UP),
        ([failed(1017010)], 0, Next.ACQUIRE),
        ([failed(1017050)], 0, Next.ACQUIRE),
        ([failed(12345)], 0, Next.ACQUIRE),
        ([got(), failed(1017030, after=1)], 2, Next.USE),
        ([got(), failed(1017030, after=1)], 3600, Next.GIVE_UP),
        ([failed(1017030), got(after=1)], 3601, Next.ACQUIRE),
        ([got(), failed(1017016, after=1)], 3600, Next.ACQUIRE),
        ([got(), failed(1017051, after=3600)], 3601, Next.USE),
        ([failed(1017051), failed(1017016, "f", after=1)], 2, Next.USE),
        ([failed(1017010), failed(1017051, "f", after=1)], 2, Next.USE),
        ([failed(1017049)], 0, Next.ACQUIRE),
        ([got(), failed(1017075, after=1)], 3600, Next.ACQUIRE),
    ],
)
def test_what_to_do_next(relays: list[Relay], after: int, expected: Next) -> None:
    known = lease(relays)
    assert reported(known, after) == expected
    assert advice(known, NOW + timedelta(seconds=after), NO_MARGIN).why


def test_advice_is_the_error_s_own() -> None:
    assert advice(lease([failed(1017030)]), NOW, NO_MARGIN).why.startswith("There is no licence")
