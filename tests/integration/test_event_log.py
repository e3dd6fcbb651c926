"""The event log: what is published is stored first, and read in order, without a gap."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.table import WAITS
from mediarelay.contracts.api.events import event_page
from mediarelay.contracts.notification import MAX_BYTES, Notification
from mediarelay.domain.events import Position, is_pattern, matches, read_position
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.usecases.event_publisher import MAX_WRITE_TIME, MAX_WRITES
from mediarelay.usecases.read_events import MAX_ROWS, SETTLED_AFTER, EventPage
from tests.integration.doubles import START
from tests.integration.task_harness import VID, TaskHarness, answer
from tests.integration.webhook_harness import WebhookHarness, event

# Lambda's limit for a synchronous answer.
MAX_ANSWER = 6 * 1024 * 1024


@pytest.fixture
def harness(table: str) -> WebhookHarness:
    return WebhookHarness(table, webhook_delivery="true")


def ids(page: EventPage) -> list[str]:
    return [json.loads(one.message)["id"] for one in page.events]


def read(harness: WebhookHarness, limit: int = 100, types: tuple[str, ...] = ()) -> list[str]:
    """Everything in the log, page by page."""
    found, after = list[str](), None
    while True:
        page = harness.reader.page(after, types, limit)
        assert after is None or page.end >= after
        found += ids(page)
        if not page.more:
            return found
        after = page.end


def test_an_event_is_stored_before_it_is_published(harness: WebhookHarness) -> None:
    harness.topic.down = True
    with pytest.raises(Undelivered):
        harness.publish(event(1))
    harness.clock.forward(seconds=6)
    assert read(harness) == [event(1).id]
    harness.topic.down = False
    harness.publish(event(1))
    harness.clock.forward(seconds=6)
    assert read(harness) == [event(1).id], "a page shows a repeat once"
    assert len(harness.topic.messages) == 1


def test_an_event_that_cannot_be_stored_is_not_published(
    harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise LedgerUnavailable("down")

    monkeypatch.setattr(type(harness.publisher.log), "append_all", down)
    with pytest.raises(LedgerUnavailable):
        harness.publish(event(1))
    assert harness.topic.messages == []


def test_an_event_is_shown_once_no_earlier_one_can_appear(harness: WebhookHarness) -> None:
    harness.publish(event(1))
    harness.clock.forward(seconds=4.999)
    page = harness.reader.page(None, (), 100)
    assert ids(page) == []
    harness.clock.forward(seconds=0.002)
    assert ids(harness.reader.page(page.end, (), 100)) == [event(1).id]


def test_a_slow_write_is_repeated_under_a_later_time(harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that passed the time of the first row while it was written still finds the event."""
    append, passed = type(harness.publisher.log).append_all, list[Position]()

    def slow(log: Any, events: Any) -> set[str]:
        if not passed:
            harness.clock.forward(seconds=8)
            passed.append(harness.reader.page(None, (), 100).end)
        return append(log, events)

    monkeypatch.setattr(type(harness.publisher.log), "append_all", slow)
    harness.publish(event(1))
    harness.clock.forward(seconds=6)
    assert ids(harness.reader.page(passed[0], (), 100)) == [event(1).id]
    assert len(harness.topic.messages) == 1


def test_writes_that_stay_slow_publish_nothing(harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = list[Position]()

    def slow(_log: Any, events: Any) -> set[str]:
        writes.extend(one.position for one in events)
        harness.clock.forward(seconds=MAX_WRITE_TIME.total_seconds() + 1)
        return set()

    monkeypatch.setattr(type(harness.publisher.log), "append_all", slow)
    with pytest.raises(LedgerUnavailable):
        harness.publish(event(1))
    assert len(writes) == MAX_WRITES
    assert harness.topic.messages == []


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([0, 0, 0.000001, 1, 3600, 40_000, 86_400]), min_size=1, max_size=25),
    limit=st.integers(1, 7),
)
def test_pages_hold_every_event_in_order(make_table: Callable[[], str], gaps: list[float], limit: int) -> None:
    harness = WebhookHarness(make_table(), event_days=90)
    published = list[str]()
    for number, gap in enumerate(gaps):
        harness.clock.forward(seconds=gap)
        harness.publish(event(number))
        published.append(event(number).id)
    harness.clock.forward(seconds=6)
    found = read(harness, limit)
    assert sorted(found) == sorted(published)
    # Events of one moment are in the order of their ids; `event` numbers them.
    assert found == published


def test_types(harness: WebhookHarness) -> None:
    harness.publish(event(1), event(2, "mediarelay.song.ready"), event(3, "mediarelay.test"))
    harness.clock.forward(seconds=6)
    assert read(harness, types=("mediarelay.song.*", "mediarelay.test")) == [event(2).id, event(3).id]
    assert read(harness, limit=1, types=("mediarelay.song.ready",)) == [event(2).id]


def test_a_time_begins_with_the_events_of_that_time(harness: WebhookHarness) -> None:
    harness.publish(event(1))
    harness.clock.forward(seconds=1)
    harness.publish(event(2))
    harness.clock.forward(seconds=6)
    after = harness.reader.page(Position(START + timedelta(seconds=1)), (), 100)
    assert ids(after) == [event(2).id]
    assert ids(harness.reader.page(Position(START, event(1).id), (), 100)) == [event(2).id]


def test_one_call_reads_a_bounded_number_of_days_and_rows(
    make_table: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = WebhookHarness(make_table(), event_days=90)
    harness.publish(event(1))
    harness.clock.forward(days=80)
    pages, after = 0, None
    while (page := harness.reader.page(after, (), 1)).more:
        pages, after = pages + 1, page.end
    assert 5 < pages < 12
    monkeypatch.setattr("mediarelay.usecases.read_events.MAX_ROWS", 2)
    harness.publish(*(event(number) for number in range(2, 9)))
    harness.clock.forward(seconds=6)
    page = harness.reader.page(Position(harness.clock() - timedelta(minutes=1)), ("mediarelay.test",), 100)
    assert (page.events, page.more) == ((), True)
    assert MAX_ROWS >= 100


@pytest.mark.parametrize("character", ["a", '"', "é", "曲", "😀", "\x01"])
def test_no_page_is_larger_than_lambda_answers(harness: WebhookHarness, character: str) -> None:
    room = MAX_BYTES - 200
    text = character * (room // len(json.dumps(character, ensure_ascii=False)[1:-1].encode()))
    for number in range(30):
        message = json.dumps({"id": event(number).id, "data": text}, ensure_ascii=False)
        assert len(message.encode()) <= MAX_BYTES
        harness.publish(Notification(event(number).id, message, {"type": "mediarelay.test"}))
    harness.clock.forward(seconds=6)
    page = harness.reader.page(None, (), 100)
    # As Powertools writes the body, and then Lambda's runtime the answer.
    answer = json.dumps({"body": json.dumps(event_page(page.events, page.end, more=page.more))}, ensure_ascii=False)
    assert len(answer.encode()) < MAX_ANSWER
    assert len(page.events) >= 4
    assert page.more


def test_the_future_has_no_events_and_keeps_its_place(harness: WebhookHarness) -> None:
    later = Position(START + timedelta(days=400))
    page = harness.reader.page(later, (), 100)
    assert (page.events, page.end, page.more) == ((), later, False)
    assert harness.reader.page(Position(START - timedelta(days=4000)), (), 100).end.at == START - SETTLED_AFTER


@pytest.mark.parametrize("setting", ["true", "false"])
def test_only_http_delivery_puts_events_into_the_due_index(table: str, setting: str) -> None:
    harness = TaskHarness(table, webhook_delivery=setting)
    harness.events.publish(event(1))
    (item,) = harness.items()
    assert ("due_shard" in item) == (setting == "true")


def test_a_usual_event_costs_one_write_unit(table: str) -> None:
    harness = TaskHarness(table)
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.publisher.publish(VID)
    (item,) = [one for one in harness.items() if one["item"] == {"S": "event"}]
    size = sum(len(name) + len(next(iter(value.values()))) for name, value in item.items())
    assert size <= 1024


def test_a_damaged_event_hides_no_other(harness: WebhookHarness) -> None:
    harness.publish(event(1), event(2))
    (first, *_) = [one for one in harness.items() if event(1).id in one["sk"]["S"]]
    client("dynamodb").put_item(TableName=harness.stores.table.name, Item=first | {"body": {"B": b"x"}})
    harness.clock.forward(minutes=2)
    assert read(harness) == [event(2).id]
    harness.minutes(5)
    assert harness.sender.ids("shop.example") == [event(2).id]
    (first, *_) = [one for one in harness.items() if event(1).id in one["sk"]["S"]]
    assert first["due_shard"]["S"].startswith("unreadable#")


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02", f"2026-01-02T03:04:05.000001Z_{event(1).id}"])
def test_positions(text: str) -> None:
    position = read_position(text)
    assert read_position(str(position)) == position
    assert position.at.tzinfo == UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-02_x", f"_{event(1).id}", "2026-13-01"])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_position(text)


@given(st.integers(1, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_texts_of_positions_sort_as_positions_do(at: datetime) -> None:
    earlier, same = Position(at - timedelta(microseconds=1), "f" * 36), Position(at, "0" * 36)
    assert str(earlier) < str(Position(at)) < str(same)


@pytest.mark.parametrize("text", ["mediarelay.task.*", "mediarelay.test", "*"])
def test_patterns(text: str) -> None:
    assert is_pattern(text)


@pytest.mark.parametrize("text", ["", "mediarelay.*.lost", "mediarelay.task*", "**", "Mediarelay.task", ".x", "a..b"])
def test_what_is_no_pattern(text: str) -> None:
    assert not is_pattern(text)


def test_matching() -> None:
    assert matches("mediarelay.task.lost", ())
    assert matches("mediarelay.task.lost", ("mediarelay.task.*",))
    assert matches("mediarelay.test", ("*",))
    assert not matches("mediarelay.test", ("mediarelay.task.*", "mediarelay.tes"))


@pytest.mark.parametrize(("busy_rounds", "stored"), [(1, [1, 2]), (99, [1])])
def test_rows_that_dynamodb_left_out_are_written_again_or_not_published(
    harness: WebhookHarness, monkeypatch: pytest.MonkeyPatch, busy_rounds: int, stored: list[int]
) -> None:
    dynamodb, rounds = client("dynamodb"), list[int]()
    plain = dynamodb.batch_write_item

    def busy(**request: Any) -> dict[str, Any]:
        ((table, rows),) = request["RequestItems"].items()
        rounds.append(len(rows))
        left = [row for row in rows if event(2).id in row["PutRequest"]["Item"]["sk"]["S"]]
        if len(rounds) > busy_rounds or not left:
            return dict(plain(**request))
        if taken := [row for row in rows if row not in left]:
            plain(RequestItems={table: taken})
        return {"UnprocessedItems": {table: left}}

    waits = list[float]()
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(dynamodb, "batch_write_item", busy)
    failures = harness.publisher.send([event(1), event(2)])
    assert rounds == ([2, 1] if busy_rounds == 1 else [2, 1, 1, 1, 1])
    assert all(most / 2 <= seconds <= most for seconds, most in zip(waits, WAITS, strict=busy_rounds > 1))
    assert len(waits) == len(rounds) - 1
    assert {*failures} == {event(1).id, event(2).id} - {event(number).id for number in stored}
    assert [message["id"] for message in harness.topic.messages] == [event(number).id for number in stored]
    harness.clock.forward(seconds=6)
    assert read(harness) == [event(number).id for number in stored]
