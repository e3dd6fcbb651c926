"""Batches: each request by itself, stored before anything is asked, handed on at the pace of the budget."""

from contextlib import nullcontext
from typing import Any

import pytest

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import AudioBatchItem, batch_response
from mediarelay.domain.due_item import IntentSubject
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import BudgetSpent, ProviderRefused, Undelivered
from mediarelay.usecases.tasks import submit_batch
from tests.integration.task_harness import TaskHarness


def song(number: int) -> dict[str, Any]:
    return {
        "url": f"http://music-1250000000.cosgz.myqcloud.com/{number}.mp3",
        "bucketName": "music",
        "bucketRegion": "gz",
    }


def statuses(harness: TaskHarness, requests: list[Any]) -> list[int]:
    results = harness.batch_submitter.enqueue(requests, "game")
    return [one["status"] for one in batch_response(results)["results"]]


def hand_on(harness: TaskHarness) -> int:
    """What stream and sweep do."""
    for row in harness.due().get("submit_queued", []):
        harness.sweeper.submits.send(row.subject_as(IntentSubject).identity)
    count = len(harness.submits.messages)
    harness.send_submits()
    return count


def test_five_hundred_requests(harness: TaskHarness) -> None:
    requests = [song(number) for number in range(500)]
    assert statuses(harness, requests) == [202] * 500
    assert harness.provider.taken == [], "nothing is asked while the client waits"
    harness.provider.vids = [f"v{number}" for number in range(500)]
    assert hand_on(harness) == 500
    assert sorted(one["url"] for one in harness.provider.taken) == sorted(one["url"] for one in requests)
    assert statuses(harness, requests) == [200] * 500
    assert "submit_queued" not in harness.due()


def test_items_are_judged_by_themselves(harness: TaskHarness) -> None:
    requests = [song(1), song(1), {"url": "ftp://a"}, 7, song(2) | {"idempotency_key": "k"}]
    requests.append(song(3) | {"idempotency_key": "k"})
    found = statuses(harness, requests)
    assert [found[index] for index in (0, 1, 2, 3)] == [202, 202, 400, 400]
    assert sorted(found[4:]) == [202, 409], "whoever came second"
    assert len(harness.due()["submit_queued"]) == 2


def test_a_refusal_is_reported_once_and_frees_the_key(harness: TaskHarness) -> None:
    harness.provider.vids = [ProviderRefused("provider code 4000", 4000), "v1"]
    assert statuses(harness, [song(1)]) == [202]
    hand_on(harness)
    assert list(harness.due()) == ["publish"]
    assert statuses(harness, [song(1)]) == [422]
    assert statuses(harness, [song(1)]) == [422], "another client may wait for it: it is not published yet"
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert statuses(harness, [song(1)]) == [422]
    assert statuses(harness, [song(1)]) == [202]
    hand_on(harness)
    assert statuses(harness, [song(1)]) == [200]


def test_a_batch_and_a_single_submit_share_their_keys(harness: TaskHarness) -> None:
    harness.provider.vids = ["v1"]
    harness.submitter.submit(Kind.AUDIO, song(1), None)
    assert statuses(harness, [song(1)]) == [200]
    assert len(harness.provider.taken) == 1


def test_over_budget_the_rest_waits_and_a_tick_hands_on_no_more_than_the_budget(harness: TaskHarness) -> None:
    statuses(harness, [song(number) for number in range(250)])
    harness.provider.vids = [BudgetSpent("none left")] * 250
    hand_on(harness)
    assert len(harness.due()["submit_queued"]) == 250
    harness.clock.forward(minutes=1)
    harness.provider.vids = [f"v{number}" for number in range(250)]
    taken = []
    for _ in range(5):
        taken.append(harness.sweep()["submit"])
        harness.clock.forward(minutes=1)
    assert taken == [80, 80, 80, 10, 0], "submits whose client waits find the rest of the budget"
    assert "submit_queued" not in harness.due()


@pytest.mark.parametrize("down", ["nothing", "send", "send and backlog"])
def test_a_queue_that_is_down_leaves_requests_due(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, down: str
) -> None:
    statuses(harness, [song(1)])
    harness.clock.forward(minutes=1)
    harness.provider.vids = ["v1"]
    harness.submits.down = down != "nothing"
    if down == "send":
        monkeypatch.setattr(harness.submits, "backlog", lambda: 0)
    with pytest.raises(Undelivered) if down == "send and backlog" else nullcontext():
        harness.sweep()
    assert ("submit_queued" in harness.due()) is harness.submits.down


def test_without_a_ledger_each_item_says_so(harness: TaskHarness) -> None:
    harness.stores.table.client.delete_table(TableName=harness.table)
    assert statuses(harness, [song(1), {}]) == [503, 400]


def test_threads_find_the_model_built(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pydantic builds a deferred model at its first use, which fails now and then if several threads do it at once."""
    built = list[bool]()

    def checked(model: type[AudioBatchItem], item: dict[str, Any]) -> AudioBatchItem:
        built.append(model.__pydantic_complete__)
        return validate(model, item)

    monkeypatch.setattr(AudioBatchItem, "__pydantic_complete__", False)
    monkeypatch.setattr(submit_batch, "validate", checked)
    harness.batch_submitter.enqueue([song(1), song(2)], "game")
    assert built == [True, True]
