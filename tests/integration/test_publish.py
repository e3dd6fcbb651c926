"""Announcements: at least one per outcome, whoever finds it; the same id each time; none is lost with its carrier."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from mediarelay.adapters.ledger import Ledger
from mediarelay.domain.entry import Entry, Waiting
from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import shard_of
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.usecases.sweep import TURN
from tests.integration.world import VID, World, answer, callback


@pytest.fixture
def done(world: World) -> World:
    """A task whose outcome is recorded and not yet announced."""
    world.claim(callback())
    world.provider.answers[VID] = answer()
    world.confirm()
    return world


def finished(world: World, count: int) -> list[str]:
    """Tasks whose outcomes are recorded and not yet announced."""
    vids = [f"v{number}" for number in range(count)]
    for vid in vids:
        world.track(vid)
        world.provider.answers[vid] = answer(vid)
        world.confirm(vid)
    return vids


def types(world: World) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in world.topic.messages]


def test_an_outcome_is_published_once_and_marked(done: World) -> None:
    assert done.publisher.publish(VID) is State.SUCCEEDED
    assert done.publisher.publish(VID) is None
    assert types(done) == ["succeeded"]
    assert done.due() == {}


def test_a_repeat_has_the_same_id(done: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published, but not noted: the next one publishes again, and subscribers can tell."""
    with monkeypatch.context() as patch:
        patch.setattr(type(done.ledger), "published", lambda *_: False)
        done.publisher.publish(VID)
    done.publisher.publish(VID)
    one, two = done.topic.messages
    assert one == two


def test_what_the_stream_lost_is_swept(done: World) -> None:
    assert done.sweep()["publish"] == 0, "the stream has a head start"
    done.clock.forward(seconds=30)
    assert done.sweep() == {"lost": 0, "publish": 1, "song": 0, "replay": 0, "submit": 0, "expire": 0, "unreadable": 0}
    assert types(done) == ["succeeded"]
    assert done.sweep()["publish"] == 0


def test_a_topic_that_is_down_leaves_it_due(done: World) -> None:
    done.topic.down = True
    with pytest.raises(Undelivered):
        done.publisher.publish(VID)
    done.clock.forward(minutes=1)
    assert done.sweep()["publish"] == 0
    done.topic.down = False
    done.clock.forward(minutes=4)
    assert done.sweep()["publish"] == 1
    assert types(done) == ["succeeded"]


def test_one_row_that_fails_does_not_stop_the_others(done: World) -> None:
    """A topic that is down must not keep open submits waiting."""
    done.track("v2")
    done.clock.forward(days=1)
    done.confirm("v2")
    done.topic.down = True
    assert done.sweep() == {"lost": 1, "publish": 0, "song": 0, "replay": 0, "submit": 0, "expire": 0, "unreadable": 0}


def test_that_the_work_started_is_told_once(world: World) -> None:
    world.track()
    for state in ("pending", "probed", "transcoding"):
        world.provider.answers[VID] = answer(state=state)
        world.confirm()
        world.publisher.publish(VID)
    assert types(world) == ["started"]
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    assert types(world) == ["started", "succeeded"]


def test_a_late_outcome_is_announced_after_lost(world: World) -> None:
    world.track()
    world.clock.forward(days=1)
    world.confirm()
    world.sweep()
    world.publisher.publish(VID)
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    assert types(world) == ["lost", "succeeded"]
    assert len({message["id"] for message in world.topic.messages}) == 2


@pytest.mark.parametrize("vid", ["nothing", VID])
def test_there_may_be_nothing_to_say(world: World, vid: str) -> None:
    world.track()
    assert world.publisher.publish(vid) is None
    assert world.topic.messages == []


def test_a_message_is_whole_even_if_the_task_item_is_behind(done: World) -> None:
    done.claim(callback(result="failure"))
    done.publisher.publish(VID)
    (message,) = done.topic.messages
    assert (message["subject"], message["data"]) == (VID, done.reader.task(VID))


def test_after_ten_minutes_without_a_topic_two_periods_are_enough(done: World) -> None:
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
def test_a_publisher_that_dies(done: World, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    place = {
        "before": (type(done.tasks), "load"),
        "during": (type(done.topic), "publish"),
        "after": (type(done.ledger), "published"),
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


def test_a_topic_that_is_down_leaves_time_for_other_duties(world: World) -> None:
    finished(world, 30)
    world.submitter.enqueue(Kind.AUDIO, {"url": "http://a/1.mp3"}, None)
    world.clock.forward(minutes=2)
    begun = world.clock()

    def refuse(*_: object) -> None:
        world.clock.forward(seconds=3)
        raise Undelivered("InternalError")

    world.topic.publish = refuse  # type: ignore[method-assign]
    tick = replace(world.tick(), time_left=lambda: (world.clock() - begun).seconds < 35)
    assert world.sweeper.sweep(tick)["submit"] == 1


def lost(world: World) -> World:
    """A task that was given up, not announced yet."""
    world.track()
    world.clock.forward(hours=25)
    world.confirm()
    world.sweep()
    return world


def test_an_item_that_is_behind_its_log_is_brought_up_to_date(world: World) -> None:
    lost(world)
    told = Entry(vid=VID, kind=Kind.VIDEO, origin=Origin.ANSWER, at=world.clock(), body=answer())
    world.ledger.record(told)  # and whoever logged it died
    for _ in range(5):
        world.clock.forward(minutes=1)
        world.sweep()
    assert types(world) == ["succeeded"]
    card = world.ledger.load(VID).card
    assert card
    assert (card.state, card.due) == (State.SUCCEEDED, None)


def test_a_replay_is_announced_whoever_writes_before_its_question_is_noted(done: World) -> None:
    done.publisher.publish(VID)
    done.replayer.replay(VID, "me")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(done.ledger), "settle", lambda *_: [])
        done.confirm()
    done.tasks.refresh(VID, Kind.VIDEO)
    done.ledger.settle(VID, done.ledger.load(VID).open)
    done.clock.forward(minutes=1)
    assert done.sweep()["publish"] == 1
    assert [message.get("replay") for message in done.topic.messages] == [None, 1]


@pytest.mark.parametrize("shards", [["publish#0"], ["publish#0", "publish#1"], ["publish#1", "publish#2", "publish#3"]])
def test_rows_that_always_fail_do_not_starve_other_shards(world: World, shards: list[str]) -> None:
    vids = finished(world, 60)
    poison = {vid for vid in vids if shard_of("publish", vid) in shards}
    assert len(poison) > 10
    plain = world.topic.publish

    def publish(message: str, attributes: dict[str, str]) -> None:
        if json.loads(message)["subject"] in poison:
            raise Undelivered("InvalidParameter")
        plain(message, attributes)

    world.topic.publish = publish  # type: ignore[method-assign]
    world.clock.forward(seconds=30)
    world.sweep()
    world.clock.forward(minutes=1)
    world.sweep()
    assert {message["subject"] for message in world.topic.messages} == set(vids) - poison


def test_a_topic_that_hangs_leaves_time_for_the_other_duties(world: World) -> None:
    finished(world, 8)
    world.submitter.enqueue(Kind.AUDIO, {"url": "http://a/1.mp3"}, "key")
    world.clock.forward(minutes=2)
    begun = world.clock()

    def hang(*_: object) -> None:
        world.clock.forward(seconds=12)
        raise Undelivered("ReadTimeoutError")

    world.topic.publish = hang  # type: ignore[method-assign]
    tick = replace(world.tick(), time_left=lambda: (world.clock() - begun).seconds < 35)
    done = world.sweeper.sweep(tick)
    assert (done["submit"], done["publish"]) == (1, 0)
    assert (world.clock() - begun).seconds < 35


def test_rows_that_hang_do_not_starve_other_shards_for_ever(world: World) -> None:
    vids = finished(world, 60)
    poison = {next(vid for vid in vids if shard_of("publish", vid) == f"publish#{number}") for number in (0, 1)}
    plain = world.topic.publish

    def publish(message: str, attributes: dict[str, str]) -> None:
        if json.loads(message)["subject"] in poison:
            world.clock.forward(seconds=12)
            raise Undelivered("ReadTimeoutError")
        plain(message, attributes)

    world.topic.publish = publish  # type: ignore[method-assign]
    for _ in range(8):
        world.clock.forward(minutes=1)
        world.sweep()
    assert {message["subject"] for message in world.topic.messages} == set(vids) - poison


@pytest.mark.parametrize("what", ["poll", "sweep"])
def test_a_row_that_cannot_be_leased_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    vids = [f"v{number}" for number in range(8)]
    for vid in vids:
        world.track(vid)
        if what == "sweep":
            world.provider.answers[vid] = answer(vid)
            world.confirm(vid)
    plain = type(world.ledger).lease

    def lease(ledger: Ledger, row: Waiting, until: datetime) -> bool:
        if row.vid == "v0":
            raise LedgerUnavailable("ThrottlingException")
        return plain(ledger, row, until)

    monkeypatch.setattr(type(world.ledger), "lease", lease)
    world.clock.forward(minutes=2)
    with pytest.raises(LedgerUnavailable):  # else nobody would learn of it
        getattr(world, what)()
    found = {"poll": [vid for vid, _ in world.queue.sent], "sweep": [one["subject"] for one in world.topic.messages]}
    assert set(found[what]) == set(vids[1:])


def test_a_duty_that_cannot_be_looked_for_stops_no_other_and_fails_the_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.track()
    world.provider.answers[VID] = answer()
    world.confirm()
    plain = type(world.ledger).waiting

    def waiting(ledger: Ledger, what: str, now: datetime) -> Iterator[Waiting]:
        if what == "submit":
            raise LedgerUnavailable("ThrottlingException")
        return plain(ledger, what, now)

    monkeypatch.setattr(type(world.ledger), "waiting", waiting)
    world.submitter.enqueue(Kind.AUDIO, {"url": "http://a/1.mp3"}, "key")
    world.clock.forward(days=2)
    with pytest.raises(LedgerUnavailable):
        world.sweep()
    assert types(world) == ["succeeded"]


def test_what_waits_to_be_announced_does_not_wait_longer_for_more_callbacks(world: World) -> None:
    world.claim(callback())
    world.provider.answers[VID] = answer()
    world.confirm()
    for number in range(3):
        world.clock.forward(seconds=20)
        world.claim(callback(size=number + 10))
        world.confirm()
    world.sweep()
    assert types(world) == ["succeeded"]


def test_a_backlog_of_announcements_leaves_every_duty_its_turn(world: World) -> None:
    finished(world, TURN + 20)
    world.submitter.enqueue(Kind.AUDIO, {"url": "http://a/1.mp3"}, "key")
    world.track("old")
    world.clock.forward(days=1)
    world.confirm("old")
    done = world.sweeper.sweep(world.tick(rows=TURN + 10))
    assert (done["submit"], done["publish"] >= TURN, done["lost"]) == (1, True, 1)
    world.clock.forward(minutes=1)
    assert world.sweep()["publish"] == 21 - (done["publish"] - TURN)


def test_submits_leave_every_duty_its_turn(world: World) -> None:
    for number in range(90):
        world.submitter.enqueue(Kind.AUDIO, {"url": f"http://a/{number}.mp3"}, f"key {number}")
    world.track()
    world.provider.answers[VID] = answer()
    world.confirm()
    world.clock.forward(minutes=3)
    assert world.sweeper.sweep(world.tick(rows=50))["publish"] == 1


def test_failures_cost_a_duty_ten_seconds_of_a_tick(world: World) -> None:
    finished(world, 40)
    world.clock.forward(minutes=2)
    tried = []

    def down(*_: object) -> None:
        world.clock.forward(seconds=1)
        tried.append(1)
        raise Undelivered("InternalError")

    world.topic.publish = down  # type: ignore[method-assign]
    world.sweep()
    assert len(tried) == 10


def test_a_row_that_cannot_be_leased_is_told_although_the_turn_ended_early(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sweeper = replace(world.sweeper, budget=2)
    for number in range(3):
        world.submitter.enqueue(Kind.AUDIO, {"url": f"http://a/{number}.mp3"}, f"key {number}")
    world.clock.forward(minutes=3)
    plain, failing = type(world.ledger).lease, [True]

    def lease(ledger: Ledger, row: Waiting, until: datetime) -> bool:
        if failing and failing.pop():
            raise LedgerUnavailable("ThrottlingException")
        return plain(ledger, row, until)

    monkeypatch.setattr(type(world.ledger), "lease", lease)
    with pytest.raises(LedgerUnavailable):
        world.sweep()
