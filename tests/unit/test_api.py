"""Our own HTTP contract: requests validated with the field named, views without empty fields."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mediarelay.contracts.api.base import RequestModel, reason, validate
from mediarelay.contracts.api.media import FaultDetails, PlaceDetails, RenditionDetails, SourceDetails
from mediarelay.contracts.api.operations import QuarantinePage, QuarantineQuery, ReplayRequest
from mediarelay.contracts.api.songs import SongHistory, SongPage, SongsQuery
from mediarelay.contracts.api.submits import (
    AudioBatchItem,
    AudioBatchRequest,
    AudioTaskRequest,
    DestinationRequest,
    OutputRequest,
    SourceRequest,
    VideoTaskRequest,
)
from mediarelay.contracts.api.tasks import TaskDetails, TaskHistory, TaskPage, TaskQuery, task_details, task_history
from mediarelay.domain.tasks.facts import Facts, Fault, Place, Rendition, Source
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.spec import Spec
from mediarelay.domain.tasks.task import Observation, fold
from mediarelay.domain.tasks.vid import video_vid
from mediarelay.errors import Malformed
from mediarelay.providers.cts.provider import CTS
from mediarelay.providers.observation import observe, read_facts
from tests.hypothesis_profiles import patient
from tests.unit.domain.strategies import LOGS, START, VID

BUCKET = "http://music-1250000000.cosgz.myqcloud.com"
AUDIO = {"url": f"{BUCKET}/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
CLIP = {"url": "http://clips-1250000000.cossh.myqcloud.com/1.mp4"}
UPLOAD = {"cos_request_id": "NWE5M2M2ZTFfNGVhMzVkNjRfNDg0NF81YjI=", "date": "Mon, 26 Feb 2018 08:25:37 GMT"}


# Phrases of pydantic, and names of Python's.
FOREIGN = re.compile(
    r"Value error|Input should|valid (string|integer|boolean|datetime|list)|Field required|Extra inputs|pydantic|"
    r"is not valid|NoneType|Traceback|datetime\.|\b(str|int|bool|dict)\b|ctx|type="
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
ODD_VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner), max_leaves=5
)
REQUESTS = [AudioBatchItem, AudioTaskRequest, OutputRequest, QuarantineQuery, ReplayRequest, SourceRequest]
REQUESTS += [TaskQuery, VideoTaskRequest, DestinationRequest, SongsQuery, AudioBatchRequest]


@pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
@given(data=st.data())
@patient
def test_no_refusal_has_the_words_of_the_library(model: type[RequestModel], data: st.DataObject) -> None:
    names = st.sampled_from([*model.model_fields, "x"])
    values = data.draw(st.dictionaries(names, ODD_VALUES, max_size=4))
    refusals = []
    try:
        validate(model, values)
    except Malformed as error:
        refusals.append(error)
    assert not [error for error in refusals if not error.field or FOREIGN.search(error.reason)]


@pytest.mark.parametrize("model", REQUESTS, ids=lambda model: model.__name__)
def test_each_refusal_of_a_value_has_its_sentence(model: type[RequestModel]) -> None:
    values: list[Any] = [None, True, -1, 1.5, math.nan, math.inf, "", "x", [], {}]
    for name, value in product(model.model_fields, values):
        assert "is not valid" not in map(reason, refusals(model, {name: value})), (name, value)


def refusals(model: type[RequestModel], values: dict[str, Any]) -> list[ErrorDetails]:
    """What pydantic finds. A field that another one needs hides nothing here, unlike in `validate`."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return error.errors()
    return []


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (CLIP | {"cos_request_id": "x"}, "date", "is required with cos_request_id"),
        (CLIP | {"date": "x"}, "cos_request_id", "is required with date"),
        ({"cos_request_id": "x", "date": "y"}, "url", "is required with cos_request_id and date"),
        ({}, "vid", "is required, unless url is given"),
    ],
)
def test_an_upload_that_lacks_a_header_names_it(request_: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        validate(VideoTaskRequest, request_).known_vid()
    assert (caught.value.field, caught.value.reason.startswith(reason)) == (field, True)


def test_a_missing_field_shows_an_example() -> None:
    with pytest.raises(Malformed, match=r"^day: is required, such as 2026-11-21$"):
        validate(QuarantineQuery, {})


def served_by_cts(request: dict[str, Any]) -> None:
    """Check a request as the function does: first its form, then whether its provider can serve it."""
    CTS.request(Kind.AUDIO, validate(AudioTaskRequest, request).model_dump(exclude_none=True))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://a/1.mp3"}, "url"),
        ({"url": AUDIO["url"].replace("http:", "https:")}, "url"),
        ({"url": AUDIO["url"].replace(".com", ".com:80")}, "url"),
        ({"url": AUDIO["url"] + "?versionId=1"}, "url"),
        ({"url": AUDIO["url"] + "#t=1"}, "url"),
        ({"url": f"{BUCKET}/g/%C4%E3.mp3"}, "url"),
        ({"url": f"{BUCKET}/folder/"}, "url"),
        ({"url": f"{BUCKET}/" + "x" * 851}, "url"),
        ({"url": 7}, "url"),
        ({"bucketName": ""}, "bucketName"),
        ({"bucketName": "musik"}, "bucketName"),
        ({"bucketName": "music-1250000000"}, "bucketName"),
        ({"bucketName": "x" * 2049}, "bucketName"),
        ({"bucketRegion": "sh"}, "bucketRegion"),
        ({"bucketRegion": ["gz"]}, "bucketRegion"),
        ({"bucket": "music"}, "bucket"),
    ],
)
def test_an_audio_request_names_what_is_wrong(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        served_by_cts(AUDIO | change)
    assert caught.value.field == field


@pytest.mark.parametrize("model", [AudioTaskRequest, AudioBatchItem])
def test_a_contradiction_says_what_the_url_says(model: type[AudioTaskRequest]) -> None:
    with pytest.raises(Malformed, match=r"^bucketRegion: must be the one in the url \(gz\)$"):
        validate(model, AUDIO | {"bucketRegion": "sh"})


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        (f"{BUCKET}/a b.mp3", f"{BUCKET}/a%20b.mp3"),
        (f"{BUCKET}/%e4%bd%a0+.mp3", f"{BUCKET}/%E4%BD%A0%2B.mp3"),
        (f"{BUCKET}/你.mp3", f"{BUCKET}/%E4%BD%A0.mp3"),
        (f"{BUCKET.upper().replace('HTTP', 'http')}/A.mp3", f"{BUCKET}/A.mp3"),
        (f"{BUCKET.replace('cosgz', 'cos.gz')}/a.mp3", f"{BUCKET}/a.mp3"),
        (f"{BUCKET}/" + "%E5%90%8D" * 283, f"{BUCKET}/" + "%E5%90%8D" * 283),
    ],
)
def test_a_request_is_stored_and_sent_in_one_spelling(url: str, stored: str) -> None:
    for model in (AudioTaskRequest, AudioBatchItem, VideoTaskRequest):
        request = AUDIO | {"url": url} if model is not VideoTaskRequest else {"url": url}
        assert validate(model, request).model_dump(exclude_none=True) == request | {"url": stored}


@pytest.mark.parametrize("missing", AUDIO)
def test_every_field_of_an_audio_request_is_needed(missing: str) -> None:
    with pytest.raises(Malformed) as caught:
        served_by_cts({name: value for name, value in AUDIO.items() if name != missing})
    assert caught.value.field == missing


@pytest.mark.parametrize(
    ("request_", "vid"),
    [
        ({"vid": VID}, VID),
        ({"vid": VID, **CLIP}, VID),
        (CLIP, None),
        (CLIP | UPLOAD, video_vid(*UPLOAD.values())),
    ],
)
def test_the_vid_of_a_video(request_: dict[str, str], vid: str | None) -> None:
    assert validate(VideoTaskRequest, request_).known_vid() == vid


@pytest.mark.parametrize(
    "request_",
    [
        {},
        UPLOAD,
        {**CLIP, "date": UPLOAD["date"]},
        {**CLIP, "cos_request_id": "x"},
        CLIP | UPLOAD | {"date": "Sun, 26 Feb 2018 08:25:37 GMT"},
        {"vid": "a b"},
        {"vid": VID, "more": "x"},
        {"vid": VID, "url": "https://clips-1250000000.cossh.myqcloud.com/1.mp4"},
        {"url": "http://example.com/1.mp4"} | UPLOAD,
    ],
)
def test_a_video_request_without_a_name_for_the_task(request_: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        validate(VideoTaskRequest, request_).known_vid()


@given(st.dictionaries(st.sampled_from([*AUDIO, "vid", "date", "x"]), st.text() | st.integers() | st.none()))
@patient
def test_no_request_escapes_validation(body: dict[str, Any]) -> None:
    for model in (AudioTaskRequest, VideoTaskRequest):
        with suppress(Malformed):
            validate(model, body)


@given(LOGS)
@patient
def test_every_task_can_be_shown(log: list[Observation]) -> None:
    view = task_details(fold(log))
    assert json.loads(json.dumps(view)) == view
    assert None not in view.values()


def annotations(kind: Any) -> Iterator[Any]:
    """The types of a model's fields, and of the models in them."""
    for part in get_args(kind):
        yield from annotations(part)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for field in kind.model_fields.values():
            yield from annotations(field.annotation)
    yield kind


@pytest.mark.parametrize("model", [TaskDetails, TaskPage, TaskHistory, SongPage, SongHistory, QuarantinePage])
def test_a_change_of_the_domain_changes_no_answer(model: type[BaseModel]) -> None:
    """Answers have fields of their own. Only the forms of a specification are the domain's."""
    assert {kind for kind in annotations(model) if is_dataclass(kind)} <= {*get_args(Spec)}


@pytest.mark.parametrize(
    ("shown", "kind"),
    [(SourceDetails, Source), (RenditionDetails, Rendition), (FaultDetails, Fault), (PlaceDetails, Place)],
)
def test_clients_see_every_field_of_the_domain(shown: type[BaseModel], kind: Any) -> None:
    assert list(shown.model_fields) == [field.name for field in fields(kind)]


def test_a_task_of_which_little_is_known() -> None:
    facts = Facts(vid=VID, kind=Kind.AUDIO, state=State.PENDING)
    assert task_details(fold([Observation(origin=Origin.SUBMIT, digest="d", at=START, facts=facts)])) == {
        "vid": VID,
        "kind": "audio",
        "state": "pending",
        "source": {"place": {}},
        "renditions": [],
        "faults": [],
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a": [1]}', {"a": [1]}),
        (b"vid=abc&status=2", "vid=abc&status=2"),
        (b"\xff", "\ufffd"),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"\\ud800": 1}', {"\ud800": 1}),
    ],
)
def test_history_shows_bodies_as_they_are(body: bytes, shown: Any) -> None:
    entry = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.CLAIM, at=START, body=body)
    shown_entry = (entry, read_facts(entry).unreadable)
    (line,) = task_history(fold(observe([entry])), (shown_entry,))["observations"]
    expected = {"origin": "claim", "at": "2026-01-02T03:04:05Z", "digest": entry.digest, "body": shown}
    unreadable = [] if shown == "vid=abc&status=2" else ["body" if shown == "\ufffd" else "callback_type"]
    assert line == expected | {"unreadable": unreadable}
