"""Guards: the rows of callbacks guarantee the publication of an outcome that an item has from its first write on."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.keys import Key
from mediarelay.domain.circuit_breaker import Cause
from mediarelay.domain.tasks.lifecycle import MAX_GUARDS
from mediarelay.domain.tasks.log import PendingCheck
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.next_step import next_step
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.providers.registry import query_circuits
from mediarelay.usecases.tasks import repository
from mediarelay.usecases.tasks.publish import DuePublication, TaskPublisher
from tests.integration.task_harness import VID, TaskHarness, answer, callback


@pytest.fixture(params=["tracked", "unknown"])
def guarded(harness: TaskHarness, request: pytest.FixtureRequest) -> TaskHarness:
    """A task with a callback, whose outcome is recorded and not yet published."""
    if request.param == "tracked":
        harness.track()
        harness.clock.forward(seconds=1)
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    assert harness.confirm() is not None
    assert harness.topic.messages == []
    return harness


def recover(harness: TaskHarness) -> None:
    """Let the schedules run for some minutes, without a stream."""
    for _ in range(6):
        harness.clock.forward(minutes=1)
        _work_off_polls(harness)
        harness.sweep()


def track_slowly(harness: TaskHarness) -> list[PendingCheck]:
    """Track a task that has a callback; return the checks that the writer of the item has yet to settle."""
    slow = list[PendingCheck]()

    def begin(_store: object, checks: Iterable[PendingCheck], *_: object) -> list[object]:
        slow.extend(checks)
        return []

    harness.claim(callback())
    harness.clock.forward(seconds=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(harness.stores.tasks), "settle", begin)
        harness.track()
    return slow


def published(harness: TaskHarness) -> list[str]:
    assert len({message["id"] for message in harness.topic.messages}) <= 1, "repeats have the same id"
    return [message["type"].rpartition(".")[2] for message in harness.topic.messages]


def test_the_callback_waits_until_the_outcome_is_published(guarded: TaskHarness) -> None:
    assert list(guarded.due()) == ["unknown_video"]
    assert next_step(guarded.tasks.load(VID)[0]).duty == "publish"
    assert guarded.publisher.publish(VID) is State.SUCCEEDED
    assert guarded.due() == {}
    assert guarded.publisher.publish(VID) is None
    shown = next_step(guarded.tasks.load(VID)[0])
    assert (shown.duty, [one.state for one in shown.published]) == (None, [State.SUCCEEDED])
    recover(guarded)
    assert published(guarded) == ["succeeded"]


def test_an_outcome_that_the_stream_lost_is_published_by_the_schedules(guarded: TaskHarness) -> None:
    recover(guarded)
    assert published(guarded) == ["succeeded"]
    assert guarded.due() == {}


def test_a_topic_that_is_down_loses_nothing(guarded: TaskHarness) -> None:
    guarded.topic.down = True
    with pytest.raises(Undelivered):
        guarded.publisher.publish(VID)
    recover(guarded)
    guarded.topic.down = False
    recover(guarded)
    assert published(guarded) == ["succeeded"]
    assert guarded.due() == {}


@pytest.mark.parametrize(("moment", "times"), [("tasks.load", 1), ("topic.publish", 1), ("stores.tasks.settle", 2)])
def test_a_publisher_that_stops(guarded: TaskHarness, monkeypatch: pytest.MonkeyPatch, moment: str, times: int) -> None:
    def stop(*_: object, **__: object) -> None:
        raise SystemExit

    *path, name = moment.split(".")
    place = guarded
    for part in path:
        place = getattr(place, part)
    with monkeypatch.context() as patch:
        patch.setattr(type(place), name, stop)
        with pytest.raises(SystemExit):
            guarded.publisher.publish(VID)
    recover(guarded)
    assert published(guarded) == ["succeeded"] * times
    assert guarded.due() == {}


def test_a_second_callback_before_the_publication_leaves_it_to_the_stream(guarded: TaskHarness) -> None:
    guarded.claim(callback(v_type="x"))
    guarded.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert list(guarded.due()) == ["unknown_video"]
    guarded.publisher.publish(VID)
    assert guarded.due() == {}
    recover(guarded)
    assert published(guarded) == ["succeeded"]


@pytest.mark.parametrize("prompt", [True, False])
def test_a_callback_after_the_publication_publishes_nothing(guarded: TaskHarness, prompt: bool) -> None:
    guarded.publisher.publish(VID)
    guarded.clock.forward(seconds=1)
    guarded.claim(callback(v_type="x"))
    guarded.confirmer.confirm(VID, Kind.VIDEO, prompt=prompt)
    assert guarded.due() == {}
    assert guarded.publisher.publish(VID) is None
    assert published(guarded) == ["succeeded"]


def test_a_replay_before_the_publication_is_published_too(guarded: TaskHarness) -> None:
    guarded.replayer.replay(VID, "me")
    guarded.clock.forward(seconds=1)
    guarded.confirm()
    guarded.publisher.publish(VID)
    recover(guarded)
    assert guarded.due() == {}
    assert {message["data"]["state"] for message in guarded.topic.messages} == {"succeeded"}


def test_a_task_that_is_given_up_has_a_duty_of_its_own(harness: TaskHarness) -> None:
    harness.claim(callback())
    for _ in range(5):
        harness.clock.forward(hours=12)
        recover(harness)
    assert published(harness) == ["lost"]
    assert harness.due() == {}


def test_a_callback_with_a_time_behind_the_outcome_is_no_guard(harness: TaskHarness) -> None:
    """The clock of the function that stored it is ahead."""
    harness.clock.forward(seconds=5)
    harness.claim(callback())
    harness.clock.forward(seconds=-5)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert list(harness.due()) == ["publish"]
    harness.publisher.publish(VID)
    assert published(harness) == ["succeeded"]


SLOW: dict[str, Callable[[TaskHarness], object]] = {
    "track": lambda harness: harness.track(),
    "confirm": lambda harness: harness.confirm(),
    "prompt": lambda harness: harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True),
    "publish": lambda harness: harness.publisher.publish(VID),
}
"""Workers that may be slow."""


@pytest.mark.parametrize("calls", range(10))
@pytest.mark.parametrize("slow", SLOW)
def test_a_worker_is_overtaken_before_any_of_its_calls(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, slow: str, calls: int
) -> None:
    """Before its call of this number, another worker confirms the outcome.

    It may have saved an item with a query of its own, and take the row of the callback out of the due index only now.
    """
    table, left = harness.stores.table.client, list(range(calls + 1))

    def overtaken(call: Callable[..., Any], **request: Any) -> Any:
        if left and not left.pop():
            harness.clock.forward(seconds=1)
            harness.provider.answers[VID] = answer()
            harness.confirm()
        return call(**request)

    harness.claim(callback())
    harness.clock.forward(seconds=1)
    for name in ("get_item", "put_item", "query", "update_item"):
        monkeypatch.setattr(table, name, partial(overtaken, getattr(table, name)))
    SLOW[slow](harness)
    assert harness.due() or published(harness) == ["succeeded"]


@pytest.mark.parametrize("publishes", [True, False])
def test_a_guard_that_cannot_be_read_guarantees_nothing(guarded: TaskHarness, *, publishes: bool) -> None:
    # The due index can read this row, and the log cannot: its key names the other kind.
    (row,) = [item for item in guarded.items() if item["item"]["S"] == "claim"]
    guarded.stores.table.client.put_item(TableName=guarded.table, Item=row | {"kind": {"S": "audio"}})
    if publishes:
        assert guarded.publisher.publish(VID) is State.SUCCEEDED
    recover(guarded)
    assert published(guarded) == ["succeeded"]
    assert next_step(guarded.tasks.load(VID)[0]).duty is None


@pytest.mark.parametrize("damage", [{"kind": {"S": "audio"}}, {"kind": {"S": "?"}}, {"at": {"S": "?"}}])
@pytest.mark.parametrize("before", ["nothing", "a load", "a topic that is down"])
def test_an_outcome_is_published_whatever_happens_to_a_guard(
    guarded: TaskHarness, damage: dict[str, dict[str, str]], before: str
) -> None:
    (row,) = [item for item in guarded.items() if item["item"]["S"] == "claim"]
    guarded.stores.table.client.put_item(TableName=guarded.table, Item=row | damage)
    if before == "a load":
        guarded.tasks.load(VID)
    if before == "a topic that is down":
        guarded.topic.down = True
        with pytest.raises(Undelivered):
            guarded.publisher.publish(VID)
        guarded.topic.down = False
    recover(guarded)
    assert set(published(guarded)) == {"succeeded"}
    assert "publish" not in guarded.due()
    version = guarded.tasks.load(VID)[0].item
    recover(guarded)
    assert guarded.tasks.load(VID)[0].item == version, "nothing is written again and again"


@pytest.mark.parametrize(
    "damage", [{"version": {"S": "?"}}, *({"item": {"S": one}} for one in ("?", "claim", "replay"))]
)
def test_beside_an_item_that_cannot_be_read_there_is_no_guard(
    harness: TaskHarness, damage: dict[str, dict[str, str]]
) -> None:
    slow = track_slowly(harness)
    (item,) = [item for item in harness.items() if item["item"]["S"] == "task"]
    harness.stores.table.client.put_item(TableName=harness.table, Item=item | damage)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert slow
    harness.stores.tasks.settle(slow)
    recover(harness)
    assert published(harness) == ["succeeded"]


def test_a_row_that_a_poll_has_hidden_is_no_guard(harness: TaskHarness) -> None:
    """The stream has not reported the callback, so it may not report the outcome either."""
    harness.claim(callback())
    harness.clock.forward(minutes=1)
    assert harness.poll() == 1
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert list(harness.due()) == ["publish"]
    harness.clock.forward(seconds=30)
    assert harness.sweep()["publish"] == 1


@pytest.mark.parametrize(("seconds", "duty"), [(120, "unknown_video"), (121, "publish")])
def test_a_row_that_is_due_much_later_is_no_guard(table: str, seconds: int, duty: str) -> None:
    harness = TaskHarness(table, first_poll_after=seconds)
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert list(harness.due()) == [duty]


@pytest.mark.parametrize(("callbacks", "duty"), [(MAX_GUARDS, "unknown_video"), (MAX_GUARDS + 1, "publish")])
def test_a_publisher_settles_few_callbacks(harness: TaskHarness, callbacks: int, duty: str) -> None:
    for number in range(callbacks):
        harness.claim(callback(v_type=str(number)))
    harness.provider.answers[VID] = answer()
    harness.confirm()
    assert list(harness.due()) == [duty]
    harness.publisher.publish(VID)
    assert (harness.due(), published(harness)) == ({}, ["succeeded"])


def test_many_callbacks_are_settled_some_at_a_time(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MAX_SETTLED", 2)
    for number in range(5):
        harness.claim(callback(v_type=str(number)))
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.replayer.replay(VID, "me")
    for left in (4, 2, 0):
        harness.clock.forward(seconds=1)
        harness.confirm()
        assert len(harness.tasks.load(VID)[0].pending) == left
    assert len(harness.provider.asked) == 2, "the replay comes first"
    recover(harness)
    assert (harness.due(), {message["data"]["state"] for message in harness.topic.messages}) == ({}, {"succeeded"})


Step = Callable[[TaskHarness, int], object]
STEPS: tuple[Step, ...] = (
    lambda harness, number: harness.claim(callback(v_type=str(number))),
    lambda harness, _: harness.confirm(),
    lambda harness, _: harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True),
    lambda harness, _: _publish(harness),
    lambda harness, _: _publish(harness, loses_record=True),
    lambda harness, number: harness.replayer.replay(VID, f"me{number}"),
    lambda harness, _: _work_off_polls(harness),
    lambda harness, _: harness.sweep(),
    lambda harness, _: harness.clock.forward(seconds=20),
    lambda harness, number: setattr(harness.topic, "down", bool(number % 2)),
)


@pytest.mark.parametrize("seed", range(60))
def test_any_order_of_events_publishes_the_outcome(harness: TaskHarness, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - an order of events
    harness.provider.answers[VID] = answer()
    if seed % 2:
        harness.track()
    harness.claim(callback())
    for number, step in enumerate(random.choices(STEPS, k=12)):
        step(harness, number)
    harness.topic.down = False
    recover(harness)
    recover(harness)
    assert "succeeded" in {message["data"]["state"] for message in harness.topic.messages}
    assert harness.due() == {}
    sent = len(harness.topic.messages)
    recover(harness)
    assert len(harness.topic.messages) == sent


def _work_off_polls(harness: TaskHarness) -> None:
    harness.poll()
    for vid, kind in harness.take():
        harness.confirmer.confirm(vid, kind)


def _publish(harness: TaskHarness, *, loses_record: bool = False) -> None:
    """Publish as the stream does. The write that records the publication may fail."""
    stores = type(harness.stores.tasks)
    with pytest.MonkeyPatch.context() as patch, suppress(Undelivered, LedgerUnavailable):
        if loses_record:
            patch.setattr(stores, "settle", _fail)
            patch.setattr(stores, "mark_published", _fail)
        harness.publisher.publish(VID)


def _fail(*_: object) -> None:
    raise LedgerUnavailable("x")


def test_a_slow_writer_of_version_1_0(harness: TaskHarness) -> None:
    """It has saved its item, and takes the row of the callback out of its duty only after the confirmation."""
    table, slow = harness.stores.table, track_slowly(harness)
    # Version 1.0.0 stores no `settled_until`.
    for item in harness.items():
        if item.pop("settled_until", None):
            table.client.put_item(TableName=harness.table, Item=item)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    for check in slow:
        values = {":shard": "delete_body#1", ":at": 2_000_000_000}
        table.update(Key(*check.handle), "SET due_shard = :shard, due_at = :at", values)
    assert slow
    recover(harness)
    assert published(harness) == ["succeeded"]


@pytest.mark.parametrize("cause", [*Cause, None])
def test_an_outcome_that_sns_refused_does_not_wait_for_the_provider(harness: TaskHarness, cause: Cause | None) -> None:
    harness.track()
    harness.clock.forward(seconds=1)
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.topic.down = True
    for _ in range(3):  # the attempts of the stream
        with pytest.raises(Undelivered):
            harness.publisher.publish(VID)
    harness.topic.down = False
    if cause is None:  # invented callbacks fill the queue
        harness.unknown_queue.waiting = 10_000
    for circuit in query_circuits(Kind.VIDEO) if cause else ():
        harness.stores.circuits.record_failure(circuit, cause or Cause.REFUSED)
        harness.breaker.circuits.open_until(circuit, None, harness.clock() + timedelta(minutes=29))
    recover(harness)
    assert published(harness) == ["succeeded"]


def test_a_callback_after_the_attempts_of_the_stream_gives_the_outcome_its_duty(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.unknown_queue.waiting = 10_000
    harness.clock.forward(minutes=1)
    harness.claim(callback(v_type="x"))
    harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert published(harness) == ["succeeded"]


def test_what_waits_for_the_topic_has_no_bodies(guarded: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = list[DuePublication]()
    monkeypatch.setattr(TaskPublisher, "complete", lambda _, due: waiting.append(due))
    guarded.publisher.publish(VID)
    (due,) = waiting
    assert len(due.log.observations) > 1
    assert {one.body for one in due.log.observations} == {None}


def test_a_poll_gives_the_outcome_its_duty_however_recent_it_is(guarded: TaskHarness) -> None:
    guarded.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert "publish" not in guarded.due()
    guarded.confirmer.confirm(VID, Kind.VIDEO)
    assert "publish" in guarded.due()


def test_whoever_queries_next_gives_an_outcome_with_a_damaged_guard_its_duty(guarded: TaskHarness) -> None:
    (row,) = [item for item in guarded.items() if item["item"]["S"] == "claim"]
    guarded.stores.table.client.put_item(TableName=guarded.table, Item=row | {"kind": {"S": "?"}})
    guarded.confirm()
    assert "publish" in guarded.due()


def test_an_item_that_can_be_read_again_is_queried_again(harness: TaskHarness) -> None:
    harness.track()
    (item,) = [item for item in harness.items() if item["item"]["S"] == "task"]
    harness.stores.table.client.put_item(TableName=harness.table, Item=item | {"version": {"S": "?"}})
    harness.tasks.load(VID)
    (moved,) = [item for item in harness.items() if item["item"]["S"] == "task"]
    harness.stores.table.client.put_item(TableName=harness.table, Item=moved | {"version": item["version"]})
    harness.provider.answers[VID] = answer()
    recover(harness)
    assert published(harness) == ["succeeded"]
