"""Submits: promised before the call, once per key, and finished by the sweep wherever they were cut off."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.adapters import items
from mediarelay.domain.intent import file_identity
from mediarelay.domain.media import Kind, State
from mediarelay.domain.origin import Origin
from mediarelay.domain.schedule import Due
from mediarelay.errors import Conflict, LedgerUnavailable, ProviderBusy, ProviderRefused, ProviderUnknown
from mediarelay.usecases.submit import SUBMIT_GRACE, Submitted
from tests.integration.world import START, VID, World, answer, callback, together

WISH = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
BUSY = ProviderBusy("provider code 4400", 4400)


def submit(world: World, key: str | None = "key", **changes: str) -> Submitted:
    return world.submitter.submit(Kind.AUDIO, WISH | changes, key)


def history(world: World, vid: str = VID) -> list[str]:
    return [line["origin"] for line in world.reader.history(vid)["observations"]]


def test_a_wish_becomes_a_task(world: World) -> None:
    world.provider.vids = [VID]
    assert submit(world) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=False)
    assert world.provider.taken == [WISH]
    assert history(world) == ["submit"]
    assert [row.vid for row in world.due()["audio"]] == [VID]
    assert list(world.due()) == ["audio"], "the wish itself is settled"
    view = world.reader.task(VID)
    assert (view["state"], view["source"]["url"]) == ("pending", WISH["url"])
    assert view["source"]["place"] == {"bucket": "music", "region": "gz"}


def test_the_wish_is_stored_before_the_call(world: World) -> None:
    seen: list[Any] = []

    def look(_request: Any, *, queued: bool) -> str:
        assert not queued
        seen.append(world.due())
        return VID

    world.submitter.send[Kind.AUDIO] = look  # type: ignore[index]
    submit(world)
    ((row,),) = [rows["submit"] for rows in seen]
    assert row.due_at == int((START + SUBMIT_GRACE).timestamp())


@pytest.mark.parametrize("key", ["key", None])
def test_a_repeat_is_answered_from_the_ledger(world: World, key: str | None) -> None:
    world.provider.vids = [VID]
    submit(world, key)
    assert submit(world, key) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    world.provider.answers[VID] = answer(kind=Kind.AUDIO, url=WISH["url"], bucket_name="music")
    world.confirm(kind=Kind.AUDIO)
    assert submit(world, key) == Submitted(VID, Kind.AUDIO, State.SUCCEEDED, repeated=True)
    assert len(world.provider.taken) == 1


def test_the_default_key_is_the_file(world: World) -> None:
    world.provider.vids = ["v1", "v2"]
    assert submit(world, None).vid == "v1"
    assert submit(world, None, url="http://a/2.mp3").vid == "v2"
    assert submit(world, file_identity(WISH)).vid == "v1"


def test_a_key_is_not_reused_for_another_wish(world: World) -> None:
    world.provider.vids = [VID]
    submit(world)
    with pytest.raises(Conflict):
        submit(world, url="http://a/2.mp3")
    assert len(world.provider.taken) == 1


@pytest.mark.parametrize("hours", [23.9, 24])
def test_a_default_key_is_free_again_once_its_time_is_over(world: World, hours: float) -> None:
    """Counted from the provider's answer, which may come long after the wish."""
    world.provider.vids = [BUSY, "v1", "v2"]
    assert submit(world, None).vid is None
    world.clock.forward(hours=20)
    world.sweep()
    assert submit(world, None).vid == "v1"
    world.clock.forward(hours=hours)
    expected = ("v1", True) if hours < 24 else ("v2", False)
    for repeated in (expected[1], True):
        told = submit(world, None)
        assert (told.vid, told.repeated) == (expected[0], repeated)
    assert history(world, "v1") == ["submit"], "the earlier task stays what it was"


def test_a_default_key_in_a_batch_is_free_again(world: World) -> None:
    world.provider.vids = ["v1", "v2"]
    submit(world, None)
    world.clock.forward(hours=24)
    assert world.submitter.enqueue(Kind.AUDIO, WISH, None) == Submitted(
        None, Kind.AUDIO, State.EXPECTED, repeated=False
    )
    (row,) = world.due()["queued"]
    world.submitter.resume(row.pk.removeprefix("INTENT#"))
    assert submit(world, None) == Submitted("v2", Kind.AUDIO, State.PENDING, repeated=True)


def test_a_key_of_the_client_s_own_counts_for_good(world: World) -> None:
    world.provider.vids = ["v1"]
    submit(world, "game\nkey")
    world.clock.forward(days=4000)
    assert submit(world, "game\nkey").vid == "v1"


def test_a_wish_that_waits_keeps_its_default_key(world: World) -> None:
    world.provider.vids = [BUSY] * 2
    submit(world, None)
    world.clock.forward(days=10)
    assert submit(world, None) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=True)
    assert len(world.provider.taken) == 1


def test_a_default_key_that_is_free_again_is_taken_once(world: World) -> None:
    world.provider.vids = ["v1", "v2"]
    submit(world, None)
    world.clock.forward(days=2)
    told = together([lambda: submit(world, None)] * 6)
    assert len(world.provider.taken) == 2
    assert {one.vid for one in told} <= {"v2", None}


def test_racing_submits_call_once(world: World) -> None:
    world.provider.vids = [VID]
    told = together([lambda: submit(world)] * 6)
    assert len(world.provider.taken) == 1
    assert {one.vid for one in told} <= {VID, None}, "who comes second may hear that it is not known yet"
    assert submit(world).vid == VID


@pytest.mark.parametrize("error", [BUSY, ProviderUnknown("provider code 5000", 5000)])
def test_without_an_answer_the_wish_stays_open_and_the_sweep_finishes_it(world: World, error: Exception) -> None:
    world.provider.vids = [error, error, VID]
    assert submit(world) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=False)
    assert submit(world) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=True)
    assert world.sweep()["submit"] == 0, "the function that took it may still be at it"
    world.clock.forward(minutes=1)
    assert world.sweep()["submit"] == 1
    assert submit(world).vid is None
    world.clock.forward(minutes=4)
    world.sweep()
    assert submit(world) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    assert len(world.provider.taken) == 3
    assert "submit" not in world.due()


def test_a_refused_wish_frees_its_key(world: World) -> None:
    world.provider.vids = [ProviderRefused("provider code 4000", 4000), VID]
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(world)
    assert world.items() == []
    assert submit(world, url="http://a/2.mp3").vid == VID


def test_a_wish_refused_at_the_second_try_tells_the_client_when_it_asks(world: World) -> None:
    world.provider.vids = [BUSY, ProviderRefused("provider code 4000", 4000), VID]
    submit(world)
    world.clock.forward(minutes=1)
    assert world.sweep()["submit"] == 1
    assert list(world.due()) == ["publish"]
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(world)
    world.clock.forward(minutes=1)
    assert world.sweep()["publish"] == 1
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(world)
    assert submit(world).vid == VID, "the key is free again"


@pytest.mark.parametrize("method", ["name_intent", "record", "save", "close_intent"])
def test_a_submit_that_was_cut_off_converges(world: World, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider is asked again only if its answer was not stored; it marks the earlier task as deleted."""
    world.provider.vids = ["v1", "v2"]

    def cut(*_: Any, **__: Any) -> None:
        raise LedgerUnavailable("cut")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.ledger), method, cut)
        with pytest.raises(LedgerUnavailable):
            submit(world)
    world.clock.forward(minutes=1)
    assert world.sweep()["submit"] == 1
    vid = "v2" if method == "name_intent" else "v1"
    assert submit(world) == Submitted(vid, Kind.AUDIO, State.PENDING, repeated=True)
    assert history(world, vid) == ["submit"] if method != "close_intent" else history(world, vid)[0] == "submit"
    assert list(world.due()) == ["audio"]


def test_what_is_resumed_may_be_gone(world: World) -> None:
    assert world.submitter.resume("nothing") is None


def test_a_callback_before_the_answer_is_not_lost(world: World) -> None:
    world.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    world.provider.vids = [VID]
    assert submit(world).state is State.PENDING
    assert set(history(world)) == {"claim", "submit"}
    assert world.reader.task(VID)["claimed"] == "succeeded"
    assert [row.vid for row in world.due()["audio"]] == [VID]


def test_an_expected_video(world: World) -> None:
    assert world.submitter.track(VID, {"vid": VID}) == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=False)
    assert world.submitter.track(VID, {"vid": VID}) == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=True)
    assert [row.due_at for row in world.due()["video"]] == [int((START + timedelta(seconds=60)).timestamp())]
    assert world.provider.taken == []


def test_a_video_that_only_the_provider_can_name(world: World) -> None:
    world.provider.vids = [ProviderUnknown("provider code 5000", 5000), VID]
    wish = {"url": "http://a/1.mp4"}
    assert world.submitter.submit(Kind.VIDEO, wish, None).vid is None
    world.clock.forward(minutes=1)
    world.sweep()
    assert world.submitter.submit(Kind.VIDEO, wish, None) == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=True)
    (entry,) = world.ledger.load(VID).entries
    assert (entry.origin, json.loads(entry.body)) == (Origin.TRACK, wish)


def test_a_wish_that_nobody_ever_answers_is_given_up(world: World) -> None:
    world.provider.vids = [BUSY] * 99
    submit(world)
    world.clock.forward(days=2)
    world.sweep()
    world.clock.forward(days=2)
    world.sweep()
    assert "submit" not in world.due()


def queued(world: World, key: str = "key") -> str:
    world.submitter.enqueue(Kind.AUDIO, WISH, key)
    (row,) = world.due()["queued"]
    return row.pk.removeprefix("INTENT#")


def test_a_wish_that_is_delivered_twice_is_sent_once(world: World) -> None:
    identity = queued(world)
    world.provider.vids = ["v1", "v2"]
    together([lambda: world.submitter.resume(identity)] * 2)
    assert len(world.provider.taken) == 1
    assert submit(world).vid == "v1"


def test_a_worker_that_died_does_not_hold_a_wish_for_ever(world: World) -> None:
    identity = queued(world)
    assert world.ledger.begin_intent(identity, world.clock(), world.clock() + timedelta(seconds=35))
    world.provider.vids = ["v1"]
    assert world.submitter.resume(identity) is None
    world.clock.forward(seconds=35)
    assert world.submitter.resume(identity).vid == "v1"  # type: ignore[union-attr]


def test_a_refusal_never_undoes_a_vid(world: World) -> None:
    identity = queued(world)
    world.ledger.name_intent(identity, "v1", world.clock())
    seen = world.ledger.intent(identity)
    assert seen
    world.ledger.refuse_intent(seen, "provider code 4000", Due("publish", START))
    assert world.submitter.resume(identity).vid == "v1"  # type: ignore[union-attr]
    assert submit(world).vid == "v1"


def test_a_wish_that_was_given_up_tells_its_client(world: World) -> None:
    queued(world)
    world.clock.forward(days=2)
    world.sweep()
    assert list(world.due()) == ["publish"]
    with pytest.raises(ProviderRefused, match="given up"):
        submit(world)
    assert list(world.due()) == ["publish"], "it may have been another client's wish"


@pytest.mark.parametrize("down", [True, False])
def test_a_wish_that_is_refused_later_is_announced(world: World, *, down: bool) -> None:
    identity = queued(world, "game\nkey")
    world.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    world.submitter.resume(identity)
    assert world.topic.messages == []
    world.topic.down = down
    world.clock.forward(seconds=30)
    assert world.sweep()["publish"] == (0 if down else 1)
    world.topic.down = False
    world.clock.forward(seconds=60)
    world.sweep()
    assert world.due() == {}
    (message,) = world.topic.messages
    assert (message["type"], message["subject"]) == ("mediarelay.submit.refused", identity)
    assert message["data"] == WISH | {
        "kind": "audio",
        "client": "game",
        "idempotency_key": "key",
        "reason": "provider code 4000",
        "accepted_at": "2026-01-02T03:04:05Z",
    }


def asked_anew(world: World) -> None:
    """What a client does that is told of a refusal."""
    with pytest.raises(ProviderRefused):
        world.submitter.enqueue(Kind.AUDIO, WISH, "key")
    world.clock.forward(seconds=1)
    assert world.submitter.enqueue(Kind.AUDIO, WISH, "key").vid is None


def test_a_refusal_is_announced_although_another_client_was_told(world: World) -> None:
    identity = queued(world)
    world.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    world.submitter.resume(identity)
    world.topic.down = True
    for _ in range(3):
        with pytest.raises(ProviderRefused):
            world.submitter.submit(Kind.AUDIO, WISH, "key")
        world.clock.forward(minutes=5)
        world.sweep()
    world.topic.down = False
    world.clock.forward(minutes=1)
    world.sweep()
    assert [message["type"] for message in world.topic.messages] == ["mediarelay.submit.refused"]


@pytest.mark.parametrize("second", ["submit", "enqueue"])
def test_who_was_promised_a_wish_hears_that_it_was_refused(world: World, second: str) -> None:
    """Another client asks for the same file while the first one's wish is with the provider, which refuses it."""
    promised = []

    def refuse(_: Mapping[str, str], *, queued: bool) -> str:
        assert not queued
        promised.append(getattr(world.submitter, second)(Kind.AUDIO, WISH, None))
        raise ProviderRefused("provider code 4000", 4000)

    with pytest.raises(ProviderRefused):
        replace(world.submitter, send={Kind.AUDIO: refuse}).submit(Kind.AUDIO, WISH, None)
    assert [one.vid for one in promised] == [None]
    world.clock.forward(minutes=1)
    world.sweep()
    assert [message["type"] for message in world.topic.messages] == ["mediarelay.submit.refused"]


@pytest.mark.parametrize("meanwhile", ["named", "refused", "dropped"])
def test_a_wish_that_is_answered_while_somebody_asks_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    identity = queued(world)
    plain = type(world.ledger).promise_intent
    happens = {
        "named": lambda _: world.ledger.name_intent(identity, "v1", world.clock()),
        "refused": lambda seen: world.ledger.refuse_intent(seen, "no", Due("publish", world.clock())),
        "dropped": lambda _: world.ledger.client.delete_item(TableName=world.table, Key=items.intent_key(identity)),
    }

    def late(ledger: Any, seen: Any) -> bool:
        happens[meanwhile](seen)
        return plain(ledger, seen)

    monkeypatch.setattr(type(world.ledger), "promise_intent", late)
    if meanwhile == "named":
        assert world.submitter.enqueue(Kind.AUDIO, WISH, "key").vid == "v1"
    else:
        expected = {"refused": ProviderRefused, "dropped": LedgerUnavailable}[meanwhile]
        with pytest.raises(expected):
            world.submitter.enqueue(Kind.AUDIO, WISH, "key")


def test_two_clients_that_repeat_a_refused_wish_leave_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = queued(world)
    world.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    world.submitter.resume(identity)
    world.publisher.refuse(identity)
    plain, first = type(world.ledger).drop_intent, [True]

    def late(ledger: Any, seen: Any) -> bool:
        if first.pop() if first else False:
            asked_anew(world)
        return plain(ledger, seen)

    monkeypatch.setattr(type(world.ledger), "drop_intent", late)
    with pytest.raises(ProviderRefused):
        world.submitter.enqueue(Kind.AUDIO, WISH, "key")
    assert list(world.due()) == ["queued"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_task_whose_item_was_never_written_is_followed(
    world: World, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise LedgerUnavailable("cut")

    with monkeypatch.context() as patch:
        patch.setattr(type(world.ledger), "save", cut)
        with pytest.raises(LedgerUnavailable):
            world.track(kind=kind)
    world.clock.forward(minutes=1)
    assert world.poll(kind) == 1
    world.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    world.confirm(kind=kind)
    assert [row.sk for row in world.due()[kind.value]] == ["TASK"]


def test_a_key_that_is_refused_twice_is_announced_twice(world: World) -> None:
    for _ in range(2):
        identity = queued(world)
        world.provider.vids = [ProviderRefused("provider code 4000", 4000)]
        world.submitter.resume(identity)
        world.publisher.refuse(identity)
        world.publisher.refuse(identity)
        with pytest.raises(ProviderRefused):
            submit(world)
        world.publisher.refuse(identity)
        world.clock.forward(seconds=1)
    ids = [message["id"] for message in world.topic.messages]
    assert (len(ids), len(set(ids))) == (4, 2), "each may be repeated, none is taken for the other"
