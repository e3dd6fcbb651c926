"""What subscribers hear: CloudEvents 1.0, ids that repeat with the publication, never over SNS's limit."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from mediarelay import __version__
from mediarelay.contracts.api.tasks import task_details
from mediarelay.contracts.notification import MAX_BYTES, TYPES, task_event
from mediarelay.domain.tasks.facts import MAX_REFERENCE, Facts, Place, Rendition, RenditionKind, Source
from mediarelay.domain.tasks.lifecycle import STARTED
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.spec import UnknownSpec
from mediarelay.domain.tasks.task import Observation, Task, fold
from tests.unit.domain.strategies import START, VID

URL = "https://api.example.com"
SNS_LIMIT = 256 * 1024


def task(state: State = State.SUCCEEDED, vid: str = VID, *, covers: int = 1, name: str = "/cts/w.mp4") -> Task:
    cover = Rendition(
        kind=RenditionKind.COVER,
        name="0_0",
        spec=UnknownSpec("0_0"),
        paths=tuple(f"/test/w.mp4.0_0.p{number}.png" for number in range(covers)),
        dst=Place(app_id=1, bucket="out", region="sh"),
    )
    source = Source(url="http://cts-1233444.cossh.myqcloud.com/w.mp4", name=name, place=Place(app_id=7, bucket="cts"))
    facts = Facts(vid=vid, kind=Kind.VIDEO, state=state, source=source, renditions=(cover,))
    return fold([Observation(origin=Origin.ANSWER, digest="d", at=START, facts=facts)])


def said(*arguments: Any, **options: Any) -> dict[str, Any]:
    return json.loads(task_event(task(*arguments, **options), URL).message)


def test_the_whole_message() -> None:
    event = task_event(task(), URL)
    message, attributes = event.message, event.attributes
    assert json.loads(message) == {
        "specversion": "1.0",
        "id": "b1ac266c-dab1-52fa-b7e6-80c7cb2177fa",
        "source": URL,
        "type": "mediarelay.task.succeeded",
        "subject": VID,
        "time": "2026-01-02T03:04:05Z",
        "datacontenttype": "application/json",
        "mediarelayversion": __version__,
        "data": task_details(task()),
    }
    assert attributes == {"type": "mediarelay.task.succeeded", "kind": "video", "app_id": "7", "bucket": "cts"}


@pytest.mark.parametrize("state", sorted(OUTCOMES | STARTED))
def test_every_state_that_is_published_has_a_type(state: State) -> None:
    assert said(state)["type"] == f"mediarelay.task.{TYPES[state]}"
    assert TYPES[state] == ("started" if state in STARTED else state.value)


def test_an_id_follows_from_subject_and_type_alone() -> None:
    ids = {(vid, state): said(state, vid)["id"] for vid in ("a1", "a2") for state in OUTCOMES}
    assert len(set(ids.values())) == len(ids)
    assert said(State.SUCCEEDED, "a1", covers=9)["id"] == ids["a1", State.SUCCEEDED]
    assert said(State.PROBED)["id"] == said(State.TRANSCODING)["id"], "that the work started is reported once"
    assert all(UUID(one).version == 5 for one in ids.values())


def test_a_notification_states_no_progress_and_the_task_does() -> None:
    facts = Facts(vid=VID, kind=Kind.VIDEO, state=State.TRANSCODING, progress=42)
    open_task = fold([Observation(origin=Origin.ANSWER, digest="d", at=START, facts=facts)])
    assert task_details(open_task)["progress"] == 42
    assert "progress" not in json.loads(task_event(open_task, URL).message)["data"]


def test_an_unknown_place_gives_empty_attributes() -> None:
    facts = Facts(vid=VID, kind=Kind.AUDIO, state=State.LOST)
    attributes = task_event(
        fold([Observation(origin=Origin.TIMEOUT, digest="d", at=START, facts=facts)]), URL
    ).attributes
    assert attributes == {"type": "mediarelay.task.lost", "kind": "audio", "app_id": "", "bucket": ""}


def test_renditions_that_do_not_fit_become_a_link() -> None:
    whole, linked = task(covers=7_000), task(covers=9_000)
    assert json.loads(task_event(whole, URL).message)["data"] == task_details(whole)
    message = task_event(linked, URL).message
    view = task_details(linked)
    del view["renditions"]
    assert json.loads(message)["data"] == view | {"renditions_url": f"{URL}/tasks/{VID}"}


@pytest.mark.parametrize("name", ["x" * SNS_LIMIT, "\u00e9" * (SNS_LIMIT // 2)])
def test_nothing_makes_a_message_too_large(name: str) -> None:
    event = task_event(task(name=name), URL)
    message, attributes = event.message, event.attributes
    assert len(message.encode()) + len(str(attributes).encode()) <= SNS_LIMIT
    data = json.loads(message)["data"]
    assert (data["vid"], data["state"], data["renditions_url"]) == (VID, "succeeded", f"{URL}/tasks/{VID}")
    assert MAX_BYTES < SNS_LIMIT


def test_the_smallest_message_still_has_the_reference_and_that_it_is_partial() -> None:
    facts = task(name="x" * SNS_LIMIT).best[Origin.ANSWER].facts
    known = fold(
        [
            Observation(
                origin=Origin.ANSWER,
                digest="d",
                at=START,
                facts=replace(facts, partial=True, reference="\x01" * MAX_REFERENCE),
            )
        ]
    )
    message = task_event(known, URL).message
    data = json.loads(message)["data"]
    assert (data["partial"], data["reference"]) == (True, "\x01" * MAX_REFERENCE)
    assert "source" not in data
    assert len(message.encode()) <= MAX_BYTES


def test_a_task_is_partial_or_says_nothing_about_it() -> None:
    assert "partial" not in task_details(task())
    assert "reference" not in task_details(task())


def test_the_limit_counts_bytes_and_not_characters() -> None:
    message = task_event(task(name="\u00e9" * (SNS_LIMIT // 4), covers=4_000), URL).message
    assert len(message.encode()) <= MAX_BYTES


@pytest.mark.parametrize("covers", [1, 50_000])
def test_a_queue_accepts_every_character_of_a_message(covers: int) -> None:
    name = "/\ufffe\uffff\U0001f600\x00\x7f.mp4"
    message = task_event(task(covers=covers, name=name), URL).message
    assert json.loads(message)["data"]["source"]["name"] == name
    assert not {*"\ufffe\uffff\x00"} & {*message}
