"""A forger cannot starve real tasks: queries about ids that only callbacks name wait, and are paid, apart."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest

from mediarelay.domain.budget import Allowance, Budget
from mediarelay.domain.circuit import THRESHOLD, Circuit
from mediarelay.domain.intent import Intent
from mediarelay.domain.media import Kind
from mediarelay.domain.schedule import Due
from mediarelay.errors import BudgetSpent, ProviderUnknown
from mediarelay.usecases.ask import Asker
from tests.integration.world import START, VID, World, answer, callback

WISH = {"bucketName": "music", "bucketRegion": "gz"}
WORKERS, UNKNOWN_WORKERS = 4, 2


class Metered:
    """A provider whose calls are paid from the ledger's budget, as the adapter does it."""

    def __init__(self, world: World, real: set[str]) -> None:
        self.world, self.real, self.called = world, real, list[str]()

    def info(self, _kind: Kind, vid: str, *, known: bool) -> bytes:
        if not self.world.ledger.spend(self.world.clock(), self.world.budget.query(known=known)):
            raise BudgetSpent("none left")
        self.called.append(vid)
        return self.world.provider.info(_kind, vid, known=known)


def asker(world: World) -> Asker:
    return Asker(world.ledger, world.queue, world.unknown_queue)


def call_back(world: World, vid: str) -> None:
    """Receive a callback; the stream delivers it at once."""
    world.claim(callback(vid))
    asker(world).ask(vid, Kind.VIDEO, vouched=False)


def rounds(world: World) -> Iterator[int]:
    """Let each queue's workers take one message each, and again, until nothing waits; yields the round."""
    for number in count(1):
        taken = [queue.sent.pop(0) for queue, workers in _lanes(world) for _ in range(workers) if queue.sent]
        if not taken:
            return
        for vid, kind in taken:
            world.confirm(vid, kind)
        yield number


def _lanes(world: World) -> list[tuple[object, int]]:
    return [(world.queue, WORKERS), (world.unknown_queue, UNKNOWN_WORKERS)]


# ── the queue ──


def test_a_callback_about_an_unknown_id_waits_apart(world: World) -> None:
    world.track("ordered")
    for vid in ("forged", "ordered"):
        call_back(world, vid)
    assert (world.queue.sent, world.unknown_queue.sent) == ([("ordered", Kind.VIDEO)], [("forged", Kind.VIDEO)])


def test_an_id_that_the_provider_does_not_know_stays_unknown_and_one_that_it_knows_does_not(world: World) -> None:
    world.provider.answers["real"] = answer("real", "transcoding")
    for vid in ("forged", "real"):
        call_back(world, vid)
        world.confirm(vid)
        asker(world).ask(vid, Kind.VIDEO, vouched=False)
    assert world.provider.known == {"forged": False, "real": False}
    assert [vid for vid, _ in world.queue.sent] == ["real"], "once the provider has answered"
    assert [vid for vid, _ in world.unknown_queue.sent] == ["forged", "forged", "real"]
    assert {what: [row.vid for row in rows] for what, rows in world.due().items()} == {
        "unknown_video": ["forged"],
        "video": ["real"],
    }


def test_an_order_makes_a_task_known(world: World) -> None:
    call_back(world, VID)
    world.confirm()
    world.track()
    assert list(world.due()) == ["video"]
    world.confirm()
    assert world.provider.known == {VID: True}
    asker(world).ask(VID, Kind.VIDEO, vouched=False)
    assert world.queue.sent == [(VID, Kind.VIDEO)]


def test_a_replay_waits_with_the_orders(world: World) -> None:
    world.claim(callback())
    asker(world).ask(VID, Kind.VIDEO, vouched=True)
    assert world.queue.sent == [(VID, Kind.VIDEO)]


def test_trusted_callbacks_are_no_rumours(table: str) -> None:
    world = World(table, trusted=True)
    world.claim(callback())
    assert list(world.due()) == ["video"]
    world.clock.forward(minutes=1)
    world.poll()
    assert (world.queue.sent, world.unknown_queue.sent) == ([(VID, Kind.VIDEO)], [])


def test_real_tasks_are_confirmed_in_as_many_rounds_beside_forged_ones_as_without(world: World) -> None:
    """The row of the chaos suite in short: rounds instead of seconds."""
    world.budget = Budget(1000, 50)
    real = [f"real{number}" for number in range(12)]
    world.provider.answers = {vid: answer(vid) for vid in real}
    for number in range(60):
        call_back(world, f"forged{number}")
    for vid in real:
        world.track(vid)
        call_back(world, vid)
    done = next(
        number for number in rounds(world) if all(world.reader.task(vid)["state"] == "succeeded" for vid in real)
    )
    assert done == len(real) / WORKERS
    assert world.unknown_queue.sent, "forged ones still wait"


def test_real_tasks_have_their_part_of_the_budget_beside_forged_ones(world: World) -> None:
    world.budget = Budget(25, 50)
    real = [f"real{number}" for number in range(10)]
    world.provider.answers = {vid: answer(vid) for vid in real}
    paid = Metered(world, set(real))
    object.__setattr__(world.confirmer, "provider", paid)
    for number in range(40):
        call_back(world, f"forged{number}")
    for vid, kind in world.unknown_queue.sent:
        world.confirm(vid, kind)
    assert len(paid.called) == 10, "half of the queries of a minute"
    for vid in real:
        world.track(vid)
        world.confirm(vid)
    assert set(paid.called[10:]) == set(real)


def test_a_real_task_that_nobody_ordered_is_confirmed_in_the_end(world: World) -> None:
    """It shares its part with forged ids; those that were asked about in vain wait ever longer, so it has its turn."""
    world.budget = Budget(10, 50)
    world.provider.answers["real"] = answer("real")
    object.__setattr__(world.confirmer, "provider", Metered(world, {"real"}))
    for number in range(30):
        call_back(world, f"forged{number}")
    call_back(world, "real")
    minutes = 0
    while world.reader.task("real")["state"] != "succeeded":
        for vid, kind in world.unknown_queue.sent:
            world.confirm(vid, kind)
        world.unknown_queue.sent.clear()
        world.clock.forward(minutes=1)
        world.poll()
        minutes += 1
        assert minutes < 60
    assert minutes >= 2, "the attack did cost it some time"


# ── the budget ──


def test_unknown_tasks_are_counted_apart(world: World) -> None:
    share = Allowance(8, 4)
    assert [world.ledger.spend(START, share) for _ in range(6)] == [True] * 4 + [False] * 2
    assert [world.ledger.spend(START, Allowance(8)) for _ in range(6)] == [True] * 4 + [False] * 2
    assert world.ledger.spend(START + timedelta(minutes=1), share)


@pytest.mark.parametrize(
    ("calls", "percent", "submit", "background", "unknown"),
    [(100, 50, 100, 80, 40), (100, 100, 100, 80, 80), (2, 1, 2, 1, 1), (10_000, 25, 10_000, 8000, 2000)],
)
def test_the_parts_of_the_budget(calls: int, percent: int, submit: int, background: int, unknown: int) -> None:
    budget = Budget(calls, percent)
    assert (budget.submit, budget.background) == (Allowance(submit), Allowance(background))
    assert budget.unknown == Allowance(background, unknown)
    assert [budget.queries(known=known) for known in (True, False)] == [background, unknown]


def test_over_budget_a_task_is_looked_at_ever_less_often(world: World) -> None:
    """Each look costs seven write units: every minute, for a day, that would be 10,000 of them."""
    world.track()
    world.provider.answers[VID] = BudgetSpent("none left")
    looks, end = 0, world.clock() + timedelta(days=1)
    while world.clock() < end:
        world.clock.forward(seconds=max(row.due_at for row in world.due()["video"]) - world.clock().timestamp() + 1)
        looks += world.poll()
        world.confirm()
    assert 24 <= looks <= 70
    assert world.reader.task(VID)["state"] == "expected", "while our budget prevents the last query, the deadline waits"
    assert [row.due_at - world.clock().timestamp() <= 1.25 * 1800 for row in world.due()["video"]] == [True]


# ── the poll ──


def test_a_tick_hands_on_as_many_as_a_minute_has_calls_for_and_ordered_ones_first(world: World) -> None:
    world.budget = Budget(10, 50)
    for number in range(20):
        world.claim(callback(f"forged{number}"))
    world.clock.forward(minutes=1)
    for number in range(20):
        world.track(f"real{number}")
    world.clock.forward(minutes=2)
    assert world.poll() == 8 + 4
    assert {vid[:4] for vid, _ in world.queue.sent} == {"real"}
    assert {vid[:4] for vid, _ in world.unknown_queue.sent} == {"forg"}


def test_while_the_provider_hangs_the_queue_does_not_grow(world: World) -> None:
    world.budget = Budget(50)
    for number in range(100):
        world.track(f"v{number}")
    for _ in range(15):
        world.clock.forward(minutes=2)
        world.poll()
        world.queue.waiting = len(world.queue.sent)
    assert len(world.queue.sent) == world.budget.queries(known=True) == 40


def test_what_no_poll_has_had_room_for_is_not_given_up_an_hour_late(world: World) -> None:
    world.track()
    world.queue.waiting = 80
    world.clock.forward(hours=26)
    assert world.poll() == 0
    assert world.sweep()["lost"] == 0, "only our budget has kept it waiting"
    world.queue.waiting = 0
    world.provider.answers[VID] = answer()
    assert world.poll() == 1
    world.confirm()
    assert world.reader.task(VID)["state"] == "succeeded"


@pytest.mark.parametrize("refused", [True, False])
def test_what_no_poll_has_had_room_for_is_given_up_in_the_end(world: World, *, refused: bool) -> None:
    world.track()
    world.clock.forward(hours=26 if refused else 48, minutes=1)
    for _ in range(THRESHOLD if refused else 0):
        world.breaker.refused("GetCtsInfo", Circuit())
    assert world.sweep()["lost"] == 1
    assert world.reader.task(VID)["state"] == "lost"


# ── stale messages ──


def test_a_message_older_than_the_last_query_asks_nothing(world: World) -> None:
    world.track()
    sent = world.clock()
    world.clock.forward(minutes=1)
    world.confirm()
    world.clock.forward(minutes=1)
    world.confirmer.confirm(VID, Kind.VIDEO, sent=sent)
    assert len(world.provider.asked) == 1
    world.confirmer.confirm(VID, Kind.VIDEO, sent=world.clock())
    assert len(world.provider.asked) == 2


def test_callbacks_of_one_kind_keep_no_claim_of_the_other_kind_waiting(world: World) -> None:
    """While the queue is long, each message about the claim is older than some query that the others brought about."""
    asked: dict[Kind, bytes | Exception] = {
        Kind.VIDEO: answer(),
        Kind.AUDIO: ProviderUnknown("provider code 5000", 5000),
    }
    real = SimpleNamespace(info=lambda kind, vid, known: _said(world, asked[kind], kind, vid, known=known))
    object.__setattr__(world.confirmer, "provider", real)
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.confirm(kind=Kind.AUDIO)
    world.claim(callback())
    for number in range(10):
        world.clock.forward(minutes=1)
        world.poll()
        sent = world.clock()
        world.clock.forward(seconds=30)
        world.claim(callback(kind=Kind.AUDIO, message=f"again {number}"), Kind.AUDIO)
        world.confirmer.confirm(VID, Kind.AUDIO, prompt=True, sent=world.clock())
        for vid, kind in world.take():
            world.confirmer.confirm(vid, kind, sent=sent)
    assert world.reader.task(VID)["state"] == "succeeded"


def _said(world: World, said: bytes | Exception, kind: Kind, vid: str, *, known: bool) -> bytes:
    world.provider.answers[vid] = said
    return world.provider.info(kind, vid, known=known)


def test_a_stale_message_loses_no_replay(world: World) -> None:
    world.track()
    sent = world.clock()
    world.clock.forward(minutes=1)
    world.confirm()
    world.replayer.replay(VID, "somebody")
    world.confirmer.confirm(VID, Kind.VIDEO, sent=sent)
    assert len([row for row in world.due()["video"] if row.sk.startswith("REPLAY#")]) == 1
    world.confirmer.confirm(VID, Kind.VIDEO, prompt=True, sent=world.clock())
    assert len(world.provider.asked) == 2


# ── submits ──


def test_a_submit_that_our_budget_turned_back_comes_again_the_next_minute_however_old_it_is(world: World) -> None:
    world.provider.vids = [BudgetSpent("none left")] * 10 + ["v1"]
    world.submitter.enqueue(Kind.AUDIO, WISH | {"url": "http://a/1.mp3"}, None)
    for _ in range(10):
        world.clock.forward(minutes=1)
        assert world.sweep()["submit"] == 1
        (row,) = world.due()["queued"]
        assert 0 < row.due_at - world.clock().timestamp() <= 60
    world.clock.forward(minutes=1)
    assert world.sweep()["submit"] == 1
    assert len(world.provider.taken) == 11
    assert "queued" not in world.due()


def test_only_a_queued_submit_leaves_a_part_of_the_budget(world: World) -> None:
    world.provider.vids = ["v1", BudgetSpent("none left"), "v2", "v3"]
    world.submitter.enqueue(Kind.AUDIO, WISH | {"url": "http://a/1.mp3"}, None)
    (row,) = world.due()["queued"]
    world.submitter.resume(row.pk.removeprefix("INTENT#"))
    world.submitter.submit(Kind.AUDIO, WISH | {"url": "http://a/2.mp3"}, None)
    world.clock.forward(minutes=1)
    world.sweep()
    assert world.provider.queued == [True, False, False], "its client was told to wait: it keeps its place"


def test_submits_whose_client_waits_come_before_a_batch(world: World) -> None:
    for number in range(100):
        world.submitter.enqueue(Kind.AUDIO, WISH | {"url": f"http://a/{number}.mp3"}, None)
    world.provider.vids = [BudgetSpent("none left")]
    world.clock.forward(seconds=30)
    world.submitter.submit(Kind.AUDIO, WISH | {"url": "http://a/mine.mp3"}, None)
    world.clock.forward(minutes=2)
    assert world.sweeper.sweep(world.tick())["submit"] == 80
    assert world.submits.sent[0] == next(
        item["pk"]["S"].removeprefix("INTENT#")
        for item in world.items()
        if item["item"]["S"] == "intent" and "mine" in str(item["request"])
    )


def test_a_tick_hands_on_no_submits_that_the_queue_still_has(world: World) -> None:
    for number in range(90):
        world.submitter.enqueue(Kind.AUDIO, WISH | {"url": f"http://a/{number}.mp3"}, None)
    world.clock.forward(minutes=2)
    world.submits.waiting = 70
    assert world.sweeper.sweep(world.tick())["submit"] == 10


def test_a_wish_that_was_answered_meanwhile_is_not_put_off(world: World) -> None:
    intent = Intent(key="k", kind=Kind.AUDIO, request=WISH, at=START)
    world.ledger.open_intent(intent, Due("submit", START))
    assert world.ledger.put_off_intent(intent, START + timedelta(minutes=1))
    world.ledger.name_intent(intent.identity, "v1", world.clock())
    assert not world.ledger.put_off_intent(intent, START + timedelta(minutes=2))
