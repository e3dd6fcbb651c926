"""Songs: from a signed relay to what a room may use of it, second by second, with no token where none belongs."""

import json
import re
import zlib
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest

from mediarelay.adapters.kms import READERS
from mediarelay.aws_lambda.raw_http import respond
from mediarelay.contracts.zego.message import MAX_RELAYS
from mediarelay.domain.due import Duty
from mediarelay.domain.songs.events import prune_published
from mediarelay.domain.songs.lease import lease
from mediarelay.domain.songs.model import SongType
from mediarelay.errors import (
    Forbidden,
    KmsUnavailable,
    LedgerUnavailable,
    Malformed,
    NotFound,
    TooLarge,
    Unauthenticated,
    Undelivered,
)
from mediarelay.signing.standard_webhooks import sign
from mediarelay.signing.zego import callback_signature
from mediarelay.usecases.songs.read import MAX_HISTORY
from mediarelay.usecases.songs.receive import MAX_BYTES
from tests.contract.odd import ODD, written
from tests.counts import counted
from tests.integration.song_harness import CALLBACK, KEY, WEBHOOK, SongHarness, headers, relay, result
from tests.integration.task_harness import TaskHarness, together

HOUR = 3_600_000
MARGIN = 30_000


@pytest.fixture
def song_harness(table: str) -> SongHarness:
    return SongHarness(table)


def items(song_harness: SongHarness) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = song_harness.stores.table.client.scan(TableName=song_harness.table)["Items"]
    return found


# ── who may relay ──


@pytest.mark.parametrize("spelling", [str.lower, str.capitalize])
@pytest.mark.parametrize("milliseconds", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
def test_zego_s_signature_in_all_its_forms(
    song_harness: SongHarness, spelling: Any, *, milliseconds: bool, as_text: bool
) -> None:
    nonce = 7407715855877898783
    timestamp = int(song_harness.clock().timestamp() * (1000 if milliseconds else 1))
    proof = {"signature": callback_signature(CALLBACK, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if as_text:
        proof = {name: str(value) for name, value in proof.items()}
    (receipt,) = song_harness.post(
        json.dumps(relay() | {spelling(name): value for name, value in proof.items()}).encode()
    )
    assert (receipt.relay.key, receipt.duplicate) == (KEY, False)


def test_a_percent_encoded_body(song_harness: SongHarness) -> None:
    timestamp = int(song_harness.clock().timestamp())
    proof = {"signature": callback_signature(CALLBACK, timestamp, "n"), "timestamp": timestamp, "nonce": "n"}
    assert song_harness.post(quote(json.dumps(relay() | proof)).encode())


def test_standard_webhooks(song_harness: SongHarness) -> None:
    (receipt,) = song_harness.webhook(relay())
    assert (receipt.relay.key, receipt.duplicate) == (KEY, False)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_message_from_another_time_is_refused(song_harness: SongHarness, seconds: int) -> None:
    song_harness.webhook(relay(), sent=song_harness.clock() + timedelta(seconds=seconds * 0.99))
    with pytest.raises(Unauthenticated):
        song_harness.webhook(relay(), sent=song_harness.clock() + timedelta(seconds=seconds))


@pytest.mark.parametrize("number", range(12))
def test_what_is_not_proved_is_refused_and_nothing_is_stored(song_harness: SongHarness, number: int) -> None:
    now = str(int(song_harness.clock().timestamp()))
    body = json.dumps(relay()).encode()
    signed = {"signature": callback_signature(CALLBACK, now, "n"), "timestamp": now, "nonce": "n"}
    attempts: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (b"no json", {}),
        (b"", {}),
        (body, headers("msg", now, "v1,AAAA")),
        (body, headers("", now, "")),
        *(
            (body, headers("msg", time, sign(WEBHOOK, "msg", time, body)))
            for time in ("soon", "9" * 20, "9" * 12, "9" * 10)
        ),
        (json.dumps(relay() | signed | {"nonce": "other"}).encode(), {}),
        (json.dumps(relay() | signed | {"signature": ""}).encode(), {}),
        (json.dumps(relay() | signed | {"signature": "\ud800", "nonce": "\ud800"}).encode(), {}),
    ]
    with pytest.raises(Unauthenticated):
        song_harness.post(*attempts[number])
    assert items(song_harness) == []


@pytest.mark.parametrize("nothing", ["", " ", None, False, 0, [], {}, [None], [""], [[]]])
def test_without_a_live_secret_the_door_is_closed(song_harness: SongHarness, nothing: Any) -> None:
    song_harness.secrets.content = {"callback_secrets": nothing, "webhook_secrets": nothing}
    for secret in ("", str(nothing), "None", "[]"):
        with pytest.raises(Unauthenticated):
            song_harness.zego(relay(), secret=secret)
    for secret in ("", "whsec_", "None"):  # the last is base64, too
        with pytest.raises(Unauthenticated):
            song_harness.webhook(relay(), secret=secret)


def test_secrets_may_be_lists(song_harness: SongHarness) -> None:
    song_harness.secrets.content = {"callback_secrets": ["other", CALLBACK], "webhook_secrets": [WEBHOOK]}
    assert song_harness.zego(relay())
    assert song_harness.webhook(relay())


def test_a_fast_clock_gains_nothing(song_harness: SongHarness) -> None:
    short: dict[str, Any] = {"token_ttl": 300_000, "resources": [{"resource_id": "x", "resource_ttl": 300_000}]}
    song_harness.webhook(relay(result(**short)), sent=song_harness.clock() + timedelta(minutes=4))
    song_harness.clock.forward(minutes=2)
    song_harness.webhook(relay(result(resources=[{"resource_id": "y", "resource_ttl": 2 * HOUR}])))
    assert song_harness.song()["resources"][0]["ms_left"] == 2 * HOUR - MARGIN


def test_a_fast_clock_does_not_keep_sharing_alive(song_harness: SongHarness) -> None:
    song_harness.webhook(relay(), sent=song_harness.clock() + timedelta(minutes=4))
    song_harness.clock.forward(minutes=2)
    song_harness.webhook(relay(song_id=KEY.song, resource_type=1, error_code=1017050, of={}))
    assert "share_ms_left" not in song_harness.song()


def test_from_elsewhere(song_harness: SongHarness) -> None:
    with pytest.raises(Forbidden):
        song_harness.post(b"{}", address="198.51.100.1")


def test_a_nonce_serves_one_message_and_its_repeats(song_harness: SongHarness) -> None:
    message = relay()
    assert [receipt.duplicate for receipt in song_harness.zego(message, "n")] == [False]
    assert [receipt.duplicate for receipt in song_harness.zego(message, "n")] == [True]
    with pytest.raises(Unauthenticated):
        song_harness.zego(relay(), "n")


# ── what is stored ──


def test_a_signature_serves_one_message_however_its_digits_are_divided(song_harness: SongHarness) -> None:
    """ZEGO's signature joins timestamp and nonce, so digits may move from one to the other."""
    now, nonce = str(int(song_harness.clock().timestamp())), "7407715855877898783"
    proof = {"signature": callback_signature(CALLBACK, now, nonce), "timestamp": now, "nonce": nonce}
    song_harness.post(json.dumps(relay() | proof).encode())
    moved = proof | {"timestamp": now + nonce[:3], "nonce": nonce[3:]}
    assert callback_signature(CALLBACK, moved["timestamp"], moved["nonce"]) == proof["signature"]
    with pytest.raises(Unauthenticated):
        song_harness.post(json.dumps(relay() | moved).encode())


def test_a_result_that_was_sent_earlier_counts_as_sent_then(song_harness: SongHarness) -> None:
    """The ledger joins as the domain does, in whichever order relays arrive."""
    old, new = relay(result(share_token_ttl=1000)), relay(result(share_token_ttl=HOUR))
    now = song_harness.clock()
    song_harness.webhook(old, sent=now - timedelta(seconds=2))
    song_harness.webhook(new, sent=now - timedelta(seconds=4))
    assert song_harness.song()["share_ms_left"] == 0
    song_harness.webhook(old, sent=now - timedelta(seconds=6))
    assert song_harness.song()["share_ms_left"] == HOUR - MARGIN


def test_a_relay_that_is_too_large_for_an_item(song_harness: SongHarness) -> None:
    with pytest.raises(TooLarge):
        song_harness.webhook(relay(result(more="x" * 140_000)))
    assert items(song_harness) == []


def test_a_repeat_signed_anew_is_no_write(song_harness: SongHarness) -> None:
    message = relay()
    song_harness.zego(message, "1")
    before = items(song_harness)
    song_harness.clock.forward(minutes=1)
    (receipt,) = song_harness.zego(message, "2")
    assert receipt.duplicate
    assert [item for item in items(song_harness) if item["item"]["S"] == "relay"] == [
        item for item in before if item["item"]["S"] == "relay"
    ]
    assert song_harness.webhook(message)[0].duplicate


def test_a_batch(song_harness: SongHarness) -> None:
    one, other = relay(), relay(result("song"), room_id="room 2")
    receipts = song_harness.webhook({"relays": [one, other, one]})
    assert [receipt.duplicate for receipt in receipts] == [False, False, True]
    assert [song["room_id"] for song in song_harness.reader.room("room 2")["songs"]] == ["room 2"]


@pytest.mark.parametrize(
    "message", [{"relays": []}, {"relays": [{}] * (MAX_RELAYS + 1)}, {"relays": [relay(), {}]}, {}]
)
def test_what_is_malformed_is_kept_without_tokens(song_harness: SongHarness, message: Any) -> None:
    with pytest.raises(Malformed):
        song_harness.webhook(message)
    (kept,) = song_harness.stores.quarantine.bodies(f"{song_harness.clock():%Y-%m-%d}", "")
    assert kept.route == "callbacks/music"
    assert b"eyJ" not in kept.body
    assert b"krc-1" not in kept.body


def test_of_a_batch_the_relay_that_is_refused_is_named(song_harness: SongHarness) -> None:
    with pytest.raises(Malformed, match="is required") as refused:
        song_harness.webhook({"relays": [relay(), {"room_id": "r", "result": result()}]})
    assert refused.value.field == "relays.1.vendor_id"
    assert [item for item in items(song_harness) if item["item"]["S"] == "relay"] == []


def test_a_message_that_is_too_large(song_harness: SongHarness) -> None:
    with pytest.raises(TooLarge):
        song_harness.post(b" " * (MAX_BYTES + 1))


def test_what_could_not_be_taken_is_counted(song_harness: SongHarness, capsys: pytest.CaptureFixture[str]) -> None:
    song_harness.stores.table.client.delete_table(TableName=song_harness.table)
    with pytest.raises(LedgerUnavailable):
        song_harness.webhook(relay())
    assert counted(capsys).total("RelayUnavailable") == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_no_token_and_no_resource_id_is_stored_in_clear(song_harness: SongHarness, *, as_text: bool) -> None:
    marked = result("accompaniment", share_token="CANARY-1", krc_token="CANARY-2")
    song_harness.webhook(relay(json.dumps(marked) if as_text else marked))
    song_harness.follow()
    text = str(items(song_harness))
    stored = [zlib_text(item) for item in items(song_harness) if item["item"]["S"] == "relay"]
    for secret in ("CANARY", "eyJ-resource", "Q0lEOjE"):
        assert secret not in text
        assert secret not in str(stored)
        assert secret not in str(song_harness.topic.messages)
        assert secret not in json.dumps(song_harness.reader.room(KEY.room))
        assert secret not in json.dumps(song_harness.song())
    shown = song_harness.song(tokens=True)
    assert (shown["share_token"], shown["krc_token"]) == ("CANARY-1", "CANARY-2")
    assert shown["resources"][0]["share_token"] == "eyJ-resource"
    assert "Q0lEOjE" not in json.dumps(shown), "an id is good only where it was given"


def zlib_text(item: dict[str, Any]) -> bytes:
    return zlib.decompress(item["body"]["B"])


def test_without_the_key_nothing_is_stored_and_no_token_shown(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    gone = replace(song_harness.cipher, key="00000000-0000-0000-0000-000000000000")
    with pytest.raises(KmsUnavailable):
        replace(song_harness.receiver, cipher=gone).receive(*signed(song_harness, relay()))
    with pytest.raises(KmsUnavailable):
        replace(song_harness.reader.reader, cipher=gone).song(KEY.room, KEY.song, tokens=True)
    assert song_harness.song()["next"] == "use"
    assert len(song_harness.stores.songs.room(KEY.room)[0].relays) == 1


def signed(song_harness: SongHarness, message: Any) -> tuple[dict[str, str], str, Any]:
    body, timestamp = json.dumps(message).encode(), str(int(song_harness.clock().timestamp()))
    return headers("msg", timestamp, sign(WEBHOOK, "msg", timestamp, body)), "192.0.2.1", lambda: body


def test_without_a_ledger(song_harness: SongHarness) -> None:
    song_harness.stores.table.client.delete_table(TableName=song_harness.table)
    with pytest.raises(LedgerUnavailable):
        song_harness.webhook(relay())


# ── what a room may use ──


def test_a_song_as_a_room_sees_it(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    shown = song_harness.song()
    assert shown["next"] == "use"
    assert (shown["share_ms_left"], shown["krc_ms_left"]) == (HOUR - MARGIN, 12 * HOUR - MARGIN)
    assert shown["resources"] == [{"quality": "normal", "size": 3_145_728, "ms_left": 300_000 - MARGIN}]
    assert (shown["room_id"], shown["song_id"], shown["vendor_id"], shown["type"]) == (
        "room 1",
        "104008",
        1,
        "accompaniment",
    )
    assert {"share_token", "krc_token"} & shown.keys() == set()
    assert song_harness.reader.room("room 1") == {"songs": [shown]}
    song_harness.clock.forward(seconds=300)
    assert (song_harness.song()["next"], song_harness.song()["resources"][0]["ms_left"]) == ("share", 0)
    song_harness.clock.forward(hours=1)
    assert song_harness.song()["next"] == "acquire"
    assert "share_token" not in song_harness.song(tokens=True), "what is over is not shown"


def test_rooms_and_songs_of_any_name(song_harness: SongHarness) -> None:
    for room, song in (("客厅/#1", "a#b/c"), ("客厅/#1", "a"), ("客厅", "a#b")):
        song_harness.webhook(relay(result("song", song_id=song), room_id=room))
    assert [song["song_id"] for song in song_harness.reader.room("客厅/#1")["songs"]] == ["a", "a#b/c"]
    assert [song["song_id"] for song in song_harness.reader.song("客厅/#1", "a", tokens=False)["songs"]] == ["a"]
    assert song_harness.reader.room("nowhere") == {"songs": []}
    with pytest.raises(NotFound):
        song_harness.reader.song("客厅", "a", tokens=False)


def test_a_failure_is_explained(song_harness: SongHarness) -> None:
    song_harness.webhook(relay(result("empty"), error_code=1017030, resource_type=1))
    assert song_harness.reader.song(KEY.room, KEY.song, tokens=False)["songs"][0]["error"]["kind"] == "permanent"
    assert song_harness.reader.song(KEY.room, KEY.song, tokens=False)["songs"][0]["next"] == "give_up"


def test_two_results_of_one_request_contradict_each_other(
    song_harness: SongHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    first = result()
    song_harness.webhook(relay(first))
    song_harness.follow()
    assert counted(capsys).total("SongConflicts") == 0
    song_harness.webhook(relay(first | {"data": first["data"] | {"duration": 1}}))
    assert song_harness.song()["conflicts"] == [first["request_id"]]
    assert song_harness.reader.history(KEY.room, KEY.song)["conflicts"] == [first["request_id"]]
    song_harness.follow()
    song_harness.webhook(relay())
    song_harness.follow()
    assert counted(capsys).total("SongConflicts") == 1


# ── history ──


def test_the_history_has_resource_ids_and_no_tokens(song_harness: SongHarness) -> None:
    marked = result("accompaniment", share_token="CANARY-1", krc_token="CANARY-2")
    song_harness.webhook(relay(marked))
    song_harness.clock.now += timedelta(minutes=1)
    song_harness.webhook(relay(result("empty"), resource_type=1, song_id=KEY.song, error_code=1017050))
    history = song_harness.reader.history(KEY.room, KEY.song)
    got, failed = history["relays"]
    assert got["resource_ids"] == [one["resource_id"] for one in marked["data"]["resources"]]
    assert failed["resource_ids"] == []
    assert (got["type"], got["vendor_id"]) == (KEY.type, KEY.vendor)
    assert got["body"]["result"]["request_id"] == marked["request_id"]
    assert got["body"]["result"]["data"]["share_token"].startswith("sha256:")
    assert "CANARY" not in json.dumps(history)


def test_a_long_history_ends_with_the_latest(song_harness: SongHarness) -> None:
    for _ in range(MAX_HISTORY + 1):
        song_harness.webhook(relay(result("song")))
        song_harness.clock.now += timedelta(seconds=1)
    times = [line["at"] for line in song_harness.reader.history(KEY.room, KEY.song)["relays"]]
    assert len(times) == MAX_HISTORY
    assert times == sorted(times)
    assert times[-1] == (song_harness.clock() - timedelta(seconds=1)).isoformat().replace("+00:00", "Z")


def test_a_song_that_nobody_relayed_has_no_history(song_harness: SongHarness) -> None:
    with pytest.raises(NotFound):
        song_harness.reader.history(KEY.room, KEY.song)


def test_the_same_result_as_shared_and_not_is_no_contradiction(song_harness: SongHarness) -> None:
    got = result("shared_clip")
    song_harness.webhook(relay(got))
    song_harness.clock.forward(seconds=1)
    song_harness.webhook(relay(got, shared=True))
    (song,) = song_harness.reader.room(KEY.room)["songs"]
    assert song["conflicts"] == []


def test_of_very_many_contradictions_some_are_shown(song_harness: SongHarness) -> None:
    for number in range(25):
        song_harness.webhook(relay(result("song") | {"request_id": f"{number:02}"}))
        song_harness.webhook(relay(result("song", duration=1) | {"request_id": f"{number:02}"}))
    (song,) = song_harness.reader.room(KEY.room)["songs"]
    assert song["conflicts"] == [f"{number:02}" for number in range(20)]


@pytest.mark.parametrize("room", ["[VIP] 1", "{0f8fad5b-d9cb-469f-a165-70867728950e}", '"x"', '{"share_token": "x"}'])
def test_any_name_of_a_room_is_kept(song_harness: SongHarness, room: str) -> None:
    song_harness.webhook(relay(room_id=room))
    key = replace(KEY, room=room)
    assert "ready" in song_harness.follow(key)
    assert song_harness.topic.messages[0]["data"]["room_id"] == room
    assert song_harness.reader.song(room, KEY.song, tokens=True)["songs"][0]["krc_token"]
    assert song_harness.reader.history(room, KEY.song)["relays"][0]["resource_ids"]


def test_names_and_flags_of_any_spelling_are_kept(song_harness: SongHarness) -> None:
    names = {"song_name": '"Heroes"', "singer_name": "[unknown]", "is_clip": "true"}
    (receipt,) = song_harness.webhook(relay(result("song", **names)))
    (song,) = song_harness.reader.room(KEY.room)["songs"]
    assert (song["name"], song["singer"], song["type"]) == ('"Heroes"', "[unknown]", receipt.relay.key.type)


@pytest.mark.parametrize("shared", [1, "1", "true", "True", True])
def test_flags_in_any_spelling(song_harness: SongHarness, shared: Any) -> None:
    song_harness.webhook(relay(result("shared_clip"), shared=shared))
    assert "share_ms_left" not in song_harness.reader.room(KEY.room)["songs"][0]


def test_a_token_of_the_old_sdk_is_good_as_long_as_sharing_is(song_harness: SongHarness) -> None:
    resources = [
        {"resource_id": "a", "share_token": "T-normal", "quality": "normal", "resource_ttl": 24 * HOUR},
        {"resource_id": "b", "share_token": "T-hq", "quality": "hq", "resource_ttl": 300_000},
    ]
    song_harness.webhook(relay(result(resources=resources)))
    song_harness.clock.forward(minutes=10)
    assert [one["share_token"] for one in song_harness.song(tokens=True)["resources"]] == ["T-normal", "T-hq"]
    song_harness.clock.forward(hours=1)
    assert "T-" not in json.dumps(song_harness.song(tokens=True))


def test_when_sharing_was_ended_no_token_shares(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.clock.forward(seconds=5)
    song_harness.webhook(relay(of={"code": 10011}, song_id=KEY.song, resource_type=1))
    shown = song_harness.song(tokens=True)
    assert shown["resources"][0]["ms_left"]
    assert "share_token" not in json.dumps(shown)


def test_use_what_you_have_is_believed_after_the_end(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.clock.forward(hours=2)
    song_harness.webhook(relay(of={}, song_id=KEY.song, resource_type=1, error_code=1017051))
    song_harness.clock.forward(seconds=5)
    song_harness.webhook(relay(of={}, song_id=KEY.song, resource_type=1, error_code=1017016))
    assert song_harness.song()["next"] == "use"
    song_harness.clock.forward(hours=1, seconds=1)
    assert song_harness.song()["next"] == "acquire"


def test_a_relay_that_cannot_be_read_any_more_is_not_followed_for_ever(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    (kept,) = [item for item in items(song_harness) if item["item"]["S"] == "relay"]
    song_harness.stores.table.client.put_item(
        TableName=song_harness.table, Item=kept | {"body": {"B": zlib.compress(b"{}")}}
    )
    song_harness.clock.forward(minutes=1)
    assert song_harness.sweep() == []
    assert list(song_harness.stores.due_index.waiting(Duty.SONG, song_harness.clock() + timedelta(days=1))) == []


# ── what is said, and when ──


def test_an_end_is_said_once_whatever_is_relayed_after_it(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.follow()
    song_harness.clock.forward(hours=1, minutes=1)
    song_harness.sweep()
    assert song_harness.said() == ["ready", "expiring", "expired"]
    song_harness.webhook(relay(of={"code": 10011}, song_id=KEY.song, resource_type=1))
    song_harness.follow()
    assert song_harness.said() == ["ready", "expiring", "expired", "failed"]
    song_harness.clock.forward(hours=30)
    assert song_harness.sweep() == []


def test_what_was_said_stays_small_enough_to_note(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.follow()
    record = song_harness.stores.songs.load(KEY)
    assert record
    assert record.bookkeeping
    many = {f"{news}#{number:016x}#share#{number:016x}" for number in range(4000) for news in ("expiring", "expired")}
    bookkeeping = replace(record.bookkeeping, published=record.bookkeeping.published | many)
    known = lease(record.relays)
    assert prune_published(known, bookkeeping.published) == record.bookkeeping.published


def test_each_thing_is_said_once_and_never_early(song_harness: SongHarness) -> None:
    song_harness.webhook(relay(result(resources=[{"resource_id": "x", "resource_ttl": 2 * HOUR}])))
    assert song_harness.follow() == ["ready"]
    received, start = [], song_harness.clock()
    for minute in (1, 10, 49, 50, 51, 59, 60, 61, 110, 119, 120, 121, 180):
        song_harness.clock.now = start + timedelta(minutes=minute)
        received += [(minute, said) for said in song_harness.sweep()]
    assert received == [(50, "expiring"), (120, "expired")]
    assert song_harness.said() == ["ready", "expiring", "expired"]
    assert len({message["id"] for message in song_harness.topic.messages}) == 3
    assert {message["subject"] for message in song_harness.topic.messages} == {"room%201/104008/1/accompaniment"}


def test_what_the_stream_lost_is_swept(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    assert song_harness.sweep() == [], "the stream has a head start"
    song_harness.clock.forward(seconds=30)
    assert song_harness.sweep() == ["ready", "expiring"]
    assert song_harness.sweep() == []


def test_a_new_acquisition_speaks_for_the_lease(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.follow()
    song_harness.clock.forward(minutes=55)
    song_harness.webhook(relay(result(resources=[{"resource_id": "x", "resource_ttl": 2 * HOUR}])))
    assert song_harness.follow() == ["ready"]
    song_harness.clock.forward(minutes=10)
    assert song_harness.sweep() == [], "the first one would be over by now"


def test_what_was_shared_later_repeats_no_warning_and_gets_its_own(song_harness: SongHarness) -> None:
    first = result("song", resources=[{"resource_id": "x", "resource_ttl": 2 * HOUR}])
    song_harness.webhook(relay(first, resource_type=1))
    song_harness.follow()
    received, start = [], song_harness.clock()
    for minute in (1, 49, 50, 51, 57, 58, 59, 60, 61, 70, 600, 1247, 1248, 1249, 1257, 1258, 1259, 1300):
        song_harness.clock.now = start + timedelta(minutes=minute)
        if minute == 58:
            long = {"resources": [{"resource_id": "y", "resource_ttl": 20 * HOUR}]}
            song_harness.webhook(relay(result("shared_song", **long), resource_type=1))
            received += [(minute, said) for said in song_harness.follow()]
        received += [(minute, said) for said in song_harness.sweep()]
    assert received == [(50, "expiring"), (58, "ready"), (1248, "expiring"), (1258, "expired")]


def test_what_is_over_at_once_was_ready_all_the_same(song_harness: SongHarness) -> None:
    song_harness.webhook(relay(result("song", share_token_ttl=0, resources=[{"resource_id": "y", "resource_ttl": 0}])))
    song_harness.publisher.publish_due(replace(KEY, type=SongType.SONG))
    assert song_harness.said() == ["ready", "expired"]


@pytest.mark.parametrize(("code", "after"), [(1017051, "use"), (1017012, "use"), (1017016, "acquire")])
def test_an_error_that_is_none_is_shown_and_not_said(song_harness: SongHarness, code: int, after: str) -> None:
    song_harness.webhook(relay("", song_id=KEY.song, resource_type=1, error_code=code))
    song_harness.follow()
    song = song_harness.reader.song(KEY.room, KEY.song, tokens=False)["songs"][0]
    assert (song["next"], song["error"]["code"], song_harness.said()) == (after, code, [])
    assert (song["why"] == song["error"]["advice"]) == (after == "use")
    song_harness.clock.forward(hours=2)
    assert song_harness.reader.song(KEY.room, KEY.song, tokens=False)["songs"][0]["next"] == "acquire"


@pytest.mark.parametrize("code", [1017051, 1017012, 1017016])
def test_an_error_that_is_none_changes_no_advice(song_harness: SongHarness, code: int) -> None:
    song_harness.webhook(relay())
    song_harness.clock.forward(minutes=1)
    song_harness.webhook(relay("", song_id=KEY.song, resource_type=1, error_code=code))
    assert song_harness.song()["next"] == "use"
    song_harness.clock.forward(hours=2)
    assert song_harness.song()["next"] == "acquire"
    song_harness.webhook(relay("", song_id=KEY.song, resource_type=1, error_code=1017030))
    song_harness.clock.forward(seconds=1)
    song_harness.webhook(relay("", song_id=KEY.song, resource_type=1, error_code=code))
    assert song_harness.song()["next"] == "give_up"


def test_nothing_is_said_twice_of_one_acquisition(song_harness: SongHarness) -> None:
    song_harness.webhook(relay(result(resources=[{"resource_id": "x", "resource_ttl": HOUR}])))
    song_harness.follow()
    song_harness.clock.forward(minutes=51)
    assert song_harness.sweep() == ["expiring"]
    song_harness.clock.forward(minutes=4)
    song_harness.webhook(relay("", song_id=KEY.song, resource_type=1, error_code=1017050))
    assert song_harness.follow() == ["failed"]
    song_harness.clock.forward(minutes=10)
    assert song_harness.sweep() == ["expired"]


def test_what_was_over_when_it_came_ends_nothing(song_harness: SongHarness) -> None:
    start = song_harness.clock()
    song_harness.webhook(relay(result("shared_song", resources=[{"resource_id": "x", "resource_ttl": 600_000}])))
    song = replace(KEY, type=SongType.SONG)
    song_harness.publisher.publish_due(song)
    song_harness.clock.forward(minutes=4, seconds=30)
    short = {"share_token_ttl": 20_000, "resources": [{"resource_id": "y", "resource_ttl": 20_000}]}
    song_harness.webhook(relay(result("song", **short)), sent=start - timedelta(seconds=20))
    song_harness.publisher.publish_due(song)
    song_harness.clock.forward(minutes=10)
    assert song_harness.sweep() == ["expired"]
    assert song_harness.said() == ["ready", "expiring", "expired"]


def test_what_was_said_of_relays_that_are_gone_is_forgotten(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.follow()
    (gone,) = [item for item in items(song_harness) if item["item"]["S"] == "relay"]
    song_harness.stores.table.client.delete_item(TableName=song_harness.table, Key={"pk": gone["pk"], "sk": gone["sk"]})
    song_harness.webhook(relay())
    song_harness.follow()
    record = song_harness.stores.songs.load(KEY)
    assert record
    assert record.bookkeeping
    assert {label.split("#")[1] for label in record.bookkeeping.published} == {record.relays[0].digest[:16]}


def test_a_relay_that_can_no_longer_be_read_leaves_its_room_readable(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.webhook(relay(result("song")))
    unread = next(item for item in items(song_harness) if item["item"]["S"] == "relay" and item["type"]["S"] == "song")
    song_harness.stores.table.client.put_item(
        TableName=song_harness.table, Item=unread | {"body": {"B": zlib.compress(b"{}")}}
    )
    assert [song["type"] for song in song_harness.reader.room(KEY.room)["songs"]] == ["accompaniment"]


def test_a_failure_is_said_once(song_harness: SongHarness) -> None:
    for _ in range(2):
        song_harness.webhook(relay({"code": 10011}, song_id=KEY.song, resource_type=1))
        song_harness.clock.forward(seconds=5)
        song_harness.follow()
    assert song_harness.said() == ["failed"]
    song_harness.clock.forward(seconds=1)
    song_harness.webhook(relay({"code": 10011, "request_id": "x"}, song_id=KEY.song, resource_type=1))
    song_harness.follow()
    assert song_harness.said() == ["failed", "failed"]


def test_over_before_anybody_was_reported_it_is_not_expiring(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.clock.forward(hours=2)
    assert song_harness.sweep() == ["ready", "expired"]


def test_a_topic_that_is_down_leaves_it_due(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    song_harness.topic.down = True
    with pytest.raises(Undelivered):
        song_harness.follow()
    song_harness.topic.down = False
    song_harness.clock.forward(minutes=1)
    assert song_harness.sweep() == ["ready", "expiring"]


def test_while_the_topic_is_down_a_tick_tries_two_batches_of_songs(table: str) -> None:
    harness, song_harness = TaskHarness(table), SongHarness(table)
    for number in range(25):
        song_harness.webhook(relay() | {"room_id": f"room {number}"})
    harness.topic.down = True
    harness.clock.forward(minutes=1)
    harness.sweep()
    assert len(list(harness.stores.due_index.waiting(Duty.SONG, harness.clock()))) == 25 - 11
    harness.topic.down = False
    harness.clock.forward(minutes=1)
    assert harness.sweep()["song"] == 25


def test_racing_followers_write_once_each(song_harness: SongHarness) -> None:
    song_harness.webhook(relay())
    together([song_harness.follow] * 4)
    assert len({message["id"] for message in song_harness.topic.messages}) == 2
    assert song_harness.sweep() == []


# ── relays from other languages ──


DOUBLES: dict[str, Any] = {
    "room_id": "room-1",
    "vendor_id": 1.0,
    "result": {
        "code": 0.0,
        "message": "success",
        "request_id": "r1",
        "data": {
            "song_id": "104008",
            "is_accompany": 1.0,
            "has_original": 1.0,
            "duration": 240000.0,
            "token_ttl": 3600000.0,
            "krc_token": "k",
            "krc_token_ttl": 43200000.0,
            "resources_size": 1.0,
            "resources": [{"resource_id": "x", "size": 3145728.0, "quality": "normal", "resource_ttl": 7200000.0}],
        },
    },
}
"""As Gson and Lua write it."""


def from_php() -> dict[str, Any]:
    """The same, as PHP writes it: numbers as integers, lists with the places as names."""
    fields: dict[str, Any] = json.loads(json.dumps(DOUBLES), parse_float=lambda text: int(float(text)))
    data = fields["result"]["data"]
    return fields | {"result": fields["result"] | {"data": data | {"resources": {"1": data["resources"][0]}}}}


@pytest.mark.parametrize("message", [DOUBLES, from_php()], ids=["doubles", "keys"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_relay_from_another_language_is_taken_with_all_it_gives(
    song_harness: SongHarness, message: dict[str, Any], *, as_text: bool
) -> None:
    sent = message | ({"result": json.dumps(message["result"])} if as_text else {})
    (receipt,) = song_harness.webhook(sent)
    assert receipt.relay.key == replace(KEY, room="room-1")
    (song,) = song_harness.reader.song("room-1", "104008", tokens=True)["songs"]
    assert (song["type"], song["next"], song["duration"]) == ("accompaniment", "use", 240_000)
    assert song["resources"] == [{"quality": "normal", "size": 3_145_728, "ms_left": 2 * HOUR - MARGIN}]
    assert (song["share_ms_left"], song["krc_ms_left"]) == (HOUR - MARGIN, 12 * HOUR - MARGIN)
    assert (song["krc_token"], song["has_original"]) == ("k", True)


def test_the_same_result_in_another_language_is_a_repeat(song_harness: SongHarness) -> None:
    """Else it would count from now, last longer, and contradict itself."""
    song_harness.webhook(DOUBLES)
    song_harness.clock.forward(minutes=5)
    assert [receipt.duplicate for receipt in song_harness.webhook(from_php())] == [True]
    (song,) = song_harness.reader.song("room-1", "104008", tokens=False)["songs"]
    assert song["share_ms_left"] == HOUR - MARGIN - 300_000
    assert song["conflicts"] == []


@pytest.mark.parametrize("name", ["is_accompany", "is_clip"])
def test_a_relay_with_an_unknown_flag_is_refused_and_kept(song_harness: SongHarness, name: str) -> None:
    fields = from_php()
    fields["result"]["data"][name] = "yes"
    with pytest.raises(Malformed) as refused:
        song_harness.webhook(fields)
    assert refused.value.field == f"result.data.{name}"
    (kept,) = song_harness.stores.quarantine.bodies(f"{song_harness.clock():%Y-%m-%d}", "")
    assert b'"room-1"' in kept.body
    assert song_harness.reader.room("room-1") == {"songs": []}


ODD_SIDE = {
    "duration": "N/A",
    "song_name": [CANARY := "CANARY-4f9a77"],
    "prelude_duration": {CANARY: -1},
    "other_segments": "x",
    "has_original": "perhaps",
}
UNREADABLE = ["duration", "has_original", "other_segments", "prelude_duration", "resources.size", "song_name"]


@pytest.mark.parametrize("as_text", [True, False])
def test_a_relay_with_odd_side_fields_is_taken(
    song_harness: SongHarness, capsys: pytest.CaptureFixture[str], *, as_text: bool
) -> None:
    odd = result("accompaniment", **ODD_SIDE)
    odd["data"]["resources"][0]["size"] = "big"
    for _ in range(2):
        song_harness.webhook(relay(json.dumps(odd) if as_text else odd))
    names = [f"result.data.{name}" for name in UNREADABLE]
    assert counted(capsys).by("FieldsUnreadable", "field") == dict.fromkeys(names, 1), "a repeat is counted once"
    song_harness.webhook(relay(result("accompaniment"), room_id="room 2"))
    (song,), (plain,) = (
        song_harness.reader.song(room, KEY.song, tokens=True)["songs"] for room in (KEY.room, "room 2")
    )
    same = {"next", "why", "type", "share_ms_left", "krc_ms_left", "share_token", "krc_token"}
    assert {name: song.get(name) for name in same} == {name: plain.get(name) for name in same}
    assert not {"duration", "name", "prelude", "has_original"} & song.keys()
    (line,) = song_harness.reader.history(KEY.room, KEY.song)["relays"]
    assert line["unreadable"] == names
    assert CANARY not in json.dumps(song_harness.reader.history(KEY.room, KEY.song))
    assert CANARY not in str([zlib_text(item) for item in items(song_harness) if item["item"]["S"] == "relay"])


def test_what_a_time_that_cannot_be_read_is_about_is_over(song_harness: SongHarness) -> None:
    odd = result("accompaniment")
    odd["data"]["resources"][0]["resource_ttl"] = "N/A"
    song_harness.webhook(relay(odd))
    assert song_harness.follow() == ["ready"]
    song = song_harness.song(tokens=True)
    assert (song["next"], song["resources"][0]["ms_left"], song["share_ms_left"]) == ("share", 0, HOUR - MARGIN)
    odd = result("accompaniment", krc_token_ttl="N/A", token_ttl="N/A")
    del odd["data"]["resources"][0]["resource_ttl"]
    song_harness.clock.forward(seconds=1)
    song_harness.webhook(relay(odd))
    assert song_harness.follow() == ["ready", "expired"]
    song = song_harness.song(tokens=True)
    assert (song["next"], song["share_ms_left"], song["krc_ms_left"]) == ("acquire", 0, 0)
    assert not {"share_token", "krc_token"} & song.keys()


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_any_odd_value_is_stored_and_shown(song_harness: SongHarness, value: Any) -> None:
    names = ("duration", "song_name", "singer_name", "has_original", "prelude_duration", "other_segments", "more")
    odd = result("accompaniment", **dict.fromkeys((*names, "krc_token", "share_token_ttl"), value))
    odd |= {"message": value, "request_id": value}
    body, timestamp = written(relay(odd)), str(int(song_harness.clock().timestamp()))
    (receipt,) = song_harness.post(body, headers("msg", timestamp, sign(WEBHOOK, "msg", timestamp, body)))
    assert "ready" in song_harness.follow()
    json.dumps(song_harness.song(tokens=True), allow_nan=False)
    history = song_harness.reader.history(KEY.room, KEY.song)
    assert tuple(history["relays"][0]["unreadable"]) == receipt.relay.unreadable
    respond(200, history)


# ── names in paths ──


@pytest.mark.parametrize("arrives", ["50%", "50%25"])
def test_a_percent_in_a_path_may_arrive_as_it_is_or_encoded(song_harness: SongHarness, arrives: str) -> None:
    song_harness.webhook(relay(room_id="50%"))
    assert song_harness.reader.resolve(arrives) == ("50%",)
    assert song_harness.reader.resolve(arrives, "104008") == ("50%", "104008")


def test_a_percent_that_may_mean_two_rooms_is_refused(song_harness: SongHarness) -> None:
    for room in ("50%", "50%25"):
        song_harness.webhook(relay(room_id=room))
    assert song_harness.reader.resolve("50%") == ("50%",)
    with pytest.raises(Malformed, match=r"^room_id: names more than one .* GET /songs$"):
        song_harness.reader.resolve("50%25")


def test_a_percent_that_means_nothing_known_is_taken_as_it_is(song_harness: SongHarness) -> None:
    assert song_harness.reader.resolve("a%2Fb", "c%") == ("a%2Fb", "c%")


# ── many pieces ──


def test_pieces_are_opened_several_at_a_time_and_joined_in_order(
    song_harness: SongHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest relay has 32 pieces, a history 50 of those: one after the other they would take too long."""
    plain = bytes(range(256)) * 16 * READERS
    encrypted = song_harness.cipher.encrypt(plain, {"room": "r"})
    assert len(encrypted) == READERS
    barrier, decrypt = Barrier(READERS, timeout=30), song_harness.cipher.client.decrypt

    def at_once(**request: Any) -> Any:
        barrier.wait()
        return decrypt(**request)

    monkeypatch.setattr(song_harness.cipher.client, "decrypt", at_once)
    assert song_harness.cipher.decrypt(encrypted, {"room": "r"}) == plain


def test_too_many_relays_are_not_said_to_be_no_json(song_harness: SongHarness) -> None:
    with pytest.raises(Malformed, match=r"^relays: must be a list of 1 to 100$"):
        song_harness.webhook({"relays": [relay()] * 101})
    (kept,) = song_harness.stores.quarantine.bodies(f"{song_harness.clock():%Y-%m-%d}", "")
    assert kept.reason == "relays: must be a list of 1 to 100"
    assert re.fullmatch(rb"\d+ bytes; not kept, as they may hold tokens", kept.body)
