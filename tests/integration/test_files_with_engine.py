"""Odd keys between the use cases and a real engine: signed calls to it, its own callbacks and answers back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from urllib.parse import quote

import pytest

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import AudioTaskRequest, VideoTaskRequest
from mediarelay.domain.tasks.media import Kind
from tests.integration.doubles import Secret
from tests.integration.task_harness import TaskHarness
from tests.unit.engine.conftest import AUDIO_HOST, KEYS, VIDEO_HOST, CallbackReceiver, Engine, base_config, wait_for

NAMES = (
    *("a#b", "a?b=c", "100%", "a%20b", "a b", "a+b", "%E4%BD%A0", "\u4f60", "\u3000", "\U0001f469\u200d\U0001f3a4"),
    *("o://[b", ";,:@=$!*'()", "\u540d" * 260),
)


@pytest.fixture(scope="module")
def receiver() -> Iterator[CallbackReceiver]:
    made = CallbackReceiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory, receiver: CallbackReceiver) -> Iterator[Engine]:
    urls = {"video_callback_url": receiver.url + "/video", "audio_callback_url": receiver.url + "/audio"}
    made = Engine(tmp_path_factory.mktemp("engine") / "data", base_config(transcoder="stub", **urls))
    yield made
    assert made.stop() == 0
    assert made.errors == ""


@pytest.fixture
def linked(harness: TaskHarness, stub: Engine) -> TaskHarness:
    """The use cases with the engine as their provider."""
    secrets = {**harness.deployment.secrets, "ProviderKeys": Secret(KEYS)}
    # The engine refuses a nonce that it knows, and a call from another time.
    harness.deployment = replace(harness.deployment, api=None, secrets=secrets, random=SystemRandom())
    harness.clock.now = datetime.now(UTC)
    harness.configure(provider_endpoint=f"http://127.0.0.1:{stub.port}/v2/index.php", calls_per_minute=1000)
    return harness


def is_done(stub: Engine, vid: str) -> bool:
    return bool(stub.call("GetCtsInfo", vid=vid)["data"]["status"] == 5)


def followed(harness: TaskHarness, receiver: CallbackReceiver, vid: str, kind: Kind) -> dict:
    """Take the engine's callback about a task and ask about it; returns what our API shows."""
    (body,) = receiver.of(vid)
    assert harness.claim(json.dumps(body).encode(), kind)
    task = harness.confirm(vid, kind)
    assert (task.outcome, task.conflicts) == ("succeeded", ())
    return harness.reader.task(vid)


def test_each_odd_key_is_an_audio_task_of_its_own(
    linked: TaskHarness, stub: Engine, receiver: CallbackReceiver
) -> None:
    vids = {}
    for name in NAMES:
        stub.upload(AUDIO_HOST, f"/{quote(name)}", name.encode())
        request = {"url": f"http://{AUDIO_HOST}/{quote(name)}", "bucketName": "music", "bucketRegion": "gz"}
        vid = linked.submitter.submit(
            Kind.AUDIO, validate(AudioTaskRequest, request).model_dump(exclude_none=True), None
        ).vid
        assert vid
        vids[name] = vid
        view = followed(linked, receiver, vid, Kind.AUDIO)
        assert view["source"] | {"url": request["url"], "path": f"/{name}"} == view["source"]
        assert {one["paths"][0].startswith(f"/{name}.") for one in view["renditions"]} == {True}
        again = validate(AudioTaskRequest, request | {"url": view["source"]["url"]}).model_dump(exclude_none=True)
        assert linked.submitter.submit(Kind.AUDIO, again, None).vid == vids[name]
    assert len(set(vids.values())) == len(NAMES)


def test_videos_are_found_by_the_url_that_our_api_shows(
    linked: TaskHarness, stub: Engine, receiver: CallbackReceiver
) -> None:
    vids = {name: stub.upload(VIDEO_HOST, f"/{quote(name)}", name.encode()) for name in NAMES}
    for name, vid in vids.items():
        wait_for(partial(is_done, stub, vid))
        request = validate(VideoTaskRequest, {"url": f"http://{VIDEO_HOST}/{quote(name)}"}).model_dump(
            exclude_none=True
        )
        assert linked.submitter.submit(Kind.VIDEO, request, None).vid == vid
        view = followed(linked, receiver, vid, Kind.VIDEO)
        assert view["source"]["url"] == request["url"]
        assert linked.submitter.submit(Kind.VIDEO, request | {"url": view["source"]["url"]}, None).vid == vid
