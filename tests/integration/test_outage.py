"""A provider that answers no call: few messages while it is down, every outcome soon after, no harm by some hangs."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from mediarelay.domain.circuit_breaker import THRESHOLD, State
from mediarelay.domain.due import Duty
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import CircuitOpen
from tests.integration.outage import WORKERS, Outage
from tests.integration.task_harness import TaskHarness, answer, together
from tests.integration.test_poll import MPS_VID

CIRCUIT, TASKS = "cts:GetCtsInfo", 24
A_MINUTE = 8
"""Queries that a minute's budget has calls for."""


def opened(harness: TaskHarness, state: Callable[[str], str], tasks: int = TASKS, **settings: int) -> Outage:
    """Open tasks, one a second, and let the provider behave as `state` says."""
    harness.configure(calls_per_minute=A_MINUTE * 100 // 80, **settings)
    outage = Outage(harness, state)
    for number in range(tasks):
        harness.track(f"v{number:03}")
        harness.clock.forward(seconds=1)
    return outage


def states(harness: TaskHarness, tasks: int = TASKS) -> list[str]:
    return [harness.reader.task(f"v{number:03}")["state"] for number in range(tasks)]


def be_silent(harness: TaskHarness, times: int = THRESHOLD, circuit: str = CIRCUIT) -> None:
    for _ in range(times):
        harness.breaker.record_silence(circuit, harness.breaker.find(circuit))


@pytest.mark.parametrize("failure", ["hang", "refused", "503"])
def test_an_hour_without_answers_costs_few_messages_and_delays_outcomes_by_minutes(
    harness: TaskHarness, failure: str
) -> None:
    state = failure
    outage = opened(harness, lambda _vid: state)
    outage.run(60)
    assert max(outage.messages.values()) <= 2
    assert len(outage.line.called) <= THRESHOLD * WORKERS + 60 / 5 + 2, "five rounds, and a trial after each break"
    tried = set(outage.line.called)
    state = "ok"
    # The rest of the break, the trial, and as many minutes as the budget needs for all tasks.
    outage.run(5 + 1 + -(-TASKS // A_MINUTE) + 1)
    assert states(harness) == ["succeeded"] * TASKS
    untried = [vid for vid in outage.line.called if vid not in tried]
    assert untried == sorted(untried), "the oldest ones first"


@pytest.mark.parametrize("slow", ["v007", "one call in ten", "one call in three"])
def test_some_calls_that_hang_do_not_stop_the_others(harness: TaskHarness, slow: str) -> None:
    every = {"one call in ten": 10, "one call in three": 3}.get(slow)
    calls = count(1)

    def hangs(vid: str) -> bool:
        return next(calls) % every == 0 if every else vid == slow

    outage = opened(harness, lambda vid: "hang" if hangs(vid) else "ok")
    outage.run(30)
    assert states(harness).count("succeeded") == TASKS - (every is None)
    assert harness.breaker.find(CIRCUIT).state(harness.clock()) is State.CLOSED


@pytest.mark.parametrize("failure", ["hang", "503"])
def test_a_deadline_that_ends_in_an_outage_waits_for_the_last_query(harness: TaskHarness, failure: str) -> None:
    state = failure
    outage = opened(harness, lambda _vid: state, 8, give_up_after=5400)
    outage.run(90 + 65)
    assert "lost" not in states(harness, 8)
    state = "ok"
    outage.run(40)
    assert states(harness, 8) == ["succeeded"] * 8


def test_an_endless_outage_ends_in_lost(harness: TaskHarness) -> None:
    outage = opened(harness, lambda _vid: "hang", 6, give_up_after=3600)
    outage.run(3 * 60 + 15)
    assert states(harness, 6) == ["lost"] * 6


# ── the circuit ──


def test_calls_that_wait_at_the_same_time_count_once(harness: TaskHarness) -> None:
    for number in range(THRESHOLD):
        seen = harness.breaker.find(CIRCUIT)
        assert seen.failures == number
        together([partial(harness.breaker.record_silence, CIRCUIT, seen)] * 6)
    assert harness.breaker.find(CIRCUIT).state(harness.clock()) is State.OPEN


def test_a_success_in_between_starts_the_count_anew(harness: TaskHarness) -> None:
    be_silent(harness, THRESHOLD - 1)
    harness.breaker.record_success(CIRCUIT, harness.breaker.before_call(CIRCUIT))
    be_silent(harness, THRESHOLD - 1)
    assert harness.breaker.find(CIRCUIT).state(harness.clock()) is State.CLOSED


@pytest.mark.parametrize(("failures", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 5), (20, 5)])
def test_breaks_of_a_silent_provider_stay_short(harness: TaskHarness, failures: int, minutes: int) -> None:
    be_silent(harness, THRESHOLD + failures)
    assert harness.breaker.find(CIRCUIT).open_until == harness.clock() + timedelta(minutes=minutes)


def test_the_last_failure_is_the_cause(harness: TaskHarness) -> None:
    be_silent(harness)
    with pytest.raises(CircuitOpen, match="5 calls in a row were not answered") as silent:
        harness.breaker.before_call(CIRCUIT)
    assert (silent.value.is_refused, harness.breaker.is_refused(CIRCUIT)) == (False, False)
    harness.breaker.record_refusal(CIRCUIT)
    with pytest.raises(CircuitOpen, match="6 calls in a row were refused") as refused:
        harness.breaker.before_call(CIRCUIT)
    assert (refused.value.is_refused, harness.breaker.is_refused(CIRCUIT)) == (True, True)


# ── the polls ──


def due(harness: TaskHarness) -> list[str]:
    """The tasks that the next poll finds, in its order."""
    return [row.subject.vid for row in harness.stores.due_index.waiting(Duty.VIDEO, harness.clock())]


def test_during_a_break_rows_stay_as_they_are(harness: TaskHarness) -> None:
    harness.track("v1")
    harness.clock.forward(seconds=1)
    harness.track("v2")
    harness.track(MPS_VID)
    harness.clock.forward(minutes=1)
    be_silent(harness)
    assert harness.poll() == 1
    assert harness.take() == [(MPS_VID, Kind.VIDEO)]
    assert due(harness) == ["v1", "v2"], "hidden ones would all be due at the end of the break, in no order"


def test_after_a_break_one_message_tries_however_often_a_poll_comes_before_its_query(harness: TaskHarness) -> None:
    for number in range(3):
        harness.track(f"v{number}")
        harness.clock.forward(seconds=1)
    harness.track(MPS_VID)
    harness.clock.forward(minutes=1)
    be_silent(harness)
    harness.poll()
    harness.clock.forward(minutes=1)
    assert harness.poll() == 1
    assert harness.poll() == 1, "the message may have found its task answered"
    assert harness.take() == [(vid, Kind.VIDEO) for vid in (MPS_VID, "v0", "v1")]
    harness.breaker.record_success(CIRCUIT, harness.breaker.find(CIRCUIT))
    assert harness.poll() == 1
    assert due(harness) == []


def test_a_message_that_meets_an_open_circuit_writes_nothing(harness: TaskHarness) -> None:
    harness.track("v1")
    harness.clock.forward(minutes=1)
    before = harness.items()
    harness.provider.answers["v1"] = CircuitOpen(CIRCUIT, is_refused=False)
    harness.confirm("v1")
    assert harness.items() == before
    harness.provider.answers["v1"] = answer("v1")
    assert harness.poll() == 1
