"""One odd value in any side field of any sample of MPS: the same task, state and file, and all other fields."""

import json
from dataclasses import fields
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Head
from tests.contract.mps_bodies import sample
from tests.contract.odd import JSON, ODD, places, replaced, written
from tests.contract.test_cts_fuzz import refused_or_sound
from tests.contract.test_mps_payloads import CALLBACKS, DETAILS, VID
from tests.hypothesis_profiles import patient, thorough

TASK = (
    *("", "TaskId", "Status", "ErrCode", "InputInfo", "InputInfo.CosInputInfo", "InputInfo.CosInputInfo.Bucket"),
    *("InputInfo.CosInputInfo.Object", "InputInfo.CosInputInfo.Region", "MetaData", "MetaData.VideoStreamSet"),
    *("MetaData.AudioStreamSet", "MediaProcessResultSet", "ActivityResultSet", "ActivityResultSet.ActivityResItem"),
)
"""What decides in a task: its id, its state, its kind, the file, and which outputs there are."""
MEMBERS = ("WorkflowTask", "ScheduleTask", "WorkflowTaskEvent", "ScheduleTaskEvent")
DECIDING = {"EventType", "TaskType", "Status"} | {
    f"{member}.{field}".rstrip(".") for member in MEMBERS for field in TASK
}


def schema(path: tuple[Any, ...]) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def decides(path: tuple[Any, ...]) -> bool:
    """Whether a place decides; also the result of an output, and its status."""
    *_, last = path
    holds_results = "ResultSet" in schema(path)
    is_result = isinstance(last, str) and last.endswith("Task") and holds_results
    return schema(path) in DECIDING or is_result or (last == "Status" and holds_results)


def alike(path: tuple[Any, ...]) -> str:
    """Return one name for all places that are read by the same code."""
    outer, _, inner = schema(path).partition(".")
    inside = inner.replace("ActivityResultSet.ActivityResItem", "MediaProcessResultSet")
    return f"task.{inside}" if outer in MEMBERS else schema(path)


SAMPLES = (*CALLBACKS, *DETAILS)
ALL = [(name, path) for name in SAMPLES for path in places(sample(name)) if not decides(path)]
# One place of each name is enough: callbacks and answers, and all entries of a list, are read alike.
SIDE = list({alike(path): (name, path) for name, path in reversed(ALL)}.values())


def read(name: str, body: bytes) -> Facts:
    """Read a sample as it goes its way: an answer is written to the log and read from there."""
    if name in CALLBACKS:
        return MPS.claim_facts(CALLBACKS[name], Kind.VIDEO, body)
    return MPS.answer_facts(VID, Kind.VIDEO, json.loads(MPS.canonical(MPS.reply_data(body))))


def identity(facts: Facts) -> tuple[Any, ...]:
    place = facts.source.place
    return facts.vid, facts.kind, facts.state, facts.partial, facts.source.url, place.app_id, place.bucket


@cache
def plain(name: str) -> Facts:
    return read(name, written(sample(name)))


@cache
def plain_head(name: str) -> Head:
    return MpsCallbacks().read_head(written(sample(name)))


def check(name: str, path: tuple[Any, ...], value: object) -> None:
    body = written(replaced(sample(name), path, value))
    facts, place = read(name, body), schema(path)
    assert identity(facts) == identity(plain(name))
    assert [one for one in facts.unreadable if not f"{one}.".startswith(place) and not place.startswith(one)] == []
    if "ResultSet" not in place:
        assert facts.renditions == plain(name).renditions
    else:
        assert facts.source == plain(name).source
    if name in CALLBACKS:
        head, usual = MpsCallbacks().read_head(body), plain_head(name)
        assert (head.vid, head.kind, head.claim_summary) == (usual.vid, usual.kind, usual.claim_summary)
    json.dumps([getattr(facts, one.name) for one in fields(facts)], default=str, ensure_ascii=False).encode()


@pytest.mark.parametrize(("name", "path"), SIDE, ids=lambda value: str(value).replace(" ", ""))
def test_each_odd_value_in_each_side_field(name: str, path: tuple[Any, ...]) -> None:
    for value in (*ODD, float("nan")):
        check(name, path, value)


@given(st.sampled_from(ALL), JSON)
@thorough
def test_any_value_in_any_side_field(place: tuple[str, tuple[Any, ...]], value: object) -> None:
    check(*place, value)


@pytest.mark.parametrize("name", DETAILS)
def test_an_answer_that_states_its_side_fields_twice_is_still_one(name: str) -> None:
    text = json.dumps(sample(name))
    for field in ("SessionId", "CreateTime", "SessionContext"):
        assert identity(read(name, f'{{"{field}": "x", {text[1:]}'.encode())) == identity(plain(name))
    with pytest.raises(Malformed, match="Status"):
        read(name, f'{{"Status": "x", {text[1:]}'.encode())


@given(st.sampled_from(SAMPLES), st.data())
@patient
def test_whatever_is_replaced_there_are_facts_or_a_refusal(name: str, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(places(sample(name)))))
    body = written(replaced(sample(name), path, data.draw(JSON)))
    refused_or_sound(lambda: read(name, body))
