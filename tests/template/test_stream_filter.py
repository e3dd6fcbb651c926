"""The stream's filter: exactly what `dispatch` has to do something about, judged on items as the ledger writes them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.codec import encode
from mediarelay.adapters.dynamodb.intents import encode_intent
from mediarelay.adapters.dynamodb.keys import due_attributes
from mediarelay.adapters.dynamodb.observations import encode_observation, split_lazy_body
from mediarelay.adapters.dynamodb.parts import LAZY_BODY, MAX_BYTES
from mediarelay.adapters.dynamodb.task_items import encode_task_item
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem, TaskSummary
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from tests.stack import ROOT, resources, translated
from tests.unit.domain.strategies import START, VID

ENTRY = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.CLAIM, at=START, body=b"{}")
SUMMARY = TaskSummary(
    vid=VID,
    kind=Kind.VIDEO,
    state=State.SUCCEEDED,
    url=None,
    created_at=START,
    updated_at=START,
    due=None,
    unpublished=Publication(State.SUCCEEDED),
)
BOOKKEEPING = Bookkeeping(kind=Kind.VIDEO, give_up_at=START + timedelta(days=1))
LARGE = encode_observation(ENTRY) | encode({LAZY_BODY: b"x" * (MAX_BYTES + 1)})
HEAD, PARTS = split_lazy_body(ENTRY, LARGE, START)
INTENT = Intent(key="k", kind=Kind.AUDIO, provider="cts", request={"url": "http://a"}, at=START)
REFUSED = encode_intent(replace(INTENT, queued=True)) | {"refused": {"S": "code 4000"}}


def due(duty: Duty) -> dict[str, Any]:
    """The attributes of an item that waits for a duty."""
    return encode(due_attributes(Due(duty, START), VID))


def patterns() -> list[Any]:
    (mapping,) = (
        one for one in resources("AWS::Lambda::EventSourceMapping", translated()).values() if "FilterCriteria" in one
    )
    return [json.loads(one["Pattern"]) for one in mapping["FilterCriteria"]["Filters"]]


def matches(pattern: Any, value: Any) -> bool:
    """Event filtering as Lambda documents it, for the rules we use: equality and `exists`, on leaves."""
    if isinstance(pattern, dict):
        return all(
            matches(inner, value.get(name) if isinstance(value, dict) else None) for name, inner in pattern.items()
        )
    return any(rule == value or (rule == {"exists": True} and value is not None) for rule in pattern)


def passes(name: str, image: dict[str, Any]) -> bool:
    record = {"eventName": name, "dynamodb": {"NewImage": image} if image else {}}
    return any(matches(pattern, record) for pattern in patterns())


@pytest.mark.parametrize(
    ("name", "image", "wanted"),
    [
        ("INSERT", encode_observation(ENTRY) | due(Duty.VIDEO), True),
        ("MODIFY", encode_observation(ENTRY), False),
        ("INSERT", HEAD, True),
        ("INSERT", PARTS[0], False),
        ("INSERT", encode_observation(replace(ENTRY, origin=Origin.TRACK)), False),
        ("INSERT", encode_observation(replace(ENTRY, origin=Origin.SUBMIT)), False),
        ("INSERT", encode_observation(replace(ENTRY, origin=Origin.ANSWER)), False),
        ("INSERT", encode_observation(replace(ENTRY, origin=Origin.TIMEOUT)), False),
        ("INSERT", encode_task_item(TaskItem(SUMMARY, BOOKKEEPING)), True),
        ("MODIFY", encode_task_item(TaskItem(SUMMARY, BOOKKEEPING)), True),
        ("MODIFY", encode_task_item(TaskItem(replace(SUMMARY, unpublished=None), BOOKKEEPING)), False),
        ("INSERT", encode_intent(INTENT), False),
        ("INSERT", encode_intent(replace(INTENT, queued=True)), True),
        ("MODIFY", encode_intent(replace(INTENT, queued=True)), False),
        ("MODIFY", REFUSED | due(Duty.PUBLISH), True),
        ("MODIFY", REFUSED, False),
        ("REMOVE", {}, False),
    ],
)
def test_what_the_stream_passes_on(name: str, image: dict[str, Any], *, wanted: bool) -> None:
    assert passes(name, image) is wanted


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("dispatch_*.json")), ids=lambda path: path.stem)
def test_the_sample_events_would_pass(path: Any) -> None:
    for record in json.loads(path.read_text("utf-8"))["event"]["Records"]:
        assert passes(record["eventName"], record["dynamodb"]["NewImage"])
