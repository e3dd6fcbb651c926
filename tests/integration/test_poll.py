"""Ticks: what is due is asked for once, by one runner, within the time there is."""

import pytest

from mediarelay.domain.media import Kind
from mediarelay.errors import Undelivered
from mediarelay.usecases.poll import poll
from tests.integration.world import LEASE, VID, World, answer, callback, together


def test_nothing_is_sent_before_it_is_due(world: World) -> None:
    world.track()
    world.clock.forward(seconds=59)
    assert world.poll() == 0
    world.clock.forward(seconds=1)
    assert world.poll() == 1
    assert world.queue.sent == [(VID, Kind.VIDEO)]


def test_each_kind_has_its_own_poll(world: World) -> None:
    world.track("v1")
    world.track("a1", Kind.AUDIO)
    world.clock.forward(minutes=2)
    assert (world.poll(Kind.AUDIO), world.poll(Kind.VIDEO)) == (1, 1)
    assert world.queue.sent == [("a1", Kind.AUDIO), ("v1", Kind.VIDEO)]


def test_one_message_per_task_however_many_claims(world: World) -> None:
    world.track()
    for number in range(3):
        world.claim(callback(app_id=number))
    world.clock.forward(minutes=2)
    world.confirm()
    world.clock.forward(minutes=2)
    assert world.poll() == 1
    assert (world.queue.sent, world.unknown_queue.sent) == ([(VID, Kind.VIDEO)], [])
    assert world.poll() == 0


def test_one_message_per_unknown_task_however_many_claims(world: World) -> None:
    for number in range(3):
        world.claim(callback(app_id=number))
    world.clock.forward(minutes=2)
    assert world.poll() == 1
    assert (world.queue.sent, world.unknown_queue.sent) == ([], [(VID, Kind.VIDEO)])
    assert world.poll() == 0, "all three rows are leased"


def test_a_claim_that_the_stream_lost_is_found(world: World) -> None:
    world.claim(callback())
    world.clock.forward(minutes=1)
    world.poll()
    world.provider.answers[VID] = answer()
    assert world.unknown_queue.sent == [(VID, Kind.VIDEO)]
    for vid, kind in world.unknown_queue.sent:
        world.confirm(vid, kind)
    assert world.reader.task(VID)["state"] == "succeeded"


def test_a_leased_row_comes_back_if_its_message_was_lost(world: World) -> None:
    world.track()
    world.clock.forward(minutes=1)
    world.poll()
    world.clock.now += LEASE
    assert world.poll() == 1


def test_racing_polls_send_once(world: World) -> None:
    for number in range(20):
        world.track(f"v{number}")
    world.clock.forward(minutes=2)
    counts = together([world.poll] * 4)
    assert sum(counts) == 20
    assert len(set(world.queue.sent)) == len(world.queue.sent) == 20


def test_what_there_is_no_time_for_stays_due(world: World) -> None:
    for number in range(5):
        world.track(f"v{number}")
    world.clock.forward(minutes=2)
    assert poll(Kind.VIDEO, world.tick(rows=2), world.lanes, lambda: False) == 2
    assert poll(Kind.VIDEO, world.tick(rows=0), world.lanes, lambda: False) == 0
    assert world.poll() == 3


def test_a_queue_that_is_down_delays_and_loses_nothing(world: World) -> None:
    world.track()
    world.clock.forward(minutes=1)
    world.queue.down = True
    with pytest.raises(Undelivered):
        world.poll()
    world.queue.down = False
    world.clock.now += LEASE
    assert world.poll() == 1


def test_a_settled_task_is_not_asked_for(world: World) -> None:
    world.track()
    world.provider.answers[VID] = answer()
    world.confirm()
    world.clock.forward(days=30)
    assert world.poll() == 0


def test_a_tick_reads_what_is_due_and_not_what_is_stored(world: World) -> None:
    for number in range(30):
        world.track(f"v{number}")
        world.provider.answers[f"v{number}"] = answer(f"v{number}")
        world.confirm(f"v{number}")
    world.track()
    world.clock.forward(minutes=2)
    assert [row.vid for row in world.ledger.waiting("video", world.clock())] == [VID]
