"""The circuit: a provider that refuses us is left alone, tried from time to time, and asked again once it answers."""

from datetime import timedelta

import pytest

from mediarelay.domain.circuit_breaker import FIRST_BREAK, MAX_BREAK, THRESHOLD, next_break
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import CircuitOpen, ProviderClosed
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer, together

CIRCUIT, AUDIO_CIRCUIT = "cts:GetCtsInfo", "cts:GetCtsaudioInfo"


def refuse(harness: TaskHarness, times: int) -> None:
    for _ in range(times):
        harness.breaker.record_refusal(CIRCUIT)


def is_open(harness: TaskHarness, circuit: str = CIRCUIT) -> bool:
    return harness.breaker.find(circuit).is_open(harness.clock())


def admitted(harness: TaskHarness) -> bool:
    try:
        harness.breaker.before_call(CIRCUIT)
    except CircuitOpen:
        return False
    return True


def test_refusals_in_a_row_open_it(harness: TaskHarness) -> None:
    refuse(harness, THRESHOLD - 1)
    assert admitted(harness)
    assert not is_open(harness)
    refuse(harness, 1)
    assert not admitted(harness)
    assert is_open(harness)
    assert not is_open(harness, AUDIO_CIRCUIT), "an API may be retired in places"


def test_one_success_in_between_starts_the_count_anew(harness: TaskHarness) -> None:
    refuse(harness, THRESHOLD - 1)
    harness.breaker.record_success(CIRCUIT, harness.breaker.before_call(CIRCUIT))
    refuse(harness, THRESHOLD - 1)
    assert admitted(harness)


def test_after_a_break_one_call_tries_and_heals(harness: TaskHarness) -> None:
    refuse(harness, THRESHOLD)
    harness.clock.now += FIRST_BREAK
    assert together([lambda: admitted(harness)] * 6).count(True) == 1
    harness.clock.now += FIRST_BREAK
    seen = harness.breaker.before_call(CIRCUIT)
    harness.breaker.record_success(CIRCUIT, seen)
    assert all(admitted(harness) for _ in range(3))
    assert harness.items() == []


def test_breaks_grow_up_to_a_bound(harness: TaskHarness) -> None:
    refuse(harness, THRESHOLD)
    breaks = []
    for _ in range(8):
        since = harness.clock()
        while not admitted(harness):
            harness.clock.forward(seconds=10)
        breaks.append(harness.clock() - since)
        refuse(harness, 1)
    assert breaks == sorted(breaks)
    assert (breaks[0], breaks[-1]) == (FIRST_BREAK, MAX_BREAK)


@pytest.mark.parametrize(("failures", "minutes"), [(4, None), (5, 1), (6, 2), (9, 16), (10, 30), (10**6, 30)])
def test_the_length_of_a_break(failures: int, minutes: int | None) -> None:
    assert next_break(failures, START) == (minutes and START + timedelta(minutes=minutes))


def test_an_open_circuit_leaves_everything_due_and_costs_no_attempt(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.track()
    refuse(harness, THRESHOLD)
    harness.clock.forward(seconds=59)
    harness.provider.answers[VID] = CircuitOpen(CIRCUIT)
    harness.confirm()
    (row,) = harness.due()["video"]
    assert row.due_at == START + timedelta(seconds=60), "nothing is written"
    refuse(harness, 2)
    harness.clock.forward(seconds=100)
    counted(capsys)
    assert harness.poll() == 0
    assert counted(capsys).total("CircuitOpen") == 1
    assert harness.queue.messages == []
    harness.clock.forward(minutes=30)
    assert harness.poll() == 1, "after the break somebody has to try"


def test_a_retired_api_ends_in_lost_and_a_healed_one_does_not(harness: TaskHarness) -> None:
    harness.track()
    harness.track("v2")
    harness.provider.answers[VID] = CircuitOpen(CIRCUIT)
    harness.clock.forward(hours=24)
    harness.confirm()
    assert harness.sweep()["give_up"] == 0, "not without a last query"
    harness.provider.answers["v2"] = answer("v2")
    harness.confirm("v2")
    harness.clock.forward(hours=1, minutes=1)
    assert harness.sweep()["give_up"] == 1
    assert [harness.reader.task(vid)["state"] for vid in (VID, "v2")] == ["lost", "succeeded"]


def test_a_submit_while_we_are_refused_stays_open(harness: TaskHarness) -> None:
    harness.provider.vids = [ProviderClosed("provider code 4100", 4100), CircuitOpen("cts:AddCtsAudioTask"), VID]
    request = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
    assert harness.submitter.submit(Kind.AUDIO, request, None).vid is None
    for _ in range(2):
        harness.clock.forward(minutes=4)
        harness.sweep()
    assert harness.submitter.submit(Kind.AUDIO, request, None).vid == VID
