"""Confirmations: a claim is a hint, the bound answer of the provider is the truth, silence only postpones."""

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any
from unittest import mock

import pytest

from mediarelay.domain.schedule import MAX_WAIT
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import (
    BudgetSpent,
    CircuitOpen,
    LedgerUnavailable,
    NoAccount,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnknown,
)
from tests.counts import counted
from tests.integration.doubles import START, decoded
from tests.integration.task_harness import QUERIES, VID, TaskHarness, answer, callback, listed

NO_ANSWER: dict[str, bytes | Exception] = {
    "busy": ProviderBusy("provider code 4400", 4400),
    "hanging": ProviderBusy("no usable answer (ReadTimeout)"),
    "refused": ProviderRefused("provider code 4100", 4100),
    "unknown": ProviderUnknown("provider code 5000", 5000),
    "garbage": b"{}",
    "other status": answer(status=9),
    "other vid": answer("ffff"),
    "other app": answer(app_id=666),
    "other bucket": answer(bucket_name="evil"),
    "other file": answer(url="http://evil.example.com/w.mp4"),
}
DELETED: dict[str, Any] = {"deleted": "yes"}


def waits(harness: TaskHarness) -> list[float]:
    """Seconds until each row that waits for a query."""
    now = int(harness.clock().timestamp())
    due = harness.due()
    return [row.due_at.timestamp() - now for what in ("video", "unknown_video") for row in due.get(what, [])]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(), State.SUCCEEDED),
        (answer(state="failed", error_code=122, error_msg="transcode failed"), State.FAILED),
        (answer(**DELETED), State.SUPERSEDED),
    ],
)
@pytest.mark.parametrize("result", ["success", "failure"])
def test_the_answer_decides_whatever_the_claim_says(
    harness: TaskHarness, said: bytes, state: State, result: str
) -> None:
    harness.claim(callback(result=result))
    assert harness.reader.task(VID)["state"] == "expected"
    harness.provider.answers[VID] = said
    assert harness.confirm().outcome is state
    view = harness.reader.task(VID)
    assert (view["state"], "claimed" in view) == (state.value, False)
    harness.publisher.publish(VID)
    assert harness.due() == {}, "nothing is left to ask"


def test_a_success_has_the_answer_s_renditions_and_not_the_claim_s(harness: TaskHarness) -> None:
    forged = callback()
    harness.claim(forged.replace(b"/test/w.mp4.f10.mp4", b"/evil/w.mp4.f10.mp4"))
    harness.provider.answers[VID] = answer()
    harness.confirm()
    view = harness.reader.task(VID)
    assert "evil" not in json.dumps(view)
    assert {"/test/w.mp4.f10.mp4"} in [set(one["paths"]) for one in view["renditions"]]


@pytest.mark.parametrize("result", ["success", "failure"])
@pytest.mark.parametrize("state", ["pending", "probed", "transcoding"])
def test_a_forged_claim_changes_nothing(harness: TaskHarness, result: str, state: str) -> None:
    harness.track()
    harness.claim(callback(result=result))
    harness.provider.answers[VID] = answer(state=state)
    assert harness.confirm().outcome is None
    assert harness.reader.task(VID)["state"] == state
    assert list(harness.due()) == ["video"]


@pytest.mark.parametrize("silence", NO_ANSWER)
def test_without_a_bound_answer_the_task_stays_due(harness: TaskHarness, silence: str) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4", bucketName="cts")
    harness.provider.answers[VID] = answer(state="pending")
    harness.confirm()
    harness.claim(callback())
    harness.provider.answers[VID] = NO_ANSWER[silence]
    found = []
    for _ in range(6):
        assert harness.confirm().outcome is None
        (wait,) = waits(harness)
        found.append(wait)
        harness.clock.forward(seconds=wait)
    assert found == sorted(set(found)), "each wait is longer than the one before"
    assert harness.provider.asked == [(Kind.VIDEO, VID)] * 7
    replies = {"reply"} if isinstance(NO_ANSWER[silence], bytes) else set()
    assert {entry.origin for entry in harness.stores.tasks.load(VID).observations} == {
        "track",
        "claim",
        "answer",
    } | replies
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("claimed", [callback(app_id=666), callback(url="http://evil.example.com/", name="/evil")])
def test_a_claim_cannot_make_a_true_answer_mismatch(harness: TaskHarness, claimed: bytes) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    harness.claim(claimed)
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("message", list(Kind))
def test_a_claim_at_the_wrong_address_does_not_change_what_is_asked(harness: TaskHarness, message: Kind) -> None:
    harness.track()
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.provider.answers[VID] = answer()
    assert harness.confirm(kind=message).outcome is State.SUCCEEDED
    assert harness.provider.asked == [(Kind.VIDEO, VID)]


def test_claims_of_two_kinds_are_each_asked_in_their_own(harness: TaskHarness) -> None:
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.claim(callback())
    harness.confirm(kind=Kind.AUDIO)
    harness.confirm(kind=Kind.VIDEO)
    assert harness.provider.asked == [(Kind.AUDIO, VID), (Kind.VIDEO, VID)]


@pytest.mark.parametrize("field", ["url", "name", "bucket_name", "v_type"])
def test_a_giant_text_in_a_claim_does_not_stop_the_task(harness: TaskHarness, field: str) -> None:
    changes: dict[str, Any] = {field: "x" * 500_000}
    harness.claim(callback(**changes))
    assert harness.confirm().outcome is None
    assert len(waits(harness)) == 1
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("why", [BudgetSpent("used up"), CircuitOpen("cts:GetCtsInfo")])
def test_a_query_that_was_never_asked_does_not_lengthen_the_wait(harness: TaskHarness, why: ProviderError) -> None:
    harness.track()
    harness.provider.answers[VID] = why
    found = []
    for _ in range(3):
        harness.confirm()
        found.append(waits(harness))
    assert found == [[60]] * 3


def test_a_replay_of_a_provider_without_keys_ends(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    harness.provider.answers[VID] = NoAccount("no keys")
    harness.replayer.replay(VID, "operator")
    harness.confirm()
    harness.publisher.publish(VID)
    assert [event.get("replay") for event in harness.topic.take()] == [None, 1]
    assert harness.due() == {}


def test_a_vid_that_nobody_mentioned_makes_no_task(harness: TaskHarness, capsys: pytest.CaptureFixture[str]) -> None:
    """A message that names it is done with, and counted; only what the provider says about it makes a task."""
    for silence in (NO_ANSWER["unknown"], NO_ANSWER["busy"], BudgetSpent("none left"), CircuitOpen("cts:GetCtsInfo")):
        harness.provider.answers[VID] = silence
        assert harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True) is None
    assert harness.items() == []
    harness.provider.answers[VID] = answer(status=9)
    assert harness.confirmer.confirm(VID, Kind.VIDEO) is None
    assert [item["item"]["S"] for item in harness.items()] == ["reply"]
    assert counted(capsys).total("ConfirmUnknown") == 5
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


def test_after_the_last_wait_the_task_is_lost(table: str) -> None:
    harness = TaskHarness(table, give_up_after=3 * 3600)
    harness.claim(callback())
    harness.confirm()
    while list(harness.due()) == ["unknown_video"] and len(harness.provider.asked) < 20:
        harness.clock.forward(seconds=waits(harness)[0])
        harness.confirm()
    assert 8 < len(harness.provider.asked) < 16
    (row,) = harness.due()["give_up"]
    assert harness.clock.now == START + timedelta(hours=3), "the last query is asked at the deadline"
    assert row.due_at.timestamp() == int(harness.clock.now.timestamp())
    assert harness.sweep()["give_up"] == 1
    assert harness.reader.task(VID)["state"] == "lost"
    assert harness.topic.messages == [], "the stream has a head start"
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.lost"]
    assert harness.due() == {}


def test_a_callback_after_the_task_was_lost_is_asked_about(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(days=1)
    harness.confirm()
    harness.sweep()
    harness.clock.forward(minutes=1)
    harness.sweep()
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED
    harness.publisher.publish(VID)
    types = [message["type"].rpartition(".")[2] for message in harness.topic.messages]
    assert types == ["lost", "succeeded"]


@pytest.mark.parametrize("first", [answer(), answer(state="failed"), answer(**DELETED)])
def test_a_settled_task_is_not_asked_about_again(harness: TaskHarness, first: bytes) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = first
    outcome = harness.confirm().outcome
    harness.provider.answers[VID] = answer(state="transcoding")
    harness.claim(callback(result="failure"))
    assert harness.confirm().outcome is outcome
    assert len(harness.provider.asked) == 1
    assert [row.handle[1] for row in harness.due()["publish"]] == ["TASK"]
    assert list(harness.due()) == ["publish"], "the late claim is settled with it"


def test_a_provider_that_is_believed_is_not_asked(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.claim(callback())
    assert harness.confirm().outcome is State.SUCCEEDED
    assert harness.provider.asked == []
    harness.publisher.publish(VID)
    assert harness.due() == {}


def test_any_order_of_events_gives_the_same_task(harness: TaskHarness) -> None:
    def claim(vid: str) -> None:
        harness.claim(callback(vid))

    def fail(vid: str) -> None:
        harness.claim(callback(vid, "failure"))

    def ask(vid: str) -> None:
        harness.provider.answers[vid] = answer(vid)
        harness.confirm(vid)

    def track(vid: str) -> None:
        harness.track(vid, url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")

    seen: list[Any] = []
    for number, order in enumerate(permutations([claim, fail, ask, track])):
        for event in order:
            event(f"v{number}")
        seen.append(harness.reader.task(f"v{number}") | {"vid": ""})
    assert all(view == seen[0] for view in seen)


def test_racing_confirmations_agree(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer between reading and writing: the loser folds again, with what the winner wrote."""
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    plain, others = type(harness.stores.tasks).save, iter([answer(state="transcoding"), answer(state="probed")])

    def overtaken(ledger: Any, *arguments: Any) -> bool:
        said = next(others, None)
        if said is not None:
            harness.provider.answers[VID] = said
            harness.confirm()
        return plain(ledger, *arguments)

    monkeypatch.setattr(type(harness.stores.tasks), "save", overtaken)
    assert harness.confirm().outcome is State.SUCCEEDED
    assert harness.reader.task(VID)["state"] == "succeeded"
    assert [row.vid for row in listed(harness, Kind.VIDEO, State.SUCCEEDED)] == [VID]


def test_too_many_racing_writers_send_the_message_back(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    harness.claim(callback())
    monkeypatch.setattr(type(harness.stores.tasks), "save", lambda *_: False)
    with pytest.raises(LedgerUnavailable, match=r"^too many writers$"):
        harness.confirm()
    assert waits(harness) == [60], "the claim itself is still due"


def test_a_provider_that_is_believed_is_asked_when_its_callback_is_lost(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=1)
    assert harness.poll() == 1
    assert harness.confirm().outcome is State.SUCCEEDED
    assert harness.provider.asked == [(Kind.VIDEO, VID)]


def test_a_change_of_trust_changes_no_recorded_outcome(harness: TaskHarness) -> None:
    harness.claim(callback(result="success", url="http://forged/evil.mp4"))
    harness.provider.answers[VID] = answer(state="failed")
    assert harness.confirm().outcome is State.FAILED
    harness.configure(callback_trust="callback")
    harness.claim(callback(result="success", app_id=1))
    assert harness.confirm().outcome is State.FAILED
    assert harness.reader.task(VID)["state"] == "failed"


def test_a_claim_of_the_other_kind_does_not_hide_the_real_one(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.provider.answers[VID] = ProviderBusy("busy", 4400)
    harness.confirm(kind=Kind.AUDIO)
    assert sorted(harness.due()) == ["unknown_audio", "unknown_video"]
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=5)
    assert harness.poll(Kind.VIDEO) == 1, "the schedule takes up the real one by itself"
    assert harness.take() == [(VID, Kind.VIDEO)]
    assert harness.confirm(kind=Kind.VIDEO).outcome is State.SUCCEEDED
    harness.publisher.publish(VID)
    assert harness.due() == {}


def test_a_late_callback_waits_until_the_provider_can_answer(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(hours=25)
    harness.confirm()
    harness.sweep()
    assert harness.reader.task(VID)["state"] == "lost"
    harness.claim(callback())
    for silence in (ProviderBusy("busy", 4400), BudgetSpent("none left")):
        harness.provider.answers[VID] = silence
        harness.confirm()
        assert "unknown_video" in harness.due(), "in its own right, as the item waits for its publication"
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED
    assert list(harness.due()) == ["publish"]


def test_a_task_is_given_up_even_if_no_confirmation_can_be_carried_out(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(hours=25, minutes=1)
    harness.poll()
    harness.clock.forward(minutes=4)
    assert harness.sweep()["give_up"] == 1
    assert harness.reader.task(VID)["state"] == "lost"


def test_without_a_single_query_nothing_is_lost_at_the_deadline(harness: TaskHarness) -> None:
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.track()
    harness.clock.forward(hours=24)
    harness.confirm()
    assert list(harness.due()) == ["video"]


def test_what_a_stranger_says_is_no_fact_of_an_outcome(harness: TaskHarness) -> None:
    harness.claim(callback(url="http://forged/evil.mp4", v_type="evil"))
    harness.provider.answers[VID] = answer(v_type=None)
    harness.confirm()
    assert "evil" not in json.dumps(harness.reader.task(VID))


def test_expensive_claims_are_not_read_to_confirm(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    with mock.patch.dict("mediarelay.providers.observation._READERS", {Origin.CLAIM: None}):
        assert harness.confirm().outcome is State.SUCCEEDED
        assert harness.publisher.publish(VID) is State.SUCCEEDED


def test_a_believed_outcome_keeps_its_details_after_an_answer_in_progress(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.track()
    harness.track("v2")
    for vid in (VID, "v2"):
        harness.provider.answers[vid] = answer(vid, state="transcoding")
        harness.confirm(vid)
    harness.claim(callback())
    harness.claim(callback("v2", "failure"))
    done, failed = harness.reader.task(VID), harness.reader.task("v2")
    assert (done["state"], failed["state"]) == ("succeeded", "failed")
    assert done["renditions"]
    assert failed["faults"]


def test_a_task_is_not_lost_before_the_last_query_could_be_asked(harness: TaskHarness) -> None:
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.track()
    harness.clock.forward(hours=24)
    for _ in range(20):
        harness.confirm()
        (wait,) = waits(harness)
        assert wait <= MAX_WAIT.total_seconds(), "our budget is looked at ever less often, but it is"
        harness.clock.forward(seconds=wait)
        assert harness.sweep()["give_up"] == 0
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED


def lose(harness: TaskHarness) -> None:
    harness.clock.forward(hours=24)
    harness.confirm()
    harness.sweep()
    harness.publisher.publish(VID)
    assert harness.reader.task(VID)["state"] == "lost"
    assert harness.due() == {}


@pytest.mark.parametrize("silence", [*NO_ANSWER, "pending"])
def test_a_claim_about_a_lost_task_is_followed_for_a_lifetime(harness: TaskHarness, silence: str) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4", bucketName="cts")
    harness.provider.answers[VID] = answer(state="pending")
    lose(harness)
    harness.claim(callback())
    harness.provider.answers[VID] = answer(state="pending") if silence == "pending" else NO_ANSWER[silence]
    end, asked = harness.clock() + timedelta(hours=24), len(harness.provider.asked)
    found: list[float] = []
    harness.confirm()
    while waits(harness) and len(found) < 100:
        found += waits(harness)
        harness.clock.forward(seconds=found[-1])
        harness.confirm()
    assert harness.clock() == end, "the last query is asked when the claim is as old as a task may become"
    assert found[:-1] == sorted(found[:-1])
    assert 40 < len(harness.provider.asked) - asked < 65
    harness.sweep()
    assert harness.due() == {}
    assert harness.reader.task(VID)["state"] == "lost"


def test_a_late_answer_finds_a_lost_task_again(harness: TaskHarness) -> None:
    harness.track()
    lose(harness)
    harness.claim(callback())
    harness.provider.answers[VID] = answer(state="transcoding")
    harness.confirm()
    harness.clock.forward(seconds=waits(harness)[0])
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED
    assert list(harness.due()) == ["publish"]


def test_a_stray_claim_on_a_known_task_is_asked_about_once(harness: TaskHarness) -> None:
    harness.track()
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.confirm(kind=Kind.AUDIO)
    assert {what: len(rows) for what, rows in harness.due().items()} == {"video": 1}


def test_claims_alone_do_not_say_which_kind_is_asked_for_in_the_end(harness: TaskHarness) -> None:
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.confirm(kind=Kind.AUDIO)
    harness.clock.forward(seconds=1)
    harness.claim(callback())
    for kind in (Kind.VIDEO, Kind.AUDIO, Kind.VIDEO):
        harness.confirm(kind=kind)
        assert sorted(harness.due()) == ["unknown_audio", "unknown_video"], "each kind is still asked for"
        assert [row.vid for row in listed(harness, Kind.AUDIO, State.EXPECTED)] == [VID]
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED
    harness.publisher.publish(VID)
    assert harness.due() == {}
    assert listed(harness, Kind.AUDIO, State.EXPECTED) == []


def test_an_old_claim_is_taken_up_less_often(harness: TaskHarness) -> None:
    harness.claim(callback())
    times = []
    while harness.clock() < START + timedelta(hours=6):
        harness.clock.forward(seconds=max(waits(harness)[0], 0))
        times.append(harness.clock())
        harness.poll()
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (202, 2025), "3 and 30 minutes, each with half of the jitter"


def test_a_contradiction_is_kept_shown_counted_once_and_settled(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.claim(callback())
    harness.claim(callback(result="failure", app_id=666))
    harness.confirm()
    assert counted(capsys).total("Conflicts") == 2
    seen = {one["subject"]: one for one in harness.reader.history(VID)["conflicts"]}
    assert set(seen) == {"app_id", "outcome"}
    assert seen["outcome"] == {
        "subject": "outcome",
        "values": {"failed": ["claim"], "succeeded": ["claim"]},
        "settled": None,
    }
    harness.provider.answers[VID] = answer()
    assert harness.confirm().outcome is State.SUCCEEDED
    harness.claim(callback(result="failure", app_id=667))
    harness.confirm()
    assert counted(capsys).total("Conflicts") == 0
    settled = {one["subject"]: one["settled"] for one in harness.reader.history(VID)["conflicts"]}
    assert settled == {"app_id": str(QUERIES[Kind.VIDEO]["app_id"]), "outcome": "succeeded"}


def test_any_number_of_contradicting_claims_is_shown_in_bounds(harness: TaskHarness) -> None:
    for number in range(100):
        harness.claim(callback(app_id=number + 1))
    (conflict,) = harness.reader.history(VID)["conflicts"]
    assert 10 < len(conflict["values"]) <= 64


def through(harness: TaskHarness, **time: float) -> None:
    """Let the schedules run for a while, every twenty minutes; the sweep first, as may happen."""
    end = harness.clock() + timedelta(**time)
    while harness.clock() < end:
        harness.sweep()
        for kind in Kind:
            harness.poll(kind)
        for vid, kind in harness.take():
            harness.confirm(vid, kind)
        harness.clock.forward(minutes=20)


@pytest.mark.parametrize("silence", [BudgetSpent("none left"), LedgerUnavailable("secret")])
def test_a_second_lifetime_ends_too(harness: TaskHarness, silence: Exception) -> None:
    harness.track()
    lose(harness)
    harness.claim(callback())
    harness.confirm()
    harness.provider.answers[VID] = silence
    harness.clock.forward(hours=25, minutes=1)
    harness.poll()
    harness.clock.forward(minutes=4)
    harness.sweep()
    assert "video" not in harness.due()
    assert harness.reader.task(VID)["state"] == "lost"


def test_a_claim_just_before_the_end_is_followed_for_a_lifetime_of_its_own(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(hours=23, minutes=59)
    harness.claim(callback())
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.confirm()
    harness.clock.forward(minutes=62)
    harness.poll()
    harness.clock.forward(minutes=4)
    assert harness.sweep()["give_up"] == 1
    harness.publisher.publish(VID)
    assert harness.reader.task(VID)["state"] == "lost"
    harness.provider.answers[VID] = answer()
    through(harness, hours=1)
    assert harness.reader.task(VID)["state"] == "succeeded"


def test_waits_grow_in_a_second_lifetime_though_clocks_have_fractions(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.confirm()
    lose(harness)
    harness.clock.forward(seconds=30.5)
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    asked = len(harness.provider.asked)
    through(harness, hours=30)
    assert 40 < len(harness.provider.asked) - asked < 200
    assert harness.due() == {}


def test_a_claim_that_shows_late_does_not_change_what_the_item_asks_for(harness: TaskHarness) -> None:
    harness.clock.forward(seconds=1)
    harness.claim(callback())
    harness.confirm()
    harness.clock.forward(seconds=-1)
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.clock.forward(seconds=2)
    harness.confirm(kind=Kind.AUDIO)
    harness.provider.answers[VID] = answer()
    through(harness, hours=2)
    assert harness.reader.task(VID)["state"] == "succeeded"


def test_after_an_outage_each_kind_is_asked_for_before_its_claim_is_dropped(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.clock.forward(hours=24, minutes=30)
    through(harness, hours=2)
    assert {kind for kind, _ in harness.provider.asked} == set(Kind)


def test_the_last_query_is_one_about_the_item_s_kind(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.confirm()
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.clock.forward(hours=24)
    harness.confirm(kind=Kind.AUDIO)
    assert "give_up" not in harness.due()
    harness.confirm()
    assert "give_up" in harness.due()


def test_a_task_that_only_callbacks_know_ends_even_if_no_confirmation_can_be_carried_out(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.clock.forward(hours=25, minutes=1)
    assert harness.poll() == 1
    harness.clock.forward(minutes=40)
    assert harness.sweep()["give_up"] == 1
    harness.publisher.publish(VID)
    assert harness.reader.task(VID)["state"] == "lost"
    assert harness.due() == {}


def test_a_task_that_no_poll_takes_up_waits_for_one_more_lifetime_and_ends(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.clock.forward(hours=47, minutes=59)
    assert harness.sweep()["give_up"] == 0
    harness.clock.forward(minutes=2)
    assert harness.sweep()["give_up"] == 1
    assert harness.reader.task(VID)["state"] == "lost"


def test_a_believed_callback_at_the_wrong_address_does_not_decide_the_kind(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.track(kind=Kind.AUDIO)
    harness.claim(callback(kind=Kind.AUDIO))
    harness.confirm()
    assert harness.reader.task(VID)["kind"] == "audio"


# ── many who speak, few queries ──


def test_many_callbacks_at_once_need_one_query(harness: TaskHarness) -> None:
    for number in range(90):
        harness.claim(callback(size=number))
    harness.clock.forward(seconds=1)
    for _ in range(90):
        harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert len(harness.provider.asked) == 1


def test_a_callback_that_comes_after_the_query_has_its_own(harness: TaskHarness) -> None:
    harness.provider.answers[VID] = answer(state="transcoding")
    for number in range(3):
        harness.claim(callback(size=number))
        harness.clock.forward(seconds=1)
        harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert len(harness.provider.asked) == 3


def test_a_callback_that_comes_while_the_answer_is_on_its_way_is_asked_about(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = harness.provider.query

    def query(kind: Kind, vid: str, *, known: bool) -> Mapping[str, object]:
        harness.clock.forward(seconds=1)
        harness.claim(callback(size=2))
        harness.clock.forward(seconds=1)
        monkeypatch.setattr(harness.provider, "query", plain)
        return decoded(answer(state="transcoding"))

    monkeypatch.setattr(harness.provider, "query", query)
    harness.claim(callback(size=1))
    harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    harness.provider.answers[VID] = answer()
    assert harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True).state is State.SUCCEEDED


def test_a_stream_of_forged_callbacks_does_not_use_up_the_budget(harness: TaskHarness) -> None:
    for number in range(60):
        harness.claim(callback(size=number))
        harness.clock.forward(seconds=5)
        harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert 0 < len(harness.provider.asked) < 20
    assert [row.subject.vid for row in harness.due()["unknown_video"]], "the schedule asks about the rest"


def test_what_is_due_is_asked_about_however_often_it_was(harness: TaskHarness) -> None:
    harness.track()
    for _ in range(10):
        harness.confirm()
    assert len(harness.provider.asked) == 10


# ── the budget at the deadline ──


def wait(harness: TaskHarness, times: int, hours: int) -> None:
    """So often, so many hours: a query that is due, and a sweep after it."""
    for _ in range(times):
        harness.clock.forward(hours=hours, minutes=-2)
        harness.confirm()
        harness.clock.forward(minutes=2)
        harness.sweep()


def test_a_task_is_not_lost_because_our_budget_was_used_up(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = BudgetSpent("none left")
    for _ in range(27 * 2):
        harness.clock.forward(minutes=30)
        harness.confirm()
        harness.sweep()
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=40)
    assert harness.poll() == 1
    assert harness.confirm().state is State.SUCCEEDED


def test_but_it_ends(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = BudgetSpent("none left")
    wait(harness, 52, hours=1)
    assert harness.reader.task(VID)["state"] == "lost"
    assert harness.due() == {}


@pytest.mark.parametrize("lost_first", [True, False])
def test_whoever_orders_again_waits_for_the_budget_from_then(harness: TaskHarness, *, lost_first: bool) -> None:
    harness.claim(callback())
    harness.track()
    harness.clock.forward(hours=23.5)
    if lost_first:
        harness.clock.forward(hours=2)
        lose(harness)
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    harness.provider.answers[VID] = BudgetSpent("none left")
    wait(harness, 23, hours=2)
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=40)
    assert harness.poll() == 1
    assert harness.confirm().state is State.SUCCEEDED


@pytest.mark.parametrize("late", [0, 3])
def test_a_callback_that_was_stored_late_waits_for_the_budget_too(harness: TaskHarness, late: int) -> None:
    harness.clock.forward(days=late)
    harness.callback_store().put(callback(), Origin.CLAIM, START)
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.confirm()
    wait(harness, 28, hours=1)
    assert harness.reader.task(VID)["state"] != "lost"


def test_a_late_query_that_was_not_asked_leaves_what_is_over_alone(harness: TaskHarness) -> None:
    harness.track()
    lose(harness)
    assert harness.due() == {}
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.confirm()
    assert harness.due() == {}


# ── contradictions that a query settles ──


def test_of_two_orders_that_contradict_the_answer_tells_which_is_right(harness: TaskHarness) -> None:
    harness.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    harness.clock.forward(seconds=5)
    harness.track(url="http://media.example.com/test/w.mp4")
    harness.provider.answers[VID] = answer()
    assert harness.confirm().state is State.SUCCEEDED
    (conflict,) = harness.reader.history(VID)["conflicts"]
    assert (conflict["subject"], bool(conflict["settled"])) == ("url", True)


@pytest.mark.parametrize("truth", ["failed", "succeeded"])
def test_trusted_callbacks_that_contradict_each_other_are_asked_about(table: str, truth: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.claim(callback(result="failure"))
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(seconds=1)
    harness.claim(callback(result="success"))
    harness.confirm()
    harness.sweep()
    assert harness.provider.asked
    assert kinds(harness) == ["failed"], "nothing is said until somebody knows"
    harness.provider.answers[VID] = answer(state=truth)
    harness.clock.forward(minutes=5)
    assert harness.poll() == 1
    harness.confirm()
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert kinds(harness) == ["failed", "succeeded"][: 1 + (truth == "succeeded")]
    assert harness.reader.task(VID)["state"] == truth
    assert harness.due() == {}


def test_a_dispute_after_the_deadline_is_asked_about_for_a_lifetime(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.claim(callback(result="failure"))
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(hours=25)
    harness.claim(callback(result="success"))
    harness.provider.answers[VID] = ProviderBusy("provider code 4500", 4500)
    harness.confirm()
    harness.sweep()
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=2)
    assert harness.poll() == 1
    harness.confirm()
    harness.publisher.publish(VID)
    assert kinds(harness) == ["failed", "succeeded"]


def test_strangers_do_not_keep_a_dispute_open(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    for result in ("failure", "success"):
        harness.claim(callback(result=result))
        harness.clock.forward(seconds=1)
    harness.confirm()
    first = harness.stores.tasks.load(VID).item.bookkeeping
    harness.configure(callback_trust="confirm")
    for number in range(3):
        harness.clock.forward(hours=7)
        harness.claim(callback(task=f"x{number}"))
        harness.confirm()
    later = harness.stores.tasks.load(VID).item.bookkeeping
    assert first
    assert later
    assert later.give_up_at == first.give_up_at


def test_a_dispute_that_nobody_settles_ends(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    for result in ("failure", "success"):
        harness.claim(callback(result=result))
        harness.clock.forward(seconds=1)
    for _ in range(60):
        harness.confirm()
        harness.clock.forward(minutes=30)
        harness.sweep()
    assert kinds(harness) == ["failed"]
    assert harness.due() == {}


def test_a_confirmed_outcome_is_final(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer(state="failed")
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(seconds=1)
    harness.replayer.replay(VID, "me")
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    assert kinds(harness) == ["failed", "failed"]
    (conflict,) = harness.reader.history(VID)["conflicts"]
    assert (conflict["subject"], conflict["settled"]) == ("outcome", "failed")


# ── lives ──


def test_nothing_is_lost_while_somebody_who_ordered_it_hopes(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.confirm()
    harness.clock.forward(hours=23, minutes=30)
    harness.track()
    harness.provider.answers[VID] = answer(state="transcoding")
    for _ in range(8):
        harness.clock.forward(minutes=10)
        harness.confirm()
        harness.sweep()
    assert harness.reader.task(VID)["state"] == "transcoding"


def test_a_replay_that_comes_while_the_answer_is_on_its_way_has_its_own_query(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(seconds=1)
    harness.replayer.replay(VID, "one")
    plain = harness.provider.query

    def query(kind: Kind, vid: str, *, known: bool) -> Mapping[str, object]:
        harness.clock.forward(seconds=1)
        harness.replayer.replay(VID, "two")
        monkeypatch.setattr(harness.provider, "query", plain)
        return plain(kind, vid, known=known)

    monkeypatch.setattr(harness.provider, "query", query)
    for _ in range(2):
        harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
        harness.publisher.publish(VID)
    assert len(harness.provider.asked) == 3
    assert [message.get("replay") for message in harness.topic.messages] == [None, 1, 2]


def kinds(harness: TaskHarness) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in harness.topic.messages]


def test_the_first_callback_s_wait_for_its_outcome_is_measured_once(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.claim(callback())
    harness.clock.forward(seconds=40)
    harness.claim(callback(result="failure"))
    harness.provider.answers[VID] = answer(state="pending")
    harness.confirm()
    harness.clock.forward(seconds=80)
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.confirm()
    assert [blob["ConfirmLatency"] for blob in counted(capsys).blobs] == [[120.0]]


def test_a_tick_measures_how_long_the_oldest_row_has_been_due(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.track()
    harness.clock.forward(hours=2)
    harness.poll()
    (blob,) = counted(capsys).blobs
    assert blob["details"]["OldestDue"]["duty"]["video"] == pytest.approx(7200 - 60, abs=30)
    assert blob["details"]["Overdue"]["duty"]["video"] == pytest.approx(7200 - 60 - 600, abs=30)


def test_what_waits_as_long_as_its_duty_allows_is_not_overdue(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.claim(callback())
    harness.clock.forward(minutes=45)
    harness.poll()
    (blob,) = counted(capsys).blobs
    assert blob["details"]["OldestDue"]["duty"]["unknown_video"] > 1800
    assert "Overdue" not in blob
