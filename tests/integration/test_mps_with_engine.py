"""MPS between the use cases and a real engine: submits, callbacks, queries and lists, and what is lost in between."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from typing import Any

import pytest

from mediarelay.domain.tasks.intent import ClientKey
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed, Unauthenticated
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.wiring.callbacks import callback_endpoint
from mediarelay.wiring.reconcile import reconciler
from tests.integration.doubles import Secret
from tests.integration.task_harness import TOKEN, TaskHarness, listed
from tests.unit.engine.conftest import AUDIO_HOST, KEYS, VIDEO_HOST, CallbackReceiver, Engine, base_config, wait_for

NOTIFY_KEY = "notify-key-1"
SOURCE = {"bucket": "cts-1250000000", "region": "ap-shanghai", "object": "/in/a.mp4"}
REQUEST = {"source": SOURCE, "outputs": [10, 40, 20000], "output_dir": "/out/", "reference": "order 7"}
KEY = ClientKey("client", "key-1")


@pytest.fixture(scope="module")
def receiver() -> Iterator[CallbackReceiver]:
    made = CallbackReceiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("engine") / "data", base_config(transcoder="stub"))
    yield made
    assert made.stop() == 0
    assert made.errors == ""


@dataclass
class Linked:
    """The use cases with the engine as MPS."""

    harness: TaskHarness
    engine: Engine
    callbacks: CallbackReceiver

    def __post_init__(self) -> None:
        with self.harness.building():
            self.endpoint, self.reconciler = callback_endpoint(MPS_CALLBACKS), reconciler()

    def now(self) -> None:
        """Set the clock: the engine refuses a call from another time."""
        self.harness.clock.now = datetime.now(UTC)

    def reconcile(self) -> int:
        self.now()
        return self.reconciler.reconcile(lambda: True)

    def tasks(self) -> set[str]:
        """The tasks that the engine knows."""
        return {one["vid"] for one in self.engine.console("tasks")["tasks"]}

    def bodies(self, vid: str) -> list[bytes]:
        found = [
            body for _, body, _ in self.callbacks.got if (body.get("WorkflowTaskEvent") or {}).get("TaskId") == vid
        ]
        return [json.dumps(body).encode() for body in found]

    def receive(self, vid: str) -> bytes:
        """Take the engine's callback about a task; returns its body."""
        body: bytes = wait_for(lambda: self.bodies(vid))[0]
        self.now()
        self.endpoint.receive(TOKEN, "192.0.2.1", lambda: body)
        return body

    def confirm(self, vid: str) -> dict[str, Any]:
        """Ask about a task until it has an outcome; returns what our API shows."""

        def done() -> bool:
            self.now()
            task = self.harness.confirm(vid)
            return bool(task and task.is_final)

        wait_for(done)
        return self.harness.reader.task(vid)


@pytest.fixture
def linked(harness: TaskHarness, stub: Engine, receiver: CallbackReceiver) -> Iterator[Linked]:
    account = KEYS | {"notify_url": f"{receiver.url}/callbacks/mps/token", "notify_key": NOTIFY_KEY}
    harness.tokens.content = {"tokens": TOKEN, "notify_keys": NOTIFY_KEY}
    secrets = {**harness.deployment.secrets, "ProviderKeys": Secret({"cts": KEYS, "mps": account})}
    harness.deployment = replace(harness.deployment, api=None, secrets=secrets, random=SystemRandom())
    harness.clock.now = datetime.now(UTC)
    url = f"http://127.0.0.1:{stub.port}"
    harness.configure(provider="mps", mps_endpoint=url, provider_endpoint=f"{url}/v2/index.php", calls_per_minute=1000)
    stub.upload(VIDEO_HOST, "/in/a.mp4", b"any bytes will do for the stub")
    yield Linked(harness, stub, receiver)
    stub.console("faults", {})


def test_a_submit_ends_in_its_outputs(linked: Linked) -> None:
    submitted = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY)
    assert submitted.vid
    linked.receive(submitted.vid)
    task = linked.confirm(submitted.vid)
    assert (task["state"], task["reference"], "partial" in task) == ("succeeded", "order 7", False)
    assert {one["name"] for one in task["renditions"]} == {"f10", "f40", "d20000"}
    assert {one["kind"] for one in task["renditions"]} == {"video", "gif"}
    assert linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY).vid == submitted.vid


def test_no_secret_is_stored(linked: Linked) -> None:
    vid = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY).vid
    assert vid
    linked.receive(vid)
    linked.confirm(vid)
    stored = repr([one.body for one in linked.harness.entries(vid)]) + repr(linked.harness.items())
    for secret in (NOTIFY_KEY, KEYS["secret_key"], "/callbacks/mps/token"):
        assert secret not in stored


def test_a_forged_signature_is_refused(linked: Linked) -> None:
    vid = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY).vid
    assert vid
    body = json.loads(wait_for(lambda: linked.bodies(vid))[0])
    before = len(linked.harness.items())
    for changes in ({"Sign": "0" * 32}, {"Sign": None}, {"Timestamp": body["Timestamp"] + 1}):
        forged = json.dumps(body | changes).encode()
        with pytest.raises(Unauthenticated):
            linked.endpoint.receive(TOKEN, "192.0.2.1", partial(bytes, forged))
    assert len(linked.harness.items()) == before


def test_a_lost_answer_makes_one_task(linked: Linked, caplog: pytest.LogCaptureFixture) -> None:
    linked.reconcile()
    before = linked.tasks()
    linked.engine.console("faults", {"drop_callbacks": True, "api_garbage": True})
    submitted = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY)
    assert submitted.vid is None
    linked.engine.console("faults", {})
    intent = linked.harness.registry.intent(Kind.VIDEO, REQUEST, KEY).identity
    # The provider has the task and refuses the repeat; the client still reads 202.
    linked.now()
    waiting = linked.harness.submitter.resume(intent)
    assert waiting is not None
    assert waiting.vid is None
    errors = [vars(one)["error"] for one in caplog.records if one.message == "submit stays open"]
    assert errors == ["ProviderUnreadable", "ProviderRepeated"]
    (vid,) = linked.tasks() - before
    assert linked.reconcile() == 1
    task = linked.confirm(vid)
    assert (task["state"], task["reference"]) == ("succeeded", "order 7")
    again = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY)
    assert (again.vid, again.repeated) == (vid, True)
    assert linked.tasks() - before == {vid}
    assert not {"submit", "submit_queued"} & linked.harness.due().keys()


def test_a_callback_recovers_a_lost_answer_too(linked: Linked) -> None:
    before = linked.tasks()
    linked.engine.console("faults", {"api_garbage": True})
    assert linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY).vid is None
    linked.engine.console("faults", {})
    (vid,) = linked.tasks() - before
    linked.receive(vid)
    linked.confirm(vid)
    again = linked.harness.submitter.submit(Kind.VIDEO, REQUEST, KEY)
    assert (again.vid, again.repeated) == (vid, True)


def test_tasks_that_nobody_reported_are_found(linked: Linked) -> None:
    linked.reconcile()
    before = linked.tasks()
    linked.engine.console("faults", {"drop_callbacks": True})
    api = linked.harness.submitter.providers
    for number in range(3):
        # Another system of the account submits them, and no callback names them.
        intent = linked.harness.registry.intent(Kind.VIDEO, REQUEST, ClientKey("other", str(number)))
        api.submit(intent)
    found = linked.tasks() - before
    assert (linked.reconcile(), linked.reconcile()) == (3, 0)
    assert {linked.confirm(vid)["state"] for vid in found} == {"succeeded"}


def test_a_request_that_mps_cannot_serve_is_refused_before_it_is_stored(linked: Linked) -> None:
    before = len(linked.harness.items())
    with pytest.raises(Malformed) as refused:
        linked.harness.submitter.submit(Kind.VIDEO, {"source": {"url": "https://example.com/a.mp4"}}, KEY)
    assert (refused.value.field, len(linked.harness.items())) == ("destination", before)


# ── moving from CTS ──


AUDIO = {"url": f"http://{AUDIO_HOST}/in/song.mp3", "bucketName": "music", "bucketRegion": "gz"}


def key(name: str) -> ClientKey:
    return ClientKey("client", name)


def cts_is_done(linked: Linked, vid: str) -> bool:
    return bool(linked.engine.call("GetCtsaudioInfo", vid=vid)["data"]["status"] == 5)


def test_begin_with_cts_and_end_with_mps(linked: Linked) -> None:
    """The steps of docs/moving-from-cts.md."""
    harness = linked.harness
    linked.engine.upload(AUDIO_HOST, "/in/song.mp3", b"any bytes will do for the stub")

    harness.configure(provider="cts")
    first = harness.submitter.submit(Kind.AUDIO, AUDIO, key("1")).vid
    assert first
    assert "-" not in first
    # One task of MPS is tried beside those of CTS.
    tried = harness.submitter.submit(Kind.AUDIO, AUDIO | {"provider": "mps"}, key("2")).vid
    assert tried
    assert "-" in tried

    # The default changes while a task of CTS is open. Clients send the same requests as before.
    harness.configure(provider="mps")
    second = harness.submitter.submit(Kind.AUDIO, AUDIO, key("3")).vid
    assert second
    assert "-" in second
    repeated = harness.submitter.submit(Kind.AUDIO, AUDIO, key("1"))
    assert (repeated.vid, repeated.repeated) == (first, True)

    wait_for(partial(cts_is_done, linked, first))
    tasks = {vid: linked.confirm(vid) for vid in (first, tried, second)}
    assert {task["state"] for task in tasks.values()} == {"succeeded"}
    assert {task["source"]["place"]["bucket"] for task in tasks.values()} == {"music"}
    names = {vid: {one["name"] for one in task["renditions"]} for vid, task in tasks.items()}
    assert names[first] == {"128000_mp3", "48000_m4a", "0_flac"}
    assert names[tried] == names[second] == {"d1010", "d1100"}

    # One list, one kind of notification, one way back.
    assert {one.vid for kind in Kind for one in listed(harness, kind, State.SUCCEEDED)} == set(tasks)
    for vid in tasks:
        harness.publisher.publish(vid)
    assert {event["subject"] for event in harness.topic.take()} == set(tasks)
    harness.configure(provider="cts")
    back = harness.submitter.submit(Kind.AUDIO, AUDIO, key("4")).vid
    assert back
    assert "-" not in back
