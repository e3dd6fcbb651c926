"""Batches: each wish by itself, stored before anything is asked, handed on at the pace of the budget."""

from typing import Any

import pytest

from mediarelay.contracts.api import batch_view
from mediarelay.domain.media import Kind
from mediarelay.errors import BudgetSpent, ProviderRefused
from mediarelay.usecases.batch import Batcher
from tests.integration.world import World


def song(number: int) -> dict[str, Any]:
    return {
        "url": f"http://music-1250000000.cosgz.myqcloud.com/{number}.mp3",
        "bucketName": "music",
        "bucketRegion": "gz",
    }


def statuses(world: World, wishes: list[Any]) -> list[int]:
    results = Batcher(world.submitter).take(wishes, lambda key: key and f"game\n{key}")
    return [one["status"] for one in batch_view(results)["results"]]


def hand_on(world: World) -> int:
    """What stream and sweep do."""
    for row in world.due().get("queued", []):
        world.submits.send(row.pk.removeprefix("INTENT#"))
    count = len(world.submits.sent)
    world.send_submits()
    return count


def test_five_hundred_wishes(world: World) -> None:
    wishes = [song(number) for number in range(500)]
    assert statuses(world, wishes) == [202] * 500
    assert world.provider.taken == [], "nothing is asked while the client waits"
    world.provider.vids = [f"v{number}" for number in range(500)]
    assert hand_on(world) == 500
    assert sorted(one["url"] for one in world.provider.taken) == sorted(one["url"] for one in wishes)
    assert statuses(world, wishes) == [200] * 500
    assert "queued" not in world.due()


def test_items_are_judged_by_themselves(world: World) -> None:
    wishes = [song(1), song(1), {"url": "ftp://a"}, 7, song(2) | {"idempotency_key": "k"}]
    wishes.append(song(3) | {"idempotency_key": "k"})
    found = statuses(world, wishes)
    assert [found[index] for index in (0, 1, 2, 3)] == [202, 202, 400, 400]
    assert sorted(found[4:]) == [202, 409], "whoever came second"
    assert len(world.due()["queued"]) == 2


def test_a_refusal_is_told_once_and_frees_the_key(world: World) -> None:
    world.provider.vids = [ProviderRefused("provider code 4000", 4000), "v1"]
    assert statuses(world, [song(1)]) == [202]
    hand_on(world)
    assert list(world.due()) == ["publish"]
    assert statuses(world, [song(1)]) == [422]
    assert statuses(world, [song(1)]) == [422], "another client may wait for it: it is not announced yet"
    world.clock.forward(minutes=1)
    world.sweep()
    assert statuses(world, [song(1)]) == [422]
    assert statuses(world, [song(1)]) == [202]
    hand_on(world)
    assert statuses(world, [song(1)]) == [200]


def test_a_batch_and_a_single_submit_share_their_keys(world: World) -> None:
    world.provider.vids = ["v1"]
    world.submitter.submit(Kind.AUDIO, song(1), None)
    assert statuses(world, [song(1)]) == [200]
    assert len(world.provider.taken) == 1


def test_over_budget_the_rest_waits_and_a_tick_hands_on_no_more_than_the_budget(world: World) -> None:
    statuses(world, [song(number) for number in range(250)])
    world.provider.vids = [BudgetSpent("none left")] * 250
    hand_on(world)
    assert len(world.due()["queued"]) == 250
    world.clock.forward(minutes=1)
    world.provider.vids = [f"v{number}" for number in range(250)]
    taken = []
    for _ in range(5):
        taken.append(world.sweep()["submit"])
        world.clock.forward(minutes=1)
    assert taken == [80, 80, 80, 10, 0], "submits whose client waits find the rest of the budget"
    assert "queued" not in world.due()


@pytest.mark.parametrize("down", [True, False])
def test_a_queue_that_is_down_leaves_wishes_due(world: World, *, down: bool) -> None:
    statuses(world, [song(1)])
    world.clock.forward(minutes=1)
    world.submits.down = down
    world.provider.vids = ["v1"]
    world.sweep()
    assert ("queued" in world.due()) is down


def test_without_a_ledger_each_item_says_so(world: World) -> None:
    world.ledger.client.delete_table(TableName=world.table)
    assert statuses(world, [song(1), {}]) == [503, 400]
