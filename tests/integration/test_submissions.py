"""Submissions: each accepted request is followed by its id, listed by state, and cancelled only before an attempt."""

import json
from datetime import timedelta
from typing import Any

import pytest

from mediarelay.adapters.dynamodb import listing
from mediarelay.adapters.dynamodb.keys import intent_key
from mediarelay.domain.tasks.intent import ClientKey, Intent, SubmissionState, Submitted, intent_of
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.submissions import SubmissionFilter
from mediarelay.errors import (
    BudgetSpent,
    Conflict,
    LedgerUnavailable,
    Malformed,
    NotFound,
    ProviderBusy,
    ProviderRefused,
    SubmissionCompleted,
    SubmissionRefused,
    SubmissionSent,
)
from tests.counts import counted
from tests.integration.task_harness import TaskHarness, answer, callback

REQUEST = {"url": "http://music-1250000000.cossh.myqcloud.com/a.mp3", "bucketName": "music", "bucketRegion": "sh"}
KEY = ClientKey("game", "key")
QUEUED, OPEN, COMPLETED, REFUSED, CANCELLED = SubmissionState
NONE_LEFT, BUSY = BudgetSpent("none left"), ProviderBusy("busy", 4400)


def submit(harness: TaskHarness, key: ClientKey | None = KEY, **changes: str) -> str:
    return _id(harness.submitter.submit(Kind.AUDIO, REQUEST | changes, key))


def enqueue(harness: TaskHarness, key: ClientKey | None = KEY, **changes: str) -> str:
    return _id(harness.registry.enqueue(Kind.AUDIO, REQUEST | changes, key))


def _id(submitted: Submitted) -> str:
    assert submitted.submission
    return submitted.submission


def state(harness: TaskHarness, submission: str) -> SubmissionState:
    return harness.submissions.find(submission).state


def page(harness: TaskHarness, *states: SubmissionState, limit: int = 20, kind: Kind | None = None) -> list[str]:
    """The ids on all pages."""
    chosen = SubmissionFilter(kinds=[kind] if kind else list(Kind), states=states or tuple(SubmissionState))
    found: list[str] = []
    cursor = None
    while True:
        one = harness.submissions.page(chosen, limit=limit, cursor=cursor)
        found += [intent.submission for intent in one.items]
        if (cursor := one.cursor) is None:
            return found


# ── states ──


def test_a_submission_goes_through_its_states(harness: TaskHarness) -> None:
    submission = enqueue(harness, reference="order 7")
    assert state(harness, submission) is QUEUED
    harness.provider.vids = [NONE_LEFT, BUSY, "v1"]
    seen = []
    for _ in range(3):
        harness.clock.forward(hours=1)
        harness.sweep()
        seen.append(state(harness, submission))
    assert seen == [QUEUED, OPEN, COMPLETED], "an attempt that made no call sent nothing"
    found = harness.submissions.find(submission)
    assert (found.vid, found.updated_at, found.next_attempt_at) == ("v1", harness.clock(), None)


def test_a_refused_submission_says_why(harness: TaskHarness) -> None:
    submission = enqueue(harness)
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000)]
    harness.clock.forward(minutes=2)
    harness.sweep()
    found = harness.submissions.find(submission)
    assert (found.state, found.refused, found.updated_at) == (REFUSED, "provider code 4000", harness.clock())


def test_a_submission_that_was_given_up_and_found_later_is_completed(harness: TaskHarness) -> None:
    harness.provider.vids = [BUSY]
    submission = submit(harness)
    harness.clock.forward(days=2)
    harness.sweep()
    assert (state(harness, submission), page(harness, REFUSED)) == (REFUSED, [submission])
    harness.submitter.adopt(submission, "v1")
    assert (state(harness, submission), page(harness, REFUSED), page(harness, COMPLETED)) == (
        COMPLETED,
        [],
        [submission],
    )


@pytest.mark.parametrize("submission", ["0" * 48, "x", ""])
def test_an_unknown_submission(harness: TaskHarness, submission: str) -> None:
    for call in (harness.submissions.find, lambda one: harness.submissions.cancel(one, "game")):
        with pytest.raises(NotFound):
            call(submission)


def test_a_submission_whose_key_was_used_again_is_gone(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1", "v2"]
    first = submit(harness, None)
    harness.clock.forward(hours=24)
    second = submit(harness, None)
    assert intent_of(first) == intent_of(second)
    assert state(harness, second) is COMPLETED
    with pytest.raises(NotFound):
        harness.submissions.find(first)


# ── tasks name their submission ──


def test_a_task_and_its_notification_name_submission_and_reference(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1"]
    submission = submit(harness, reference="order 7")
    stated = {"submission": submission, "reference": "order 7"}
    assert stated.items() <= harness.reader.task("v1").items()
    harness.provider.answers["v1"] = answer("v1", kind=Kind.AUDIO, **_file())
    harness.confirm("v1", Kind.AUDIO)
    harness.publisher.publish("v1")
    (event,) = harness.topic.messages
    assert stated.items() <= event["data"].items()
    (logged,) = (one for one in harness.reader.history("v1")["observations"] if one["origin"] == "submit")
    assert logged["body"] == REQUEST | {"reference": "order 7"}, "the body as the client sent it"


def _file() -> dict[str, Any]:
    return {"url": REQUEST["url"], "bucket_name": "music", "app_id": 1250000000, "bucket_region": "sh"}


def test_a_tracked_task_keeps_its_reference_and_shows_a_contradiction(harness: TaskHarness) -> None:
    harness.claim(callback("v1"))
    harness.submitter.track("v1", {"vid": "v1", "reference": "first"})
    harness.clock.forward(seconds=1)
    harness.submitter.track("v1", {"vid": "v1", "reference": "second"})
    harness.clock.forward(seconds=1)
    harness.submitter.track("v1", {"vid": "v1"})
    assert harness.reader.task("v1")["reference"] == "second"
    (conflict,) = harness.reader.history("v1")["conflicts"]
    assert (conflict["subject"], set(conflict["values"])) == ("reference", {"first", "second"})


# ── lists ──


def submitted(harness: TaskHarness, number: int) -> list[str]:
    """So many submissions, a second apart; every second one is queued and waits."""
    harness.provider.vids = [f"v{one}" for one in range(number)]
    found = []
    for one in range(number):
        found.append((enqueue if one % 2 else submit)(harness, ClientKey("game", f"key {one}")))
        harness.clock.forward(seconds=1)
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 20])
def test_submissions_are_listed_by_state_newest_first(harness: TaskHarness, limit: int) -> None:
    made = submitted(harness, 7)
    harness.submissions.cancel(made[3], "game")
    assert page(harness, limit=limit) == made[::-1]
    assert page(harness, QUEUED, limit=limit) == [made[5], made[1]]
    assert page(harness, QUEUED, OPEN, limit=limit) == [made[5], made[1]]
    assert page(harness, OPEN, limit=limit) == []
    assert page(harness, CANCELLED, limit=limit) == [made[3]]
    assert page(harness, COMPLETED, limit=limit) == [made[6], made[4], made[2], made[0]]
    assert page(harness, kind=Kind.VIDEO, limit=limit) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 20])
def test_open_submissions_of_an_earlier_version_are_listed(harness: TaskHarness, limit: int) -> None:
    """An earlier version stored no list attributes."""
    made = submitted(harness, 8)
    for submission in made[:4]:
        harness.stores.table.update(intent_key(intent_of(submission)), "REMOVE list_key, list_at", {})
    waiting = [made[7], made[5], made[3], made[1]]
    assert page(harness, QUEUED, limit=limit) == waiting
    assert page(harness, QUEUED, kind=Kind.VIDEO, limit=limit) == []
    assert page(harness, limit=limit) == [made[7], made[6], made[5], made[4], made[3], made[1]]
    assert harness.submissions.find(made[0]).vid == "v0", "readable by its id"
    harness.provider.vids = ["v8"]
    harness.submitter.resume(intent_of(made[1]))
    assert made[1] in page(harness, COMPLETED, limit=limit), "listed once it has ended"


def test_a_page_reads_a_bounded_number_of_submissions_that_wait(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_WAITING", 3)
    for number in range(9):
        enqueue(harness, ClientKey("game", f"key {number}"))
    assert len(harness.stores.submission_index.waiting()) == 3
    assert page(harness, kind=Kind.VIDEO) == []
    assert len(page(harness, kind=Kind.AUDIO)) == 9


def test_a_submission_that_ends_between_two_reads_is_listed_once(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = enqueue(harness)
    plain = type(harness.stores.submission_index).page

    def late(index: Any, kind: Kind, state: SubmissionState, **options: Any) -> Any:
        found = plain(index, kind, state, **options)
        if (kind, state) == (Kind.AUDIO, OPEN):
            harness.provider.vids = ["v1"]
            harness.submitter.resume(intent_of(submission))
        return found

    monkeypatch.setattr(type(harness.stores.submission_index), "page", late)
    assert page(harness) == [submission]


def test_a_row_of_the_index_that_is_behind_shows_nothing_else(harness: TaskHarness) -> None:
    first = enqueue(harness)
    rows = harness.stores.submission_index.page(Kind.AUDIO, OPEN, behind=None, limit=9)
    harness.submissions.cancel(first, "game")
    harness.clock.forward(seconds=1)
    second = enqueue(harness)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(harness.stores.submission_index),
            "page",
            lambda *_, **__: [*rows, *harness.stores.submission_index.waiting()],
        )
        assert page(harness) == [second]


@pytest.mark.parametrize("cursor", ["x", "eA==", "MjAyNi0wMS0wMiNub3RoaW5n"])
def test_a_cursor_that_no_page_gave(harness: TaskHarness, cursor: str) -> None:
    chosen = SubmissionFilter(kinds=list(Kind), states=[QUEUED])
    with pytest.raises(Malformed, match="cursor"):
        harness.submissions.page(chosen, limit=1, cursor=cursor)


# ── cancel ──


def postponed(harness: TaskHarness, key: ClientKey | None = KEY) -> str:
    """A submission whose client got 202 because the budget had no call left."""
    harness.provider.vids = [NONE_LEFT]
    return submit(harness, key)


@pytest.mark.parametrize("make", [enqueue, postponed])
def test_a_cancelled_submission_is_never_sent_and_frees_its_key(harness: TaskHarness, make: Any) -> None:
    submission = make(harness)
    cancelled = harness.submissions.cancel(submission, "game")
    assert (cancelled.state, cancelled.cancelled_by, cancelled.ended_at) == (CANCELLED, "game", harness.clock())
    assert harness.due() == {}
    assert harness.submissions.cancel(submission, "game") == cancelled, "a repeat"
    harness.clock.forward(minutes=5)
    # The double fails without an answer, so an attempt would be an error.
    harness.provider.vids = []
    harness.sweep()
    harness.submitter.resume(intent_of(submission))
    assert harness.topic.messages == []
    harness.provider.vids = ["v1"]
    again = submit(harness)
    assert again != submission
    assert harness.submissions.find(again).vid == "v1"
    with pytest.raises(NotFound):
        harness.submissions.find(submission)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([BUSY], SubmissionSent),
        (["v1"], SubmissionCompleted),
        ([BUSY, ProviderRefused("no", 4000)], SubmissionRefused),
    ],
)
def test_a_submission_that_was_sent_stays(harness: TaskHarness, answers: list[Any], error: type[Conflict]) -> None:
    harness.provider.vids = list(answers)
    submission = submit(harness)
    if len(answers) > 1:
        harness.clock.forward(hours=1)
        harness.sweep()
    before = harness.items()
    with pytest.raises(error):
        harness.submissions.cancel(submission, "game")
    assert harness.items() == before


def test_a_worker_that_read_the_intent_before_sends_nothing(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = enqueue(harness)
    plain = type(harness.stores.intents).lock

    def late(store: Any, *given: Any) -> bool:
        harness.submissions.cancel(submission, "game")
        # The key is used again, so the worker finds an intent that it has not read.
        harness.clock.forward(seconds=1)
        enqueue(harness)
        return plain(store, *given)

    monkeypatch.setattr(type(harness.stores.intents), "lock", late)
    assert harness.submitter.resume(intent_of(submission)) is None
    assert harness.provider.taken == []


def test_a_cancel_that_comes_during_an_attempt_is_refused(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = enqueue(harness)
    plain = type(harness.stores.intents).mark_cancelled

    def late(store: Any, seen: Intent, *given: Any) -> bool:
        assert harness.stores.intents.lock(seen, harness.clock(), harness.clock() + timedelta(seconds=35))
        return plain(store, seen, *given)

    monkeypatch.setattr(type(harness.stores.intents), "mark_cancelled", late)
    with pytest.raises(SubmissionSent):
        harness.submissions.cancel(submission, "game")
    assert state(harness, submission) is OPEN


@pytest.mark.parametrize(("key", "by", "published"), [(KEY, "operator", 1), (KEY, "game", 0), (None, "game", 1)])
def test_another_client_learns_of_a_cancel(
    harness: TaskHarness, key: ClientKey | None, by: str, published: int
) -> None:
    submission = enqueue(harness, key, reference="order 7")
    harness.submissions.cancel(submission, by)
    for _ in range(2):
        harness.clock.forward(minutes=1)
        harness.sweep()
    assert harness.due() == {}
    published_fields = {"submission": submission, "reference": "order 7", "reason": f"cancelled by {by}"}
    assert [event["type"] for event in harness.topic.messages] == ["mediarelay.submit.refused"] * published
    assert all(published_fields.items() <= event["data"].items() for event in harness.topic.messages)
    assert state(harness, submission) is CANCELLED


def test_a_client_that_repeated_a_request_without_a_key_learns_of_its_cancel(harness: TaskHarness) -> None:
    submission = enqueue(harness, None)
    assert enqueue(harness, None) == submission
    harness.submissions.cancel(submission, "game")
    with pytest.raises(LedgerUnavailable):
        enqueue(harness, None)
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert [event["data"]["submission"] for event in harness.topic.messages] == [submission]
    assert enqueue(harness, None) != submission, "the key is free again"


def test_a_request_that_comes_during_a_cancel_gets_an_event(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = enqueue(harness, None)
    plain = type(harness.stores.intents).mark_cancelled

    def late(store: Any, *given: Any) -> bool:
        monkeypatch.setattr(type(store), "mark_cancelled", plain)
        assert enqueue(harness, None) == submission
        return plain(store, *given)

    monkeypatch.setattr(type(harness.stores.intents), "mark_cancelled", late)
    assert harness.submissions.cancel(submission, "game").state is CANCELLED
    assert list(harness.due()) == ["publish"]


def test_a_cancelled_submission_is_a_refused_one_to_an_earlier_version(harness: TaskHarness) -> None:
    """It reads `refused`, and nothing that is due: a repeat gets the reason and frees the key."""
    submission = enqueue(harness)
    harness.submissions.cancel(submission, "game")
    item = harness.stores.table.get(intent_key(intent_of(submission)))
    assert item
    assert item["refused"] == {"S": "cancelled by game"}
    assert not {"due_shard", "due_at", "sent", "vid"} & item.keys()


def test_cancels_are_counted(harness: TaskHarness, capfd: pytest.CaptureFixture[str]) -> None:
    harness.submissions.cancel(enqueue(harness), "game")
    assert counted(capfd).total("SubmitsCancelled") == 1


def test_the_request_is_stored_as_the_client_sent_it(harness: TaskHarness) -> None:
    found = harness.submissions.find(enqueue(harness, reference="order 7"))
    assert json.loads(json.dumps(found.request)) == REQUEST | {"reference": "order 7"}
