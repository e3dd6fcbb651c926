"""Submits: promised before the call, once per key, and finished by the sweep wherever they were cut off."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.keys import intent_key
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.due_item import IntentSubject
from mediarelay.domain.tasks.intent import ClientKey, Intent, Submitted, file_identity, intent_of, new_intent
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import (
    BudgetSpent,
    CircuitOpen,
    Conflict,
    LedgerUnavailable,
    Malformed,
    NoAccount,
    ProviderBusy,
    ProviderClosed,
    ProviderRefused,
    ProviderUnknown,
)
from mediarelay.usecases.tasks.submit import MAY_EXIST, SUBMIT_GRACE
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer, callback, together

REQUEST = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
BUSY = ProviderBusy("provider code 4400", 4400)


KEY = ClientKey("game", "key")


def submit(harness: TaskHarness, key: ClientKey | None = KEY, **changes: str) -> Submitted:
    return without_submission(harness, harness.submitter.submit(Kind.AUDIO, REQUEST | changes, key))


def without_submission(harness: TaskHarness, submitted: Submitted) -> Submitted:
    """An answer without the submission, which leads to the stored intent."""
    assert submitted.submission
    assert stored(harness, intent_of(submitted.submission)).submission == submitted.submission
    return replace(submitted, submission=None)


def stored(harness: TaskHarness, identity: str) -> Intent:
    found = harness.stores.intents.find(identity)
    assert found
    return found


def history(harness: TaskHarness, vid: str = VID) -> list[str]:
    return [line["origin"] for line in harness.reader.history(vid)["observations"]]


def test_a_request_becomes_a_task(harness: TaskHarness) -> None:
    harness.provider.vids = [VID]
    assert submit(harness) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=False)
    assert harness.provider.taken == [REQUEST]
    assert history(harness) == ["submit"]
    assert [row.subject.vid for row in harness.due()["audio"]] == [VID]
    assert list(harness.due()) == ["audio"], "the request itself is settled"
    view = harness.reader.task(VID)
    assert (view["state"], view["source"]["url"]) == ("pending", REQUEST["url"])
    assert view["source"]["place"] == {"bucket": "music", "region": "gz"}


def test_the_request_is_stored_before_the_call(harness: TaskHarness) -> None:
    seen: list[Any] = []

    class Watched:
        def submit(self, intent: Intent) -> str:
            assert not intent.queued
            seen.append(harness.due())
            return VID

    replace(harness.submitter, providers=Watched()).submit(Kind.AUDIO, REQUEST, ClientKey("game", "key"))
    ((row,),) = [rows["submit"] for rows in seen]
    assert row.due_at == START + SUBMIT_GRACE


@pytest.mark.parametrize("key", [KEY, None])
def test_a_repeat_is_answered_from_the_ledger(harness: TaskHarness, key: ClientKey | None) -> None:
    harness.provider.vids = [VID]
    submit(harness, key)
    assert submit(harness, key) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    harness.provider.answers[VID] = answer(kind=Kind.AUDIO, url=REQUEST["url"], bucket_name="music")
    harness.confirm(kind=Kind.AUDIO)
    assert submit(harness, key) == Submitted(VID, Kind.AUDIO, State.SUCCEEDED, repeated=True)
    assert len(harness.provider.taken) == 1


def test_the_default_key_is_the_file(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", "v2", "v3"]
    assert submit(harness, None).vid == "v1"
    assert submit(harness, None, url="http://a/2.mp3").vid == "v2"
    assert submit(harness, None).vid == "v1"
    spelled = ClientKey("game", file_identity(REQUEST))
    assert submit(harness, spelled).vid == "v3", "no client can spell the default key, which all clients share"


def test_two_clients_may_choose_the_same_key(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", "v2"]
    assert [submit(harness, ClientKey(name, "key")).vid for name in ("game", "stage")] == ["v1", "v2"]
    assert [submit(harness, ClientKey(name, "key")).vid for name in ("game", "stage")] == ["v1", "v2"]


def test_a_key_is_not_reused_for_another_request(harness: TaskHarness) -> None:
    harness.provider.vids = [VID]
    submit(harness)
    with pytest.raises(Conflict):
        submit(harness, url="http://a/2.mp3")
    assert len(harness.provider.taken) == 1


@pytest.mark.parametrize("hours", [23.9, 24])
def test_a_default_key_is_free_again_once_its_time_is_over(harness: TaskHarness, hours: float) -> None:
    """Counted from the provider's answer, which may come long after the request."""
    harness.provider.vids = [BUSY, "v1", "v2"]
    assert submit(harness, None).vid is None
    harness.clock.forward(hours=20)
    harness.sweep()
    assert submit(harness, None).vid == "v1"
    harness.clock.forward(hours=hours)
    expected = ("v1", True) if hours < 24 else ("v2", False)
    for repeated in (expected[1], True):
        reported = submit(harness, None)
        assert (reported.vid, reported.repeated) == (expected[0], repeated)
    assert history(harness, "v1") == ["submit"], "the earlier task stays what it was"


def test_a_default_key_in_a_batch_is_free_again(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", "v2"]
    submit(harness, None)
    harness.clock.forward(hours=24)
    again = without_submission(harness, harness.registry.enqueue(Kind.AUDIO, REQUEST, None))
    assert again == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=False)
    (row,) = harness.due()["submit_queued"]
    harness.submitter.resume(row.subject.identity)
    assert submit(harness, None) == Submitted("v2", Kind.AUDIO, State.PENDING, repeated=True)


def test_a_key_of_the_client_s_own_counts_for_good(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1"]
    submit(harness)
    harness.clock.forward(days=4000)
    assert submit(harness).vid == "v1"


def test_a_request_that_waits_keeps_its_default_key(harness: TaskHarness) -> None:
    harness.provider.vids = [BUSY] * 2
    submit(harness, None)
    harness.clock.forward(days=10)
    assert submit(harness, None) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=True)
    assert len(harness.provider.taken) == 1


def test_a_default_key_that_is_free_again_is_taken_once(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", "v2"]
    submit(harness, None)
    harness.clock.forward(days=2)
    reported = together([lambda: submit(harness, None)] * 6)
    assert len(harness.provider.taken) == 2
    assert {one.vid for one in reported} <= {"v2", None}


def test_racing_submits_call_once(harness: TaskHarness) -> None:
    harness.provider.vids = [VID]
    reported = together([lambda: submit(harness)] * 6)
    assert len(harness.provider.taken) == 1
    assert {one.vid for one in reported} <= {VID, None}, "who comes second may hear that it is not known yet"
    assert submit(harness).vid == VID


@pytest.mark.parametrize("error", [BUSY, ProviderUnknown("provider code 5000", 5000)])
def test_without_an_answer_the_request_stays_open_and_the_sweep_finishes_it(
    harness: TaskHarness, error: Exception
) -> None:
    harness.provider.vids = [error, error, VID]
    assert submit(harness) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=False)
    assert submit(harness) == Submitted(None, Kind.AUDIO, State.EXPECTED, repeated=True)
    assert harness.sweep()["submit"] == 0, "the function that took it may still be at it"
    harness.clock.forward(minutes=1)
    assert harness.sweep()["submit"] == 1
    assert submit(harness).vid is None
    harness.clock.forward(minutes=4)
    harness.sweep()
    assert submit(harness) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    assert len(harness.provider.taken) == 3
    assert "submit" not in harness.due()


def test_a_refused_request_frees_its_key(harness: TaskHarness) -> None:
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000), VID]
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(harness)
    assert harness.items() == []
    assert submit(harness, url="http://a/2.mp3").vid == VID


def test_a_request_refused_at_the_second_try_tells_the_client_when_it_asks(harness: TaskHarness) -> None:
    harness.provider.vids = [BUSY, ProviderRefused("provider code 4000", 4000), VID]
    submit(harness)
    harness.clock.forward(minutes=1)
    assert harness.sweep()["submit"] == 1
    assert list(harness.due()) == ["publish"]
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(harness)
    harness.clock.forward(minutes=1)
    assert harness.sweep()["publish"] == 1
    with pytest.raises(ProviderRefused, match=r"^provider code 4000$"):
        submit(harness)
    assert submit(harness).vid == VID, "the key is free again"


@pytest.mark.parametrize(
    ("store", "method"), [("intents", "assign_vid"), ("tasks", "append"), ("tasks", "save"), ("intents", "complete")]
)
def test_a_submit_that_was_cut_off_converges(
    harness: TaskHarness, store: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider is asked again only if its answer was not stored; it marks the earlier task as deleted."""
    harness.provider.vids = ["v1", "v2"]

    def cut(*_: Any, **__: Any) -> None:
        raise LedgerUnavailable("cut")

    with monkeypatch.context() as patch:
        patch.setattr(type(getattr(harness.stores, store)), method, cut)
        with pytest.raises(LedgerUnavailable):
            submit(harness)
    harness.clock.forward(minutes=1)
    assert harness.sweep()["submit"] == 1
    vid = "v2" if method == "assign_vid" else "v1"
    assert submit(harness) == Submitted(vid, Kind.AUDIO, State.PENDING, repeated=True)
    assert history(harness, vid) == ["submit"] if method != "complete" else history(harness, vid)[0] == "submit"
    assert list(harness.due()) == ["audio"]


def test_what_is_resumed_may_be_gone(harness: TaskHarness) -> None:
    assert harness.submitter.resume("nothing") is None


def test_a_callback_before_the_answer_is_not_lost(harness: TaskHarness) -> None:
    harness.claim(callback(kind=Kind.AUDIO), Kind.AUDIO)
    harness.provider.vids = [VID]
    assert submit(harness).state is State.PENDING
    assert set(history(harness)) == {"claim", "submit"}
    assert harness.reader.task(VID)["claimed"] == "succeeded"
    assert [row.subject.vid for row in harness.due()["audio"]] == [VID]


def test_an_expected_video(harness: TaskHarness) -> None:
    assert harness.submitter.track(VID, {"vid": VID}) == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=False)
    assert harness.submitter.track(VID, {"vid": VID}) == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=True)
    assert [row.due_at for row in harness.due()["video"]] == [START + timedelta(seconds=60)]
    assert harness.provider.taken == []


def test_a_video_that_only_the_provider_can_name(harness: TaskHarness) -> None:
    harness.provider.vids = [ProviderUnknown("provider code 5000", 5000), VID]
    request = {"url": "http://a/1.mp4"}
    assert harness.submitter.submit(Kind.VIDEO, request, None).vid is None
    harness.clock.forward(minutes=1)
    harness.sweep()
    again = without_submission(harness, harness.submitter.submit(Kind.VIDEO, request, None))
    assert again == Submitted(VID, Kind.VIDEO, State.EXPECTED, repeated=True)
    (entry,) = harness.stores.tasks.load(VID).observations
    assert (entry.origin, json.loads(entry.body or b"")) == (Origin.TRACK, request)


def test_a_request_that_nobody_ever_answers_is_given_up(harness: TaskHarness) -> None:
    harness.provider.vids = [BUSY] * 99
    submit(harness)
    harness.clock.forward(days=2)
    harness.sweep()
    harness.clock.forward(days=2)
    harness.sweep()
    assert "submit" not in harness.due()


def queued(harness: TaskHarness, key: ClientKey | None = KEY) -> str:
    harness.registry.enqueue(Kind.AUDIO, REQUEST, key)
    (row,) = harness.due()["submit_queued"]
    return row.subject.identity


def test_a_request_that_is_delivered_twice_is_sent_once(harness: TaskHarness) -> None:
    identity = queued(harness)
    harness.provider.vids = ["v1", "v2"]
    together([lambda: harness.submitter.resume(identity)] * 2)
    assert len(harness.provider.taken) == 1
    assert submit(harness).vid == "v1"


def test_a_worker_that_died_does_not_hold_a_request_for_ever(harness: TaskHarness) -> None:
    identity = queued(harness)
    assert harness.stores.intents.lock(
        stored(harness, identity), harness.clock(), harness.clock() + timedelta(seconds=35)
    )
    harness.provider.vids = ["v1"]
    assert harness.submitter.resume(identity) is None
    harness.clock.forward(seconds=35)
    assert harness.submitter.resume(identity).vid == "v1"


def test_a_refusal_never_undoes_a_vid(harness: TaskHarness) -> None:
    identity = queued(harness)
    harness.stores.intents.assign_vid(stored(harness, identity), "v1", harness.clock())
    seen = harness.stores.intents.find(identity)
    assert seen
    harness.stores.intents.mark_refused(seen, "provider code 4000", START, Due(Duty.PUBLISH, START))
    assert harness.submitter.resume(identity).vid == "v1"
    assert submit(harness).vid == "v1"


def test_a_request_that_was_given_up_tells_its_client(harness: TaskHarness) -> None:
    queued(harness)
    harness.clock.forward(days=2)
    harness.sweep()
    assert list(harness.due()) == ["publish"]
    with pytest.raises(ProviderRefused, match="given up"):
        submit(harness)
    assert list(harness.due()) == ["publish"], "it may have been another client's request"


def test_a_request_that_was_given_up_and_found_later_is_not_refused(harness: TaskHarness) -> None:
    identity = queued(harness)
    intent = harness.stores.intents.find(identity)
    assert intent
    harness.clock.forward(days=2)
    harness.sweep()
    # The refusal is about to be published when the task is found.
    harness.stores.intents.assign_vid(stored(harness, identity), VID, harness.clock())
    harness.publisher.refuse(identity)
    assert harness.topic.messages == []
    assert submit(harness).vid == VID
    assert "publish" not in harness.due()


@pytest.mark.parametrize("down", [True, False])
def test_a_request_that_is_refused_later_is_published(harness: TaskHarness, *, down: bool) -> None:
    identity = queued(harness)
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    harness.submitter.resume(identity)
    assert harness.topic.messages == []
    harness.topic.down = down
    harness.clock.forward(seconds=30)
    assert harness.sweep()["publish"] == (0 if down else 1)
    harness.topic.down = False
    harness.clock.forward(seconds=60)
    harness.sweep()
    assert harness.due() == {}
    (message,) = harness.topic.messages
    assert (message["type"], message["subject"]) == ("mediarelay.submit.refused", identity)
    assert message["data"] == REQUEST | {
        "submission": stored(harness, identity).submission,
        "provider": "cts",
        "kind": "audio",
        "client": "game",
        "idempotency_key": "key",
        "reason": "provider code 4000",
        "accepted_at": "2026-01-02T03:04:05Z",
    }


def asked_anew(harness: TaskHarness) -> None:
    """What a client does that is reported of a refusal."""
    with pytest.raises(ProviderRefused):
        harness.registry.enqueue(Kind.AUDIO, REQUEST, KEY)
    harness.clock.forward(seconds=1)
    assert harness.registry.enqueue(Kind.AUDIO, REQUEST, KEY).vid is None


def test_a_refusal_is_published_although_another_client_was_reported(harness: TaskHarness) -> None:
    identity = queued(harness)
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    harness.submitter.resume(identity)
    harness.topic.down = True
    for _ in range(3):
        with pytest.raises(ProviderRefused):
            harness.submitter.submit(Kind.AUDIO, REQUEST, KEY)
        harness.clock.forward(minutes=5)
        harness.sweep()
    harness.topic.down = False
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.submit.refused"]


@pytest.mark.parametrize("second", ["submit", "enqueue"])
def test_who_was_promised_a_request_hears_that_it_was_refused(harness: TaskHarness, second: str) -> None:
    """Another client asks for the same file while the first one's request is with the provider, which refuses it."""
    take = {"submit": harness.submitter.submit, "enqueue": harness.registry.enqueue}[second]
    promised = []

    class Refusing:
        def submit(self, intent: Intent) -> str:
            assert not intent.queued
            promised.append(take(Kind.AUDIO, REQUEST, None))
            raise ProviderRefused("provider code 4000", 4000)

    with pytest.raises(ProviderRefused):
        replace(harness.submitter, providers=Refusing()).submit(Kind.AUDIO, REQUEST, None)
    assert [one.vid for one in promised] == [None]
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.submit.refused"]


@pytest.mark.parametrize("meanwhile", ["named", "refused", "dropped"])
def test_a_request_that_is_answered_while_somebody_asks_for_it(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    identity = queued(harness)
    plain = type(harness.stores.intents).mark_accepted
    happens = {
        "named": lambda _: harness.stores.intents.assign_vid(stored(harness, identity), "v1", harness.clock()),
        "refused": lambda seen: harness.stores.intents.mark_refused(
            seen, "no", START, Due(Duty.PUBLISH, harness.clock())
        ),
        "dropped": lambda _: harness.stores.table.delete(intent_key(identity)),
    }

    def late(ledger: Any, seen: Any) -> bool:
        happens[meanwhile](seen)
        return plain(ledger, seen)

    monkeypatch.setattr(type(harness.stores.intents), "mark_accepted", late)
    if meanwhile == "named":
        assert harness.registry.enqueue(Kind.AUDIO, REQUEST, KEY).vid == "v1"
    else:
        expected = {"refused": ProviderRefused, "dropped": LedgerUnavailable}[meanwhile]
        with pytest.raises(expected):
            harness.registry.enqueue(Kind.AUDIO, REQUEST, KEY)


def test_two_clients_that_repeat_a_refused_request_leave_one(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = queued(harness)
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    harness.submitter.resume(identity)
    harness.publisher.refuse(identity)
    plain, first = type(harness.stores.intents).delete, [True]

    def late(ledger: Any, seen: Any) -> bool:
        if first.pop() if first else False:
            asked_anew(harness)
        return plain(ledger, seen)

    monkeypatch.setattr(type(harness.stores.intents), "delete", late)
    with pytest.raises(ProviderRefused):
        harness.registry.enqueue(Kind.AUDIO, REQUEST, KEY)
    assert list(harness.due()) == ["submit_queued"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_task_whose_item_was_never_written_is_followed(
    harness: TaskHarness, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise LedgerUnavailable("cut")

    with monkeypatch.context() as patch:
        patch.setattr(type(harness.stores.tasks), "save", cut)
        with pytest.raises(LedgerUnavailable):
            harness.track(kind=kind)
    harness.clock.forward(minutes=1)
    assert harness.poll(kind) == 1
    harness.provider.answers[VID] = ProviderUnknown("provider code 5000", 5000)
    harness.confirm(kind=kind)
    assert [row.handle[1] for row in harness.due()[kind.value]] == ["TASK"]


def test_a_key_that_is_refused_twice_is_published_twice(harness: TaskHarness) -> None:
    for _ in range(2):
        identity = queued(harness)
        harness.provider.vids = [ProviderRefused("provider code 4000", 4000)]
        harness.submitter.resume(identity)
        harness.publisher.refuse(identity)
        harness.publisher.refuse(identity)
        with pytest.raises(ProviderRefused):
            submit(harness)
        harness.publisher.refuse(identity)
        harness.clock.forward(seconds=1)
    ids = [message["id"] for message in harness.topic.messages]
    assert (len(ids), len(set(ids))) == (4, 2), "each may be repeated, none is taken for the other"


# ── a submit whose answer was lost, and which another source recovers ──


def opened(harness: TaskHarness, provider: str = "cts", at: datetime = START) -> Intent:
    """An intent whose submit the provider has not answered."""
    intent = Intent(key="key", client="game", kind=Kind.AUDIO, provider=provider, request=REQUEST, at=at)
    assert harness.stores.intents.create(intent, Due(Duty.SUBMIT, at + SUBMIT_GRACE))
    return intent


def test_a_task_that_names_a_submission_goes_to_its_intent(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    intent = opened(harness)
    for _ in range(2):
        harness.submitter.adopt(intent.submission, VID)
    assert counted(capsys).by("SubmitsRecovered", "kind") == {"audio": 1}
    assert submit(harness) == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    assert history(harness) == ["submit"]
    assert list(harness.due()) == ["audio"], "the intent waits no longer"
    assert harness.provider.taken == []


@pytest.mark.parametrize("which", ["another time", "another intent", "no submission", "the id alone"])
def test_a_submission_of_another_intent_changes_nothing(harness: TaskHarness, which: str) -> None:
    intent = opened(harness)
    other = {
        "another time": replace(intent, at=START + timedelta(days=1)).submission,
        "another intent": replace(intent, key="other").submission,
        "no submission": "somebody's own id",
        "the id alone": intent.identity,
    }
    before = harness.items()
    harness.submitter.adopt(other[which], VID)
    assert harness.items() == before


def test_a_task_that_is_assigned_already_stays(harness: TaskHarness) -> None:
    intent = opened(harness)
    harness.stores.intents.assign_vid(intent, "v1", START)
    harness.submitter.adopt(intent.submission, "v2")
    found = harness.stores.intents.find(intent.identity)
    assert found is not None
    assert (found.vid, harness.stores.tasks.load("v2").observations) == ("v1", ())


def test_the_provider_gets_the_submission_of_the_intent_at_each_attempt(harness: TaskHarness) -> None:
    sent: list[str] = []

    class Silent:
        def submit(self, intent: Intent) -> str:
            sent.append(intent.submission)
            raise BUSY

    submitter = replace(harness.submitter, providers=Silent())
    assert submitter.submit(Kind.AUDIO, REQUEST, KEY).vid is None
    for _ in range(2):
        harness.clock.forward(minutes=5)
        submitter.resume(new_intent(Kind.AUDIO, "cts", REQUEST, KEY, START).identity)
    assert sent == [new_intent(Kind.AUDIO, "cts", REQUEST, KEY, START).submission] * 3


@pytest.mark.parametrize(("provider", "hours"), [("cts", 144), ("mps", 66)])
def test_a_submit_is_sent_again_only_while_it_makes_no_second_task(table: str, provider: str, hours: int) -> None:
    harness = TaskHarness(table, give_up_after=6 * 24 * 3600)
    intent = opened(harness, provider)
    horizon = timedelta(hours=hours)
    harness.provider.vids = [BUSY]
    harness.clock.now = START + horizon - timedelta(seconds=60)
    harness.submitter.resume(intent.identity)
    assert len(harness.provider.taken) == 1
    harness.clock.now = START + horizon
    assert harness.submitter.resume(intent.identity) is None
    found = harness.stores.intents.find(intent.identity)
    assert found is not None
    assert (found.refused or "").startswith("given up: the provider did not answer in time")
    assert len(harness.provider.taken) == 1


MPS_REQUEST = {"source": {"bucket": "music-1250000000", "region": "ap-shanghai", "object": "/1.mp3"}, "provider": "mps"}
LATER = (ProviderBusy("busy"), ProviderClosed("closed"), ProviderRefused("the source is gone"))
UNCALLED = (BudgetSpent("none left"), CircuitOpen("open"), NoAccount("no keys"))


def refused_in_the_end(harness: TaskHarness, errors: list[Exception], key: ClientKey | None = KEY) -> None:
    """A queued intent whose attempts end with these errors; its refusal is published."""
    harness.registry.enqueue(Kind.AUDIO, MPS_REQUEST, key)
    identity = harness.due()["submit_queued"][0].subject_as(IntentSubject).identity
    harness.provider.vids = list(errors)
    for _ in errors:
        harness.clock.forward(minutes=1)
        harness.submitter.resume(identity)
    harness.clock.forward(days=1)
    harness.submitter.resume(identity)
    harness.publisher.refuse(identity)
    assert len(harness.topic.take()) == 1


@pytest.mark.parametrize("error", LATER, ids=lambda error: type(error).__name__)
def test_a_key_stays_in_use_if_its_refused_submit_may_have_made_a_task(harness: TaskHarness, error: Exception) -> None:
    refused_in_the_end(harness, [ProviderBusy("the answer is lost"), *UNCALLED, error])
    harness.clock.forward(days=300)
    for _ in range(3):
        with pytest.raises(ProviderRefused, match=r"an earlier attempt may have made a task"):
            harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, KEY)


@pytest.mark.parametrize("errors", [UNCALLED, (*UNCALLED, LATER[2])], ids=["no call", "refused at the first call"])
def test_a_key_is_free_again_if_no_call_can_have_made_a_task(
    harness: TaskHarness, errors: tuple[Exception, ...]
) -> None:
    refused_in_the_end(harness, list(errors))
    with pytest.raises(ProviderRefused) as refused:
        harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, KEY)
    assert "earlier attempt" not in str(refused.value)
    harness.provider.vids = [VID]
    assert harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, KEY).vid == VID


def test_a_submit_to_a_provider_without_keys_raises_the_alarm(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.provider.vids = [*UNCALLED]
    for number in range(len(UNCALLED)):
        submit(harness, ClientKey("game", str(number)))
    assert counted(capsys).total("CircuitOpen") == 1


def test_a_repeat_has_its_answer_after_the_default_provider_has_changed(harness: TaskHarness) -> None:
    harness.configure(provider="mps")
    harness.provider.vids = [VID]
    request = {name: value for name, value in MPS_REQUEST.items() if name != "provider"}
    assert harness.submitter.submit(Kind.AUDIO, request, KEY).vid == VID
    harness.configure(provider="cts")
    again = without_submission(harness, harness.submitter.submit(Kind.AUDIO, request, KEY))
    assert again == Submitted(VID, Kind.AUDIO, State.PENDING, repeated=True)
    with pytest.raises(Conflict):
        harness.submitter.submit(Kind.AUDIO, request | {"outputs": [1010]}, KEY)
    for other in (ClientKey("game", "other"), None):
        with pytest.raises(Malformed):
            harness.submitter.submit(Kind.AUDIO, request, other)


def test_a_process_that_ends_during_the_call_may_have_made_a_task(harness: TaskHarness) -> None:
    harness.registry.enqueue(Kind.AUDIO, MPS_REQUEST, KEY)
    identity = harness.due()["submit_queued"][0].subject_as(IntentSubject).identity
    assert harness.stores.intents.lock(
        stored(harness, identity), harness.clock(), harness.clock() + timedelta(seconds=35)
    )
    harness.clock.forward(minutes=1)
    harness.provider.vids = [LATER[2]]
    harness.submitter.resume(identity)
    found = harness.stores.intents.find(identity)
    assert found is not None
    assert (found.sent, found.refused) == (True, f"the source is gone ({MAY_EXIST})")


def test_a_default_key_that_stays_in_use_is_free_after_its_time(harness: TaskHarness) -> None:
    refused_in_the_end(harness, [BUSY], None)
    harness.clock.forward(hours=-1)
    with pytest.raises(ProviderRefused, match="earlier attempt"):
        harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, None)
    harness.clock.forward(hours=1)
    harness.provider.vids = [VID]
    assert harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, None).vid == VID


def test_a_task_of_a_refused_intent_that_is_found_later_is_the_answer(harness: TaskHarness) -> None:
    refused_in_the_end(harness, [BUSY])
    intent = harness.stores.intents.find(harness.registry.intent(Kind.AUDIO, MPS_REQUEST, KEY).identity)
    assert intent is not None
    harness.submitter.adopt(intent.submission, VID)
    assert harness.submitter.submit(Kind.AUDIO, MPS_REQUEST, KEY).vid == VID


def test_a_tracked_task_has_the_kind_that_the_provider_states(harness: TaskHarness) -> None:
    harness.claim(callback(VID, kind=Kind.AUDIO), Kind.AUDIO)
    harness.provider.answers[VID] = answer(VID, kind=Kind.AUDIO)
    harness.confirm(VID, Kind.AUDIO)
    assert harness.submitter.track(VID, {"vid": VID}).kind is Kind.AUDIO
