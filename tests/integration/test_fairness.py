"""A forger cannot starve real tasks: queries about ids that only callbacks name wait, and are paid, apart."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest

from mediarelay.domain.budget import Allowance, Budget
from mediarelay.domain.circuit_breaker import THRESHOLD
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import BudgetSpent, ProviderUnknown
from tests.integration.doubles import START, Outbox
from tests.integration.task_harness import VID, TaskHarness, answer, callback

REQUEST = {"bucketName": "music", "bucketRegion": "gz"}
WORKERS, UNKNOWN_WORKERS = 4, 2


class Metered:
    """A provider whose calls are paid from the ledger's budget, as the adapter does it."""

    def __init__(self, harness: TaskHarness, real: set[str]) -> None:
        self.harness, self.real, self.called = harness, real, list[str]()

    def query(self, _kind: Kind, vid: str, *, known: bool) -> Mapping[str, object]:
        allowance = self.harness.budget.query(known=known)
        if not self.harness.stores.budget.spend("cts", self.harness.clock(), allowance):
            raise BudgetSpent("none left")
        self.called.append(vid)
        return self.harness.provider.query(_kind, vid, known=known)


def call_back(harness: TaskHarness, vid: str) -> None:
    """Receive a callback; the stream delivers it at once."""
    harness.claim(callback(vid))
    harness.request(vid)


def rounds(harness: TaskHarness) -> Iterator[int]:
    """Let each queue's workers take one message each, and again, until nothing waits; yields the round."""
    for number in count(1):
        taken = [queue.messages.pop(0) for queue, workers in _lanes(harness) for _ in range(workers) if queue.messages]
        if not taken:
            return
        for vid, kind in taken:
            harness.confirm(vid, kind)
        yield number


def _lanes(harness: TaskHarness) -> list[tuple[Outbox[tuple[str, Kind]], int]]:
    return [(harness.queue, WORKERS), (harness.unknown_queue, UNKNOWN_WORKERS)]


# ── the queue ──


def test_a_callback_about_an_unknown_id_waits_apart(harness: TaskHarness) -> None:
    harness.track("ordered")
    for vid in ("forged", "ordered"):
        call_back(harness, vid)
    assert (harness.queue.messages, harness.unknown_queue.messages) == (
        [("ordered", Kind.VIDEO)],
        [("forged", Kind.VIDEO)],
    )


def test_an_id_that_the_provider_does_not_know_stays_unknown_and_one_that_it_knows_does_not(
    harness: TaskHarness,
) -> None:
    harness.provider.answers["real"] = answer("real", "transcoding")
    for vid in ("forged", "real"):
        call_back(harness, vid)
        harness.confirm(vid)
        harness.request(vid)
    assert harness.provider.known == {"forged": False, "real": False}
    assert [vid for vid, _ in harness.queue.messages] == ["real"], "once the provider has answered"
    assert [vid for vid, _ in harness.unknown_queue.messages] == ["forged", "forged", "real"]
    assert {what: [row.subject.vid for row in rows] for what, rows in harness.due().items()} == {
        "unknown_video": ["forged"],
        "video": ["real"],
    }


def test_an_order_makes_a_task_known(harness: TaskHarness) -> None:
    call_back(harness, VID)
    harness.confirm()
    harness.track()
    assert list(harness.due()) == ["video"]
    harness.confirm()
    assert harness.provider.known == {VID: True}
    harness.request(VID)
    assert harness.queue.messages == [(VID, Kind.VIDEO)]


def test_a_replay_waits_with_the_orders(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.request(VID, known=True)
    assert harness.queue.messages == [(VID, Kind.VIDEO)]


def test_trusted_callbacks_are_no_rumours(table: str) -> None:
    harness = TaskHarness(table, callback_trust="callback")
    harness.claim(callback())
    assert list(harness.due()) == ["video"]
    harness.clock.forward(minutes=1)
    harness.poll()
    assert (harness.queue.messages, harness.unknown_queue.messages) == ([(VID, Kind.VIDEO)], [])


def test_real_tasks_are_confirmed_in_as_many_rounds_beside_forged_ones_as_without(harness: TaskHarness) -> None:
    """The row of the chaos suite in short: rounds instead of seconds."""
    harness.configure(calls_per_minute=1000)
    real = [f"real{number}" for number in range(12)]
    harness.provider.answers = {vid: answer(vid) for vid in real}
    for number in range(60):
        call_back(harness, f"forged{number}")
    for vid in real:
        harness.track(vid)
        call_back(harness, vid)
    done = next(
        number for number in rounds(harness) if all(harness.reader.task(vid)["state"] == "succeeded" for vid in real)
    )
    assert done == len(real) / WORKERS
    assert harness.unknown_queue.messages, "forged ones still wait"


def test_real_tasks_have_their_part_of_the_budget_beside_forged_ones(harness: TaskHarness) -> None:
    harness.configure(calls_per_minute=25)
    real = [f"real{number}" for number in range(10)]
    harness.provider.answers = {vid: answer(vid) for vid in real}
    paid = Metered(harness, set(real))
    object.__setattr__(harness.confirmer, "providers", paid)
    for number in range(40):
        call_back(harness, f"forged{number}")
    for vid, kind in harness.unknown_queue.messages:
        harness.confirm(vid, kind)
    assert len(paid.called) == 10, "half of the queries of a minute"
    for vid in real:
        harness.track(vid)
        harness.confirm(vid)
    assert set(paid.called[10:]) == set(real)


def test_a_real_task_that_nobody_ordered_is_confirmed_in_the_end(harness: TaskHarness) -> None:
    """It shares its part with forged ids; those that were asked about in vain wait ever longer, so it has its turn."""
    harness.configure(calls_per_minute=10)
    harness.provider.answers["real"] = answer("real")
    object.__setattr__(harness.confirmer, "providers", Metered(harness, {"real"}))
    for number in range(30):
        call_back(harness, f"forged{number}")
    call_back(harness, "real")
    minutes = 0
    while harness.reader.task("real")["state"] != "succeeded":
        for vid, kind in harness.unknown_queue.messages:
            harness.confirm(vid, kind)
        harness.unknown_queue.messages.clear()
        harness.clock.forward(minutes=1)
        harness.poll()
        minutes += 1
        assert minutes < 60
    assert minutes >= 2, "the attack did cost it some time"


# ── the budget ──


def test_unknown_tasks_are_counted_apart(harness: TaskHarness) -> None:
    share = Allowance(8, 4)
    assert [harness.stores.budget.spend("cts", START, share) for _ in range(6)] == [True] * 4 + [False] * 2
    assert [harness.stores.budget.spend("cts", START, Allowance(8)) for _ in range(6)] == [True] * 4 + [False] * 2
    assert harness.stores.budget.spend("cts", START + timedelta(minutes=1), share)


@pytest.mark.parametrize(
    ("calls", "percent", "submit", "background", "unknown"),
    [(100, 50, 100, 80, 40), (100, 100, 100, 80, 80), (2, 1, 2, 1, 1), (10_000, 25, 10_000, 8000, 2000)],
)
def test_the_parts_of_the_budget(calls: int, percent: int, submit: int, background: int, unknown: int) -> None:
    budget = Budget(calls, percent)
    assert (budget.submit, budget.background) == (Allowance(submit), Allowance(background))
    assert budget.unknown == Allowance(background, unknown)
    assert [budget.queries(known=known) for known in (True, False)] == [background, unknown]


def test_over_budget_a_task_is_looked_at_ever_less_often(harness: TaskHarness) -> None:
    """Each look costs seven write units: every minute, for a day, that would be 10,000 of them."""
    harness.track()
    harness.provider.answers[VID] = BudgetSpent("none left")
    looks, end = 0, harness.clock() + timedelta(days=1)
    while harness.clock() < end:
        harness.clock.forward(
            seconds=max(row.due_at.timestamp() for row in harness.due()["video"]) - harness.clock().timestamp() + 1
        )
        looks += harness.poll()
        harness.confirm()
    assert 24 <= looks <= 70
    assert harness.reader.task(VID)["state"] == "expected", (
        "while our budget prevents the last query, the deadline waits"
    )
    assert [row.due_at - harness.clock() <= 1.25 * timedelta(minutes=30) for row in harness.due()["video"]] == [True]


# ── the poll ──


def test_a_tick_hands_on_as_many_as_a_minute_has_calls_for_and_ordered_ones_first(harness: TaskHarness) -> None:
    harness.configure(calls_per_minute=10)
    for number in range(20):
        harness.claim(callback(f"forged{number}"))
    harness.clock.forward(minutes=1)
    for number in range(20):
        harness.track(f"real{number}")
    harness.clock.forward(minutes=2)
    assert harness.poll() == 8 + 4
    assert {vid[:4] for vid, _ in harness.queue.messages} == {"real"}
    assert {vid[:4] for vid, _ in harness.unknown_queue.messages} == {"forg"}


def test_while_the_provider_hangs_the_queue_does_not_grow(harness: TaskHarness) -> None:
    harness.configure(calls_per_minute=50)
    for number in range(100):
        harness.track(f"v{number}")
    for _ in range(15):
        harness.clock.forward(minutes=2)
        harness.poll()
        harness.queue.waiting = len(harness.queue.messages)
    assert len(harness.queue.messages) == harness.budget.queries(known=True) == 40


def test_what_no_poll_has_had_room_for_is_not_given_up_an_hour_late(harness: TaskHarness) -> None:
    harness.track()
    harness.queue.waiting = 80
    harness.clock.forward(hours=26)
    assert harness.poll() == 0
    assert harness.sweep()["give_up"] == 0, "only our budget has kept it waiting"
    harness.queue.waiting = 0
    harness.provider.answers[VID] = answer()
    assert harness.poll() == 1
    harness.confirm()
    assert harness.reader.task(VID)["state"] == "succeeded"


@pytest.mark.parametrize("refused", [True, False])
def test_what_no_poll_has_had_room_for_is_given_up_in_the_end(harness: TaskHarness, *, refused: bool) -> None:
    harness.track()
    harness.clock.forward(hours=26 if refused else 48, minutes=1)
    for _ in range(THRESHOLD if refused else 0):
        harness.breaker.record_refusal("cts:GetCtsInfo")
    assert harness.sweep()["give_up"] == 1
    assert harness.reader.task(VID)["state"] == "lost"


# ── stale messages ──


def test_a_message_older_than_the_last_query_asks_nothing(harness: TaskHarness) -> None:
    harness.track()
    sent = harness.clock()
    harness.clock.forward(minutes=1)
    harness.confirm()
    harness.clock.forward(minutes=1)
    harness.confirmer.confirm(VID, Kind.VIDEO, sent=sent)
    assert len(harness.provider.asked) == 1
    harness.confirmer.confirm(VID, Kind.VIDEO, sent=harness.clock())
    assert len(harness.provider.asked) == 2


def test_callbacks_of_one_kind_keep_no_claim_of_the_other_kind_waiting(harness: TaskHarness) -> None:
    """While the queue is long, each message about the claim is older than some query that the others brought about."""
    asked: dict[Kind, bytes | Exception] = {
        Kind.VIDEO: answer(),
        Kind.AUDIO: ProviderUnknown("provider code 5000", 5000),
    }
    real = SimpleNamespace(query=lambda kind, vid, known: _said(harness, asked[kind], kind, vid, known=known))
    object.__setattr__(harness.confirmer, "providers", real)
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.confirm(kind=Kind.AUDIO)
    harness.claim(callback())
    for number in range(10):
        harness.clock.forward(minutes=1)
        harness.poll()
        sent = harness.clock()
        harness.clock.forward(seconds=30)
        harness.claim(callback(kind=Kind.AUDIO, message=f"again {number}"), Kind.AUDIO)
        harness.confirmer.confirm(VID, Kind.AUDIO, prompt=True, sent=harness.clock())
        for vid, kind in harness.take():
            harness.confirmer.confirm(vid, kind, sent=sent)
    assert harness.reader.task(VID)["state"] == "succeeded"


def _said(harness: TaskHarness, said: bytes | Exception, kind: Kind, vid: str, *, known: bool) -> Mapping[str, object]:
    harness.provider.answers[vid] = said
    return harness.provider.query(kind, vid, known=known)


def test_a_stale_message_loses_no_replay(harness: TaskHarness) -> None:
    harness.track()
    sent = harness.clock()
    harness.clock.forward(minutes=1)
    harness.confirm()
    harness.replayer.replay(VID, "somebody")
    harness.confirmer.confirm(VID, Kind.VIDEO, sent=sent)
    assert len([row for row in harness.due()["video"] if row.is_replay]) == 1
    harness.confirmer.confirm(VID, Kind.VIDEO, prompt=True, sent=harness.clock())
    assert len(harness.provider.asked) == 2


# ── submits ──


def test_a_submit_that_our_budget_turned_back_comes_again_the_next_minute_however_old_it_is(
    harness: TaskHarness,
) -> None:
    harness.provider.vids = [*[BudgetSpent("none left")] * 10, "v1"]
    harness.registry.enqueue(Kind.AUDIO, REQUEST | {"url": "http://a/1.mp3"}, None)
    for _ in range(10):
        harness.clock.forward(minutes=1)
        assert harness.sweep()["submit"] == 1
        (row,) = harness.due()["submit_queued"]
        assert 0 < row.due_at.timestamp() - harness.clock().timestamp() <= 60
    harness.clock.forward(minutes=1)
    assert harness.sweep()["submit"] == 1
    assert len(harness.provider.taken) == 11
    assert "submit_queued" not in harness.due()


def test_only_a_queued_submit_leaves_a_part_of_the_budget(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", BudgetSpent("none left"), "v2", "v3"]
    harness.registry.enqueue(Kind.AUDIO, REQUEST | {"url": "http://a/1.mp3"}, None)
    (row,) = harness.due()["submit_queued"]
    harness.submitter.resume(row.subject.identity)
    harness.submitter.submit(Kind.AUDIO, REQUEST | {"url": "http://a/2.mp3"}, None)
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert harness.provider.queued == [True, False, False], "its client was reported to wait: it keeps its place"


def test_submits_whose_client_waits_come_before_a_batch(harness: TaskHarness) -> None:
    for number in range(100):
        harness.registry.enqueue(Kind.AUDIO, REQUEST | {"url": f"http://a/{number}.mp3"}, None)
    harness.provider.vids = [BudgetSpent("none left")]
    harness.clock.forward(seconds=30)
    harness.submitter.submit(Kind.AUDIO, REQUEST | {"url": "http://a/mine.mp3"}, None)
    harness.clock.forward(minutes=2)
    assert harness.sweeper.sweep(harness.tick())["submit"] == 80
    assert harness.submits.messages[0] == next(
        item["pk"]["S"].removeprefix("INTENT#")
        for item in harness.items()
        if item["item"]["S"] == "intent" and "mine" in str(item["request"])
    )


def test_a_tick_hands_on_no_submits_that_the_queue_still_has(harness: TaskHarness) -> None:
    for number in range(90):
        harness.registry.enqueue(Kind.AUDIO, REQUEST | {"url": f"http://a/{number}.mp3"}, None)
    harness.clock.forward(minutes=2)
    harness.submits.waiting = 70
    assert harness.sweeper.sweep(harness.tick())["submit"] == 10


def test_a_request_that_was_answered_meanwhile_is_not_put_off(harness: TaskHarness) -> None:
    intent = Intent(key="k", kind=Kind.AUDIO, provider="cts", request=REQUEST, at=START)
    harness.stores.intents.create(intent, Due(Duty.SUBMIT, START))
    assert harness.stores.intents.postpone(intent, START + timedelta(minutes=1))
    harness.stores.intents.assign_vid(intent, "v1", harness.clock())
    assert not harness.stores.intents.postpone(intent, START + timedelta(minutes=2))
