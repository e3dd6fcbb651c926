"""Rebuilding: the log and the task items agree, and what does not is found and repaired."""

import pytest

from mediarelay.adapters.aws import client
from mediarelay.domain.tasks.item import Publication
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import ProviderBusy
from mediarelay.usecases.tasks.rebuild import Rebuilder
from tests.integration.task_harness import VID, TaskHarness, answer, callback


@pytest.fixture
def rebuilder(harness: TaskHarness) -> Rebuilder:
    harness.track("v0")
    harness.track("a0", Kind.AUDIO)
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    harness.claim(callback("only-claimed".replace("-", "")))
    harness.track("v1")
    harness.clock.forward(days=1)
    harness.confirm("v1")
    harness.sweep()
    harness.replayer.replay(VID, "me")
    harness.confirm()
    return Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt)


def spoil(harness: TaskHarness, name: str, value: dict[str, str] | None) -> None:
    change = {"Action": "DELETE"} if value is None else {"Action": "PUT", "Value": value}
    client("dynamodb").update_item(
        TableName=harness.table,
        Key={"pk": {"S": f"TASK#{VID}"}, "sk": {"S": "TASK"}},
        AttributeUpdates={name: change},
    )


def test_an_outcome_that_a_callback_guards_needs_no_duty(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = answer()
    harness.confirm()
    rebuilder = Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt)
    assert rebuilder.compare(VID) == []
    spoil(harness, "state", {"S": "failed"})
    assert [one.field for one in rebuilder.compare(VID)] == ["state"]


def test_the_log_bears_out_every_item(harness: TaskHarness, rebuilder: Rebuilder) -> None:
    assert set(harness.stores.tasks.vids()) == {"v0", "a0", "v1", VID, "onlyclaimed"}
    assert list(rebuilder.differences()) == []


@pytest.mark.parametrize(
    ("name", "value", "folded"),
    [
        ("state", {"S": "failed"}, State.SUCCEEDED),
        ("kind", {"S": "audio"}, Kind.VIDEO),
        ("url", {"S": "http://evil"}, "http://cts-1233444.cossh.myqcloud.com/test/w.mp4"),
        ("unpublished", None, Publication(State.SUCCEEDED, 1)),
        ("due_shard", None, "publish"),
    ],
)
def test_what_differs_is_found_and_repaired(
    harness: TaskHarness, rebuilder: Rebuilder, name: str, value: dict[str, str] | None, folded: object
) -> None:
    spoil(harness, name, value)
    (found,) = rebuilder.differences()
    assert (found.vid, found.field) == (VID, "due" if name == "due_shard" else name)
    assert folded in {found.folded, getattr(found.folded, "duty", None)}
    rebuilder.repair(VID)
    assert list(rebuilder.differences()) == []


@pytest.mark.parametrize("vid", [VID, "v0", "a0", "v1"])
def test_a_task_item_that_is_gone_comes_back_from_the_log(harness: TaskHarness, rebuilder: Rebuilder, vid: str) -> None:
    before = harness.stores.tasks.load(vid).item.summary
    client("dynamodb").delete_item(TableName=harness.table, Key={"pk": {"S": f"TASK#{vid}"}, "sk": {"S": "TASK"}})
    assert [(one.vid, one.field) for one in rebuilder.differences()] == [(vid, "item")]
    rebuilder.repair(vid)
    after = harness.stores.tasks.load(vid).item.summary
    assert after
    assert before
    assert (after.state, after.kind, after.url, after.created_at) == (
        before.state,
        before.kind,
        before.url,
        before.created_at,
    )
    assert list(rebuilder.differences()) == []


def test_the_item_of_a_task_of_which_only_a_claim_is_known_counts_too(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.provider.answers[VID] = ProviderBusy("busy", 4400)
    harness.confirm()
    rebuilder = Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt)
    assert list(rebuilder.differences()) == []
    spoil(harness, "state", {"S": "failed"})
    assert [one.field for one in rebuilder.differences()] == ["state"]
    client("dynamodb").delete_item(TableName=harness.table, Key={"pk": {"S": f"TASK#{VID}"}, "sk": {"S": "TASK"}})
    assert [one.field for one in rebuilder.differences()] == ["item"]
    rebuilder.repair(VID)
    assert list(harness.due()) == ["unknown_video"]


def test_what_was_lost_twice_shows_no_difference(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(hours=24)
    harness.confirm()
    harness.sweep()
    harness.publisher.publish(VID)
    harness.replayer.replay(VID, "me")
    harness.confirm()
    harness.publisher.publish(VID)
    harness.clock.forward(hours=25)
    harness.confirm()
    harness.sweep()
    assert harness.due() == {}
    assert (
        list(Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt).differences())
        == []
    )
