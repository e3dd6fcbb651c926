"""The stream's function: the calls of a full batch, and what it does if the topic or a queue is down."""

import json
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.stream import changes_of
from mediarelay.adapters.sns import Topic
from mediarelay.adapters.sqs import ConfirmQueue, DeliveryQueue, SubmitQueue
from mediarelay.contracts.notification import Notification
from mediarelay.domain.change import Change, IntentRefused, Prompt, TaskUnpublished
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import ClientKey, Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Undelivered
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.task_harness import VID, TaskHarness, answer, callback
from tests.stack import ROOT


def test_a_delivery_queue_that_is_down_holds_up_no_outcome(lambda_sandbox: LambdaSandbox) -> None:
    """The events and deliveries stay due, and the sweep sends them."""
    content = json.loads((ROOT / "events" / "dispatch_event.json").read_text("utf-8"))
    lambda_sandbox.given(content["given"])
    assert content["expected"]["deliveries"]
    client("sqs").delete_queue(QueueUrl=lambda_sandbox.deliveries)
    assert lambda_sandbox.invoke("dispatch", content["event"]) == {"batchItemFailures": []}


MUSIC = {"bucketName": "music", "bucketRegion": "gz", "url": "http://a/1.mp3"}
VIDS = [f"v{number}" for number in range(30)]


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """How often functions call each operation of AWS."""
    found, clients = Counter[str](), [client(service) for service in ("dynamodb", "sns", "sqs")]
    for one in clients:
        one.meta.events.register("before-parameter-build", lambda model, **_: found.update([model.name]), "calls")
    yield found
    for one in clients:
        one.meta.events.unregister("before-parameter-build", unique_id="calls")


def images(harness: TaskHarness, item: str) -> list[dict[str, Any]]:
    return [one for one in harness.items() if one["item"] == {"S": item}]


def finished(harness: TaskHarness) -> list[str]:
    """Tasks with outcomes that are not published."""
    for vid in VIDS:
        harness.track(vid)
        harness.provider.answers[vid] = answer(vid)
        harness.confirm(vid)
    return VIDS


def stream_of(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The event of the stream with a record of each row."""
    # Bytes are text in an event of the stream, and this function reads none.
    found = [{name: value for name, value in row.items() if "B" not in value} for row in rows]
    changes = [{"NewImage": image, "SequenceNumber": str(number)} for number, image in enumerate(found)]
    return {"Records": [{"eventID": one["SequenceNumber"], "dynamodb": one} for one in changes]}


def unpublished(harness: TaskHarness) -> dict[str, Any]:
    """Finish tasks; returns the event of the stream with a record of each, and two of the first."""
    finished(harness)
    by_vid = {one["vid"]["S"]: one for one in images(harness, "task")}
    return stream_of(by_vid[vid] for vid in (*VIDS, VIDS[0]))


def claimed(harness: TaskHarness, vid: str) -> dict[str, Any]:
    """The record of a new callback, without its body: this function reads none."""
    harness.claim(callback(vid))
    (claim,) = [
        {name: value for name, value in one.items() if "B" not in value}
        for one in harness.items()
        if (one["item"], one["vid"]) == ({"S": "claim"}, {"S": vid})
    ]
    return {"eventID": vid, "dynamodb": {"NewImage": claim, "SequenceNumber": vid}}


def test_a_batch_shares_its_calls(lambda_sandbox: LambdaSandbox, table: str, calls: Counter[str]) -> None:
    """Only reading and marking a task take a call of each."""
    harness = TaskHarness(table)
    event = unpublished(harness)
    calls.clear()
    assert lambda_sandbox.invoke("dispatch", event) == {"batchItemFailures": []}
    assert calls == {"Query": 30, "BatchWriteItem": 2, "PublishBatch": 3, "UpdateItem": 30}
    assert harness.due() == {}


def test_a_topic_that_does_not_answer_delays_no_query(
    lambda_sandbox: LambdaSandbox, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = list[str]()

    def noted(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            called.append(plain.__name__)
            return plain(*given)

        return call

    monkeypatch.setattr(ConfirmQueue, "send_prompts", noted(ConfirmQueue.send_prompts))
    monkeypatch.setattr(Topic, "publish", noted(Topic.publish))
    harness = TaskHarness(table)
    event = unpublished(harness)
    event["Records"].append(claimed(harness, "c0"))
    assert lambda_sandbox.invoke("dispatch", event) == {"batchItemFailures": []}
    assert called == ["send_prompts", "publish"]


@pytest.mark.parametrize(
    ("queue", "method"), [(ConfirmQueue, "send_prompts"), (SubmitQueue, "send_queued"), (DeliveryQueue, "send_all")]
)
def test_a_mistake_about_a_queue_stops_no_publication(
    lambda_sandbox: LambdaSandbox, table: str, monkeypatch: pytest.MonkeyPatch, queue: type, method: str
) -> None:
    lambda_sandbox.values["WEBHOOK_DELIVERY"] = "true"
    harness = TaskHarness(table)
    event = unpublished(harness)
    event["Records"].append(claimed(harness, "c0"))
    intent = harness.registry.intent(Kind.AUDIO, MUSIC, ClientKey("game", "key"), queued=True)
    assert harness.registry.add(intent)
    harness.events.publish(Notification("e1", "{}", {"type": "mediarelay.test"}))
    event["Records"] += stream_of([*images(harness, "intent"), *images(harness, "event")])["Records"]
    mine = {"send_prompts": "c0", "send_queued": "0", "send_all": "1"}[method]

    def fail(*_: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(queue, method, fail)
    assert lambda_sandbox.invoke("dispatch", event) == {"batchItemFailures": [{"itemIdentifier": mine}]}
    assert "publish" not in harness.due()


def test_an_outage_names_its_cause_once_in_each_line(
    lambda_sandbox: LambdaSandbox, table: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Many records share an error. Its trace grew with each, so a batch wrote megabytes."""
    event = unpublished(TaskHarness(table))

    def fail(*_: object, **__: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PublishBatch")

    monkeypatch.setattr(client("sns"), "publish_batch", fail)
    assert len(lambda_sandbox.invoke("dispatch", event)["batchItemFailures"]) == 31
    errors = [record.exc_info for record in caplog.records if record.message == "record failed"]
    assert len(errors) == 31
    traces = ["".join(traceback.format_exception(*error)) for error in errors if error]
    assert all("calling the PublishBatch operation" in trace for trace in traces)
    assert len(set(map(len, traces))) == 1


def test_a_record_whose_event_is_refused_is_reported_with_its_repeats(
    lambda_sandbox: LambdaSandbox, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = TaskHarness(table)
    event = unpublished(harness)
    plain = Topic.publish

    def publish(topic: Topic, events: Iterable[Notification]) -> dict[str, Undelivered]:
        sent = [one for one in events if json.loads(one.message)["subject"] != VIDS[0]]
        refused = {one.id: Undelivered("InternalError") for one in events if one not in sent}
        return plain(topic, sent) | refused

    monkeypatch.setattr(Topic, "publish", lambda topic, events: publish(topic, list(events)))
    answered = lambda_sandbox.invoke("dispatch", event)
    assert answered == {"batchItemFailures": [{"itemIdentifier": one} for one in ("0", "30")]}
    assert [row.subject.log_keys["vid"] for row in harness.due()["publish"]] == VIDS[:1]


def test_a_query_that_cannot_be_requested_holds_up_no_other_record(
    lambda_sandbox: LambdaSandbox, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = TaskHarness(table)
    event = unpublished(harness)
    for vid in ("c0", "c1"):
        harness.claim(callback(vid))
    # Bytes are text in an event of the stream, and this function reads no body.
    items = [{name: value for name, value in one.items() if "B" not in value} for one in harness.items()]
    claims = [one for one in items if one["item"] == {"S": "claim"}]
    event["Records"] += [
        {"eventID": f"c{number}", "dynamodb": {"NewImage": claim, "SequenceNumber": f"c{number}"}}
        for number, claim in enumerate(sorted(claims, key=lambda one: str(one["pk"])))
    ]
    plain = ConfirmQueue.send_prompts

    def send(queue: ConfirmQueue, requests: Collection[Prompt]) -> dict[Prompt, Undelivered]:
        wanted = [one for one in requests if one.vid != "c0"]
        return plain(queue, wanted) | {one: Undelivered("X") for one in requests if one not in wanted}

    monkeypatch.setattr(ConfirmQueue, "send_prompts", send)
    assert lambda_sandbox.invoke("dispatch", event) == {"batchItemFailures": [{"itemIdentifier": "c0"}]}
    assert "publish" not in harness.due()


def test_the_events_of_a_batch_share_the_calls_of_the_queue(
    lambda_sandbox: LambdaSandbox, table: str, calls: Counter[str]
) -> None:
    """With calls of their own, a queue that does not answer would take the whole time of the function."""
    lambda_sandbox.values["WEBHOOK_DELIVERY"] = "true"
    harness = TaskHarness(table)
    for vid in finished(harness):
        harness.publisher.publish(vid)
    event = stream_of(images(harness, "event"))
    calls.clear()
    assert lambda_sandbox.invoke("dispatch", event) == {"batchItemFailures": []}
    assert calls == {"SendMessageBatch": 3}


def changes(harness: TaskHarness, item: str) -> list[Change]:
    """What the stream would report of the present rows of a type."""
    return [change for image in images(harness, item) for change in changes_of({"dynamodb": {"NewImage": image}})]


def refused(harness: TaskHarness) -> Intent:
    """An intent of a batch that the provider refused after the sweep had queued it again."""
    intent = harness.registry.intent(Kind.AUDIO, MUSIC, ClientKey("game", "key"), queued=True)
    assert harness.registry.add(intent)
    hide(harness, Duty.SUBMIT_QUEUED)
    harness.stores.intents.mark_refused(intent, "code 4000", harness.clock(), Due(Duty.PUBLISH, harness.clock()))
    return intent


def hide(harness: TaskHarness, duty: Duty) -> None:
    (row,) = harness.due()[duty]
    assert harness.stores.due_index.hide(row, harness.clock() + timedelta(minutes=3))


def test_a_row_that_the_sweep_hides_is_no_change(harness: TaskHarness) -> None:
    """Its image passes the filter, and each attempt of the sweep would cause one of the stream."""
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert changes(harness, "task") == [TaskUnpublished(VID)]
    hide(harness, Duty.PUBLISH)
    assert changes(harness, "task") == []
    harness.claim(callback(result="failure"))
    harness.tasks.refresh(VID, Kind.VIDEO)
    assert changes(harness, "task") == [TaskUnpublished(VID)], "whoever writes the task next reports it"


def test_a_refusal_is_reported_although_its_row_was_hidden_before(harness: TaskHarness) -> None:
    intent = refused(harness)
    assert changes(harness, "intent") == [IntentRefused(intent.identity)]
    hide(harness, Duty.PUBLISH)
    assert changes(harness, "intent") == []
