"""Rebuilding: the log and the task items agree, and what does not is found and mended."""

import pytest

from mediarelay.adapters.aws import client
from mediarelay.domain.entry import Announcement
from mediarelay.domain.media import Kind, State
from mediarelay.errors import ProviderBusy
from mediarelay.usecases.rebuild import Rebuilder
from tests.integration.world import VID, World, answer, callback


@pytest.fixture
def rebuilder(world: World) -> Rebuilder:
    world.track("v0")
    world.track("a0", Kind.AUDIO)
    world.claim(callback())
    world.provider.answers[VID] = answer()
    world.confirm()
    world.publisher.publish(VID)
    world.claim(callback("only-claimed".replace("-", "")))
    world.track("v1")
    world.clock.forward(days=1)
    world.confirm("v1")
    world.sweep()
    world.replayer.replay(VID, "me")
    world.confirm()
    return Rebuilder(tasks=world.tasks, ledger=world.ledger)


def spoil(world: World, name: str, value: dict[str, str] | None) -> None:
    change = {"Action": "DELETE"} if value is None else {"Action": "PUT", "Value": value}
    client("dynamodb").update_item(
        TableName=world.table,
        Key={"pk": {"S": f"TASK#{VID}"}, "sk": {"S": "TASK"}},
        AttributeUpdates={name: change},
    )


def test_the_log_bears_out_every_item(world: World, rebuilder: Rebuilder) -> None:
    assert set(world.ledger.vids()) == {"v0", "a0", "v1", VID, "onlyclaimed"}
    assert list(rebuilder.differences()) == []


@pytest.mark.parametrize(
    ("name", "value", "folded"),
    [
        ("state", {"S": "failed"}, State.SUCCEEDED),
        ("kind", {"S": "audio"}, Kind.VIDEO),
        ("url", {"S": "http://evil"}, "http://cts-1233444.cossh.myqcloud.com/test/w.mp4"),
        ("unpublished", None, Announcement(State.SUCCEEDED, 1)),
        ("due_shard", None, "publish"),
    ],
)
def test_what_differs_is_found_and_mended(
    world: World, rebuilder: Rebuilder, name: str, value: dict[str, str] | None, folded: object
) -> None:
    spoil(world, name, value)
    (found,) = rebuilder.differences()
    assert (found.vid, found.field) == (VID, "due" if name == "due_shard" else name)
    assert folded in {found.folded, getattr(found.folded, "what", None)}
    rebuilder.repair(VID)
    assert list(rebuilder.differences()) == []


@pytest.mark.parametrize("vid", [VID, "v0", "a0", "v1"])
def test_a_task_item_that_is_gone_comes_back_from_the_log(world: World, rebuilder: Rebuilder, vid: str) -> None:
    before = world.ledger.load(vid).card
    client("dynamodb").delete_item(TableName=world.table, Key={"pk": {"S": f"TASK#{vid}"}, "sk": {"S": "TASK"}})
    assert [(one.vid, one.field) for one in rebuilder.differences()] == [(vid, "item")]
    rebuilder.repair(vid)
    after = world.ledger.load(vid).card
    assert after
    assert before
    assert (after.state, after.kind, after.url, after.created_at) == (
        before.state,
        before.kind,
        before.url,
        before.created_at,
    )
    assert list(rebuilder.differences()) == []


def test_the_item_of_a_task_of_which_only_a_claim_is_known_counts_too(world: World) -> None:
    world.claim(callback())
    world.provider.answers[VID] = ProviderBusy("busy", 4400)
    world.confirm()
    rebuilder = Rebuilder(tasks=world.tasks, ledger=world.ledger)
    assert list(rebuilder.differences()) == []
    spoil(world, "state", {"S": "failed"})
    assert [one.field for one in rebuilder.differences()] == ["state"]
    client("dynamodb").delete_item(TableName=world.table, Key={"pk": {"S": f"TASK#{VID}"}, "sk": {"S": "TASK"}})
    assert [one.field for one in rebuilder.differences()] == ["item"]
    rebuilder.repair(VID)
    assert list(world.due()) == ["unknown_video"]


def test_what_was_lost_twice_shows_no_difference(world: World) -> None:
    world.track()
    world.clock.forward(hours=24)
    world.confirm()
    world.sweep()
    world.publisher.publish(VID)
    world.replayer.replay(VID, "me")
    world.confirm()
    world.publisher.publish(VID)
    world.clock.forward(hours=25)
    world.confirm()
    world.sweep()
    assert world.due() == {}
    assert list(Rebuilder(tasks=world.tasks, ledger=world.ledger).differences()) == []
