"""Ticks: what is due is asked for once, by one runner, within the time there is."""

from datetime import timedelta

import pytest

from mediarelay.domain.circuit_breaker import FIRST_BREAK, THRESHOLD, Circuit
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import TaskSubject
from mediarelay.domain.schedule import JITTER
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Undelivered
from mediarelay.providers.registry import query_circuits
from mediarelay.usecases.poll import poll
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer, callback, together
from tests.integration.test_ledger import calls

MPS_VID = "1250000000-WorkflowTask-0123456789abcdef"
HIDDEN = timedelta(minutes=3) * (1 + JITTER / 2)
"""The default of `VisibilityTimeout`, with the jitter of the harness."""


def test_nothing_is_sent_before_it_is_due(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(seconds=59)
    assert harness.poll() == 0
    harness.clock.forward(seconds=1)
    assert harness.poll() == 1
    assert harness.queue.messages == [(VID, Kind.VIDEO)]


def test_each_kind_has_its_own_poll(harness: TaskHarness) -> None:
    harness.track("v1")
    harness.track("a1", Kind.AUDIO)
    harness.clock.forward(minutes=2)
    assert (harness.poll(Kind.AUDIO), harness.poll(Kind.VIDEO)) == (1, 1)
    assert harness.queue.messages == [("a1", Kind.AUDIO), ("v1", Kind.VIDEO)]


@pytest.mark.parametrize(("circuit", "left"), [("cts:GetCtsInfo", MPS_VID), ("mps:DescribeTaskDetail", VID)])
def test_only_the_tasks_of_the_provider_that_refuses_us_stay_due(
    harness: TaskHarness, circuit: str, left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for vid in (VID, MPS_VID):
        harness.track(vid)
    harness.clock.forward(minutes=1)
    for _ in range(THRESHOLD):
        harness.breaker.record_refusal(circuit)
    counted(capsys)
    assert (harness.poll(), harness.take()) == (1, [(left, Kind.VIDEO)])
    assert counted(capsys).total("CircuitOpen") == 1, "for the alarm"
    harness.breaker.record_success(circuit, Circuit(THRESHOLD))
    harness.clock.forward(minutes=1)
    assert harness.poll() == 1
    assert harness.take() == [({VID: MPS_VID, MPS_VID: VID}[left], Kind.VIDEO)]


@pytest.mark.parametrize("deadline", [30, 3600])
def test_tasks_of_a_provider_that_refuses_us_are_read_once_in_a_break(table: str, deadline: int) -> None:
    harness = TaskHarness(table, give_up_after=60 + deadline)
    for number in range(30):
        harness.track(f"v{number}")
    harness.track(MPS_VID)
    harness.clock.forward(minutes=1)
    for _ in range(THRESHOLD):
        harness.breaker.record_refusal("cts:GetCtsInfo")
    assert harness.poll() == 1
    assert list(harness.stores.due_index.waiting(Duty.VIDEO, harness.clock())) == []
    hidden = [row.due_at for row in harness.due()["video"] if row.subject_as(TaskSubject).vid != MPS_VID]
    # Behind its deadline, a row would count as one that had its final query.
    assert set(hidden) == {harness.clock() + min(FIRST_BREAK, timedelta(seconds=deadline))}


def test_a_row_past_its_deadline_is_left_to_the_sweep(table: str) -> None:
    harness = TaskHarness(table, give_up_after=60)
    harness.track()
    harness.track(MPS_VID)
    harness.clock.forward(minutes=2)
    for _ in range(THRESHOLD):
        harness.breaker.record_refusal("cts:GetCtsInfo")
    assert harness.poll() == 1
    (left,) = harness.stores.due_index.waiting(Duty.VIDEO, harness.clock())
    assert (left.subject_as(TaskSubject).vid, left.due_at) == (VID, START + timedelta(minutes=1))


def test_while_all_providers_refuse_us_no_row_is_read(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(minutes=1)
    for circuit in query_circuits(Kind.VIDEO):
        for _ in range(THRESHOLD):
            harness.breaker.record_refusal(circuit)
    names = list[str]()
    with calls(names):
        assert harness.poll() == 0
    assert names.count("UpdateItem") == 1, "the run is recorded"
    assert set(names) == {"GetItem", "UpdateItem"}


def test_one_message_per_task_however_many_claims(harness: TaskHarness) -> None:
    harness.track()
    for number in range(3):
        harness.claim(callback(app_id=number))
    harness.clock.forward(minutes=2)
    harness.confirm()
    harness.clock.forward(minutes=2)
    assert harness.poll() == 1
    assert (harness.queue.messages, harness.unknown_queue.messages) == ([(VID, Kind.VIDEO)], [])
    assert harness.poll() == 0


def test_one_message_per_unknown_task_however_many_claims(harness: TaskHarness) -> None:
    for number in range(3):
        harness.claim(callback(app_id=number))
    harness.clock.forward(minutes=2)
    assert harness.poll() == 1
    assert (harness.queue.messages, harness.unknown_queue.messages) == ([], [(VID, Kind.VIDEO)])
    assert harness.poll() == 0, "all three rows are leased"


def test_a_claim_that_the_stream_lost_is_found(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.clock.forward(minutes=1)
    harness.poll()
    harness.provider.answers[VID] = answer()
    assert harness.unknown_queue.messages == [(VID, Kind.VIDEO)]
    for vid, kind in harness.unknown_queue.messages:
        harness.confirm(vid, kind)
    assert harness.reader.task(VID)["state"] == "succeeded"


def test_a_leased_row_comes_back_if_its_message_was_lost(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(minutes=1)
    harness.poll()
    harness.clock.now += HIDDEN
    assert harness.poll() == 1


def test_racing_polls_send_once(harness: TaskHarness) -> None:
    for number in range(20):
        harness.track(f"v{number}")
    harness.clock.forward(minutes=2)
    counts = together([harness.poll] * 4)
    assert sum(counts) == 20
    assert len(set(harness.queue.messages)) == len(harness.queue.messages) == 20


def test_what_there_is_no_time_for_stays_due(harness: TaskHarness) -> None:
    for number in range(5):
        harness.track(f"v{number}")
    harness.clock.forward(minutes=2)
    assert poll(Kind.VIDEO, harness.tick(rows=2), harness.query_queues, harness.breaker.find) == 2
    assert poll(Kind.VIDEO, harness.tick(rows=0), harness.query_queues, harness.breaker.find) == 0
    assert harness.poll() == 3


def test_a_queue_that_is_down_delays_and_loses_nothing(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(minutes=1)
    harness.queue.down = True
    with pytest.raises(Undelivered):
        harness.poll()
    harness.queue.down = False
    harness.clock.now += HIDDEN
    assert harness.poll() == 1


def test_a_settled_task_is_not_asked_for(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.clock.forward(days=30)
    assert harness.poll() == 0


def test_a_tick_reads_what_is_due_and_not_what_is_stored(harness: TaskHarness) -> None:
    for number in range(30):
        harness.track(f"v{number}")
        harness.provider.answers[f"v{number}"] = answer(f"v{number}")
        harness.confirm(f"v{number}")
    harness.track()
    harness.clock.forward(minutes=2)
    assert [row.subject.vid for row in harness.stores.due_index.waiting(Duty.VIDEO, harness.clock())] == [VID]
