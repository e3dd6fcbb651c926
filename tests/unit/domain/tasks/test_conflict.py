"""Contradictions: found in any order, bounded, and settled only by the provider."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.conflict import MAX_STATEMENTS, Statement, bounded, conflicts, statements
from mediarelay.domain.tasks.facts import Facts, Place, Source
from mediarelay.domain.tasks.file_url import printed_url
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task, fold
from tests.hypothesis_profiles import patient
from tests.unit.domain.strategies import VID
from tests.unit.domain.tasks.test_task import said

DRAWN = st.builds(
    Statement, st.sampled_from(["outcome", "app_id", "url"]), st.text("ab", max_size=9), st.sampled_from(Origin)
)
FLOODS = st.frozensets(DRAWN, max_size=3 * MAX_STATEMENTS)


def about(task: Task) -> dict[str, tuple[set[str], str | None]]:
    return {one.subject: (set(one.values), one.settled) for one in task.conflicts}


@given(FLOODS, FLOODS)
@patient
def test_the_bound_depends_on_no_order(left: frozenset[Statement], right: frozenset[Statement]) -> None:
    assert bounded(bounded(left) | bounded(right)) == bounded(left | right)
    assert len(bounded(left | right)) == min(MAX_STATEMENTS, len(left | right))


@given(FLOODS)
@patient
def test_what_the_provider_says_is_never_crowded_out(flood: frozenset[Statement]) -> None:
    answer = Statement("outcome", "succeeded", Origin.ANSWER)
    claims = frozenset(replace(one, origin=Origin.CLAIM) for one in flood)
    assert answer in bounded(claims | {answer})


@pytest.mark.parametrize(
    ("subject", "claims", "values"),
    [
        ("outcome", ({"state": State.SUCCEEDED}, {"state": State.FAILED}), {"succeeded", "failed"}),
        ("app_id", ({"source": Source(place=Place(app_id=1))}, {"source": Source(place=Place(app_id=2))}), {"1", "2"}),
        (
            "bucket",
            ({"source": Source(place=Place(bucket="a"))}, {"source": Source(place=Place(bucket="b"))}),
            {"a", "b"},
        ),
        (
            "url",
            ({"source": Source(url="http://a/1.mp4")}, {"source": Source(url="http://a/2.mp4")}),
            {"http://a/1.mp4", "http://a/2.mp4"},
        ),
    ],
)
def test_claims_that_contradict_are_a_conflict_until_the_provider_tells(
    subject: str, claims: tuple[dict[str, Any], ...], values: set[str]
) -> None:
    made: list[dict[str, Any]] = [{"state": State.PENDING, "minute": minute} | c for minute, c in enumerate(claims)]
    first, second = (said(Origin.CLAIM, **one) for one in made)
    assert fold([first]).conflicts == ()
    assert about(fold([first, second])) == about(fold([second, first])) == {subject: (values, None)}
    answer = replace(first, origin=Origin.ANSWER)
    (settled,) = fold([answer, first, second]).conflicts
    assert settled.settled == next(iter(statements(Origin.ANSWER, first.facts))).value
    assert settled.values[settled.settled] == (Origin.ANSWER, Origin.CLAIM)


@pytest.mark.parametrize("state", [State.SUPERSEDED, State.TRANSCODING, State.PENDING])
def test_what_excludes_nothing_is_no_conflict(state: State) -> None:
    seen = [said(Origin.CLAIM, State.SUCCEEDED), said(Origin.ANSWER, state), said(Origin.TIMEOUT, State.LOST)]
    assert fold(seen).conflicts == ()


def test_two_spellings_of_one_file_are_no_conflict() -> None:
    hosts = ("http://cts-1.cossh.myqcloud.com", "https://CTS-1.cos.ap-shanghai.myqcloud.com")
    urls = [printed_url(f"{host}/a b.mp4") for host in hosts]
    claims = [said(Origin.CLAIM, State.SUCCEEDED, i, source=Source(url=url)) for i, url in enumerate(urls)]
    assert fold(claims).conflicts == ()


def test_an_outcome_that_the_provider_reported_in_two_ways_is_what_it_reported_first() -> None:
    answers = [said(Origin.ANSWER, State.SUCCEEDED, 1), said(Origin.ANSWER, State.FAILED, 2)]
    assert about(fold(answers)) == {"outcome": ({"succeeded", "failed"}, "succeeded")}


def test_nothing_stated_is_nothing_to_contradict() -> None:
    assert statements(Origin.CLAIM, Facts(vid=VID, kind=Kind.VIDEO, state=State.EXPECTED)) == frozenset()
    assert conflicts(frozenset()) == ()
