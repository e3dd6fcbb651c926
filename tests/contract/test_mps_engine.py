"""What the engine prints as MPS, in the domain's words: every type of output, and the same in every odd form."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import Task
from engine.mps.answers import callback, claim, detail, row
from engine.mps.api import envelope
from engine.mps.odd import OddForm, make_odd, wrap
from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import OUTCOMES, Kind
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from tests.contract.normal import plain
from tests.unit.engine.test_mps_answers import PARTIAL, SOURCE_FAULT, scheduled, task

TASKS = {"whole": task(), "partial": PARTIAL, "source_fault": SOURCE_FAULT, "scheduled": scheduled()}
FORMS: tuple[OddForm, ...] = get_args(OddForm)
NOW = 1700000000.0


def claimed(made: Task, body: dict[str, Any]) -> Facts:
    text = json.dumps(body).encode()
    assert MpsCallbacks().read_head(text).vid == made.vid
    return MPS.claim_facts(made.vid, Kind.VIDEO, text)


def answered(made: Task, body: dict[str, Any]) -> Facts:
    """Read an answer as it goes its way: it is written to the log and read from there."""
    logged = MPS.canonical(MPS.read("DescribeTaskDetail", json.dumps(envelope(body)).encode()).data)
    assert b'"k"' not in logged
    return MPS.answer_facts(made.vid, Kind.VIDEO, json.loads(logged))


def test_every_type_of_output_is_read() -> None:
    facts = answered(TASKS["whole"], detail(TASKS["whole"]))
    assert (facts.state, facts.partial, facts.faults) == ("succeeded", False, ())
    assert {(one.kind.value, one.definition) for one in facts.renditions} == {
        ("video", 100010),
        ("gif", 20000),
        ("cover", 10),
        ("stream", 10),
        ("sprite", 10),
    }
    paths = {path for one in facts.renditions for path in one.paths}
    assert {"/a", "/b", "/c", "/d", "/e", "/f", "/h"} <= paths


def test_states_of_ended_tasks() -> None:
    states = {
        name: (facts.state, facts.partial) for name, facts in ((n, answered(t, detail(t))) for n, t in TASKS.items())
    }
    assert states == {
        "whole": ("succeeded", False),
        "partial": ("succeeded", True),
        "source_fault": ("failed", False),
        "scheduled": ("succeeded", False),
    }


@pytest.mark.parametrize("name", TASKS)
def test_a_callback_claims_what_the_query_answers(name: str) -> None:
    one, other = claimed(TASKS[name], callback(TASKS[name], NOW)), answered(TASKS[name], detail(TASKS[name]))
    assert (one.state, one.source, one.renditions, one.faults) == (
        other.state,
        other.source,
        other.renditions,
        other.faults,
    )


def shown(facts: Facts) -> Any:
    """Facts without the codes of faults, which are other ones if `ErrCodeExt` is missing.

    An outcome removes the progress of a task, and MPS may state 0 with a success.
    """
    ended = {"progress": None} if facts.state in OUTCOMES else {}
    return plain(facts) | {"faults": [fault.message for fault in facts.faults]} | ended


@given(st.sampled_from(sorted(TASKS)), st.lists(st.sampled_from(FORMS), unique=True))
def test_odd_forms_are_read_alike(name: str, forms: list[OddForm]) -> None:
    made, odd = TASKS[name], tuple(forms)
    body = callback(made, NOW)
    assert shown(claimed(made, wrap(make_odd(body, odd), odd))) == shown(claimed(made, body))
    assert shown(answered(made, make_odd(detail(made), odd))) == shown(answered(made, detail(made)))


def test_a_lie_is_read_as_it_claims() -> None:
    whole = TASKS["whole"]
    assert claimed(whole, claim(callback(whole, NOW), "fail")).state == "failed"
    assert claimed(PARTIAL, claim(callback(PARTIAL, NOW), "success")).partial is False


def test_a_list_is_read() -> None:
    rows = [row(each) for each in TASKS.values()]
    page = MPS.listed(
        MPS.read("DescribeTasks", json.dumps(envelope({"TaskSet": rows, "ScrollToken": "7"})).encode()).data
    )
    assert ([vid for vid, _ in page.rows], page.cursor) == ([each.vid for each in TASKS.values()], "7")
