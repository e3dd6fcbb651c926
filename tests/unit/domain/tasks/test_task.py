"""The merge is a join, and its rules: claims decide nothing, outcomes stay, the strongest word counts."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.facts import Facts, Fault, Place, Source
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Observation, Task, fold, merge
from tests.hypothesis_profiles import patient
from tests.unit.domain.strategies import LOGS, START, VID, observations


def said(origin: Origin, state: State, minute: int = 0, **facts: Any) -> Observation:
    content = Facts(**({"vid": VID, "kind": Kind.VIDEO, "state": state} | facts))
    return Observation(
        origin=origin, digest=f"{origin}{state}{minute}", at=START + timedelta(minutes=minute), facts=content
    )


def views(task: Task) -> tuple[Any, ...]:
    names = (
        *("vid", "kind", "state", "outcome", "claimed", "source", "renditions", "faults", "created_at", "updated_at"),
        *("conflicts", "outcome_at", "partial", "progress", "reference", "submission", "stated_submission"),
    )
    return tuple(getattr(task, name) for name in names)


@given(LOGS, st.data())
@patient
def test_any_order_and_any_repetition_converge(log: list[Observation], data: st.DataObject) -> None:
    again = data.draw(st.permutations(log + data.draw(st.lists(st.sampled_from(log)))))
    assert fold(again) == fold(log)
    assert views(fold(again)) == views(fold(log))


@given(LOGS)
@patient
def test_an_outcome_has_a_time_and_nothing_else_has(log: list[Observation]) -> None:
    task = fold(log)
    assert (task.outcome_at is None) == (task.outcome is None)
    if task.outcome_at:
        assert task.outcome_at in {seen.at for seen in log if seen.origin is not Origin.CLAIM}


def test_the_time_of_an_outcome_is_when_it_was_reported() -> None:
    expected, lost = said(Origin.TRACK, State.EXPECTED, 0), said(Origin.TIMEOUT, State.LOST, 5)
    first, later = (said(Origin.ANSWER, State.SUCCEEDED, minute) for minute in (7, 9))
    assert fold([expected]).outcome_at is None
    assert fold([expected, lost]).outcome_at == lost.at
    assert fold([expected, lost, first, later]).outcome_at == first.at, (
        "an answer replaces `lost`; the first one stands"
    )


@given(LOGS, LOGS, LOGS)
@patient
def test_merge_is_a_join(one: list[Observation], two: list[Observation], three: list[Observation]) -> None:
    a, b, c = fold(one), fold(two), fold(three)
    assert merge(a, b) == merge(b, a) == fold(one + two)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a
    assert merge(merge(a, b), b) == merge(a, b)


@given(LOGS, st.lists(observations().map(lambda seen: replace(seen, origin=Origin.CLAIM))))
@patient
def test_claims_never_change_state_outcome_or_results(log: list[Observation], claims: list[Observation]) -> None:
    quiet, loud = fold(log), fold([*log, *claims])
    assert (loud.state, loud.outcome) == (quiet.state, quiet.outcome)
    assert (loud.renditions, loud.faults) == (quiet.renditions, quiet.faults)
    assert loud.partial == quiet.partial


@given(LOGS.filter(lambda log: fold(log).outcome is not None), LOGS)
@patient
def test_an_outcome_stays_an_outcome(log: list[Observation], later: list[Observation]) -> None:
    assert fold(log + later).outcome in OUTCOMES


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ((State.SUCCEEDED, State.SUPERSEDED), State.SUCCEEDED),
        ((State.SUCCEEDED, State.FAILED), State.SUCCEEDED),
        ((State.SUCCEEDED, State.TRANSCODING), State.SUCCEEDED),
        ((State.FAILED, State.SUPERSEDED), State.FAILED),
        ((State.FAILED, State.PENDING), State.FAILED),
        ((State.SUPERSEDED, State.PROBED), State.SUPERSEDED),
        ((State.PENDING, State.PROBED, State.TRANSCODING), None),
    ],
)
@pytest.mark.parametrize("backwards", [False, True])
def test_where_answers_disagree(states: tuple[State, ...], outcome: State | None, *, backwards: bool) -> None:
    answers = [said(Origin.ANSWER, state, minute) for minute, state in enumerate(states)]
    assert fold(reversed(answers) if backwards else answers).outcome == outcome


@pytest.mark.parametrize("late", [State.SUCCEEDED, State.FAILED, State.SUPERSEDED])
def test_a_late_answer_replaces_lost(late: State) -> None:
    lost = said(Origin.TIMEOUT, State.LOST, 1)
    assert fold([lost]).outcome is State.LOST
    assert fold([lost, said(Origin.ANSWER, late, 2)]).outcome is late
    assert fold([said(Origin.ANSWER, State.TRANSCODING), lost]).outcome is State.LOST


@pytest.mark.parametrize(
    ("origin", "state", "kind"),
    [(Origin.TRACK, State.EXPECTED, Kind.VIDEO), (Origin.SUBMIT, State.PENDING, Kind.AUDIO)],
)
def test_what_a_client_asked_for_is_expected(origin: Origin, state: State, kind: Kind) -> None:
    task = fold([said(origin, state, kind=kind, source=Source(url="http://a/1.mp4"))])
    assert (task.state, task.outcome, task.claimed, task.kind) == (state, None, None, kind)
    assert task.source.url == "http://a/1.mp4"


def test_a_claim_alone_is_shown_as_a_claim() -> None:
    claim = said(Origin.CLAIM, State.SUCCEEDED)
    assert views(fold([claim]))[2:5] == (State.EXPECTED, None, State.SUCCEEDED)
    assert fold([claim, said(Origin.ANSWER, State.FAILED)]).claimed is None


@pytest.mark.parametrize("origin", [Origin.TRACK, Origin.SUBMIT, Origin.ANSWER])
def test_a_claim_never_decides_the_kind(origin: Origin) -> None:
    """Else a callback to the wrong address would send every query to the wrong action until the task is lost."""
    claim = said(Origin.CLAIM, State.SUCCEEDED, 5, kind=Kind.AUDIO)
    assert fold([said(origin, State.PENDING), claim]).kind is Kind.VIDEO


def test_source_fields_come_from_the_strongest_word_that_states_them() -> None:
    task = fold(
        [
            said(Origin.CLAIM, State.SUCCEEDED, 3, source=Source(url="http://claim", size=3, place=Place(region="sh"))),
            said(Origin.ANSWER, State.SUCCEEDED, 1, source=Source(size=1, place=Place(bucket="cts"))),
            said(Origin.SUBMIT, State.PENDING, 0, source=Source(url="http://submit", size=2)),
        ]
    )
    assert task.source == Source(url="http://submit", size=1, place=Place(bucket="cts"))
    assert Origin.CLAIM not in {one.origin for one in task.binding_statements}
    assert {one.origin for one in task.binding_statements} == {Origin.ANSWER, Origin.SUBMIT}


def test_times() -> None:
    first, reported = said(Origin.TRACK, State.EXPECTED, 1), START - timedelta(days=1)
    assert fold([first, said(Origin.CLAIM, State.FAILED, 2)]).created_at == first.at
    claim = said(Origin.CLAIM, State.FAILED, 2, created_at=reported)
    assert fold([claim]).created_at == claim.at, "a claim may state any time"
    task = fold([first, said(Origin.ANSWER, State.FAILED, 3, created_at=reported, faults=(Fault(code=122),))])
    assert (task.created_at, task.updated_at) == (reported, START + timedelta(minutes=3))
    assert task.faults == (Fault(code=122),)


def test_a_reference_comes_from_the_strongest_word_and_never_from_a_claim() -> None:
    claim = said(Origin.CLAIM, State.SUCCEEDED, reference="claimed", submission="forged")
    submit = said(Origin.SUBMIT, State.PENDING, reference="submitted")
    answer = said(Origin.ANSWER, State.TRANSCODING, submission="1f")
    stated = said(Origin.ANSWER, State.TRANSCODING, reference="answered", submission="1f")
    assert fold([claim]).reference is None
    assert fold([replace(claim, origin=Origin.TRUSTED)]).reference == "claimed"
    assert fold([claim, answer]).reference is None
    assert fold([claim, submit, answer]).reference == "submitted"
    assert fold([submit, stated]).reference == "answered"
    logs = ([claim], [claim, submit], [claim, answer])
    assert [fold(log).stated_submission for log in logs] == [None, None, "1f"]
    assert fold([replace(claim, origin=Origin.TRUSTED), submit]).stated_submission == claim.facts.submission


def test_a_later_request_without_a_reference_keeps_the_earlier_one() -> None:
    first, second = (said(Origin.TRACK, State.EXPECTED, minute, reference=f"order {minute}") for minute in (1, 2))
    bare = said(Origin.TRACK, State.EXPECTED, 3)
    for log in permutations([first, second, bare]):
        task = fold(log)
        assert task.reference == "order 2", "of two, the latest counts"
        (shown,) = task.conflicts
        assert (shown.subject, set(shown.values)) == ("reference", {"order 1", "order 2"})
    assert fold([first, said(Origin.SUBMIT, State.PENDING, reference="bought")]).reference == "bought"


def test_the_submission_is_the_one_of_our_log_and_one_of_the_provider_only_in_our_form() -> None:
    ours, theirs = "0f" * 24, "1e" * 24
    answer = said(Origin.ANSWER, State.TRANSCODING, submission=theirs)
    foreign = said(Origin.ANSWER, State.TRANSCODING, submission="another system's")
    claim = said(Origin.CLAIM, State.TRANSCODING, submission=theirs)
    for origin in (Origin.SUBMIT, Origin.TRACK):
        submit = said(origin, State.PENDING, submission=ours)
        assert fold([submit, answer, claim]).submission == ours
    assert [fold([one]).submission for one in (answer, foreign, claim)] == [theirs, None, None]


def test_only_the_provider_states_that_an_outcome_is_partial() -> None:
    claim = said(Origin.CLAIM, State.SUCCEEDED, partial=True)
    trusted = said(Origin.TRUSTED, State.SUCCEEDED, partial=True)
    answer = said(Origin.ANSWER, State.SUCCEEDED)
    assert [fold(log).partial for log in ([claim], [claim, trusted], [trusted, answer])] == [False, True, False]


def test_progress_is_what_the_latest_answer_states() -> None:
    early = said(Origin.ANSWER, State.TRANSCODING, 1, progress=80)
    late = said(Origin.ANSWER, State.TRANSCODING, 2, progress=40)
    trusted = said(Origin.TRUSTED, State.TRANSCODING, 3, progress=90)
    assert fold([late, trusted, early]).progress == 40, "a provider may begin again"
    assert fold([trusted]).progress == 90
    assert fold([early, said(Origin.ANSWER, State.TRANSCODING, 4)]).progress is None


def test_only_open_tasks_have_progress_and_no_claim_states_it() -> None:
    claim = said(Origin.CLAIM, State.TRANSCODING, 1, progress=80)
    open_task = said(Origin.ANSWER, State.TRANSCODING, 1, progress=80)
    assert fold([claim]).progress is None
    for outcome in OUTCOMES - {State.LOST}:
        assert fold([open_task, said(Origin.ANSWER, outcome, 2, progress=100)]).progress is None
    assert fold([open_task, said(Origin.TIMEOUT, State.LOST, 2)]).progress is None


@given(LOGS)
@patient
def test_a_task_with_an_outcome_has_no_progress(log: list[Observation]) -> None:
    task = fold(log)
    assert task.outcome is None or task.progress is None
