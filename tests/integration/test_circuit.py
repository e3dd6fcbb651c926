"""The circuit: a provider that refuses us is left alone, tried from time to time, and asked again once it answers."""

from datetime import timedelta

import pytest

from mediarelay.domain.circuit import FIRST_BREAK, LONGEST_BREAK, THRESHOLD, Circuit, next_break
from mediarelay.domain.media import Kind
from mediarelay.errors import CircuitOpen, ProviderClosed
from tests.integration.world import START, VID, World, answer, together

ACTION = "GetCtsInfo"


def refuse(world: World, times: int) -> None:
    for _ in range(times):
        world.breaker.refused(ACTION, Circuit())


def admitted(world: World) -> bool:
    try:
        world.breaker.admit(ACTION)
    except CircuitOpen:
        return False
    return True


def test_refusals_in_a_row_open_it(world: World) -> None:
    refuse(world, THRESHOLD - 1)
    assert admitted(world)
    assert not world.breaker.is_open(ACTION)
    refuse(world, 1)
    assert not admitted(world)
    assert world.breaker.is_open(ACTION)
    assert not world.breaker.is_open("GetCtsaudioInfo"), "an API may be retired in places"


def test_one_success_in_between_starts_the_count_anew(world: World) -> None:
    refuse(world, THRESHOLD - 1)
    world.breaker.passed(ACTION, world.breaker.admit(ACTION))
    refuse(world, THRESHOLD - 1)
    assert admitted(world)


def test_after_a_break_one_call_tries_and_heals(world: World) -> None:
    refuse(world, THRESHOLD)
    world.clock.now += FIRST_BREAK
    assert together([lambda: admitted(world)] * 6).count(True) == 1
    world.clock.now += FIRST_BREAK
    seen = world.breaker.admit(ACTION)
    world.breaker.passed(ACTION, seen)
    assert all(admitted(world) for _ in range(3))
    assert world.items() == []


def test_breaks_grow_up_to_a_bound(world: World) -> None:
    refuse(world, THRESHOLD)
    breaks = []
    for _ in range(8):
        since = world.clock()
        while not admitted(world):
            world.clock.forward(seconds=10)
        breaks.append(world.clock() - since)
        refuse(world, 1)
    assert breaks == sorted(breaks)
    assert (breaks[0], breaks[-1]) == (FIRST_BREAK, LONGEST_BREAK)


@pytest.mark.parametrize(("failures", "minutes"), [(4, None), (5, 1), (6, 2), (9, 16), (10, 30), (10**6, 30)])
def test_the_length_of_a_break(failures: int, minutes: int | None) -> None:
    assert next_break(failures, START) == (minutes and START + timedelta(minutes=minutes))


def test_an_open_circuit_leaves_everything_due_and_costs_no_attempt(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.track()
    refuse(world, THRESHOLD)
    world.clock.forward(seconds=59)
    world.provider.answers[VID] = CircuitOpen(ACTION)
    world.confirm()
    (row,) = world.due()["video"]
    assert row.due_at == int((world.clock() + timedelta(seconds=60)).timestamp()), "the wait does not grow"
    refuse(world, 2)
    world.clock.forward(seconds=100)
    assert world.poll() == 0
    assert '"CircuitOpen": 1' in capsys.readouterr().out
    assert world.queue.sent == []
    world.clock.forward(minutes=30)
    assert world.poll() == 1, "after the break somebody has to try"


def test_a_retired_api_ends_in_lost_and_a_healed_one_does_not(world: World) -> None:
    world.track()
    world.track("v2")
    world.provider.answers[VID] = CircuitOpen(ACTION)
    world.clock.forward(hours=24)
    world.confirm()
    assert world.sweep()["lost"] == 0, "not without a last question"
    world.provider.answers["v2"] = answer("v2")
    world.confirm("v2")
    world.clock.forward(hours=1, minutes=1)
    assert world.sweep()["lost"] == 1
    assert [world.reader.task(vid)["state"] for vid in (VID, "v2")] == ["lost", "succeeded"]


def test_a_submit_while_we_are_refused_stays_open(world: World) -> None:
    world.provider.vids = [ProviderClosed("provider code 4100", 4100), CircuitOpen("AddCtsAudioTask"), VID]
    wish = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
    assert world.submitter.submit(Kind.AUDIO, wish, None).vid is None
    for _ in range(2):
        world.clock.forward(minutes=4)
        world.sweep()
    assert world.submitter.submit(Kind.AUDIO, wish, None).vid == VID
