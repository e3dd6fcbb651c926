"""The lifecycle of a task as tables: what is known, what has just happened, when -> duty, publication, deadline.

Times are minutes after START. GiveUpAfter is 60 minutes, FirstPollAfter one minute. Jitter is 0.5, which adds nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.tasks.facts import Facts, Source
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem
from mediarelay.domain.tasks.lifecycle import Lifecycle, Rules, Step, Trigger, is_stale, needs_query, next_publication
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import MAX_URL, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Observation, Task, fold
from tests.unit.domain.strategies import START, VID

RULES = Rules(first_poll_after=timedelta(minutes=1), give_up_after=timedelta(minutes=60))
SECOND = 1 / 60
NOWHERE = Source()


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Seen:
    """An observation: who sent it, what it states, and after how many minutes."""

    origin: Origin
    state: State = State.EXPECTED
    minutes: float = 0
    kind: Kind = Kind.VIDEO
    source: Source = NOWHERE

    @property
    def folded(self) -> Observation:
        facts = Facts(vid=VID, kind=self.kind, state=self.state, source=self.source)
        return Observation(origin=self.origin, digest=str(self), at=at(self.minutes), facts=facts)

    @property
    def logged(self) -> LoggedObservation:
        return LoggedObservation(
            vid=VID, kind=self.kind, origin=self.origin, at=at(self.minutes), body=None, digest=str(self)
        )


TRACK, SUBMIT, CLAIM = Seen(Origin.TRACK), Seen(Origin.SUBMIT, State.PENDING), Seen(Origin.CLAIM, State.SUCCEEDED)
STARTED = Seen(Origin.ANSWER, State.TRANSCODING, 5)
SUCCEEDED = Seen(Origin.ANSWER, State.SUCCEEDED, 5)
TIMEOUT = Seen(Origin.TIMEOUT, State.LOST, 60)
DISPUTE = (Seen(Origin.TRUSTED, State.SUCCEEDED, 1), Seen(Origin.TRUSTED, State.FAILED, 2))


def bookkeeping(**changes: Any) -> Bookkeeping:
    """The bookkeeping of a stored item; `give_up_at` and `queried_at` in minutes, `published` as states."""
    values: dict[str, Any] = {"kind": Kind.VIDEO, "version": 1, "give_up_at": 60} | changes
    for name in ("give_up_at", "queried_at"):
        values |= {name: at(values[name])} if values.get(name) is not None else {}
    values["published"] = frozenset(
        one if isinstance(one, Publication) else Publication(one) for one in values.get("published", ())
    )
    return Bookkeeping(**values)


def log_of(
    seen: Iterable[Seen], stored: Bookkeeping | None = None, pending: tuple[PendingCheck, ...] = (), replays: int = 0
) -> tuple[TaskLog, Task]:
    known = tuple(seen)
    log = TaskLog(observations=tuple(one.logged for one in known), pending=pending, replays=replays)
    task = fold(one.folded for one in known)
    if stored is None:
        return log, task
    before = Lifecycle(log, task, RULES, Trigger(now=at(0), jitter=0.5, kind=Kind.VIDEO)).step().item.summary
    return replace(log, item=TaskItem(replace(before, due=None, unpublished=None), stored)), task


def step(log: TaskLog, task: Task, now: float, *, queried: float | None = None, **trigger: Any) -> Step:
    """Advance; `now` and `queried` are minutes."""
    values: dict[str, Any] = {"jitter": 0.5, "kind": Kind.VIDEO} | trigger
    queried_at = None if queried is None else at(queried)
    return Lifecycle(log, task, RULES, Trigger(now=at(now), queried_at=queried_at, **values)).step()


LOST = Publication(State.LOST)

ROWS: dict[str, tuple[tuple[Seen, ...], dict[str, Any] | None, dict[str, Any], Duty | None, float, Any, float]] = {
    # ── what is known, stored bookkeeping, what has just happened -> duty, due at, publication, deadline ──
    "a tracked upload": ((TRACK,), None, {"now": 0}, Duty.VIDEO, 1, None, 60),
    "a submit": ((SUBMIT,), None, {"now": 0}, Duty.VIDEO, 1, None, 60),
    "a claim that nobody ordered": ((CLAIM,), None, {"now": 0}, Duty.UNKNOWN_VIDEO, 1, None, 60),
    "a claim of an ordered task": ((TRACK, CLAIM), {}, {"now": 0}, Duty.VIDEO, 1, None, 60),
    "a trusted callback": ((DISPUTE[0],), None, {"now": 1}, Duty.PUBLISH, 1.5, State.SUCCEEDED, 61),
    # a query without an outcome waits longer each time
    "first query in vain": ((TRACK,), {}, {"now": 1, "queried": 1}, Duty.VIDEO, 1 + 1.7, None, 60),
    "third query in vain": ((TRACK,), {"attempts": 2}, {"now": 9, "queried": 9}, Duty.VIDEO, 9 + 1.7**3, None, 60),
    "a query for the other kind is no attempt": (
        (CLAIM,),
        {"attempts": 2},
        {"now": 9, "queried": 9, "kind": Kind.AUDIO},
        Duty.UNKNOWN_VIDEO,
        9 + 1.7**2,
        None,
        60,
    ),
    "the circuit is open": ((TRACK,), {"attempts": 2}, {"now": 9}, Duty.VIDEO, 9 + 1.7**2, None, 60),
    "no wait is longer than half an hour": (
        (TRACK,),
        {"attempts": 9, "give_up_at": 999},
        {"now": 9},
        Duty.VIDEO,
        39,
        None,
        999,
    ),
    "nor goes beyond the deadline": ((TRACK,), {"attempts": 9}, {"now": 50}, Duty.VIDEO, 60, None, 60),
    "an unknown task waits up to two hours": (
        (CLAIM,),
        {"attempts": 12, "give_up_at": 999},
        {"now": 9},
        Duty.UNKNOWN_VIDEO,
        129,
        None,
        999,
    ),
    "a long source stretches the first wait": (
        (replace(TRACK, source=Source(duration=3000.0)),),
        None,
        {"now": 0},
        Duty.VIDEO,
        5,
        None,
        60,
    ),
    # what subscribers learn
    "the work has started": (
        (TRACK, STARTED),
        {},
        {"now": 5, "queried": 5},
        Duty.VIDEO,
        5 + 1.7,
        State.TRANSCODING,
        60,
    ),
    "its start was published": (
        (TRACK, STARTED),
        {"published": [State.PROBED]},
        {"now": 5, "queried": 5},
        Duty.VIDEO,
        5 + 1.7,
        None,
        60,
    ),
    "an answer with an outcome": (
        (TRACK, SUCCEEDED),
        {},
        {"now": 5, "queried": 5},
        Duty.PUBLISH,
        5.5,
        State.SUCCEEDED,
        60,
    ),
    "the outcome was published": ((TRACK, SUCCEEDED), {"published": [State.SUCCEEDED]}, {"now": 6}, None, 0, None, 60),
    "trusted callbacks that differ": (DISPUTE, {}, {"now": 2}, Duty.VIDEO, 3, None, 62),
    "an answer ends the dispute": (
        (*DISPUTE, SUCCEEDED),
        {},
        {"now": 5, "queried": 5},
        Duty.PUBLISH,
        5.5,
        State.SUCCEEDED,
        60,
    ),
    # the deadline
    "in vain at the deadline": ((TRACK,), {"attempts": 5}, {"now": 60, "queried": 60}, Duty.GIVE_UP, 60, None, 60),
    "not queried at the deadline": ((TRACK,), {"attempts": 5}, {"now": 61}, Duty.VIDEO, 62, None, 60),
    "given up": ((TRACK, TIMEOUT), {}, {"now": 60, "gave_up": True}, Duty.PUBLISH, 60.5, State.LOST, 60),
    "given up without an item": (
        (CLAIM, TIMEOUT),
        None,
        {"now": 60, "gave_up": True},
        Duty.PUBLISH,
        60.5,
        State.LOST,
        60,
    ),
    "lost and published": ((TRACK, TIMEOUT), {"published": [State.LOST]}, {"now": 61}, None, 0, None, 60),
    "a claim about a lost task": (
        (TRACK, TIMEOUT, replace(CLAIM, minutes=90)),
        {"published": [State.LOST], "attempts": 7},
        {"now": 90},
        Duty.VIDEO,
        91,
        None,
        150,
    ),
    "a submit of a lost task": (
        (TIMEOUT, replace(SUBMIT, minutes=90)),
        {"published": [State.LOST], "attempts": 7},
        {"now": 90},
        Duty.VIDEO,
        91,
        None,
        150,
    ),
    "an answer about a lost task": (
        (TRACK, TIMEOUT, replace(SUCCEEDED, minutes=90)),
        {"published": [State.LOST]},
        {"now": 90, "queried": 90},
        Duty.PUBLISH,
        90.5,
        State.SUCCEEDED,
        60,
    ),
    "an open task that is ordered again": (
        (TRACK, replace(TRACK, minutes=30)),
        {},
        {"now": 30},
        Duty.VIDEO,
        31,
        None,
        90,
    ),
    "an open task that is claimed again": (
        (TRACK, replace(CLAIM, minutes=30)),
        {},
        {"now": 30},
        Duty.VIDEO,
        31,
        None,
        60,
    ),
    "a deadline never comes earlier": ((TRACK,), {"give_up_at": 300}, {"now": 30}, Duty.VIDEO, 31, None, 300),
    # the call budget
    "over budget": ((TRACK,), {"queried_at": 2}, {"now": 10, "over_budget": True}, Duty.VIDEO, 14, None, 60),
    "over budget at the deadline": (
        (TRACK,),
        {"queried_at": 40},
        {"now": 60, "over_budget": True},
        Duty.VIDEO,
        70,
        None,
        70,
    ),
    "over budget for one more GiveUpAfter": (
        (TRACK,),
        {"queried_at": 118, "give_up_at": 119},
        {"now": 120, "over_budget": True},
        Duty.VIDEO,
        121,
        None,
        119,
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_follows(name: str) -> None:
    seen, stored, trigger, duty, due_at, publication, deadline = ROWS[name]
    result = step(*log_of(seen, None if stored is None else bookkeeping(**stored)), **trigger).item
    due = result.summary.due
    assert (due and due.duty) == duty
    assert due is None or abs((due.at - at(due_at)).total_seconds()) < 1
    assert (result.summary.unpublished and result.summary.unpublished.state) == publication
    assert result.bookkeeping.give_up_at == at(deadline)


@pytest.mark.parametrize(
    ("seen", "stored", "trigger", "expected"),
    [
        ((TRACK,), None, {"now": 0}, {"version": 1, "attempts": 0, "queried_at": None}),
        ((TRACK,), {"version": 7}, {"now": 1, "queried": 1}, {"version": 8, "attempts": 1, "queried_at": at(1)}),
        ((TRACK,), {"attempts": 3, "queried_at": 1}, {"now": 9}, {"attempts": 3, "queried_at": at(1)}),
        ((TRACK, SUCCEEDED), {"attempts": 3}, {"now": 5, "queried": 5}, {"attempts": 0}),
        ((TRACK, TIMEOUT, replace(CLAIM, minutes=90)), {"attempts": 9}, {"now": 90}, {"attempts": 0}),
        ((TRACK, replace(TRACK, minutes=30)), {"attempts": 9}, {"now": 30}, {"attempts": 9}),
        ((replace(CLAIM, kind=Kind.AUDIO),), None, {"now": 0}, {"kind": Kind.AUDIO}),
        ((CLAIM, replace(TRACK, kind=Kind.AUDIO)), {}, {"now": 1}, {"kind": Kind.AUDIO}),
        (DISPUTE, {}, {"now": 2}, {"conflicts": 1}),
    ],
)
def test_bookkeeping(
    seen: tuple[Seen, ...], stored: dict[str, Any] | None, trigger: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = step(*log_of(seen, None if stored is None else bookkeeping(**stored)), **trigger).item.bookkeeping
    assert {name: getattr(found, name) for name in expected} == expected


def test_a_publication_that_waits_keeps_its_time() -> None:
    log, task = log_of([TRACK, SUCCEEDED], bookkeeping())
    assert log.item
    waiting = replace(log.item.summary, due=Due(Duty.PUBLISH, at(5.5)), unpublished=Publication(State.SUCCEEDED))
    log = replace(log, item=replace(log.item, summary=waiting))
    assert step(log, task, 20).item.summary.due == Due(Duty.PUBLISH, at(5.5))


def test_a_url_that_is_too_long_for_a_list_is_left_out() -> None:
    fits, over = (replace(TRACK, source=Source(url="u" * length)) for length in (MAX_URL, MAX_URL + 1))
    assert step(*log_of([fits]), 0).item.summary.url == "u" * MAX_URL
    assert step(*log_of([over]), 0).item.summary.url is None


# ── replays ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def replay(minutes: float) -> PendingCheck:
    return PendingCheck(handle=RowHandle(("x", f"r{minutes}")), kind=Kind.VIDEO, at=at(minutes), origin=None)


@pytest.mark.parametrize(
    ("pending", "replays", "trigger", "publication", "settled"),
    [
        ((replay(10),), 1, {"now": 10}, None, ()),
        ((replay(10),), 1, {"now": 11, "queried": 11}, Publication(State.SUCCEEDED, 1), (replay(10),)),
        ((replay(10),), 1, {"now": 11, "queried": 9}, None, ()),
        ((replay(10), replay(10.5)), 2, {"now": 11, "queried": 10.2}, Publication(State.SUCCEEDED, 1), (replay(10),)),
        ((replay(99),), 1, {"now": 11, "queried": 11}, Publication(State.SUCCEEDED, 1), (replay(99),)),
    ],
    ids=["before its query", "after its query", "a query before it", "one of two", "another clock is ahead"],
)
def test_a_replay_publishes_again_after_a_query(
    pending: tuple[PendingCheck, ...],
    replays: int,
    trigger: dict[str, Any],
    publication: Publication | None,
    settled: tuple[PendingCheck, ...],
) -> None:
    stored = bookkeeping(published=[State.SUCCEEDED])
    found = step(*log_of([TRACK, SUCCEEDED], stored, pending, replays), **trigger)
    assert (found.item.summary.unpublished, found.settled) == (publication, settled)


def test_a_replay_of_a_lost_task_gives_it_a_new_deadline() -> None:
    log, task = log_of([TRACK, TIMEOUT], bookkeeping(published=[State.LOST]), (replay(90),), 1)
    found = step(log, task, 90).item
    assert (found.bookkeeping.give_up_at, found.summary.due) == (at(150), Due(Duty.VIDEO, at(91)))


# ── checks that are settled ─────────────────────────────────────────────────────────────────────────────────────────

SAME = PendingCheck(handle=RowHandle(("x", "same")), origin=Origin.CLAIM, kind=Kind.VIDEO, at=at(1), give_up_at=at(61))
OTHER = PendingCheck(
    handle=RowHandle(("x", "other")), origin=Origin.CLAIM, kind=Kind.AUDIO, at=at(1), give_up_at=at(61)
)


@pytest.mark.parametrize(
    ("seen", "trigger", "settled"),
    [
        ((CLAIM,), {"now": 2}, (SAME,)),
        ((TRACK, CLAIM), {"now": 2}, (SAME, OTHER)),
        ((TRACK, CLAIM, SUCCEEDED), {"now": 5}, (SAME, OTHER)),
        ((CLAIM,), {"now": 60, "queried": 60}, ()),
        ((CLAIM,), {"now": 62, "queried": 62, "kind": Kind.AUDIO}, (SAME, OTHER)),
        ((CLAIM,), {"now": 62, "queried": 62}, (SAME,)),
        ((CLAIM, TIMEOUT), {"now": 62, "gave_up": True}, (SAME, OTHER)),
        ((CLAIM, TIMEOUT), {"now": 60, "gave_up": True}, ()),
    ],
    ids=[
        "the item queries for claims of its kind",
        "a certain kind covers all claims",
        "an outcome settles all",
        "past the deadline nothing queries on its behalf",
        "a query for the other kind, past its deadline",
        "no query for the other kind",
        "given up, past its deadline",
        "given up, before its deadline",
    ],
)
def test_which_claims_are_settled(
    seen: tuple[Seen, ...], trigger: dict[str, Any], settled: tuple[PendingCheck, ...]
) -> None:
    assert step(*log_of(seen, bookkeeping(), (SAME, OTHER)), **trigger).settled == settled


# ── whether a query is needed ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seen", "stored", "now", "needed"),
    [
        ((CLAIM,), None, 0, True),
        ((CLAIM,), {}, 0, True),
        ((CLAIM,), {"queried_at": 1}, 2, False),
        ((replace(CLAIM, minutes=2),), {"queried_at": 1}, 2, True),
        ((replace(CLAIM, minutes=2),), {"queried_at": 2}, 2, True),
        ((replace(CLAIM, minutes=2),), {"queried_at": 2, "attempts": 4}, 2, True),
        ((replace(CLAIM, minutes=2),), {"queried_at": 2, "attempts": 5}, 2 + 29 * SECOND, False),
        ((replace(CLAIM, minutes=2),), {"queried_at": 2, "attempts": 5}, 2.5, True),
        ((TRACK, STARTED), {"queried_at": 1}, 2, True),
    ],
)
def test_whether_a_callback_needs_a_query(
    seen: tuple[Seen, ...], stored: dict[str, Any] | None, now: float, *, needed: bool
) -> None:
    log, _ = log_of(seen, None if stored is None else bookkeeping(**stored))
    assert needs_query(log, at(now)) is needed


@pytest.mark.parametrize(("minutes", "needed"), [(1, False), (3, True)])
def test_whether_a_replay_needs_a_query(minutes: float, *, needed: bool) -> None:
    log, _ = log_of([replace(CLAIM, minutes=1)], bookkeeping(queried_at=2), (replay(minutes),), 1)
    assert needs_query(log, at(4)) is needed


@pytest.mark.parametrize(
    ("queried", "sent", "pending", "stale"),
    [
        (None, 1, (), False),
        (5, None, (), False),
        (5, 5, (), False),
        (5, 6, (), False),
        (5, 4, (), True),
        (5, 4, (SAME,), False),
        (5, 0.5, (SAME,), True),
        (5, 4, (OTHER,), True),
    ],
)
def test_which_messages_are_stale(
    queried: float | None, sent: float | None, pending: tuple[PendingCheck, ...], *, stale: bool
) -> None:
    log, _ = log_of([CLAIM], bookkeeping(queried_at=queried), pending)
    assert is_stale(log, Kind.VIDEO, None if sent is None else at(sent)) is stale
    assert not is_stale(replace(log, item=None), Kind.VIDEO, at(0))


# ── publications ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seen", "stored", "publication"),
    [
        ((TRACK,), {}, None),
        ((TRACK, STARTED), {}, Publication(State.TRANSCODING)),
        ((TRACK, STARTED), {"published": [State.TRANSCODING]}, None),
        ((TRACK, SUCCEEDED), {}, Publication(State.SUCCEEDED)),
        ((TRACK, SUCCEEDED), {"published": [State.TRANSCODING]}, Publication(State.SUCCEEDED)),
        ((TRACK, SUCCEEDED), {"published": [State.LOST]}, Publication(State.SUCCEEDED)),
        ((TRACK, SUCCEEDED), {"published": [State.SUCCEEDED]}, None),
        ((TRACK, SUCCEEDED), {"published": [State.SUCCEEDED], "replayed": 2}, Publication(State.SUCCEEDED, 2)),
        ((TRACK, SUCCEEDED), {"published": [Publication(State.SUCCEEDED, 2)], "replayed": 2}, None),
        ((TRACK, TIMEOUT), {}, LOST),
        (DISPUTE, {}, None),
        ((CLAIM,), {}, None),
    ],
)
def test_the_next_publication(seen: tuple[Seen, ...], stored: dict[str, Any], publication: Publication | None) -> None:
    assert next_publication(fold(one.folded for one in seen), bookkeeping(**stored)) == publication
