"""Publications: at least one per outcome, whoever finds it; the same id each time; none is lost with its carrier."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.keys import shard_of
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem, TaskSubject
from mediarelay.domain.tasks.intent import ClientKey
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.usecases.sweep import ROWS_PER_TURN
from tests.integration.doubles import Messaging
from tests.integration.task_harness import VID, TaskHarness, answer, callback


@pytest.fixture
def done(harness: TaskHarness) -> TaskHarness:
    """A tracked task whose outcome is recorded and not yet published. No callback guards it."""
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    return harness


MUSIC = {"bucketName": "music", "bucketRegion": "gz"}


def finished(harness: TaskHarness, count: int) -> list[str]:
    """Tasks whose outcomes are recorded and not yet published."""
    vids = [f"v{number}" for number in range(count)]
    for vid in vids:
        harness.track(vid)
        harness.provider.answers[vid] = answer(vid)
        harness.confirm(vid)
    return vids


def types(harness: TaskHarness) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in harness.topic.messages]


def test_an_outcome_is_published_once_and_marked(done: TaskHarness) -> None:
    assert done.publisher.publish(VID) is State.SUCCEEDED
    assert done.publisher.publish(VID) is None
    assert types(done) == ["succeeded"]
    assert done.due() == {}


def test_a_repeat_has_the_same_id(done: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published, but not noted: the next one publishes again, and subscribers can tell."""
    with monkeypatch.context() as patch:
        patch.setattr(type(done.stores.tasks), "mark_published", lambda *_: False)
        done.publisher.publish(VID)
    done.publisher.publish(VID)
    one, two = done.topic.messages
    assert one == two


def test_what_the_stream_lost_is_swept(done: TaskHarness) -> None:
    assert done.sweep()["publish"] == 0, "the stream has a head start"
    done.clock.forward(seconds=30)
    assert done.sweep() == {
        "give_up": 0,
        "publish": 1,
        "song": 0,
        "replay": 0,
        "submit": 0,
        "unreadable": 0,
    }
    assert types(done) == ["succeeded"]
    assert done.sweep()["publish"] == 0


def test_a_topic_that_is_down_leaves_it_due(done: TaskHarness) -> None:
    done.topic.down = True
    with pytest.raises(Undelivered):
        done.publisher.publish(VID)
    done.clock.forward(minutes=1)
    assert done.sweep()["publish"] == 0
    done.topic.down = False
    done.clock.forward(minutes=4)
    assert done.sweep()["publish"] == 1
    assert types(done) == ["succeeded"]


def test_one_row_that_fails_does_not_stop_the_others(done: TaskHarness) -> None:
    """A topic that is down must not keep open submits waiting."""
    done.track("v2")
    done.clock.forward(days=1)
    done.confirm("v2")
    done.topic.down = True
    assert done.sweep() == {
        "give_up": 1,
        "publish": 0,
        "song": 0,
        "replay": 0,
        "submit": 0,
        "unreadable": 0,
    }


def test_that_the_work_started_is_reported_once(harness: TaskHarness) -> None:
    harness.track()
    for state in ("pending", "probed", "transcoding"):
        harness.provider.answers[VID] = answer(state=state)
        harness.confirm()
        harness.publisher.publish(VID)
    assert types(harness) == ["started"]
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    assert types(harness) == ["started", "succeeded"]


def test_a_late_outcome_is_published_after_lost(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(days=1)
    harness.confirm()
    harness.sweep()
    harness.publisher.publish(VID)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    assert types(harness) == ["lost", "succeeded"]
    assert len({message["id"] for message in harness.topic.messages}) == 2


@pytest.mark.parametrize("vid", ["nothing", VID])
def test_there_may_be_nothing_to_say(harness: TaskHarness, vid: str) -> None:
    harness.track()
    assert harness.publisher.publish(vid) is None
    assert harness.topic.messages == []


def test_a_message_is_whole_even_if_the_task_item_is_behind(done: TaskHarness) -> None:
    done.claim(callback(result="failure"))
    done.publisher.publish(VID)
    (message,) = done.topic.messages
    assert (message["subject"], message["data"]) == (VID, done.reader.task(VID))


def test_after_ten_minutes_without_a_topic_two_periods_are_enough(done: TaskHarness) -> None:
    """Whatever the moment at which the topic came back."""
    done.topic.down = True
    done.clock.forward(seconds=31)
    for _ in range(10):
        done.sweep()
        done.clock.forward(minutes=1)
    done.topic.down = False
    for _ in range(2):
        done.sweep()
        done.clock.forward(minutes=1)
    assert types(done) == ["succeeded"]


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_publisher_that_dies(done: TaskHarness, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    place = {
        "before": (type(done.tasks), "load"),
        "during": (type(done.topic), "publish"),
        "after": (type(done.stores.tasks), "mark_published"),
    }

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(*place[moment], die)
        with pytest.raises(SystemExit):
            done.publisher.publish(VID)
    done.clock.forward(seconds=31)
    assert done.sweep()["publish"] == 1
    assert len({message["id"] for message in done.topic.messages}) == 1
    assert types(done) == ["succeeded"] * (2 if moment == "after" else 1)
    assert done.due() == {}


def test_a_topic_that_is_down_leaves_time_for_other_duties(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(harness, 30)
    harness.registry.enqueue(Kind.AUDIO, MUSIC | {"url": "http://a/1.mp3"}, None)
    harness.clock.forward(minutes=2)
    begun = harness.clock()

    def refuse(*_: object) -> None:
        harness.clock.forward(seconds=3)
        raise Undelivered("InternalError")

    monkeypatch.setattr(harness.topic, "publish", refuse)
    tick = replace(harness.tick(), time_left=lambda: (harness.clock() - begun).seconds < 35)
    assert harness.sweeper.sweep(tick)["submit"] == 1


def lost(harness: TaskHarness) -> TaskHarness:
    """A task that was given up, not published yet."""
    harness.track()
    harness.clock.forward(hours=25)
    harness.confirm()
    harness.sweep()
    return harness


def test_message_and_answer_show_the_same_task_once_the_provider_has_answered(done: TaskHarness) -> None:
    done.publisher.publish(VID)
    assert done.topic.messages[-1]["data"] == done.reader.task(VID)


def test_the_message_of_a_lost_task_names_the_file_that_callbacks_claim_and_no_more(harness: TaskHarness) -> None:
    harness.claim(callback())
    lost(harness).publisher.publish(VID)
    message, shown = harness.topic.messages[-1]["data"], harness.reader.task(VID)
    assert message["source"].keys() == {"url", "place"}
    assert message | {"source": None} == shown | {"source": None}
    assert message["source"]["url"] == shown["source"]["url"]
    assert shown["source"].keys() > message["source"].keys()


def test_an_item_that_is_behind_its_log_is_brought_up_to_date(harness: TaskHarness) -> None:
    lost(harness)
    reported = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.ANSWER, at=harness.clock(), body=answer())
    harness.stores.tasks.append(reported)  # and whoever logged it died
    for _ in range(5):
        harness.clock.forward(minutes=1)
        harness.sweep()
    assert types(harness) == ["succeeded"]
    summary = harness.stores.tasks.load(VID).item.summary
    assert summary
    assert (summary.state, summary.due) == (State.SUCCEEDED, None)


def test_a_replay_is_published_whoever_writes_before_its_query_is_noted(done: TaskHarness) -> None:
    done.publisher.publish(VID)
    done.replayer.replay(VID, "me")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(done.stores.tasks), "settle", lambda *_: [])
        done.confirm()
    done.tasks.refresh(VID, Kind.VIDEO)
    done.stores.tasks.settle(done.stores.tasks.load(VID).pending)
    done.clock.forward(minutes=1)
    assert done.sweep()["publish"] == 1
    assert [message.get("replay") for message in done.topic.messages] == [None, 1]


@pytest.mark.parametrize("shards", [["publish#0"], ["publish#0", "publish#1"], ["publish#1", "publish#2", "publish#3"]])
def test_rows_that_always_fail_do_not_starve_other_shards(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, shards: list[str]
) -> None:
    vids = finished(harness, 60)
    poison = {vid for vid in vids if shard_of("publish", vid) in shards}
    assert len(poison) > 10
    plain = harness.topic.publish

    def publish(message: str, attributes: Mapping[str, str]) -> None:
        if json.loads(message)["subject"] in poison:
            raise Undelivered("InvalidParameter")
        plain(message, attributes)

    monkeypatch.setattr(harness.topic, "publish", publish)
    harness.clock.forward(seconds=30)
    harness.sweep()
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert {message["subject"] for message in harness.topic.messages} == set(vids) - poison


def test_the_oldest_rows_come_first_whatever_their_shards(harness: TaskHarness) -> None:
    for number in range(12):
        vid = f"v{number}"
        harness.track(vid)
        harness.provider.answers[vid] = answer(vid)
        harness.confirm(vid)
        harness.clock.forward(seconds=1)
    harness.clock.forward(minutes=1)
    rows = list(harness.stores.due_index.waiting(Duty.PUBLISH, harness.clock()))
    assert len({shard_of("publish", row.subject_as(TaskSubject).vid) for row in rows}) > 2
    assert [row.subject_as(TaskSubject).vid for row in rows] == [f"v{number}" for number in range(12)]


def test_a_topic_that_hangs_leaves_time_for_the_other_duties(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(harness, 8)
    harness.registry.enqueue(Kind.AUDIO, MUSIC | {"url": "http://a/1.mp3"}, ClientKey("game", "key"))
    harness.clock.forward(minutes=2)
    begun = harness.clock()

    def hang(*_: object, **__: object) -> None:
        harness.clock.forward(seconds=12)
        raise ReadTimeoutError(endpoint_url="https://sns")

    monkeypatch.setattr(Messaging, "publish_batch", hang)
    tick = replace(harness.tick(), time_left=lambda: (harness.clock() - begun).seconds < 35)
    done = harness.sweeper.sweep(tick)
    assert (done["submit"], done["publish"]) == (1, 0)
    assert (harness.clock() - begun).seconds < 35


def test_rows_that_hang_do_not_starve_other_shards_for_ever(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    vids = finished(harness, 60)
    poison = {next(vid for vid in vids if shard_of("publish", vid) == f"publish#{number}") for number in (0, 1)}
    plain = harness.topic.publish

    def publish(message: str, attributes: Mapping[str, str]) -> None:
        if json.loads(message)["subject"] in poison:
            harness.clock.forward(seconds=12)
            raise Undelivered("ReadTimeoutError")
        plain(message, attributes)

    monkeypatch.setattr(harness.topic, "publish", publish)
    for _ in range(8):
        harness.clock.forward(minutes=1)
        harness.sweep()
    assert {message["subject"] for message in harness.topic.messages} == set(vids) - poison


def events_stored(harness: TaskHarness) -> int:
    """The rows of the event log: each attempt to publish adds one."""
    return sum(one["item"] == {"S": "event"} for one in harness.items())


def test_while_the_topic_is_down_a_tick_tries_two_batches(harness: TaskHarness) -> None:
    """The oldest row and ten others, however many wait, because each attempt stores a row. The rest stays as it is."""
    vids = finished(harness, 25)
    harness.topic.down = True
    harness.clock.forward(seconds=30)
    harness.sweep()
    assert events_stored(harness) == 11
    assert len(list(harness.stores.due_index.waiting(Duty.PUBLISH, harness.clock()))) == 14
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert events_stored(harness) == 22
    harness.topic.down = False
    harness.clock.forward(minutes=1)
    assert harness.sweep()["publish"] == 25
    assert {message["subject"] for message in harness.topic.messages} == set(vids)


def test_an_event_that_fails_each_call_delays_its_neighbours_only(harness: TaskHarness) -> None:
    vids = finished(harness, 10)
    plain = harness.topic.publish

    def publish(message: str, attributes: Mapping[str, str]) -> None:
        if json.loads(message)["subject"] == "v5":
            raise ClientError({"Error": {"Code": "InternalFailure"}}, "PublishBatch")
        plain(message, attributes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.topic, "publish", publish)
        for _ in range(10):
            harness.clock.forward(minutes=1)
            harness.sweep()
    assert {message["subject"] for message in harness.topic.messages} == set(vids) - {"v5"}


@pytest.mark.parametrize("what", ["poll", "sweep"])
def test_a_row_that_cannot_be_leased_stops_no_other(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    vids = [f"v{number}" for number in range(8)]
    for vid in vids:
        harness.track(vid)
        if what == "sweep":
            harness.provider.answers[vid] = answer(vid)
            harness.confirm(vid)
    plain = type(harness.stores.due_index).hide

    def lease(due_index: DueIndex, row: DueItem, until: datetime) -> bool:
        if row.subject.vid == "v0":
            raise LedgerUnavailable("ThrottlingException")
        return plain(due_index, row, until)

    monkeypatch.setattr(type(harness.stores.due_index), "hide", lease)
    harness.clock.forward(minutes=2)
    with pytest.raises(LedgerUnavailable, match="some rows could not be taken"):  # else nobody would learn of it
        getattr(harness, what)()
    found = {
        "poll": [vid for vid, _ in harness.queue.messages],
        "sweep": [one["subject"] for one in harness.topic.messages],
    }
    assert set(found[what]) == set(vids[1:])


def test_a_duty_that_cannot_be_looked_for_stops_no_other_and_fails_the_tick(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    plain = type(harness.stores.due_index).waiting

    def waiting(due_index: DueIndex, what: Duty, now: datetime) -> Iterator[DueItem]:
        if what is Duty.SUBMIT:
            raise LedgerUnavailable("ThrottlingException")
        return plain(due_index, what, now)

    monkeypatch.setattr(type(harness.stores.due_index), "waiting", waiting)
    harness.registry.enqueue(Kind.AUDIO, MUSIC | {"url": "http://a/1.mp3"}, ClientKey("game", "key"))
    harness.clock.forward(days=2)
    with pytest.raises(LedgerUnavailable):
        harness.sweep()
    assert types(harness) == ["succeeded"]


def test_a_submit_queue_that_is_down_stops_no_other_duty_and_fails_the_tick_by_its_own_name(
    harness: TaskHarness,
) -> None:
    harness.registry.enqueue(Kind.AUDIO, MUSIC | {"url": "http://a/1.mp3"}, ClientKey("game", "key"))
    finished(harness, 1)
    harness.clock.forward(minutes=2)
    harness.submits.down = True
    with pytest.raises(Undelivered, match=r"^submit: some rows could not be taken \(ClientError\)$"):
        harness.sweep()
    assert types(harness) == ["succeeded"]
    harness.submits.down = False
    harness.provider.vids = ["v9"]
    harness.clock.forward(minutes=5)
    assert harness.sweep()["submit"] == 1


def test_what_waits_to_be_published_does_not_wait_longer_for_more_callbacks(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    for number in range(3):
        harness.clock.forward(seconds=20)
        harness.claim(callback(size=number + 10))
        harness.confirm()
    harness.sweep()
    assert types(harness) == ["succeeded"]


def test_a_backlog_of_publications_leaves_every_duty_its_turn(harness: TaskHarness) -> None:
    finished(harness, ROWS_PER_TURN + 20)
    harness.registry.enqueue(Kind.AUDIO, MUSIC | {"url": "http://a/1.mp3"}, ClientKey("game", "key"))
    harness.track("old")
    harness.clock.forward(days=1)
    harness.confirm("old")
    done = harness.sweeper.sweep(harness.tick(rows=ROWS_PER_TURN + 10))
    assert (done["submit"], done["publish"] >= ROWS_PER_TURN, done["give_up"]) == (1, True, 1)
    harness.clock.forward(minutes=1)
    assert harness.sweep()["publish"] == 21 - (done["publish"] - ROWS_PER_TURN)


def test_submits_leave_every_duty_its_turn(harness: TaskHarness) -> None:
    for number in range(90):
        harness.registry.enqueue(
            Kind.AUDIO, MUSIC | {"url": f"http://a/{number}.mp3"}, ClientKey("game", f"key {number}")
        )
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.clock.forward(minutes=3)
    assert harness.sweeper.sweep(harness.tick(rows=50))["publish"] == 1


def test_failures_cost_a_duty_ten_seconds_of_a_tick(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(harness, 40)
    harness.clock.forward(minutes=2)
    tried = []

    def down(*_: object, **__: object) -> None:
        harness.clock.forward(seconds=5)
        tried.append(1)
        raise ReadTimeoutError(endpoint_url="https://sns")

    monkeypatch.setattr(Messaging, "publish_batch", down)
    harness.sweep()
    assert len(tried) == 2


def test_a_row_that_cannot_be_leased_is_reported_although_the_turn_ended_early(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.sweeper = replace(harness.sweeper, max_submits=2)
    for number in range(3):
        harness.registry.enqueue(
            Kind.AUDIO, MUSIC | {"url": f"http://a/{number}.mp3"}, ClientKey("game", f"key {number}")
        )
    harness.clock.forward(minutes=3)
    plain, failing = type(harness.stores.due_index).hide, [True]

    def lease(due_index: DueIndex, row: DueItem, until: datetime) -> bool:
        if failing and failing.pop():
            raise LedgerUnavailable("ThrottlingException")
        return plain(due_index, row, until)

    monkeypatch.setattr(type(harness.stores.due_index), "hide", lease)
    with pytest.raises(LedgerUnavailable):
        harness.sweep()


def test_the_sweep_publishes_ten_rows_with_one_call(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    vids, calls = finished(harness, 25), list[int]()
    harness.clock.forward(seconds=30)
    plain = Messaging.publish_batch

    def counted(messaging: Messaging, **request: Any) -> dict[str, Any]:
        calls.append(len(request["PublishBatchRequestEntries"]))
        return plain(messaging, **request)

    monkeypatch.setattr(Messaging, "publish_batch", counted)
    assert harness.sweep()["publish"] == 25
    assert calls == [1, 10, 10, 4]
    assert {message["subject"] for message in harness.topic.messages} == {*vids}
    assert harness.due() == {}
