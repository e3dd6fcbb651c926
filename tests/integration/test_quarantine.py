"""Quarantine: what could not be read can be seen, and is read again once the reader is repaired."""

from typing import Any

import pytest

from mediarelay.contracts.api.operations import quarantine_page
from mediarelay.domain.page import Page
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import BudgetSpent, Malformed, ProviderBusy
from mediarelay.providers.cts import head as callback_head
from mediarelay.usecases.tasks.quarantine import MAX_AT_ONCE, MAX_SHOWN
from tests.integration.task_harness import TOKEN, VID, TaskHarness, answer, callback

DAY = "2026-01-02"
NEW = callback().replace(b'"detail"', b'"result_of_a_later_edition"')
LARGE = b"not a callback " * 60_000


def refused(harness: TaskHarness, body: bytes, kind: Kind = Kind.VIDEO) -> None:
    with pytest.raises(Malformed):
        harness.receiver(kind).receive(TOKEN, "192.0.2.1", lambda: body)


def test_a_repaired_reader_takes_what_it_could_not_read(harness: TaskHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(harness, NEW)
    refused(harness, b"junk", Kind.AUDIO)
    came = harness.clock()
    assert {one.body for one in harness.quarantine.page(DAY, "").items} == {NEW, b"junk"}
    harness.clock.forward(days=3)
    assert (harness.quarantine.reread(DAY, "").stored, len(harness.items())) == (0, 2), "not repaired: nothing changes"
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    again = harness.quarantine.reread(DAY, "")
    assert (again.stored, again.refused, again.cursor) == (1, 1, None)
    (entry,) = harness.stores.tasks.load(VID).observations
    assert (harness.stores.tasks.read_body(entry), entry.at) == (NEW, came)
    assert harness.poll() == 1
    assert [one.body for one in harness.quarantine.page(DAY, "").items] == [b"junk"]
    assert harness.quarantine.reread(DAY, "").stored == 0


def test_a_body_in_parts_comes_out_whole_and_leaves_nothing(harness: TaskHarness) -> None:
    noise = bytes(byte for number in range(500_000) for byte in f"{number * 7919 % 100_003:x}".encode())
    refused(harness, noise)
    refused(harness, b"another")
    parts = [item for item in harness.items() if item["item"]["S"] == "part"]
    assert parts
    page = list(harness.stores.quarantine.bodies(DAY, ""))
    assert {one.body for one in page} == {noise, b"another"}
    for kept in page:
        harness.stores.quarantine.delete(kept)
    assert harness.items() == []


@pytest.mark.parametrize("lost", ["part", "quarantine"])
def test_what_the_time_to_live_took_by_half_is_gone(harness: TaskHarness, lost: str) -> None:
    noise = bytes(byte for number in range(500_000) for byte in f"{number * 7919 % 100_003:x}".encode())
    refused(harness, noise)
    refused(harness, b"another")
    refused(harness, b"yet another")
    large = next(item["sk"]["S"] for item in harness.items() if item["item"]["S"] == "part").partition("#")[0]
    for item in harness.items():
        if item["item"]["S"] == lost and item["sk"]["S"].startswith(large):
            harness.stores.table.client.delete_item(TableName=harness.table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert {one.body for one in harness.quarantine.page(DAY, "").items} == {b"another", b"yet another"}
    assert harness.quarantine.reread(DAY, "").refused == 2


def test_pages(harness: TaskHarness) -> None:
    bodies = {f"junk {number}".encode() for number in range(MAX_AT_ONCE + 20)}
    for body in bodies:
        refused(harness, body)
    first = harness.quarantine.page(DAY, "")
    second = harness.quarantine.page(DAY, first.cursor or "")
    assert (len(first.items), len(second.items), second.cursor) == (MAX_AT_ONCE, 20, None)
    assert {one.body for one in first.items + second.items} == bodies
    assert harness.quarantine.page("2026-01-03", "") == Page((), None)


def test_a_view_shows_the_beginning_as_text(harness: TaskHarness) -> None:
    refused(harness, LARGE)
    refused(harness, b"\xff<xml/>")
    shown: dict[int, Any] = {
        one["size"]: one["body"] for one in quarantine_page(harness.quarantine.page(DAY, ""))["bodies"]
    }
    assert shown == {len(LARGE): LARGE[:MAX_SHOWN].decode(), 7: "\ufffd<xml/>"}


@pytest.mark.parametrize("depth", [300, 30_000])
def test_no_body_breaks_the_list_of_its_day(harness: TaskHarness, depth: int) -> None:
    refused(harness, b"[" * depth + b"]" * depth)
    refused(harness, b"\xff" * 2**16)
    assert [one["size"] for one in quarantine_page(harness.quarantine.page(DAY, ""))["bodies"]].count(2 * depth) == 1


def test_what_is_taken_again_after_a_month_is_asked_about(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(harness, NEW)
    harness.clock.forward(days=29)
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    assert harness.quarantine.reread(DAY, "").stored == 1
    assert harness.sweep()["give_up"] == 0
    harness.provider.answers[VID] = BudgetSpent("none left")
    harness.confirm()
    harness.provider.answers[VID] = answer()
    harness.clock.forward(minutes=5)
    assert harness.poll() == 1
    assert harness.confirm().outcome is State.SUCCEEDED


@pytest.mark.parametrize("state", [State.LOST, State.EXPECTED])
def test_what_is_taken_again_about_a_known_task_is_asked_about_until_its_own_deadline(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    refused(harness, NEW, Kind.AUDIO)
    if state is State.LOST:
        harness.track()
        harness.clock.forward(days=1)
        harness.confirm()
        harness.sweep()
        assert harness.reader.task(VID)["state"] == "lost"
    harness.clock.forward(days=5)
    monkeypatch.setattr(callback_head, "_SHAPES", ((callback_head.Form.RESULT, {"result_of_a_later_edition"}),))
    assert harness.quarantine.reread(DAY, "").stored == 1
    harness.provider.answers[VID] = ProviderBusy("busy", 4400)
    harness.confirm(kind=Kind.AUDIO)
    harness.provider.answers[VID] = answer(kind=Kind.AUDIO) if state is State.EXPECTED else answer()
    for _ in range(30):
        harness.clock.forward(minutes=10)
        for kind in Kind:
            harness.poll(kind)
        for vid, kind in harness.take():
            harness.confirm(vid, kind)
    assert harness.reader.task(VID)["state"] == "succeeded"


def test_a_page_ends_where_its_bodies_are_too_much_to_read(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediarelay.usecases.tasks.quarantine.MAX_BYTES", 2 * len(LARGE))
    for number in range(5):
        refused(harness, LARGE + str(number).encode())
    sizes = list[int]()
    cursor: str | None = ""
    while cursor is not None:
        page = harness.quarantine.page(DAY, cursor)
        sizes, cursor = [*sizes, len(page.items)], page.cursor
    assert sizes == [2, 2, 1]
    assert harness.quarantine.reread(DAY, "").refused == 2
