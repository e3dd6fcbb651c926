"""Confirmations: a claim is a hint, the bound answer of the provider is the truth, silence only postpones."""

import json
from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any
from unittest import mock

import pytest

from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import LONGEST_WAIT
from mediarelay.errors import (
    BudgetSpent,
    CircuitOpen,
    LedgerUnavailable,
    ProviderBusy,
    ProviderRefused,
    ProviderUnknown,
)
from tests.integration.world import QUERIES, START, VID, World, answer, callback, listed

NO_ANSWER = {
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
DELETED = {"deleted": "yes"}


def waits(world: World) -> list[int]:
    """Seconds until each row that waits for a question."""
    now = int(world.clock().timestamp())
    due = world.due()
    return [row.due_at - now for what in ("video", "unknown_video") for row in due.get(what, [])]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (answer(), State.SUCCEEDED),
        (answer(state="failed", error_code=122, error_msg="transcode failed"), State.FAILED),
        (answer(**DELETED), State.SUPERSEDED),
    ],
)
@pytest.mark.parametrize("result", ["success", "failure"])
def test_the_answer_decides_whatever_the_claim_says(world: World, said: bytes, state: State, result: str) -> None:
    world.claim(callback(result=result))
    assert world.reader.task(VID)["state"] == "expected"
    world.provider.answers[VID] = said
    assert world.confirm().outcome is state
    view = world.reader.task(VID)
    assert (view["state"], "claimed" in view) == (state.value, False)
    assert list(world.due()) == ["publish"], "nothing is left to ask"


def test_a_success_has_the_answer_s_renditions_and_not_the_claim_s(world: World) -> None:
    forged = callback()
    world.claim(forged.replace(b"/test/w.mp4.f10.mp4", b"/evil/w.mp4.f10.mp4"))
    world.provider.answers[VID] = answer()
    world.confirm()
    view = world.reader.task(VID)
    assert "evil" not in json.dumps(view)
    assert {"/test/w.mp4.f10.mp4"} in [set(one["paths"]) for one in view["renditions"]]


@pytest.mark.parametrize("result", ["success", "failure"])
@pytest.mark.parametrize("state", ["pending", "probed", "transcoding"])
def test_a_forged_claim_changes_nothing(world: World, result: str, state: str) -> None:
    world.track()
    world.claim(callback(result=result))
    world.provider.answers[VID] = answer(state=state)
    assert world.confirm().outcome is None
    assert world.reader.task(VID)["state"] == state
    assert list(world.due()) == ["video"]


@pytest.mark.parametrize("silence", NO_ANSWER)
def test_without_a_bound_answer_the_task_stays_due(world: World, silence: str) -> None:
    world.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4", bucketName="cts")
    world.provider.answers[VID] = answer(state="pending")
    world.confirm()
    world.claim(callback())
    world.provider.answers[VID] = NO_ANSWER[silence]  # type: ignore[assignment]
    found = []
    for _ in range(6):
        assert world.confirm().outcome is None
        (wait,) = waits(world)
        found.append(wait)
        world.clock.forward(seconds=wait)
    assert found == sorted(set(found)), "each wait is longer than the one before"
    assert world.provider.asked == [(Kind.VIDEO, VID)] * 7
    replies = {"reply"} if isinstance(NO_ANSWER[silence], bytes) else set()
    assert {entry.origin for entry in world.ledger.load(VID).entries} == {"track", "claim", "answer"} | replies
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("claimed", [callback(app_id=666), callback(url="http://evil.example.com/", name="/evil")])
def test_a_claim_cannot_make_a_true_answer_mismatch(world: World, claimed: bytes) -> None:
    world.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    world.claim(claimed)
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("message", list(Kind))
def test_a_claim_at_the_wrong_address_does_not_change_what_is_asked(world: World, message: Kind) -> None:
    world.track()
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.provider.answers[VID] = answer()
    assert world.confirm(kind=message).outcome is State.SUCCEEDED
    assert world.provider.asked == [(Kind.VIDEO, VID)]


def test_claims_of_two_kinds_are_each_asked_in_their_own(world: World) -> None:
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.claim(callback())
    world.confirm(kind=Kind.AUDIO)
    world.confirm(kind=Kind.VIDEO)
    assert world.provider.asked == [(Kind.AUDIO, VID), (Kind.VIDEO, VID)]


@pytest.mark.parametrize("field", ["url", "name", "bucket_name", "v_type"])
def test_a_giant_text_in_a_claim_does_not_stop_the_task(world: World, field: str) -> None:
    world.claim(callback(**{field: "x" * 500_000}))
    assert world.confirm().outcome is None
    assert len(waits(world)) == 1
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


def test_a_question_that_was_never_asked_does_not_lengthen_the_wait(world: World) -> None:
    world.track()
    world.provider.answers[VID] = BudgetSpent("our own budget of calls is used up")
    found = []
    for _ in range(3):
        world.confirm()
        found.append(waits(world))
    assert found == [[60]] * 3


def test_a_vid_that_nobody_mentioned_makes_no_task(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A message that names it is done with, and counted; only what the provider says about it makes a task."""
    for silence in (NO_ANSWER["unknown"], NO_ANSWER["busy"], BudgetSpent("none left"), CircuitOpen("GetCtsInfo")):
        world.provider.answers[VID] = silence  # type: ignore[assignment]
        assert world.confirmer.confirm(VID, Kind.VIDEO, prompt=True) is None
    assert world.items() == []
    world.provider.answers[VID] = answer(status=9)
    assert world.confirmer.confirm(VID, Kind.VIDEO) is None
    assert [item["item"]["S"] for item in world.items()] == ["reply"]
    assert capsys.readouterr().out.count('"ConfirmUnknown": 1') == 5
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


def test_after_the_last_wait_the_task_is_lost(table: str) -> None:
    world = World(table, hours=3)
    world.claim(callback())
    world.confirm()
    while list(world.due()) == ["unknown_video"] and len(world.provider.asked) < 20:
        world.clock.forward(seconds=waits(world)[0])
        world.confirm()
    assert 8 < len(world.provider.asked) < 16
    (row,) = world.due()["lost"]
    assert world.clock.now == START + timedelta(hours=3), "the last question is asked at the deadline"
    assert row.due_at == int(world.clock.now.timestamp())
    assert world.sweep()["lost"] == 1
    assert world.reader.task(VID)["state"] == "lost"
    assert world.topic.messages == [], "the stream has a head start"
    world.clock.forward(minutes=1)
    world.sweep()
    assert [message["type"] for message in world.topic.messages] == ["mediarelay.task.lost"]
    assert world.due() == {}


def test_a_callback_after_the_task_was_lost_is_asked_about(world: World) -> None:
    world.track()
    world.clock.forward(days=1)
    world.confirm()
    world.sweep()
    world.clock.forward(minutes=1)
    world.sweep()
    world.claim(callback())
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED
    world.publisher.publish(VID)
    types = [message["type"].rpartition(".")[2] for message in world.topic.messages]
    assert types == ["lost", "succeeded"]


@pytest.mark.parametrize("first", [answer(), answer(state="failed"), answer(**DELETED)])
def test_a_settled_task_is_not_asked_about_again(world: World, first: bytes) -> None:
    world.claim(callback())
    world.provider.answers[VID] = first
    outcome = world.confirm().outcome
    world.provider.answers[VID] = answer(state="transcoding")
    world.claim(callback(result="failure"))
    assert world.confirm().outcome is outcome
    assert len(world.provider.asked) == 1
    assert [row.sk for row in world.due()["publish"]] == ["TASK"]
    assert list(world.due()) == ["publish"], "the late claim is settled with it"


def test_a_provider_that_is_believed_is_not_asked(table: str) -> None:
    world = World(table, trusted=True)
    world.claim(callback())
    assert world.confirm().outcome is State.SUCCEEDED
    assert world.provider.asked == []
    assert list(world.due()) == ["publish"]


def test_any_order_of_events_gives_the_same_task(world: World) -> None:
    def claim(vid: str) -> None:
        world.claim(callback(vid))

    def fail(vid: str) -> None:
        world.claim(callback(vid, "failure"))

    def ask(vid: str) -> None:
        world.provider.answers[vid] = answer(vid)
        world.confirm(vid)

    def track(vid: str) -> None:
        world.track(vid, url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")

    seen: list[Any] = []
    for number, order in enumerate(permutations([claim, fail, ask, track])):
        for event in order:
            event(f"v{number}")
        seen.append(world.reader.task(f"v{number}") | {"vid": ""})
    assert all(view == seen[0] for view in seen)


def test_racing_confirmations_agree(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer between reading and writing: the loser folds again, with what the winner wrote."""
    world.claim(callback())
    world.provider.answers[VID] = answer()
    plain, others = type(world.ledger).save, iter([answer(state="transcoding"), answer(state="probed")])

    def overtaken(ledger: Any, *arguments: Any) -> bool:
        said = next(others, None)
        if said is not None:
            world.provider.answers[VID] = said
            world.confirm()
        return plain(ledger, *arguments)

    monkeypatch.setattr(type(world.ledger), "save", overtaken)
    assert world.confirm().outcome is State.SUCCEEDED
    assert world.reader.task(VID)["state"] == "succeeded"
    assert [row["vid"] for row in listed(world, Kind.VIDEO, State.SUCCEEDED)] == [VID]


def test_too_many_racing_writers_send_the_message_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.claim(callback())
    monkeypatch.setattr(type(world.ledger), "save", lambda *_: False)
    with pytest.raises(LedgerUnavailable, match=r"^too many writers$"):
        world.confirm()
    assert waits(world) == [60], "the claim itself is still due"


def test_a_provider_that_is_believed_is_asked_when_its_callback_is_lost(table: str) -> None:
    world = World(table, trusted=True)
    world.track()
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


def test_a_change_of_trust_changes_no_recorded_outcome(world: World) -> None:
    world.claim(callback(result="success", url="http://forged/evil.mp4"))
    world.provider.answers[VID] = answer(state="failed")
    assert world.confirm().outcome is State.FAILED
    world.trusted = True
    world.claim(callback(result="success", app_id=1))
    assert world.confirm().outcome is State.FAILED
    assert world.reader.task(VID)["state"] == "failed"


def test_a_claim_of_the_other_kind_does_not_hide_the_real_one(world: World) -> None:
    world.claim(callback())
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    busy, world.provider.answers[VID] = ProviderBusy("busy", 4400), ProviderBusy("busy", 4400)
    world.confirm(kind=Kind.AUDIO)
    assert sorted(world.due()) == ["unknown_audio", "unknown_video"], busy
    world.provider.answers[VID] = answer()
    assert world.confirm(kind=Kind.VIDEO).outcome is State.SUCCEEDED
    assert list(world.due()) == ["publish"]


def test_a_late_callback_waits_until_the_provider_can_answer(world: World) -> None:
    world.track()
    world.clock.forward(hours=25)
    world.confirm()
    world.sweep()
    assert world.reader.task(VID)["state"] == "lost"
    world.claim(callback())
    for silence in (ProviderBusy("busy", 4400), BudgetSpent("none left")):
        world.provider.answers[VID] = silence
        world.confirm()
        assert "unknown_video" in world.due(), "in its own right, as the item waits for its announcement"
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED
    assert list(world.due()) == ["publish"]


def test_a_task_is_given_up_even_if_no_confirmation_can_be_carried_out(world: World) -> None:
    world.track()
    world.clock.forward(hours=25, minutes=1)
    world.poll()
    world.clock.forward(minutes=4)
    assert world.sweep()["lost"] == 1
    assert world.reader.task(VID)["state"] == "lost"


def test_without_a_single_question_nothing_is_lost_at_the_deadline(world: World) -> None:
    world.provider.answers[VID] = BudgetSpent("none left")
    world.track()
    world.clock.forward(hours=24)
    world.confirm()
    assert list(world.due()) == ["video"]


def test_what_a_stranger_says_is_no_fact_of_an_outcome(world: World) -> None:
    world.claim(callback(url="http://forged/evil.mp4", v_type="evil"))
    world.provider.answers[VID] = answer(v_type=None)
    world.confirm()
    assert "evil" not in json.dumps(world.reader.task(VID))


def test_expensive_claims_are_not_read_to_confirm(world: World) -> None:
    world.claim(callback())
    world.provider.answers[VID] = answer()
    with mock.patch.dict("mediarelay.contracts.observation._READERS", {Origin.CLAIM: None}):
        assert world.confirm().outcome is State.SUCCEEDED
        world.clock.forward(minutes=1)
        assert world.sweep()["publish"] == 1


def test_a_believed_outcome_keeps_its_details_after_an_answer_in_progress(table: str) -> None:
    world = World(table, trusted=True)
    world.track()
    world.track("v2")
    for vid in (VID, "v2"):
        world.provider.answers[vid] = answer(vid, state="transcoding")
        world.confirm(vid)
    world.claim(callback())
    world.claim(callback("v2", "failure"))
    done, failed = world.reader.task(VID), world.reader.task("v2")
    assert (done["state"], failed["state"]) == ("succeeded", "failed")
    assert done["renditions"]
    assert failed["faults"]


def test_a_task_is_not_lost_before_the_last_question_could_be_asked(world: World) -> None:
    world.provider.answers[VID] = BudgetSpent("none left")
    world.track()
    world.clock.forward(hours=24)
    for _ in range(20):
        world.confirm()
        (wait,) = waits(world)
        assert wait <= LONGEST_WAIT.total_seconds(), "our budget is looked at ever less often, but it is"
        world.clock.forward(seconds=wait)
        assert world.sweep()["lost"] == 0
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED


def lose(world: World) -> None:
    world.clock.forward(hours=24)
    world.confirm()
    world.sweep()
    world.publisher.publish(VID)
    assert world.reader.task(VID)["state"] == "lost"
    assert world.due() == {}


@pytest.mark.parametrize("silence", [*NO_ANSWER, "pending"])
def test_a_claim_about_a_lost_task_is_followed_for_a_lifetime(world: World, silence: str) -> None:
    world.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4", bucketName="cts")
    world.provider.answers[VID] = answer(state="pending")
    lose(world)
    world.claim(callback())
    world.provider.answers[VID] = answer(state="pending") if silence == "pending" else NO_ANSWER[silence]  # type: ignore[assignment]
    end, asked = world.clock() + timedelta(hours=24), len(world.provider.asked)
    found: list[int] = []
    world.confirm()
    while waits(world) and len(found) < 100:
        found += waits(world)
        world.clock.forward(seconds=found[-1])
        world.confirm()
    assert world.clock() == end, "the last question is asked when the claim is as old as a task may become"
    assert found[:-1] == sorted(found[:-1])
    assert 40 < len(world.provider.asked) - asked < 65
    world.sweep()
    assert world.due() == {}
    assert world.reader.task(VID)["state"] == "lost"


def test_a_late_answer_finds_a_lost_task_again(world: World) -> None:
    world.track()
    lose(world)
    world.claim(callback())
    world.provider.answers[VID] = answer(state="transcoding")
    world.confirm()
    world.clock.forward(seconds=waits(world)[0])
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED
    assert list(world.due()) == ["publish"]


def test_a_stray_claim_on_a_known_task_is_asked_about_once(world: World) -> None:
    world.track()
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.confirm(kind=Kind.AUDIO)
    assert {what: len(rows) for what, rows in world.due().items()} == {"video": 1}


def test_claims_alone_do_not_say_which_kind_is_asked_for_in_the_end(world: World) -> None:
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.confirm(kind=Kind.AUDIO)
    world.clock.forward(seconds=1)
    world.claim(callback())
    for kind in (Kind.VIDEO, Kind.AUDIO, Kind.VIDEO):
        world.confirm(kind=kind)
        assert sorted(world.due()) == ["unknown_audio", "unknown_video"], "each kind is still asked for"
        assert [row["vid"] for row in listed(world, Kind.AUDIO, State.EXPECTED)] == [VID]
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED
    assert list(world.due()) == ["publish"]
    assert listed(world, Kind.AUDIO, State.EXPECTED) == []


def test_an_old_claim_is_taken_up_less_often(world: World) -> None:
    world.claim(callback())
    times = []
    while world.clock() < START + timedelta(hours=6):
        world.clock.forward(seconds=max(waits(world)[0], 0))
        times.append(world.clock())
        world.poll()
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (180, 1800)


def test_a_contradiction_is_kept_shown_counted_once_and_settled(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.claim(callback())
    world.claim(callback(result="failure", app_id=666))
    world.confirm()
    assert capsys.readouterr().out.count('"Conflicts": 2') == 1
    seen = {one["subject"]: one for one in world.reader.history(VID)["conflicts"]}
    assert set(seen) == {"app_id", "outcome"}
    assert seen["outcome"] == {
        "subject": "outcome",
        "values": {"failed": ["claim"], "succeeded": ["claim"]},
        "settled": None,
    }
    world.provider.answers[VID] = answer()
    assert world.confirm().outcome is State.SUCCEEDED
    world.claim(callback(result="failure", app_id=667))
    world.confirm()
    assert "Conflicts" not in capsys.readouterr().out
    settled = {one["subject"]: one["settled"] for one in world.reader.history(VID)["conflicts"]}
    assert settled == {"app_id": str(QUERIES[Kind.VIDEO]["app_id"]), "outcome": "succeeded"}


def test_any_number_of_contradicting_claims_is_shown_in_bounds(world: World) -> None:
    for number in range(100):
        world.claim(callback(app_id=number + 1))
    (conflict,) = world.reader.history(VID)["conflicts"]
    assert 10 < len(conflict["values"]) <= 64


def through(world: World, **time: float) -> None:
    """Let the schedules run for a while, every twenty minutes; the sweep first, as may happen."""
    end = world.clock() + timedelta(**time)
    while world.clock() < end:
        world.sweep()
        for kind in Kind:
            world.poll(kind)
        for vid, kind in world.take():
            world.confirm(vid, kind)
        world.clock.forward(minutes=20)


@pytest.mark.parametrize("silence", [BudgetSpent("none left"), LedgerUnavailable("secret")])
def test_a_second_lifetime_ends_too(world: World, silence: Exception) -> None:
    world.track()
    lose(world)
    world.claim(callback())
    world.confirm()
    world.provider.answers[VID] = silence
    world.clock.forward(hours=25, minutes=1)
    world.poll()
    world.clock.forward(minutes=4)
    world.sweep()
    assert "video" not in world.due()
    assert world.reader.task(VID)["state"] == "lost"


def test_a_claim_just_before_the_end_is_followed_for_a_lifetime_of_its_own(world: World) -> None:
    world.track()
    world.clock.forward(hours=23, minutes=59)
    world.claim(callback())
    world.provider.answers[VID] = BudgetSpent("none left")
    world.confirm()
    world.clock.forward(minutes=62)
    world.poll()
    world.clock.forward(minutes=4)
    assert world.sweep()["lost"] == 1
    world.publisher.publish(VID)
    assert world.reader.task(VID)["state"] == "lost"
    world.provider.answers[VID] = answer()
    through(world, hours=1)
    assert world.reader.task(VID)["state"] == "succeeded"


def test_waits_grow_in_a_second_lifetime_though_clocks_have_fractions(world: World) -> None:
    world.claim(callback())
    world.confirm()
    lose(world)
    world.clock.forward(seconds=30.5)
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    asked = len(world.provider.asked)
    through(world, hours=30)
    assert 40 < len(world.provider.asked) - asked < 200
    assert world.due() == {}


def test_a_claim_that_shows_late_does_not_change_what_the_item_asks_for(world: World) -> None:
    world.clock.forward(seconds=1)
    world.claim(callback())
    world.confirm()
    world.clock.forward(seconds=-1)
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.clock.forward(seconds=2)
    world.confirm(kind=Kind.AUDIO)
    world.provider.answers[VID] = answer()
    through(world, hours=2)
    assert world.reader.task(VID)["state"] == "succeeded"


def test_after_an_outage_each_kind_is_asked_for_before_its_claim_is_dropped(world: World) -> None:
    world.claim(callback())
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.clock.forward(hours=24, minutes=30)
    through(world, hours=2)
    assert {kind for kind, _ in world.provider.asked} == set(Kind)


def test_the_last_question_is_one_about_the_item_s_kind(world: World) -> None:
    world.claim(callback())
    world.confirm()
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.clock.forward(hours=24)
    world.confirm(kind=Kind.AUDIO)
    assert "lost" not in world.due()
    world.confirm()
    assert "lost" in world.due()


def test_a_task_that_only_callbacks_know_ends_even_if_no_confirmation_can_be_carried_out(world: World) -> None:
    world.claim(callback())
    world.clock.forward(hours=25, minutes=1)
    assert world.poll() == 1
    world.clock.forward(minutes=40)
    assert world.sweep()["lost"] == 1
    world.publisher.publish(VID)
    assert world.reader.task(VID)["state"] == "lost"
    assert world.due() == {}


def test_a_task_that_no_poll_takes_up_waits_for_one_more_lifetime_and_ends(world: World) -> None:
    world.claim(callback())
    world.clock.forward(hours=47, minutes=59)
    assert world.sweep()["lost"] == 0
    world.clock.forward(minutes=2)
    assert world.sweep()["lost"] == 1
    assert world.reader.task(VID)["state"] == "lost"


def test_a_believed_callback_at_the_wrong_address_does_not_decide_the_kind(table: str) -> None:
    world = World(table, trusted=True)
    world.track(kind=Kind.AUDIO)
    world.claim(callback(kind=Kind.AUDIO))
    world.confirm()
    assert world.reader.task(VID)["kind"] == "audio"


# ── many who speak, few questions ──


def test_many_callbacks_at_once_need_one_question(world: World) -> None:
    for number in range(90):
        world.claim(callback(size=number))
    world.clock.forward(seconds=1)
    for _ in range(90):
        world.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert len(world.provider.asked) == 1


def test_a_callback_that_comes_after_the_question_has_its_own(world: World) -> None:
    world.provider.answers[VID] = answer(state="transcoding")
    for number in range(3):
        world.claim(callback(size=number))
        world.clock.forward(seconds=1)
        world.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert len(world.provider.asked) == 3


def test_a_callback_that_comes_while_the_answer_is_on_its_way_is_asked_about(world: World) -> None:
    plain = world.provider.info

    def info(kind: Kind, vid: str, *, known: bool) -> bytes:
        world.clock.forward(seconds=1)
        world.claim(callback(size=2))
        world.clock.forward(seconds=1)
        world.provider.info = plain  # type: ignore[method-assign]
        return answer(state="transcoding")

    world.provider.info = info  # type: ignore[method-assign]
    world.claim(callback(size=1))
    world.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    world.provider.answers[VID] = answer()
    assert world.confirmer.confirm(VID, Kind.VIDEO, prompt=True).state is State.SUCCEEDED  # type: ignore[union-attr]


def test_a_stream_of_forged_callbacks_does_not_use_up_the_budget(world: World) -> None:
    for number in range(60):
        world.claim(callback(size=number))
        world.clock.forward(seconds=5)
        world.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
    assert 0 < len(world.provider.asked) < 20
    assert [row.vid for row in world.due()["unknown_video"]], "the schedule asks about the rest"


def test_what_is_due_is_asked_about_however_often_it_was(world: World) -> None:
    world.track()
    for _ in range(10):
        world.confirm()
    assert len(world.provider.asked) == 10


# ── the budget at the deadline ──


def wait(world: World, times: int, hours: int) -> None:
    """So often, so many hours: a question that is due, and a sweep after it."""
    for _ in range(times):
        world.clock.forward(hours=hours, minutes=-2)
        world.confirm()
        world.clock.forward(minutes=2)
        world.sweep()


def test_a_task_is_not_lost_because_our_budget_was_used_up(world: World) -> None:
    world.track()
    world.provider.answers[VID] = BudgetSpent("none left")
    for _ in range(27 * 2):
        world.clock.forward(minutes=30)
        world.confirm()
        world.sweep()
    world.provider.answers[VID] = answer()
    world.clock.forward(minutes=40)
    assert world.poll() == 1
    assert world.confirm().state is State.SUCCEEDED


def test_but_it_ends(world: World) -> None:
    world.track()
    world.provider.answers[VID] = BudgetSpent("none left")
    wait(world, 52, hours=1)
    assert world.reader.task(VID)["state"] == "lost"
    assert world.due() == {}


@pytest.mark.parametrize("lost_first", [True, False])
def test_whoever_orders_again_waits_for_the_budget_from_then(world: World, *, lost_first: bool) -> None:
    world.claim(callback())
    world.track()
    world.clock.forward(hours=23.5)
    if lost_first:
        world.clock.forward(hours=2)
        lose(world)
    world.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    world.provider.answers[VID] = BudgetSpent("none left")
    wait(world, 23, hours=2)
    world.provider.answers[VID] = answer()
    world.clock.forward(minutes=40)
    assert world.poll() == 1
    assert world.confirm().state is State.SUCCEEDED


@pytest.mark.parametrize("late", [0, 3])
def test_a_callback_that_was_stored_late_waits_for_the_budget_too(world: World, late: int) -> None:
    world.clock.forward(days=late)
    world.intake().take(callback(), Origin.CLAIM, START)
    world.provider.answers[VID] = BudgetSpent("none left")
    world.confirm()
    wait(world, 28, hours=1)
    assert world.reader.task(VID)["state"] != "lost"


def test_a_late_question_that_was_not_asked_leaves_what_is_over_alone(world: World) -> None:
    world.track()
    lose(world)
    assert world.due() == {}
    world.provider.answers[VID] = BudgetSpent("none left")
    world.confirm()
    assert world.due() == {}


# ── contradictions that a question settles ──


def test_of_two_orders_that_contradict_the_answer_tells_which_is_right(world: World) -> None:
    world.track(url="http://cts-1233444.cossh.myqcloud.com/test/w.mp4")
    world.clock.forward(seconds=5)
    world.track(url="http://media.example.com/test/w.mp4")
    world.provider.answers[VID] = answer()
    assert world.confirm().state is State.SUCCEEDED
    (conflict,) = world.reader.history(VID)["conflicts"]
    assert (conflict["subject"], bool(conflict["settled"])) == ("url", True)


@pytest.mark.parametrize("truth", ["failed", "succeeded"])
def test_trusted_callbacks_that_contradict_each_other_are_asked_about(table: str, truth: str) -> None:
    world = World(table, trusted=True)
    world.claim(callback(result="failure"))
    world.confirm()
    world.publisher.publish(VID)
    world.clock.forward(seconds=1)
    world.claim(callback(result="success"))
    world.confirm()
    world.sweep()
    assert world.provider.asked
    assert kinds(world) == ["failed"], "nothing is said until somebody knows"
    world.provider.answers[VID] = answer(state=truth)
    world.clock.forward(minutes=5)
    assert world.poll() == 1
    world.confirm()
    world.clock.forward(minutes=1)
    world.sweep()
    assert kinds(world) == ["failed", "succeeded"][: 1 + (truth == "succeeded")]
    assert world.reader.task(VID)["state"] == truth
    assert world.due() == {}


def test_a_dispute_after_the_deadline_is_asked_about_for_a_lifetime(table: str) -> None:
    world = World(table, trusted=True)
    world.claim(callback(result="failure"))
    world.confirm()
    world.publisher.publish(VID)
    world.clock.forward(hours=25)
    world.claim(callback(result="success"))
    world.provider.answers[VID] = ProviderBusy("provider code 4500", 4500)
    world.confirm()
    world.sweep()
    world.provider.answers[VID] = answer()
    world.clock.forward(minutes=2)
    assert world.poll() == 1
    world.confirm()
    world.publisher.publish(VID)
    assert kinds(world) == ["failed", "succeeded"]


def test_strangers_do_not_keep_a_dispute_open(table: str) -> None:
    world = World(table, trusted=True)
    for result in ("failure", "success"):
        world.claim(callback(result=result))
        world.clock.forward(seconds=1)
    world.confirm()
    first = world.ledger.load(VID).books
    world.trusted = False
    for number in range(3):
        world.clock.forward(hours=7)
        world.claim(callback(task=f"x{number}"))
        world.confirm()
    later = world.ledger.load(VID).books
    assert first
    assert later
    assert later.give_up_at == first.give_up_at


def test_a_dispute_that_nobody_settles_ends(table: str) -> None:
    world = World(table, trusted=True)
    for result in ("failure", "success"):
        world.claim(callback(result=result))
        world.clock.forward(seconds=1)
    for _ in range(60):
        world.confirm()
        world.clock.forward(minutes=30)
        world.sweep()
    assert kinds(world) == ["failed"]
    assert world.due() == {}


def test_a_confirmed_outcome_is_final(world: World) -> None:
    world.track()
    world.provider.answers[VID] = answer(state="failed")
    world.confirm()
    world.publisher.publish(VID)
    world.clock.forward(seconds=1)
    world.replayer.replay(VID, "me")
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    assert kinds(world) == ["failed", "failed"]
    (conflict,) = world.reader.history(VID)["conflicts"]
    assert (conflict["subject"], conflict["settled"]) == ("outcome", "failed")


# ── lives ──


def test_nothing_is_lost_while_somebody_who_ordered_it_hopes(world: World) -> None:
    world.claim(callback())
    world.confirm()
    world.clock.forward(hours=23, minutes=30)
    world.track()
    world.provider.answers[VID] = answer(state="transcoding")
    for _ in range(8):
        world.clock.forward(minutes=10)
        world.confirm()
        world.sweep()
    assert world.reader.task(VID)["state"] == "transcoding"


def test_a_replay_that_comes_while_the_answer_is_on_its_way_has_its_own_question(world: World) -> None:
    world.track()
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    world.clock.forward(seconds=1)
    world.replayer.replay(VID, "one")
    plain = world.provider.info

    def info(kind: Kind, vid: str, *, known: bool) -> bytes:
        world.clock.forward(seconds=1)
        world.replayer.replay(VID, "two")
        world.provider.info = plain  # type: ignore[method-assign]
        return plain(kind, vid, known=known)

    world.provider.info = info  # type: ignore[method-assign]
    for _ in range(2):
        world.confirmer.confirm(VID, Kind.VIDEO, prompt=True)
        world.publisher.publish(VID)
    assert len(world.provider.asked) == 3
    assert [message.get("replay") for message in world.topic.messages] == [None, 1, 2]


def kinds(world: World) -> list[str]:
    return [message["type"].rpartition(".")[2] for message in world.topic.messages]
