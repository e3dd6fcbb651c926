"""Quarantine: what could not be read can be seen, and is read again once the reader is mended."""

from typing import Any

import pytest

from mediarelay.contracts import callback_head
from mediarelay.contracts.api import quarantine_view
from mediarelay.domain.media import Kind, State
from mediarelay.errors import BudgetSpent, Malformed, ProviderBusy
from mediarelay.usecases.quarantine import MOST_AT_ONCE, MOST_SHOWN, Quarantine, claiming
from tests.integration.world import TOKEN, VID, World, answer, callback

DAY = "2026-01-02"
NEW = callback().replace(b'"detail"', b'"result_of_a_later_edition"')
LARGE = b"not a callback " * 60_000


def refused(world: World, body: bytes, kind: Kind = Kind.VIDEO) -> None:
    with pytest.raises(Malformed):
        world.receiver(kind).receive(TOKEN, "192.0.2.1", lambda: body)


@pytest.fixture
def shelf(world: World) -> Quarantine:
    intakes = {f"callbacks/{kind}": claiming(world.intake(kind).take) for kind in Kind}
    return Quarantine(shelf=world.ledger, intakes=intakes)


def test_a_mended_reader_takes_what_it_could_not_read(
    world: World, shelf: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(world, NEW)
    refused(world, b"junk", Kind.AUDIO)
    came = world.clock()
    assert {one.body for one in shelf.page(DAY, "")[0]} == {NEW, b"junk"}
    world.clock.forward(days=3)
    assert (shelf.rerun(DAY, "").stored, len(world.items())) == (0, 2), "not mended: nothing changes"
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    again = shelf.rerun(DAY, "")
    assert (again.stored, again.refused, again.cursor) == (1, 1, None)
    (entry,) = world.ledger.load(VID).entries
    assert (world.ledger.heard(entry), entry.at) == (NEW, came)
    assert world.poll() == 1
    assert [one.body for one in shelf.page(DAY, "")[0]] == [b"junk"]
    assert shelf.rerun(DAY, "").stored == 0


def test_a_body_in_parts_comes_out_whole_and_leaves_nothing(world: World, shelf: Quarantine) -> None:
    noise = bytes(byte for number in range(500_000) for byte in f"{number * 7919 % 100_003:x}".encode())
    refused(world, noise)
    refused(world, b"another")
    parts = [item for item in world.items() if item["item"]["S"] == "part"]
    assert parts
    page = list(world.ledger.quarantined(DAY, ""))
    assert {one.body for one in page} == {noise, b"another"}
    for kept in page:
        world.ledger.release(kept)
    assert world.items() == []


@pytest.mark.parametrize("lost", ["part", "quarantine"])
def test_what_the_time_to_live_took_by_half_is_gone(world: World, shelf: Quarantine, lost: str) -> None:
    noise = bytes(byte for number in range(500_000) for byte in f"{number * 7919 % 100_003:x}".encode())
    refused(world, noise)
    refused(world, b"another")
    refused(world, b"yet another")
    large = next(item["sk"]["S"] for item in world.items() if item["item"]["S"] == "part").partition("#")[0]
    for item in world.items():
        if item["item"]["S"] == lost and item["sk"]["S"].startswith(large):
            world.ledger.client.delete_item(TableName=world.table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert {one.body for one in shelf.page(DAY, "")[0]} == {b"another", b"yet another"}
    assert shelf.rerun(DAY, "").refused == 2


def test_pages(world: World, shelf: Quarantine) -> None:
    bodies = {f"junk {number}".encode() for number in range(MOST_AT_ONCE + 20)}
    for body in bodies:
        refused(world, body)
    first, cursor = shelf.page(DAY, "")
    second, end = shelf.page(DAY, cursor or "")
    assert (len(first), len(second), end) == (MOST_AT_ONCE, 20, None)
    assert {one.body for one in first + second} == bodies
    assert shelf.page("2026-01-03", "") == ([], None)


def test_a_view_shows_the_beginning_as_text(world: World, shelf: Quarantine) -> None:
    refused(world, LARGE)
    refused(world, b"\xff<xml/>")
    shown: dict[int, Any] = {one["size"]: one["body"] for one in quarantine_view(*shelf.page(DAY, ""))["bodies"]}
    assert shown == {len(LARGE): LARGE[:MOST_SHOWN].decode(), 7: "\ufffd<xml/>"}


@pytest.mark.parametrize("depth", [300, 30_000])
def test_no_body_breaks_the_list_of_its_day(world: World, shelf: Quarantine, depth: int) -> None:
    refused(world, b"[" * depth + b"]" * depth)
    refused(world, b"\xff" * 2**16)
    assert [one["size"] for one in quarantine_view(*shelf.page(DAY, ""))["bodies"]].count(2 * depth) == 1


def test_what_is_taken_again_after_a_month_is_asked_about(
    world: World, shelf: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(world, NEW)
    world.clock.forward(days=29)
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    assert shelf.rerun(DAY, "").stored == 1
    assert world.sweep()["lost"] == 0
    world.provider.answers[VID] = BudgetSpent("none left")
    world.confirm()
    world.provider.answers[VID] = answer()
    world.clock.forward(minutes=5)
    assert world.poll() == 1
    assert world.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("state", [State.LOST, State.EXPECTED])
def test_what_is_taken_again_about_a_known_task_is_asked_about_until_its_own_deadline(
    world: World, shelf: Quarantine, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    refused(world, NEW, Kind.AUDIO)
    if state is State.LOST:
        world.track()
        world.clock.forward(days=1)
        world.confirm()
        world.sweep()
        assert world.reader.task(VID)["state"] == "lost"
    world.clock.forward(days=5)
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    assert shelf.rerun(DAY, "").stored == 1
    world.provider.answers[VID] = ProviderBusy("busy", 4400)
    world.confirm(kind=Kind.AUDIO)
    world.provider.answers[VID] = answer(kind=Kind.AUDIO) if state is State.EXPECTED else answer()
    for _ in range(30):
        world.clock.forward(minutes=10)
        for kind in Kind:
            world.poll(kind)
        for vid, kind in world.take():
            world.confirm(vid, kind)
    assert world.reader.task(VID)["state"] == "succeeded"


def test_a_page_ends_where_its_bodies_are_too_much_to_read(
    world: World, shelf: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediarelay.usecases.quarantine.MOST_BYTES", 2 * len(LARGE))
    for number in range(5):
        refused(world, LARGE + str(number).encode())
    sizes, cursor = [], ""
    while cursor is not None:
        page, cursor = shelf.page(DAY, cursor)
        sizes.append(len(page))
    assert sizes == [2, 2, 1]
    assert shelf.rerun(DAY, "").refused == 2
