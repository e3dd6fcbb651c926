"""Replays: a person's request is never taken for a repeat, and goes the same way as everything else."""

from datetime import timedelta
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.keys import job_key
from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.operations import ReplayRequest
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.replay_job import KEPT_FOR, JobStatus, ReplayJob
from mediarelay.errors import BudgetSpent, Malformed, NotFound, ProviderBusy
from tests.integration.task_harness import VID, TaskHarness, answer, callback


@pytest.fixture
def done(harness: TaskHarness) -> TaskHarness:
    """A task whose outcome was published."""
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    assert harness.due() == {}
    return harness


def said(harness: TaskHarness) -> list[tuple[str, Any]]:
    return [(message["type"].rpartition(".")[2], message.get("replay")) for message in harness.topic.messages]


def test_a_replay_asks_and_publishes_with_an_id_of_its_own(done: TaskHarness) -> None:
    for number in (1, 2):
        done.replayer.replay(VID, "me")
        assert done.poll() == 1, "the stream may have lost it"
        done.confirm()
        assert done.publisher.publish(VID) is State.SUCCEEDED
        assert done.due() == {}
        assert len(done.provider.asked) == 1 + number
    assert said(done) == [("succeeded", None), ("succeeded", 1), ("succeeded", 2)]
    assert len({message["id"] for message in done.topic.messages}) == 3


def test_requests_at_the_same_time_come_to_one_publication_after_the_last(done: TaskHarness) -> None:
    done.replayer.replay(VID, "me")
    done.replayer.replay(VID, "you")
    done.confirm()
    done.publisher.publish(VID)
    assert said(done) == [("succeeded", None), ("succeeded", 2)]
    assert done.due() == {}


@pytest.mark.parametrize("silence", [ProviderBusy("busy", 4400), answer(state="transcoding")])
def test_an_outcome_stays_whatever_a_replay_is_reported(done: TaskHarness, silence: Any) -> None:
    done.replayer.replay(VID, "me")
    done.provider.answers[VID] = silence
    assert done.confirm().outcome is State.SUCCEEDED
    done.publisher.publish(VID)
    assert said(done)[-1] == ("succeeded", 1)
    assert done.due() == {}


def test_a_replay_over_budget_waits_for_its_query(done: TaskHarness) -> None:
    done.replayer.replay(VID, "me")
    done.provider.answers[VID] = BudgetSpent("none left")
    done.confirm()
    assert done.publisher.publish(VID) is None, "nothing is published anew before the query"
    assert list(done.due()) == ["video"], "the query is still to be asked"
    done.provider.answers[VID] = answer()
    done.confirm()
    done.publisher.publish(VID)
    assert done.due() == {}
    assert said(done) == [("succeeded", None), ("succeeded", 1)]


def test_a_lost_task_is_followed_again(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(hours=24)
    harness.confirm()
    harness.sweep()
    harness.publisher.publish(VID)
    assert harness.due() == {}
    harness.replayer.replay(VID, "me")
    harness.provider.answers[VID] = answer(state="transcoding")
    harness.confirm()
    harness.publisher.publish(VID)
    assert said(harness) == [("lost", None), ("lost", 1)]
    assert list(harness.due()) == ["video"]
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    assert said(harness)[-1] == ("succeeded", 1)
    assert harness.due() == {}


def test_an_open_task_is_asked_about_at_once(harness: TaskHarness) -> None:
    harness.track()
    harness.replayer.replay(VID, "me")
    assert harness.poll() == 1


@pytest.mark.parametrize(("vid", "error"), [("nothing", NotFound), ("no vid", Malformed)])
def test_what_cannot_be_replayed(harness: TaskHarness, vid: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        harness.replayer.replay(vid, "me")
    assert harness.items() == []


def lost(harness: TaskHarness, count: int) -> None:
    """So many lost tasks, a minute apart."""
    for number in range(count):
        harness.track(f"v{number}")
        harness.clock.forward(minutes=1)
    harness.clock.forward(hours=25)
    for number in range(count):
        harness.confirm(f"v{number}")
    harness.sweep()
    for number in range(count):
        harness.publisher.publish(f"v{number}")
    assert harness.due() == {}


def chosen(**bounds: Any) -> Selection:
    return Selection(**({"kind": Kind.VIDEO, "state": State.LOST} | bounds))


def test_a_bulk_replay_keeps_its_rate_and_ends(harness: TaskHarness) -> None:
    lost(harness, 7)
    assert harness.replayer.count([chosen()]) == 7
    harness.replayer.start([chosen()], 3, "me")
    seen = []
    for _ in range(5):
        seen.append(harness.sweep()["replay"])
        seen.append(len(harness.due()["video"]))
        harness.clock.forward(seconds=60)
    assert seen == [1, 3, 1, 6, 1, 7, 0, 7, 0, 7]
    assert "replay" not in harness.due()


def test_a_bulk_replay_that_is_cut_off_asks_for_each_task_once(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost(harness, 4)
    harness.replayer.start([chosen()], 10, "me")
    with monkeypatch.context() as patch:
        patch.setattr(type(harness.stores.replays), "complete_job", lambda *_: 1 / 0)
        assert harness.sweep()["replay"] == 0
    harness.clock.forward(minutes=4)
    assert harness.sweep()["replay"] == 1
    assert len(harness.due()["video"]) == 4


def test_a_bulk_replay_that_runs_out_of_time_goes_on_where_it_was(harness: TaskHarness) -> None:
    lost(harness, 5)
    (identity,) = harness.replayer.start([chosen()], 4, "me")
    asked = []
    for rows in (0, 2, 2, 2):
        harness.replayer.resume(identity, harness.tick(rows).time_left)
        asked.append(len(harness.due()["video"]) if "video" in harness.due() else 0)
    assert asked == [0, 2, 4, 5]
    assert "replay" not in harness.due()


def test_a_selection_is_bounded_by_time_both_ends_included(harness: TaskHarness) -> None:
    start = harness.clock()
    lost(harness, 5)
    times = [start.replace(minute=start.minute + number) for number in range(5)]
    assert harness.replayer.count([chosen(since=times[1], until=times[3])]) == 3
    assert harness.replayer.count([chosen(until=times[0])]) == 1
    assert harness.replayer.count([chosen(since=times[4])]) == 1
    assert harness.replayer.count([chosen(kind=Kind.AUDIO), chosen(state=State.FAILED)]) == 0
    harness.replayer.start([chosen(since=times[1], until=times[3])], 100, "me")
    harness.sweep()
    assert sorted(row.subject.vid for row in harness.due()["video"]) == ["v1", "v2", "v3"]


def test_what_was_lost_on_a_day_is_selected_by_that_day(harness: TaskHarness) -> None:
    """A task that was lost on the second was made on the first."""
    lost(harness, 3)
    day = harness.clock()
    harness.track("pending")
    request = {"since": day.date().isoformat(), "until": (day + timedelta(days=1)).date().isoformat()}
    assert {row.vid for row in harness.stores.tasks.page(chosen(time=TimeOf.OUTCOME), cursor=None, limit=9)} == {
        "v0",
        "v1",
        "v2",
    }

    def count(**more: Any) -> int:
        return harness.replayer.count(validate(ReplayRequest, request | more).selections())

    assert count(state="lost") == 3
    assert count(state="lost", time="created") == 0
    assert count(state=["failed", "lost", "expected"]) == 4, "what has no outcome, by its creation"
    assert count(state=["failed", "expected"], kind="audio") == 0
    assert count(state="lost", until=day.date().isoformat()) == 0
    chosen_ones = validate(ReplayRequest, request | {"state": ["lost", "expected"], "kind": "video"}).selections()
    harness.replayer.start(chosen_ones, 2, "me")
    for _ in range(3):
        harness.sweep()
        harness.clock.forward(seconds=60)
    asked = [row for row in harness.due()["video"] if row.is_replay]
    assert sorted(row.subject.vid for row in asked) == ["pending", "v0", "v1", "v2"]
    assert "replay" not in harness.due()


def test_a_job_that_is_gone_is_no_error(harness: TaskHarness) -> None:
    lost(harness, 1)
    before = harness.items()
    harness.replayer.resume("nothing", lambda: True)
    assert harness.items() == before


# ── jobs ──


def progress(harness: TaskHarness, identity: str) -> tuple[int, JobStatus]:
    job = harness.replay_jobs.find(identity)
    return job.done, job.status


def test_a_job_counts_the_tasks_that_it_took_and_ends(harness: TaskHarness) -> None:
    lost(harness, 5)
    (identity,) = harness.replayer.start([chosen()], 2, "me")
    seen = [progress(harness, identity)]
    for _ in range(4):
        harness.sweep()
        seen.append(progress(harness, identity))
        harness.clock.forward(seconds=60)
    running, done = JobStatus.RUNNING, JobStatus.DONE
    assert seen == [(0, running), (2, running), (4, running), (5, done), (5, done)]


def test_a_stopped_job_never_continues(harness: TaskHarness) -> None:
    lost(harness, 5)
    (identity,) = harness.replayer.start([chosen()], 2, "me")
    harness.sweep()
    assert harness.replay_jobs.stop(identity, "you").status is JobStatus.STOPPED
    for _ in range(3):
        harness.clock.forward(seconds=60)
        harness.sweep()
        harness.replayer.resume(identity, lambda: True)
    assert progress(harness, identity) == (2, JobStatus.STOPPED)
    assert "replay" not in harness.due()
    assert harness.replay_jobs.stop(identity, "you").status is JobStatus.STOPPED, "a repeat"


@pytest.mark.parametrize("rate", [2, 9])
def test_a_job_that_is_stopped_during_its_step_counts_it_and_ends(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    lost(harness, 5)
    (identity,) = harness.replayer.start([chosen()], rate, "me")
    plain = type(harness.stores.replays).request

    def stopped_meanwhile(store: Any, *given: Any) -> bool:
        harness.replay_jobs.stop(identity, "you")
        return plain(store, *given)

    with monkeypatch.context() as patch:
        patch.setattr(type(harness.stores.replays), "request", stopped_meanwhile)
        harness.replayer.resume(identity, lambda: True)
    assert progress(harness, identity) == (min(rate, 5), JobStatus.STOPPED)
    assert "replay" not in harness.due()


def test_two_workers_count_each_task_once(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    lost(harness, 5)
    (identity,) = harness.replayer.start([chosen()], 2, "me")
    plain = type(harness.stores.replays).record_progress

    def slow(store: Any, *given: Any) -> bool:
        monkeypatch.setattr(type(store), "record_progress", plain)
        harness.replayer.resume(identity, lambda: True)
        return plain(store, *given)

    monkeypatch.setattr(type(harness.stores.replays), "record_progress", slow)
    harness.replayer.resume(identity, lambda: True)
    assert progress(harness, identity) == (2, JobStatus.RUNNING)
    assert len(harness.due()["video"]) == 2


def test_a_job_that_has_ended_stays_as_it_is_and_expires(harness: TaskHarness) -> None:
    lost(harness, 1)
    (done, stopped) = harness.replayer.start([chosen(), chosen(kind=Kind.AUDIO)], 2, "me")
    harness.replay_jobs.stop(stopped, "you")
    harness.sweep()
    assert harness.replay_jobs.stop(done, "you").status is JobStatus.DONE
    for identity in (done, stopped):
        item = harness.stores.table.get(job_key(identity))
        assert item
        assert int(item["expires_at"]["N"]) == int((harness.clock() + KEPT_FOR).timestamp())


def listed_jobs(harness: TaskHarness, limit: int) -> list[ReplayJob]:
    found: list[ReplayJob] = []
    cursor = None
    while True:
        page = harness.replay_jobs.page(limit=limit, cursor=cursor)
        found += page.items
        if (cursor := page.cursor) is None:
            return found


def test_jobs_are_listed_newest_first_also_those_of_an_earlier_version(harness: TaskHarness) -> None:
    started = []
    for _ in range(5):
        started += harness.replayer.start([chosen()], 2, "me")
        harness.clock.forward(seconds=1)
    old = {started[0], started[1]}
    for identity in old:
        harness.stores.table.update(job_key(identity), "REMOVE list_key, list_at", {})
    harness.replay_jobs.stop(started[3], "you")
    for limit in (1, 2, 5, 6):
        assert [job.identity for job in listed_jobs(harness, limit)] == started[::-1]
    harness.sweep()
    assert {job.identity for job in listed_jobs(harness, 2)} == set(started) - old, "they have ended"
    assert {progress(harness, identity) for identity in old} == {(0, JobStatus.DONE)}, "still readable"


@pytest.mark.parametrize("identity", ["0" * 32, "nothing"])
def test_an_unknown_job(harness: TaskHarness, identity: str) -> None:
    for call in (harness.replay_jobs.find, lambda one: harness.replay_jobs.stop(one, "me")):
        with pytest.raises(NotFound):
            call(identity)
    assert harness.items() == []


@pytest.mark.parametrize("cursor", ["x", "eA==", "MjAyNi0wMS0wMiNub3RoaW5n"])
def test_a_cursor_of_jobs_that_no_page_gave(harness: TaskHarness, cursor: str) -> None:
    with pytest.raises(Malformed, match="cursor"):
        harness.replay_jobs.page(limit=1, cursor=cursor)
