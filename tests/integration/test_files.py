"""Odd keys all the way: requested as clients escape them, called back and answered as the engine prints them."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from engine.model import Flaw, Status, TaskKind
from engine.model import Task as EngineTask
from engine.payloads import query, result_callback
from engine.places import Place
from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import AudioTaskRequest, VideoTaskRequest
from mediarelay.contracts.api.tasks import TaskQuery
from mediarelay.domain.tasks.intent import ClientKey
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Conflict
from tests.integration.doubles import START
from tests.integration.task_harness import TaskHarness

PLACE = Place(app_id=1250000000, bucket="music", region="sh")
HOST = f"http://{PLACE.host}"
VIDS = {Kind.AUDIO: "a1", Kind.VIDEO: "b1"}
KEYS = (
    *("a#b.mp4", "a?b.mp4", "100%.mp4", "a%20b.mp4", "%E4%BD%A0.mp4", "a b.mp4", "a+b.mp4", "你 \u3000.mp4"),
    *("\U0001f469\u200d\U0001f3a4.mp4", "a//b&c=d;e.mp4", "k" * 840 + ".mp3", "名" * 250 + ".mp4", "名" * 282 + ".mp4"),
)


def url_of(key: str) -> str:
    return f"{HOST}/{quote(key)}"


def printed(kind: Kind, key: str, vid: str = "", **changes: Any) -> EngineTask:
    """A task of the engine that failed: it needs no outputs."""
    task = EngineTask(
        vid=vid or VIDS[kind],
        kind=TaskKind(kind),
        source=PLACE,
        dst=PLACE,
        url=PLACE.url(f"/{key}"),
        path=f"/{key}",
        key=key,
        created=START.timestamp(),
        updated=START.timestamp(),
        status=Status.FAILED,
        flaw=Flaw(code=122, message="broken"),
    )
    return replace(task, **changes)


def order(harness: TaskHarness, kind: Kind, url: str, key: ClientKey | None = None, vid: str = "") -> str | None:
    """Do what the functions do with a request for a task."""
    vid = vid or VIDS[kind]
    if kind is Kind.VIDEO:
        return harness.submitter.track(
            vid, validate(VideoTaskRequest, {"vid": vid, "url": url}).model_dump(exclude_none=True)
        ).vid
    harness.provider.vids = [vid]
    request = validate(AudioTaskRequest, {"url": url, "bucketName": "music", "bucketRegion": "sh"}).model_dump(
        exclude_none=True
    )
    return harness.submitter.submit(kind, request, key).vid


def answers(harness: TaskHarness, task: EngineTask, **changes: Any) -> None:
    harness.provider.answers[task.vid] = json.dumps(query(task) | changes).encode()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_task_of_any_key_is_confirmed_and_shown_as_it_is_requested(
    harness: TaskHarness, kind: Kind, key: str
) -> None:
    task = printed(kind, key)
    order(harness, kind, url_of(key))
    harness.claim(json.dumps(result_callback(task)).encode(), kind)
    answers(harness, task)
    assert harness.confirm(task.vid, kind).conflicts == ()
    view = harness.reader.task(task.vid)
    assert (view["state"], view["source"]["path"]) == ("failed", f"/{key}")
    (row,) = harness.reader.page(validate(TaskQuery, {"kind": kind.value}))["tasks"]
    harness.publisher.publish(task.vid)
    assert {view["source"]["url"], row["url"], harness.topic.messages[-1]["data"]["source"]["url"]} == {url_of(key)}
    assert order(harness, kind, view["source"]["url"]) == task.vid, "our API takes what it prints"
    assert len(harness.provider.taken) == (kind is Kind.AUDIO), "and it is the same file"
    bodies = [line["body"] for line in harness.reader.history(task.vid)["observations"] if line["origin"] == "answer"]
    assert [body["url"] for body in bodies] == [task.url], "the history shows what came"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("key", "other"),
    [("a b.mp4", "a%20b.mp4"), ("a#b.mp4", "a"), ("a#b.mp4", "a#c.mp4"), ("a?b.mp4", "a?c.mp4"), ("你", "%E4%BD%A0")],
)
def test_an_answer_about_another_key_is_not_believed(harness: TaskHarness, kind: Kind, key: str, other: str) -> None:
    for one, another in ((key, other), (other, key)):
        vid = f"v{quote(one, safe='').replace('%', 'X').replace('.', '').replace('_', '')}"[:64]
        order(harness, kind, url_of(one), vid=vid)
        answers(harness, printed(kind, another, vid))
        assert harness.confirm(vid, kind).outcome is None
        answers(harness, printed(kind, one, vid))
        assert harness.confirm(vid, kind).outcome == "failed"


def test_two_keys_are_two_tasks_and_two_spellings_are_one(harness: TaskHarness) -> None:
    vids = {key: order(harness, Kind.AUDIO, url_of(key), vid=f"v{index}") for index, key in enumerate(KEYS)}
    assert len(set(vids.values())) == len(KEYS)
    for key, vid in vids.items():
        for url in (url_of(key), url_of(key).replace(PLACE.host, PLACE.host.upper()), url_of(key).replace("%2E", ".")):
            assert order(harness, Kind.AUDIO, url, vid="another") == vid
    assert order(harness, Kind.AUDIO, f"{HOST}/a b.mp4", vid="another") == vids["a b.mp4"]
    order(harness, Kind.AUDIO, f"{HOST}/a b.mp4", ClientKey("game", "mine"), "v99")
    assert order(harness, Kind.AUDIO, f"{HOST}/a%20b.mp4", ClientKey("game", "mine")) == "v99"
    with pytest.raises(Conflict):
        order(harness, Kind.AUDIO, f"{HOST}/a%2520b.mp4", ClientKey("game", "mine"))


def test_what_is_sent_is_escaped_once(harness: TaskHarness) -> None:
    for url in (f"{HOST}/你 %25.mp3", f"{HOST}/%e4%bd%a0%20%25.mp3"):
        order(harness, Kind.AUDIO, url)
    sent = {"url": f"{HOST}/%E4%BD%A0%20%25.mp3", "bucketName": "music", "bucketRegion": "sh"}
    assert harness.provider.taken == [sent]


def test_a_provider_that_repeats_the_submitted_url_is_believed(harness: TaskHarness) -> None:
    order(harness, Kind.AUDIO, url_of("a b%.mp3"))
    answers(harness, printed(Kind.AUDIO, "a b%.mp3"), url=url_of("a b%.mp3"))
    task = harness.confirm("a1", Kind.AUDIO)
    assert (task.outcome, task.source.url, task.conflicts) == ("failed", url_of("a b%.mp3"), ())


def test_a_callback_that_repeats_the_submitted_url_contradicts_nothing(harness: TaskHarness) -> None:
    order(harness, Kind.AUDIO, url_of("a b%.mp3"))
    body = result_callback(printed(Kind.AUDIO, "a b%.mp3")) | {"url": url_of("a b%.mp3")}
    harness.claim(json.dumps(body).encode(), Kind.AUDIO)
    answers(harness, printed(Kind.AUDIO, "a b%.mp3"))
    task = harness.confirm("a1", Kind.AUDIO)
    assert (task.outcome, task.conflicts) == ("failed", ())
    gists = [entry.claim_summary.url for entry in harness.stores.tasks.load("a1").observations if entry.claim_summary]
    assert gists == [f"{HOST}/a b%.mp3"], "as the provider prints it"


def test_both_names_of_a_region_are_one_request(harness: TaskHarness) -> None:
    order(harness, Kind.AUDIO, url_of("a b.mp3"), vid="a1")
    url = url_of("a b.mp3").replace("cossh", "cos.ap-shanghai")
    request = validate(AudioTaskRequest, {"url": url, "bucketName": "music", "bucketRegion": "ap-shanghai"}).model_dump(
        exclude_none=True
    )
    assert harness.submitter.submit(Kind.AUDIO, request, None).vid == "a1"


def test_the_host_of_a_region_of_version_5_is_sent_as_it_exists(harness: TaskHarness) -> None:
    url = url_of("a b.mp3").replace("cossh", "cos.ap-shanghai")
    harness.provider.vids = ["a1"]
    request = validate(AudioTaskRequest, {"url": url, "bucketName": "music", "bucketRegion": "ap-shanghai"}).model_dump(
        exclude_none=True
    )
    harness.submitter.submit(Kind.AUDIO, request, None)
    assert harness.provider.taken == [{"url": url, "bucketName": "music", "bucketRegion": "ap-shanghai"}]


def test_another_name_of_the_region_is_the_same_file(harness: TaskHarness) -> None:
    order(harness, Kind.VIDEO, url_of("a b.mp4").replace("cossh", "cos.ap-shanghai"))
    answers(harness, printed(Kind.VIDEO, "a b.mp4"))
    assert harness.confirm("b1").outcome == "failed"


def test_a_source_elsewhere_is_shown_as_it_is(harness: TaskHarness) -> None:
    url = "http://media.example.com/a b#c%20.mp4"
    answers(harness, printed(Kind.VIDEO, "x.mp4"), url=url)
    assert harness.confirm("b1").source.url == url


@pytest.mark.parametrize("url", ["a%20b%E4%BD%A0.mp4", "a b你.mp4", "a%20b%e4%bd%a0.mp4"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_requests_of_earlier_versions_are_still_held_against_answers(
    harness: TaskHarness, scheme: str, url: str
) -> None:
    harness.track("b1", url=f"{scheme}://{PLACE.host}/{url}")
    assert harness.reader.task("b1")["source"]["url"] == url_of("a b你.mp4")
    answers(harness, printed(Kind.VIDEO, "other.mp4"))
    assert harness.confirm("b1").outcome is None
    answers(harness, printed(Kind.VIDEO, "a b你.mp4"))
    assert harness.confirm("b1").outcome == "failed"
