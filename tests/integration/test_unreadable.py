"""A poisoned row stops nobody: each item that the code writes is broken in many ways, beside others that are not."""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.circuits import decode_circuit
from mediarelay.adapters.dynamodb.deliveries import decode_delivery
from mediarelay.adapters.dynamodb.due_index import decode_due_item
from mediarelay.adapters.dynamodb.endpoints import EndpointStore, decode_health
from mediarelay.adapters.dynamodb.events import decode_event
from mediarelay.adapters.dynamodb.intents import decode_intent
from mediarelay.adapters.dynamodb.keys import Key, shards, task_key
from mediarelay.adapters.dynamodb.list_cursors import ListCursorStore, decode_list_cursor
from mediarelay.adapters.dynamodb.observations import decode_observation, decode_pending_check
from mediarelay.adapters.dynamodb.quarantine import decode_quarantined
from mediarelay.adapters.dynamodb.replays import decode_job
from mediarelay.adapters.dynamodb.runs import decode_run
from mediarelay.adapters.dynamodb.songs import decode_bookkeeping, decode_relay, decode_song
from mediarelay.adapters.dynamodb.stream import changes_of
from mediarelay.adapters.dynamodb.task_items import decode_task_item
from mediarelay.aws_lambda.batches import sqs_handler
from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.tasks import TaskQuery
from mediarelay.domain.circuit_breaker import MAX_BREAK, THRESHOLD, Circuit
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.due_item import DueItem
from mediarelay.domain.events import LoggedEvent, Position
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.intent import ClientKey, Intent
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.webhooks.delivery import new_delivery
from mediarelay.errors import BudgetSpent, LedgerUnavailable, RowUnreadable
from mediarelay.usecases.sweep import ROWS_PER_TURN, Sweeper
from mediarelay.usecases.tasks.rebuild import Rebuilder
from tests.counts import counted
from tests.integration.doubles import START
from tests.integration.song_harness import KEY, SongHarness, relay
from tests.integration.task_harness import TOKEN, VID, TaskHarness, answer, callback
from tests.lambda_context import Context, messages

Raw = dict[str, Any]
BROKEN, GOOD, DONE, LATE = VID, "good", "done", "late"
REQUEST = {"url": "http://a/1.mp3", "bucketName": "music", "bucketRegion": "gz"}
ODD = {"S": ("\x00?", {"N": "7"}), "N": ("1.5", {"S": "x"}), "B": (b"junk", {"S": "x"}), "M": ({}, {"S": "x"})}
"""By DynamoDB's type of an attribute: an unparsable value of that type, and a value of another type."""
INDEXED = {"pk", "sk", "due_shard", "due_at", "list_key", "list_at"}
"""DynamoDB itself keeps these as they must be."""
DECODERS: dict[str, tuple[Callable[[Raw], object], ...]] = {
    **dict.fromkeys(("track", "claim", "answer", "listed", "timeout", "trusted"), (decode_observation,)),
    "task": (decode_task_item,),
    "replay": (decode_pending_check,),
    "replay_job": (decode_job,),
    "intent": (decode_intent,),
    "quarantine": (decode_quarantined,),
    "circuit": (decode_circuit,),
    "list_cursor": (decode_list_cursor,),
    "run": (decode_run,),
    "relay": (decode_song, decode_relay),
    "lease": (decode_song, decode_bookkeeping),
    "event": (decode_event,),
    "delivery": (decode_delivery,),
    "endpoint": (decode_health,),
}
NO_ROWS = {"budget", "nonce", "part"}
"""They are counters, locks and pieces: nothing decodes them."""


def fill(harness: TaskHarness) -> None:
    """Write at least one item of each type, by the real code; some about one task, some about others."""
    provider = harness.provider
    harness.track(BROKEN)
    harness.claim(callback(BROKEN))
    provider.answers = {BROKEN: answer(BROKEN, "transcoding"), DONE: answer(DONE), LATE: BudgetSpent("none left")}
    harness.confirm(BROKEN)
    harness.replayer.replay(BROKEN, "somebody")
    for vid in (GOOD, DONE, LATE):
        harness.track(vid)
    harness.confirm(DONE)
    harness.claim(callback("claimed"))
    harness.tasks.add(
        LoggedObservation(vid=LATE, kind=Kind.VIDEO, origin=Origin.TIMEOUT, at=harness.clock(), body=b"{}")
    )
    harness.stores.tasks.append(
        LoggedObservation(vid=LATE, kind=Kind.VIDEO, origin=Origin.TRUSTED, at=START, body=callback(LATE))
    )
    harness.tasks.add(LoggedObservation(vid=GOOD, kind=Kind.VIDEO, origin=Origin.LISTED, at=START, body=b"{}"))
    ListCursorStore(harness.stores.table).save("mps", START)
    harness.stores.runs.record("reconcile", START, {"publish": 1})
    harness.stores.quarantine.put(b"junk", "body: not JSON", "callbacks/video", START)
    harness.replayer.start([Selection(kind=Kind.VIDEO, state=State.SUCCEEDED)], 1, "somebody")
    provider.vids = [BudgetSpent("none left")]
    harness.submitter.submit(Kind.AUDIO, REQUEST, None)
    harness.registry.enqueue(Kind.AUDIO, REQUEST | {"url": "http://a/2.mp3"}, None)
    harness.breaker.record_refusal("cts:GetCtsaudioInfo")
    song_harness = SongHarness(harness.table)
    song_harness.webhook(relay())
    song_harness.publisher.publish_due(KEY)
    event = LoggedEvent(Position(START, "0" * 36), "mediarelay.test", '{"subject": "x"}')
    harness.stores.deliveries.create(new_delivery("shop", event, START))
    EndpointStore(harness.stores.table).record_failure("shop", 500, START)


@pytest.fixture(scope="module")
def written(make_table: Callable[[], str]) -> list[Raw]:
    """The items of a whole ledger."""
    harness = TaskHarness(make_table())
    fill(harness)
    return harness.items()


def odd_versions(item: Raw) -> Iterator[tuple[str, Raw]]:
    """Break each attribute of an item in turn: missing, unparsable, of another type; and the type itself."""
    for name in sorted(item.keys() - INDEXED):
        ((kind, _value),) = item[name].items()
        yield f"{name} missing", {key: value for key, value in item.items() if key != name}
        unparsable, other = ODD.get(kind, (None, {"N": "7"}))
        yield f"{name} mistyped", item | {name: other}
        if unparsable is not None:
            yield f"{name} unparsable", item | {name: {kind: unparsable}}
    yield "item unknown", item | {"item": {"S": "weird"}}


def is_unreadable(item: Raw, kind: str) -> bool:
    """Whether a decoder of this kind of item refuses it."""
    try:
        for decode in DECODERS[kind]:
            decode(item)
    except RowUnreadable:
        return True
    return False


def test_an_attribute_of_a_newer_version_is_ignored(written: list[Raw]) -> None:
    """After a roll back, the older code reads what the newer code wrote."""
    for item in written:
        for decode in DECODERS.get(item["item"]["S"], ()):
            newer = item | {"of_a_newer_version": {"M": {"any": {"S": "thing"}}}}
            assert decode(newer) == (decode(item) if decode is not decode_song else (decode(item)[0], newer))


def unreadable(capsys: pytest.CaptureFixture[str]) -> int:
    """How many times an unreadable row was met."""
    counts = counted(capsys)
    named = counts.by("RowsUnreadable", "item").total()
    assert named == counts.total("RowsUnreadable"), "the alarm watches the count in all"
    return named


def handle(identity: str, do: Callable[[str], object]) -> None:
    """Handle a queue's message as a function does: an unreadable row does not make it fail."""
    assert sqs_handler(lambda record: do(record.message_id))(messages(identity), Context()) is not None


def go_on(harness: TaskHarness) -> None:
    """Everything that reads many rows: the others' work is done."""
    harness.provider.answers = {vid: answer(vid) for vid in (GOOD, DONE, BROKEN)}
    harness.provider.vids = ["a1", "a2"]
    harness.poll()
    harness.poll(Kind.AUDIO)
    assert GOOD in [vid for vid, _ in harness.queue.messages]
    assert "claimed" in [vid for vid, _ in harness.unknown_queue.messages]
    for vid, kind in [*harness.queue.messages, *harness.unknown_queue.messages]:
        handle(vid, partial(harness.confirm, kind=kind))
    harness.sweeper.sweep(harness.tick())
    for identity in harness.submits.take():
        handle(identity, harness.submitter.resume)
    assert harness.reader.task(GOOD)["state"] == "succeeded"
    assert DONE in {message["subject"] for message in harness.topic.messages}
    assert {GOOD, DONE} <= {task["vid"] for task in harness.reader.page(validate(TaskQuery, {"limit": "100"}))["tasks"]}
    assert (
        list(Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt).differences())
        is not None
    )
    assert harness.reader.task(BROKEN)["vid"] == BROKEN, "one bad entry leaves the others"
    harness.reader.history(BROKEN)
    list(harness.stores.quarantine.bodies(f"{START:%Y-%m-%d}", ""))
    yesterday, tomorrow = Position(START - timedelta(days=1)), START + timedelta(days=1)
    list(harness.stores.events.events(START.date(), yesterday, tomorrow))
    harness.stores.deliveries.page("shop", None, None, 9)
    EndpointStore(harness.stores.table).find("shop")
    harness.breaker.is_refused("cts:GetCtsaudioInfo")
    ListCursorStore(harness.stores.table).find("mps")
    harness.stores.runs.find("reconcile")
    assert harness.replayer.count([Selection(kind=Kind.VIDEO, state=State.SUCCEEDED)]) >= 1
    song_harness = SongHarness(harness.table)
    song_harness.stores.songs.room(KEY.room)


def of_kind(written: list[Raw], kind: str) -> Raw:
    """An item of a type, if there is one of the task that the readers read."""
    found = (one for one in written if one["item"]["S"] == kind)
    return min(found, key=lambda one: one["pk"]["S"] != f"TASK#{BROKEN}")


@pytest.mark.parametrize("kind", sorted(DECODERS))
def test_an_odd_item_is_read_or_refused_and_nothing_else(kind: str, written: list[Raw]) -> None:
    refused = [what for what, odd in odd_versions(of_kind(written, kind)) if is_unreadable(odd, kind)]
    assert len(refused) >= 3, "or this checks nothing"


@pytest.mark.parametrize("flavour", ["missing", "mistyped", "unparsable", "unknown"])
@pytest.mark.parametrize("kind", sorted(DECODERS))
def test_an_unreadable_row_stops_nobody(
    kind: str,
    flavour: str,
    written: list[Raw],
    harness: TaskHarness,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = of_kind(written, kind)
    all_odd = (odd for what, odd in odd_versions(broken) if what.endswith(flavour) and is_unreadable(odd, kind))
    odd = next(all_odd, None)
    if odd is None:
        pytest.skip("nothing of this type can be broken so")
    for item in written:
        client("dynamodb").put_item(TableName=harness.table, Item=odd if item is broken else item)
    harness.clock.forward(minutes=5)
    counted(capsys)
    go_on(harness)
    assert unreadable(capsys)
    named = [record for record in caplog.records if record.message == "row unreadable"]
    assert (odd["pk"]["S"], odd["sk"]["S"]) in {(vars(one)["pk"], vars(one)["sk"]) for one in named}
    assert not any("junk" in str(vars(one)) for one in named)


def test_every_type_of_item_is_broken_here(written: list[Raw]) -> None:
    assert {one["item"]["S"] for one in written} - NO_ROWS == DECODERS.keys()


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("kind", ["track", "trusted", "answer", "timeout", "replay"])
def test_a_time_to_which_nothing_can_be_added_stops_nobody(
    kind: str, at: str, written: list[Raw], harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = of_kind(written, kind)
    for item in written:
        odd = item | {"at": {"S": at}} if item is broken else item
        client("dynamodb").put_item(TableName=harness.table, Item=odd)
    harness.clock.forward(minutes=5)
    go_on(harness)
    assert unreadable(capsys)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((kind, "give_up_at", {"N": at}) for kind in ("task", "claim") for at in ("-62135596800", "253402300799")),
        *(("task", "outcome_at", {"S": f"{at}#{VID}"}) for at in ("0001-01-01T00:00:00+00:00", "2026-01-02T03:04:05")),
        *(("intent", "assigned_at", {"S": at}) for at in ("9999-12-31T23:59:59+00:00", "2026-01-02T03:04:05")),
    ],
)
def test_every_stored_time_can_be_moved_and_compared(
    kind: str, name: str, value: dict[str, str], written: list[Raw]
) -> None:
    sound = of_kind(written, kind)
    assert not is_unreadable(sound, kind)
    assert is_unreadable(sound | {name: value}, kind)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+00:00"])
def test_the_deadline_of_an_unreadable_order_does_not_end_the_sweep(harness: TaskHarness, at: str) -> None:
    order = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.TRACK, at=START, body=b"{}")
    harness.stores.tasks.append(order, Due(Duty.VIDEO, START))
    harness.track(GOOD)
    (sk,) = (one["sk"]["S"] for one in harness.items() if one["pk"]["S"] == f"TASK#{VID}")
    client("dynamodb").update_item(
        TableName=harness.table,
        Key=Key(f"TASK#{VID}", sk).item,
        UpdateExpression="SET #at = :at",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues={":at": {"S": at}},
    )
    harness.clock.forward(days=3)
    assert harness.sweep()["give_up"] == 1, "the good one"
    assert marked(harness) == [sk]


# ── what becomes of the bad one ──


def spoil(harness: TaskHarness, pk: str, sk: str, change: str, names: dict[str, str] | None = None) -> None:
    extra = {"ExpressionAttributeNames": names} if names else {}
    client("dynamodb").update_item(TableName=harness.table, Key=Key(pk, sk).item, UpdateExpression=change, **extra)


def marked(harness: TaskHarness) -> list[str]:
    """What an operator finds: the sort keys of unreadable rows."""
    found = [
        row
        for shard in shards(Duty.UNREADABLE)
        for row in harness.stores.due_index.rows(shard, datetime.max.replace(tzinfo=UTC))
    ]
    return sorted(row["sk"]["S"] for row in found)


def test_a_row_that_no_tick_can_read_is_moved_to_where_an_operator_finds_it(harness: TaskHarness) -> None:
    harness.track()
    harness.clock.forward(minutes=2)
    spoil(harness, f"TASK#{VID}", "TASK", "REMOVE vid")
    assert harness.poll() == 0
    assert marked(harness) == ["TASK"]
    (item,) = (one for one in harness.items() if one["sk"]["S"] == "TASK")
    assert item["previous_due_shard"]["S"].startswith("video#")
    harness.clock.forward(hours=1)
    harness.poll()
    assert marked(harness) == ["TASK"]


@pytest.mark.parametrize(
    ("duty", "pk", "sk", "item"),
    [
        ("video", "QUARANTINE#2026-01-02", "x", "quarantine"),
        ("unknown_video", "WEIRD#1", "TASK", "task"),
        ("video", "TASK#", "TASK", "task"),
        ("video", "TASK#../x", "TASK", "task"),
        ("video", f"TASK#{GOOD}", "x", "part"),
        ("audio", "INTENT#x", "INTENT", "intent"),
        ("give_up", f"TASK#{GOOD}", "REPLAY#x", "replay"),
        ("publish", "JOB#x", "JOB", "replay_job"),
        ("submit", f"TASK#{GOOD}", "x", "claim"),
        ("replay", "ROOM#r", "x", "relay"),
    ],
)
def test_a_row_that_waits_for_what_is_not_its_duty_is_marked(
    harness: TaskHarness, duty: str, pk: str, sk: str, item: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be taken up again and again, with a call to the provider each time, and be seen by nobody."""
    row = {**Key(pk, sk).item, "item": {"S": item}, "kind": {"S": "video"}, "vid": {"S": pk.removeprefix("TASK#")}}
    row |= {"due_shard": {"S": shards(duty)[0]}, "due_at": {"N": "1"}, "at": {"S": START.isoformat()}}
    client("dynamodb").put_item(TableName=harness.table, Item=row)
    for kind in Kind:
        harness.poll(kind)
    harness.sweeper.sweep(harness.tick())
    assert marked(harness) == [sk]
    assert unreadable(capsys)
    assert (harness.take(), harness.submits.take()) == ([], [])


def test_a_task_item_that_cannot_be_read_is_written_anew_from_the_log(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    spoil(harness, f"TASK#{VID}", "TASK", "REMOVE version")
    harness.confirm()
    assert harness.reader.task(VID)["state"] == "succeeded"
    assert harness.publisher.publish(VID) is State.SUCCEEDED
    (copy,) = (one for one in harness.items() if one["pk"]["S"] == "UNREADABLE")
    assert (copy["sk"]["S"].split()[:2], "version" in copy["row"]["M"]) == ([f"TASK#{VID}", "TASK"], False)
    assert marked(harness) == [copy["sk"]["S"]]


@pytest.mark.parametrize("change", ["REMOVE #item", "SET #item = kind", "SET #item = attempts", "REMOVE vid"])
def test_a_task_item_that_does_not_say_so_is_written_anew_from_the_log(harness: TaskHarness, change: str) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    spoil(harness, f"TASK#{VID}", "TASK", change, {"#item": "item"} if "#item" in change else None)
    harness.confirm()
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert [message["subject"] for message in harness.topic.messages] == [VID]
    assert harness.reader.task(VID)["state"] == "succeeded"


@pytest.mark.parametrize("value", [None, {"N": "7"}])
@pytest.mark.parametrize("name", ["item", "vid", "kind", "at", "body"])
def test_an_answer_that_cannot_be_read_is_logged_anew_when_it_comes_again(
    harness: TaskHarness, name: str, value: dict[str, Any] | None
) -> None:
    """In the same words it would have been there already, and the task lost although its outcome was stated."""
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    (reported,) = (one for one in harness.items() if one["item"]["S"] == "answer")
    odd = {key: kept for key, kept in reported.items() if key != name} | ({name: value} if value else {})
    client("dynamodb").put_item(TableName=harness.table, Item=odd)
    for _ in range(3):
        harness.clock.forward(minutes=2)
        harness.sweep()
        harness.poll()
        for vid, kind in harness.take():
            harness.confirm(vid, kind)
    assert harness.reader.task(VID)["state"] == "succeeded"
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]
    assert [one.origin for one in harness.stores.tasks.load(VID).observations] == [Origin.ANSWER, Origin.TRACK]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_callback_that_comes_again_reads_nothing(
    table: str, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    """The functions that take callbacks may not."""
    harness = TaskHarness(table, callback_trust="callback" if trusted else "confirm")

    def refuse(*_: object, **__: object) -> bool:
        raise LedgerUnavailable("AccessDeniedException")

    monkeypatch.setattr(type(harness.stores.table), "get", refuse)
    assert [harness.claim(callback()), harness.claim(callback())] == [True, False]
    assert harness.backlog.messages == []


@pytest.mark.parametrize("name", ["item", "room", "song", "vendor", "type", "version"])
@pytest.mark.parametrize("value", [None, {"S": "relay"}, {"N": "9"}, {"NULL": True}])
def test_a_lease_that_cannot_be_read_is_written_anew_from_the_relays(
    table: str, name: str, value: dict[str, Any] | None
) -> None:
    song_harness = SongHarness(table)
    song_harness.webhook(relay())
    song_harness.follow()
    (lease,) = (one for one in client("dynamodb").scan(TableName=table)["Items"] if one["sk"]["S"].startswith("LEASE"))
    odd = {key: kept for key, kept in lease.items() if key != name} | ({name: value} if value else {})
    client("dynamodb").put_item(TableName=table, Item=odd)
    song_harness.clock.forward(minutes=10)
    song_harness.webhook(relay())
    assert "ready" in song_harness.follow(), "the second result is published, too"
    assert song_harness.follow() == [], "once"
    assert song_harness.song()["next"] == "use"


@pytest.mark.parametrize("time", ["created", "outcome"])
@pytest.mark.parametrize("place", ["{}Z#{}", "2026#{}", "x", "{}+00:00#other", "9999-12-31T23:59:59+00:00#{}", "#"])
def test_a_row_with_an_odd_place_in_the_list_breaks_no_page(harness: TaskHarness, place: str, time: str) -> None:
    """The page would end with a cursor that is refused."""
    vids = ["v1", VID, "v2", "v3"]
    for vid in vids:
        harness.track(vid)
        harness.provider.answers[vid] = answer(vid, create_time=None)
        harness.confirm(vid)
        harness.clock.forward(seconds=1)
    attribute = {"created": "list_at", "outcome": "outcome_at"}[time]
    odd = place.format("2026-01-02T03:04:06", VID)
    client("dynamodb").update_item(
        TableName=harness.table,
        Key=task_key(VID).item,
        UpdateExpression=f"SET {attribute} = :odd",
        ExpressionAttributeValues={":odd": {"S": odd}},
    )
    for order in ("asc", "desc"):
        seen, cursor = list[str](), dict[str, Any]()
        while True:
            page = harness.reader.page(validate(TaskQuery, {"limit": "1", "time": time, "order": order, **cursor}))
            seen += [task["vid"] for task in page["tasks"]]
            if "cursor" not in page:
                break
            cursor = {"cursor": page["cursor"]}
        assert sorted(seen) == ["v1", "v2", "v3"]


@pytest.mark.parametrize("encrypted", [[], [{"B": b"junk"}], [{"B": b""}], [{"B": b"x" * 6145}]])
def test_a_relay_that_cannot_be_decrypted_leaves_the_others_readable(
    table: str, encrypted: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    song_harness = SongHarness(table)
    song_harness.webhook(relay())
    song_harness.clock.forward(seconds=1)
    (newest,) = song_harness.webhook(relay())
    found = client("dynamodb").scan(TableName=table)["Items"]
    (item,) = (one for one in found if one["sk"]["S"].endswith(newest.relay.digest))
    client("dynamodb").put_item(TableName=table, Item=item | {"encrypted": {"L": encrypted}})
    good, broken = song_harness.reader.history(KEY.room, KEY.song)["relays"]
    assert (bool(good["resource_ids"]), broken["resource_ids"]) == (True, [])
    song = song_harness.song(tokens=True)
    assert {"krc_token", "share_token"} & song.keys() == set(), "no digest in the place of a token"
    assert song["next"] == "use"
    assert unreadable(capsys) == 2
    named = [vars(record)["sk"] for record in caplog.records if record.message == "row unreadable"]
    assert set(named) == {item["sk"]["S"]}


def test_the_sweep_writes_a_marked_task_item_anew(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer(state="transcoding")
    harness.confirm()
    (sk,) = (one["sk"]["S"] for one in harness.items() if one["item"]["S"] == "track")
    spoil(harness, f"TASK#{VID}", sk, "REMOVE due_shard, due_at")
    spoil(harness, f"TASK#{VID}", "TASK", "REMOVE kind")
    harness.clock.forward(minutes=5)
    assert harness.poll() == 0
    assert marked(harness) == ["TASK"]
    assert harness.sweeper.sweep(harness.tick(0))["unreadable"] == 0, "there is no time for it"
    assert harness.sweep()["unreadable"] == 1
    assert [row.handle[1] for row in harness.due()["video"]] == ["TASK"]
    assert [sk.split()[0] for sk in marked(harness)] == [f"TASK#{VID}"], "the copy"
    assert harness.sweep()["unreadable"] == 0


class Unreadable:
    """A due index in which nothing waits but unreadable items of these tasks."""

    def __init__(self, vids: Iterable[str]) -> None:
        self.vids = vids

    def waiting(self, _duty: Duty, _now: datetime) -> Iterator[DueItem]:
        return iter(())

    def hide(self, _item: DueItem, _until: datetime) -> bool:
        return True

    def unreadable(self, _now: datetime) -> Iterator[str | SongKey]:
        return iter(self.vids)


def test_items_that_cannot_be_rebuilt_do_not_hold_up_one_that_can(harness: TaskHarness) -> None:
    harness.track()
    client("dynamodb").delete_item(TableName=harness.table, Key={"pk": {"S": f"TASK#{VID}"}, "sk": {"S": "TASK"}})
    without_log = [f"w{number}" for number in range(ROWS_PER_TURN + 1)]
    rows = Unreadable([*without_log, VID])
    assert harness.sweeper.sweep(replace(harness.tick(), rows=rows))["unreadable"] == 1
    assert harness.stores.tasks.load(VID).item


@pytest.mark.parametrize("fails", [True, False])
def test_a_tick_rebuilds_a_part_of_very_many_items(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    tried = list[str]()

    def rebuild(_sweeper: Sweeper, vid: str) -> bool:
        tried.append(vid)
        if fails:
            raise LedgerUnavailable("down")
        return True

    monkeypatch.setattr(Sweeper, "_rebuild", rebuild)
    harness.sweeper.sweep(replace(harness.tick(), rows=Unreadable(f"w{number}" for number in range(900))))
    assert len(tried) == ROWS_PER_TURN


def test_a_task_with_several_damaged_observations_is_looked_at_once(harness: TaskHarness) -> None:
    harness.claim(callback())
    harness.claim(callback(result="failure"))
    for sk in [one["sk"]["S"] for one in harness.items()]:
        spoil(harness, f"TASK#{VID}", sk, "REMOVE kind")
    harness.stores.tasks.load(VID)
    assert len(marked(harness)) == 2
    harness.clock.forward(days=1)
    assert list(harness.stores.due_index.unreadable(harness.clock())) == [VID]


def test_an_publication_is_not_held_up_by_an_unreadable_task_item(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    spoil(harness, f"TASK#{VID}", "TASK", "SET conflicts = created_at")
    harness.clock.forward(minutes=1)
    assert harness.sweep()["publish"] == 1
    assert [message["subject"] for message in harness.topic.messages] == [VID]
    harness.clock.forward(hours=1)
    assert harness.sweep()["publish"] == 0


def test_a_readable_item_of_another_writer_is_not_written_over(harness: TaskHarness) -> None:
    harness.track()
    record, _task = harness.tasks.load(VID)
    assert record.item
    assert not harness.stores.tasks.save(record.item, None)
    assert "UNREADABLE" not in {one["pk"]["S"] for one in harness.items()}


def test_an_intent_that_cannot_be_read_leaves_the_ticks(harness: TaskHarness) -> None:
    harness.registry.enqueue(Kind.AUDIO, REQUEST, None)
    (row,) = harness.due()["submit_queued"]
    spoil(harness, row.handle[0], row.handle[1], "REMOVE #request", {"#request": "request"})
    harness.clock.forward(minutes=2)
    assert harness.sweeper.sweep(harness.tick())["submit"] == 1
    for identity in harness.submits.take():
        with pytest.raises(RowUnreadable):
            harness.submitter.resume(identity)
    assert marked(harness) == ["INTENT"]
    harness.clock.forward(hours=5)
    assert harness.sweep()["submit"] == 0


def test_a_circuit_that_cannot_be_read_is_closed_and_counts_anew(harness: TaskHarness) -> None:
    harness.breaker.record_refusal("cts:GetCtsInfo")
    spoil(harness, "CIRCUIT#cts:GetCtsInfo", "CIRCUIT", "SET failures = #item", {"#item": "item"})
    assert harness.breaker.before_call("cts:GetCtsInfo") == Circuit()
    harness.breaker.record_refusal("cts:GetCtsInfo")
    assert harness.stores.circuits.find("cts:GetCtsInfo").failures == 1


def test_a_row_of_the_index_whose_item_is_gone_stops_nobody(harness: TaskHarness) -> None:
    harness.track()
    harness.track("v2")
    harness.clock.forward(minutes=2)
    rows = list(harness.stores.due_index.rows(shards("video")[0], harness.clock())) + [
        row for shard in shards("video")[1:] for row in harness.stores.due_index.rows(shard, harness.clock())
    ]
    for item in harness.items():
        if item["pk"]["S"] == f"TASK#{VID}":
            client("dynamodb").delete_item(TableName=harness.table, Key=Key(item["pk"]["S"], item["sk"]["S"]).item)
    stale = [decode_due_item(row) for row in rows if row["vid"]["S"] == VID]
    assert stale
    assert not any(harness.stores.due_index.hide(row, harness.clock()) for row in stale)
    harness.stores.table.mark_unreadable(RowUnreadable((f"TASK#{VID}", "TASK"), "task", "gone"))
    assert f"TASK#{VID}" not in {item["pk"]["S"] for item in harness.items()}, "nothing is made of it"
    assert harness.poll() == 1


def test_whoever_may_only_read_notes_a_row_and_goes_on(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    harness.track()
    harness.provider.answers[VID] = answer(state="transcoding")
    harness.confirm()
    (sk,) = (one["sk"]["S"] for one in harness.items() if one["item"]["S"] == "track")
    spoil(harness, f"TASK#{VID}", sk, "REMOVE #at", {"#at": "at"})

    def refuse(*_: object, **__: object) -> bool:
        raise LedgerUnavailable("AccessDeniedException")

    monkeypatch.setattr(type(harness.stores.table), "update", refuse)
    assert harness.reader.task(VID)["state"] == "transcoding"
    assert unreadable(capsys) == 1


def test_a_record_about_an_unreadable_row_does_not_come_back() -> None:
    def fail(_record: object) -> None:
        raise RowUnreadable(("pk", "sk"), "task", "vid")

    assert sqs_handler(fail)(messages("1"), Context()) == {"batchItemFailures": []}


def test_the_error_never_has_the_content() -> None:
    item = {"pk": {"S": "TASK#v"}, "sk": {"S": "TASK"}, "item": {"S": "task"}, "vid": {"S": "secret"}}
    with pytest.raises(RowUnreadable) as caught:
        decode_task_item(item)
    assert "secret" not in json.dumps([str(caught.value), vars(caught.value)])
    assert TOKEN not in str(caught.value)


def test_a_claim_of_which_only_a_part_can_be_read_fails_no_write(harness: TaskHarness) -> None:
    """An order would be answered with 500 whenever somebody repeats it."""
    harness.track()
    harness.claim(callback())
    (sk,) = (one["sk"]["S"] for one in harness.items() if one["item"]["S"] == "claim")
    spoil(harness, f"TASK#{VID}", sk, "SET claim_summary = #item", {"#item": "item"})
    harness.provider.answers[VID] = answer()
    assert harness.confirm().state is State.SUCCEEDED
    assert harness.submitter.track(VID, {}).repeated
    harness.replayer.replay(VID, "somebody")
    assert harness.confirm().state is State.SUCCEEDED
    assert marked(harness) == [sk]


# ── what can be read, but contradicts its key, its duty or its task ──


def overwrite(harness: TaskHarness, stored: Raw, /, **changes: Any) -> None:
    """Write an item with other attributes; None leaves one out."""
    odd = {name: value for name, value in (stored | changes).items() if value is not None}
    client("dynamodb").put_item(TableName=harness.table, Item=odd)


def only(harness: TaskHarness, kind: str) -> Raw:
    (found,) = (one for one in harness.items() if one["item"]["S"] == kind)
    return found


def work_off(harness: TaskHarness, times: int = 4, **wait: float) -> None:
    """Poll, confirm, sweep, again and again."""
    for _ in range(times):
        harness.clock.forward(**(wait or {"minutes": 3}))
        harness.poll()
        harness.poll(Kind.AUDIO)
        for vid, kind in harness.take():
            harness.confirm(vid, kind)
        harness.sweep()


@pytest.mark.parametrize(
    "changes",
    [
        {"body": {"B": zlib.compress(b"{}")}},
        {"body": {"B": zlib.compress(b'{"status": 3}')}},
        {"item": {"S": "claim"}},
        {"item": {"S": "reply"}},
        {"item": {"S": "timeout"}},
        {"item": {"S": "part"}},
    ],
)
def test_an_answer_that_is_not_what_its_key_says_is_logged_anew(
    harness: TaskHarness, changes: Raw, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would stand in the place of the answer that comes again, and the task be lost."""
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    overwrite(harness, only(harness, "answer"), **changes)
    work_off(harness)
    assert harness.reader.task(VID)["state"] == "succeeded"
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]
    assert unreadable(capsys)


@pytest.mark.parametrize("broken", ["first", "part", "part gone"])
def test_an_answer_in_parts_that_cannot_be_read_is_logged_anew(harness: TaskHarness, broken: str) -> None:
    harness.track()
    junk = Random(1).randbytes(500_000).hex()  # noqa: S311 - the same each time
    harness.provider.answers[VID] = answer(junk=junk)
    harness.confirm()
    whole, part = only(harness, "answer"), only(harness, "part")
    if broken == "part gone":
        client("dynamodb").delete_item(TableName=harness.table, Key=Key(part["pk"]["S"], part["sk"]["S"]).item)
    else:
        overwrite(harness, whole if broken == "first" else part, body={"B": b"junk"})
    work_off(harness)
    assert harness.reader.task(VID)["state"] == "succeeded"
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]


def test_a_large_answer_that_comes_again_is_not_written_over(
    harness: TaskHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another zlib may make other bytes of the same body: between two writes nobody could read it."""
    body = Random(1).randbytes(500_000).hex().encode()  # noqa: S311 - the same each time
    large = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.ANSWER, at=START, body=body)
    assert harness.stores.tasks.append(large)
    before, plain = harness.items(), zlib.compress
    monkeypatch.setattr(zlib, "compress", lambda data: plain(data, 1))
    assert not harness.stores.tasks.append(large)
    assert harness.items() == before


def test_a_trusted_callback_in_parts_is_settled_without_an_alarm(
    harness: TaskHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    junk = Random(1).randbytes(500_000).hex()  # noqa: S311 - the same each time
    large = LoggedObservation(vid=VID, kind=Kind.VIDEO, origin=Origin.TRUSTED, at=START, body=callback(junk=junk))
    harness.stores.tasks.append(large, Due(Duty.VIDEO, START))
    assert only(harness, "part")
    harness.provider.answers[VID] = answer()
    assert harness.confirm().state is State.SUCCEEDED
    assert not unreadable(capsys)


@pytest.mark.parametrize("duty", ["video", "audio", "unknown_audio", "give_up", "submit", "replay", "song"])
def test_an_outcome_that_waits_for_another_duty_is_published(harness: TaskHarness, duty: str) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    overwrite(harness, only(harness, "task"), due_shard={"S": shards(duty)[0]})
    work_off(harness)
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]
    assert harness.due() == {}


def test_an_open_task_that_waits_to_be_published_is_asked_about(harness: TaskHarness) -> None:
    harness.track()
    overwrite(harness, only(harness, "task"), due_shard={"S": shards("publish")[0]})
    harness.provider.answers[VID] = answer()
    work_off(harness)
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]


def test_a_task_item_in_a_place_where_no_tick_looks_is_seen_by_a_rebuild(harness: TaskHarness) -> None:
    harness.track()
    overwrite(harness, only(harness, "task"), due_shard={"S": "video#9"})
    rebuilder = Rebuilder(tasks=harness.tasks, store=harness.stores.tasks, adopt=harness.submitter.adopt)
    assert [one.field for one in rebuilder.differences()] == ["item"]
    rebuilder.repair(VID)
    assert list(harness.due()) == ["video"]


@pytest.mark.parametrize("name", ["version", "attempts", "conflicts", "replayed"])
@pytest.mark.parametrize("value", ["9" * 38, "-1"])
def test_a_count_that_cannot_be_meant_holds_up_no_publication(harness: TaskHarness, name: str, value: str) -> None:
    """The table takes no number of more digits, so the task would be published again and again, or never."""
    harness.track()
    overwrite(harness, only(harness, "task"), **{name: {"N": value}})
    harness.provider.answers[VID] = answer()
    work_off(harness)
    assert [message["type"] for message in harness.topic.messages] == ["mediarelay.task.succeeded"]


def test_a_replay_from_the_future_has_one_query(harness: TaskHarness) -> None:
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.replayer.replay(VID, "somebody")
    overwrite(harness, only(harness, "replay"), at={"S": "2096-01-01T00:00:00+00:00"})
    work_off(harness, 4, hours=1)
    assert len(harness.provider.asked) == 2


def test_a_claim_that_cannot_be_read_stays_where_an_operator_finds_it(harness: TaskHarness) -> None:
    harness.track()
    harness.claim(callback())
    overwrite(harness, claim := only(harness, "claim"), claim_summary={"S": "x"})
    harness.track(bucketName="b")
    assert marked(harness) == [claim["sk"]["S"]]


def test_an_entry_that_says_it_is_a_part_is_named(harness: TaskHarness, capsys: pytest.CaptureFixture[str]) -> None:
    harness.track()
    overwrite(harness, only(harness, "track"), item={"S": "part"})
    harness.stores.tasks.load(VID)
    assert unreadable(capsys) == 1


def test_a_claim_in_the_stream_under_another_key_asks_nothing(harness: TaskHarness) -> None:
    harness.claim(callback())
    image = only(harness, "claim")
    images = [image, image | {"pk": {"S": f"WEIRD#{VID}"}}]
    assert [change.vid for one in images for change in changes_of({"dynamodb": {"NewImage": one}})] == [VID]


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("open", {"key": {"S": "another"}}),
        ("open", {"kind": {"S": "video"}}),
        ("open", {"at": {"S": "2026-01-02T03:04:05Z"}}),
        ("open", {"locked_until": {"S": "x"}}),
        ("open", {"request": {"M": {}}}),
        ("open", {"due_shard": {"S": "publish#0"}}),
        ("open", {"due_shard": None, "due_at": None}),
        ("done", {"vid": None}),
        ("done", {"vid": {"S": "../x"}}),
        ("refused", {"refused": None}),
        ("refused", {"at": {"S": "2026-01-02T03:04:05Z"}}),
        ("refused", {"due_shard": {"S": "submit#0"}}),
    ],
)
def test_an_intent_that_contradicts_itself_is_handed_over_to_nobody(
    harness: TaskHarness, stage: str, changes: Raw, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be sent to the provider again and again, published for ever, or promised and never sent."""
    intent = Intent(key="k", client="game", kind=Kind.AUDIO, provider="cts", request=REQUEST, at=START)
    harness.stores.intents.create(intent, Due(Duty.SUBMIT, START))
    if stage == "done":
        harness.stores.intents.assign_vid(intent, "v1", START)
        harness.stores.intents.complete(intent)
    elif stage == "refused":
        harness.stores.intents.mark_refused(intent, "no", START, Due(Duty.PUBLISH, START))
    overwrite(harness, only(harness, "intent"), **changes)
    for _ in range(3):
        harness.clock.forward(minutes=5)
        harness.sweeper.sweep(harness.tick())
        for identity in harness.submits.take():
            handle(identity, harness.submitter.resume)
    with pytest.raises(RowUnreadable):
        harness.submitter.submit(Kind.AUDIO, REQUEST, ClientKey("game", "k"))
    assert (harness.provider.taken, harness.topic.messages) == ([], [])
    assert {"submit", "publish"}.isdisjoint(harness.due())
    assert unreadable(capsys)


@pytest.mark.parametrize(
    "changes", [{"rate": {"N": "0"}}, {"rate": {"N": "-1"}}, {"cursor": {"S": ""}}, {"cursor": {"S": "\x00"}}]
)
def test_a_replay_in_bulk_that_would_do_nothing_is_marked(harness: TaskHarness, changes: Raw) -> None:
    """It would do so every minute for ever, or count as done."""
    harness.track()
    harness.provider.answers[VID] = answer()
    harness.confirm()
    harness.replayer.start([Selection(kind=Kind.VIDEO, state=State.SUCCEEDED, time=TimeOf.OUTCOME)], 1, "somebody")
    overwrite(harness, only(harness, "replay_job"), **changes)
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert marked(harness) == ["JOB"]


def test_a_break_without_an_end_keeps_nobody_from_calling(harness: TaskHarness) -> None:
    for _ in range(THRESHOLD):
        harness.breaker.record_refusal("cts:GetCtsInfo")
    overwrite(harness, only(harness, "circuit"), open_until={"N": "4102444800"})
    harness.clock.forward(seconds=MAX_BREAK.total_seconds())
    assert not harness.breaker.is_refused("cts:GetCtsInfo")
    assert harness.breaker.before_call("cts:GetCtsInfo").failures == THRESHOLD


@pytest.mark.parametrize("changes", [{"item": None}, {"room": None}, {"version": {"S": "x"}}])
def test_the_sweep_writes_a_marked_lease_anew(table: str, changes: Raw) -> None:
    """What is to be said of the song would never be said."""
    harness, song_harness = TaskHarness(table), SongHarness(table)
    song_harness.webhook(relay())
    song_harness.follow()
    (lease,) = (one for one in harness.items() if one["sk"]["S"].startswith("LEASE"))
    overwrite(harness, lease, **changes)
    for _ in range(3):
        harness.clock.forward(days=2)
        harness.sweep()
    assert "mediarelay.song.expired" in [message["type"] for message in harness.topic.messages]
    assert harness.sweep()["unreadable"] == 0


def test_a_relay_that_is_too_deep_leaves_the_others_readable(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    song_harness = SongHarness(table)
    song_harness.webhook(relay())
    (deep,) = song_harness.webhook(relay())
    found = client("dynamodb").scan(TableName=table)["Items"]
    (item,) = (one for one in found if one["sk"]["S"].endswith(deep.relay.digest))
    body = {"B": zlib.compress(b"[" * 100_000)}
    client("dynamodb").put_item(TableName=table, Item=item | {"body": body})
    assert song_harness.song()["next"] == "use"
    assert unreadable(capsys)
