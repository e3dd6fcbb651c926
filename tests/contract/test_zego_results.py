"""ZEGO's results, every variant: what a relay becomes, and which relays are refused by the name of a field."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.contracts.zego.checks import inconsistencies
from mediarelay.contracts.zego.message import read_message
from mediarelay.contracts.zego.redaction import redact
from mediarelay.contracts.zego.relay import KRC_TTL, SHARE_TTL, read_relay
from mediarelay.contracts.zego.values import READ_TEXTS
from mediarelay.domain.songs.errors import ErrorClass
from mediarelay.domain.songs.model import Grant, Relay, SongType, Span
from mediarelay.errors import Malformed
from tests.hypothesis_profiles import patient

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads" / "zego"


def payload(name: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return found | {"data": {k: v for k, v in (found.get("data", {}) | changes).items() if v is not ...}}


def relay(result: Any, **fields: Any) -> Relay:
    return read_relay({"room_id": "r1", "vendor_id": 1, "result": result} | fields, NOW, NOW)


def grant(result: Any, **fields: Any) -> Grant:
    found = relay(result, **fields).grant
    assert found
    return found


@pytest.mark.parametrize(
    ("name", "kind", "shared", "share_ttl", "krc_ttl"),
    [
        ("song", SongType.SONG, False, 3_600_000, None),
        ("accompaniment", SongType.ACCOMPANIMENT, False, 3_600_000, 43_200_000),
        ("long_clip", SongType.CLIP, False, 3_600_000, 43_200_000),
        ("short_segment", SongType.SEGMENT, False, 1_800_000, 43_200_000),
        ("shared_song", SongType.SONG, True, None, None),
        ("shared_accompaniment", SongType.ACCOMPANIMENT, True, None, 43_200_000),
        ("shared_clip", SongType.SEGMENT, False, 3_600_000, 43_200_000),
        ("legacy_song", SongType.SONG, False, SHARE_TTL, None),
    ],
)
def test_every_variant(name: str, kind: SongType, share_ttl: int | None, krc_ttl: int | None, *, shared: bool) -> None:
    found = relay(payload(name))
    assert (found.key.room, found.key.song, found.key.vendor, found.key.type) == ("r1", "104008", 1, kind)
    assert found.grant
    assert (found.grant.shared, found.grant.share_ttl, found.grant.krc_ttl) == (shared, share_ttl, krc_ttl)
    assert found.grant.resources[0].resource_id
    assert found.grant.resources[0].quality == "normal"
    assert inconsistencies(found.grant) == []
    assert relay(json.dumps(payload(name))) == found, "as JSON text it is the same result"


def test_all_fields_of_an_accompaniment() -> None:
    found = grant(payload("accompaniment"))
    assert (found.share_token, found.krc_token) == ("eyJhbGciOiJIUzI1NiIsInR5c", "krc-1")
    assert (found.duration, found.has_original) == (240_000, True)
    (resource,) = found.resources
    assert (resource.size, resource.ttl, resource.share_token) == (3_145_728, 300_000, "eyJ-resource")


def test_all_fields_of_a_segment() -> None:
    found = grant(payload("short_segment"))
    assert (found.segment, found.prelude) == (Span(30_000, 90_000), 0)
    assert found.others == (Span(0, 10_000), Span(20_000, 30_000))
    assert (grant(payload("song")).name, grant(payload("song")).singer) == ("Song", "Singer")


@pytest.mark.parametrize(
    ("changes", "share_ttl"),
    [
        ({"share_token_ttl": 5, "token_ttl": 7}, 5),
        ({"share_token_ttl": ..., "token_ttl": 7}, 7),
        ({"share_token_ttl": ..., "token_ttl": ..., "share_token": "x"}, SHARE_TTL),
        ({"share_token_ttl": 0}, 0),
        ({"share_token_ttl": "60000"}, 60_000),
    ],
)
def test_how_long_it_may_be_shared(changes: dict[str, Any], share_ttl: int) -> None:
    assert grant(payload("song", **changes)).share_ttl == share_ttl


@pytest.mark.parametrize(("stated", "ttl"), [(True, None), (False, SHARE_TTL)])
def test_the_relay_may_say_that_it_was_shared(stated: bool, ttl: int | None) -> None:
    assert grant(payload("shared_song"), shared=stated).share_ttl == ttl
    assert grant(payload("shared_clip"), shared=stated).share_ttl == ttl


def test_a_krc_token_without_its_time_lasts_as_documented() -> None:
    assert grant(payload("accompaniment", krc_token_ttl=...)).krc_ttl == KRC_TTL


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"is_clip": 1, "is_accompany": 1}, SongType.CLIP),
        ({"is_clip": 1, "other_segments": [{"begin": 0, "end": 1}]}, SongType.SEGMENT),
        ({"is_clip": 0, "is_accompany": 1}, SongType.ACCOMPANIMENT),
        ({"is_clip": "1"}, SongType.CLIP),
        ({"is_accompany": ...}, SongType.SONG),
    ],
)
def test_types_are_reported_apart(changes: dict[str, Any], kind: SongType) -> None:
    assert relay(payload("song", **changes)).key.type is kind
    for stated in (3, "3", "segment"):
        assert relay(payload("song", **changes), resource_type=stated).key.type is SongType.SEGMENT


def test_code_0_with_nothing_is_a_failure() -> None:
    found = relay(payload("empty"), resource_type=1)
    assert found.grant is None
    assert found.error
    assert (found.error.code, found.error.kind) == (0, ErrorClass.PERMANENT)


@pytest.mark.parametrize(
    ("fields", "code", "raw"),
    [
        ({"result": payload("service_error")}, 1017050, 10011),
        ({"result": payload("empty"), "error_code": 1017030}, 1017030, 1017030),
        ({"result": payload("song"), "error_code": 1017010}, 1017010, 1017010),
        ({"result": None, "error_code": 320010011}, 1017050, 320010011),
        ({"result": "", "error_code": "1017097"}, 1017097, 1017097),
        ({"result": {"code": 99, "data": None}}, 99, 99),
    ],
)
def test_both_families_of_codes(fields: dict[str, Any], code: int, raw: int) -> None:
    found = relay(**{"result": None, "song_id": "104008", "resource_type": 0} | fields)
    assert found.error
    assert (found.error.code, found.error.raw) == (code, raw)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"room_id": ""}, "room_id"),
        ({"room_id": None}, "room_id"),
        ({"room_id": "x" * 129}, "room_id"),
        ({"room_id": "a\nb"}, "room_id"),
        ({"vendor_id": None}, "vendor_id"),
        ({"vendor_id": -1}, "vendor_id"),
        ({"vendor_id": 1.5}, "vendor_id"),
        ({"vendor_id": True}, "vendor_id"),
        ({"resource_type": 4}, "resource_type"),
        ({"resource_type": True}, "resource_type"),
        ({"error_code": "x"}, "error_code"),
        ({"result": 7}, "result"),
        ({"result": "7"}, "result"),
        ({"result": None}, "song_id"),
        ({"result": {"code": "x"}}, "result.code"),
        ({"result": payload("empty")}, "resource_type"),
        ({"result": payload("service_error"), "song_id": "1"}, "resource_type"),
        ({"result": payload("song", resources=[{}] * 33)}, "result.data.resources"),
        ({"result": {"data": []}}, "song_id"),
        ({"result": {"data": 7}}, "result.data"),
        ({"shared": "perhaps"}, "shared"),
        ({"result": payload("song", resources=[7])}, "result.data.resources"),
        ({"result": payload("song", resources="x")}, "result.data.resources"),
        ({"result": payload("long_clip", other_segments=[{}] * 33)}, "result.data.other_segments"),
        ({"result": payload("long_clip", other_segments="x")}, "result.data.other_segments"),
        ({"result": payload("song", is_clip="yes"), "resource_type": 0}, "result.data.is_clip"),
        (
            {"result": payload("service_error") | {"data": {"is_accompany": 7}}, "song_id": "1"},
            "result.data.is_accompany",
        ),
    ],
)
def test_what_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as refused:
        relay(**{"result": payload("song")} | fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("variant", "changes", "field"),
    [
        ("song", {"other_segments": [{}] * 33}, "other_segments"),
        ("song", {"token_ttl": "soon", "share_token_ttl": ...}, "token_ttl"),
        ("song", {"token_ttl": -1, "share_token_ttl": ...}, "token_ttl"),
        ("song", {"krc_token": 7}, "krc_token"),
        ("song", {"share_token": "x" * 4097}, "share_token"),
        ("song", {"duration": "N/A"}, "duration"),
        ("song", {"song_name": ["x"]}, "song_name"),
        ("song", {"has_original": "yes"}, "has_original"),
        ("song", {"other_segments": "x"}, "other_segments"),
        ("song", {"other_segments": [{"end": "x", "begin": 1}]}, "other_segments.end"),
        ("long_clip", {"segment_begin": "x"}, "segment_begin"),
        ("long_clip", {"prelude_duration": "x"}, "prelude_duration"),
        ("song", {"resources": [{"resource_ttl": "x"}]}, "resources.resource_ttl"),
        ("song", {"resources": [{"size": "big"}]}, "resources.size"),
        ("song", {"resources": [{}, {"size": -1}]}, "resources.size"),
        ("song", {"resources": [{}, 7]}, "resources"),
    ],
)
def test_what_is_not_known_is_named(variant: str, changes: dict[str, Any], field: str) -> None:
    found = relay(payload(variant, **changes))
    assert found.unreadable == (f"result.data.{field}",)
    assert found.grant


def test_one_resource_may_be_an_object_as_the_tables_say() -> None:
    assert len(grant(payload("song", resources={"resource_id": "x", "quality": "sq"})).resources) == 1


@pytest.mark.parametrize(
    ("changes", "oddity"),
    [
        ({"segment_begin": -1}, "a segment begins before the song"),
        ({"prelude_duration": -1}, "a segment begins before the song"),
        ({"other_segments": [{"begin": -1, "end": 1}]}, "a segment begins before the song"),
        ({"segment_begin": 9, "segment_end": 9}, "a segment ends before it begins"),
        ({"duration": 89_999}, "the segment ends after the song"),
        ({"other_segments": [{"begin": 0, "end": 60_001}]}, "another segment ends after the clip"),
        ({"resources": [{"quality": "normal"}]}, "a resource has no resource_id"),
    ],
)
def test_what_is_odd_is_named_and_kept(changes: dict[str, Any], oddity: str) -> None:
    assert oddity in inconsistencies(grant(payload("short_segment", **changes)))


@pytest.mark.parametrize("names", [("signature", "timestamp", "nonce"), ("Signature", "Timestamp", "Nonce")])
@pytest.mark.parametrize("nonce", [7407715855877898783, "7407715855877898783", "abcdd22113"])
@pytest.mark.parametrize("timestamp", [1724743250, "1724743250123"])
def test_signature_fields_are_kept_exactly(names: tuple[str, ...], nonce: Any, timestamp: Any) -> None:
    fields = dict(zip(names, ("s", timestamp, nonce), strict=True)) | {"room_id": "r"}
    message = read_message(json.dumps(fields).encode())
    assert message.signed
    assert (message.signed.signature, message.signed.timestamp, message.signed.nonce) == (
        "s",
        str(timestamp),
        str(nonce),
    )
    assert message.relays == ({"room_id": "r"},)
    assert read_message(b'{"room_id": "r"}').signed is None
    assert read_message(b'{"room_id": "r"}').digest == message.digest, "signed anew it is the same content"


@pytest.mark.parametrize(
    "fields", [{"nonce": "1"}, {"signature": "x", "timestamp": 1.5, "nonce": 1}, {"signature": {}}]
)
def test_half_a_signature_is_none(fields: dict[str, Any]) -> None:
    assert read_message(json.dumps(fields).encode()).signed is None


def test_percent_encoded_once() -> None:
    body = json.dumps({"room_id": "客厅 50%25", "result": {}}, ensure_ascii=False).encode()
    assert read_message(quote(body).encode()) == read_message(body)
    with pytest.raises(Malformed):
        read_message(quote(quote(body)).encode())


@pytest.mark.parametrize("body", [b'{"room_id": "r",}', b'{"room_id": "a\tb"}', b'{"room_id": NaN}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_message(body)


@pytest.mark.parametrize("relays", [[], [{}] * 101, {}, "x", [7]])
def test_batches_have_1_to_100_relays(relays: Any) -> None:
    with pytest.raises(Malformed, match="relays"):
        read_message(json.dumps({"relays": relays}).encode())
    assert len(read_message(json.dumps({"relays": [{}] * 100}).encode()).relays) == 100


def test_relays_of_one_message_come_one_after_the_other() -> None:
    first, second = (
        read_relay({"room_id": "r", "vendor_id": 0, "result": payload("song")}, NOW, NOW, number) for number in (0, 1)
    )
    assert second.at - first.at == timedelta(microseconds=1)
    assert first.digest == second.digest


@pytest.mark.parametrize("spelling", [{}, {"error_code": 0}, {"error_code": "0"}, {"error_code": ""}])
def test_the_same_result_is_the_same_however_its_success_is_spelt(spelling: dict[str, Any]) -> None:
    assert relay(payload("song"), **spelling).digest == relay(payload("song")).digest


def test_the_same_error_in_another_message_is_another_one() -> None:
    fields = {"room_id": "r", "vendor_id": 1, "song_id": "s", "resource_type": 0, "error_code": 1017050, "result": ""}
    first = read_relay(fields, NOW, NOW, 0, "m1").digest
    assert first == read_relay(fields, NOW + timedelta(seconds=5), NOW, 0, "m1").digest, "sent again"
    assert first != read_relay(fields, NOW, NOW, 0, "m2").digest
    assert first != read_relay(fields, NOW, NOW, 1, "m1").digest


@pytest.mark.parametrize("variant", sorted(path.stem for path in PAYLOADS.glob("*.json")))
@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("as_text", [True, False])
def test_what_is_left_after_redaction_is_read_alike(variant: str, *, empty: bool, as_text: bool) -> None:
    result = payload(variant, **({"share_token": "", "krc_token": None} if empty else {}))
    fields = {"room_id": "r", "vendor_id": 1, "song_id": "104008", "resource_type": 1}
    whole = fields | {"result": json.dumps(result) if as_text else result}
    one, other = read_relay(whole, NOW, NOW), read_relay(redact(whole), NOW, NOW)
    assert one.error == other.error
    assert bool(one.grant) == bool(other.grant)
    if one.grant and other.grant:
        assert (one.grant.shared, one.grant.share_ttl, one.grant.krc_ttl) == (
            other.grant.shared,
            other.grant.share_ttl,
            other.grant.krc_ttl,
        )
        assert (one.grant.share_token is None, one.grant.krc_token is None) == (
            other.grant.share_token is None,
            other.grant.krc_token is None,
        )


@pytest.mark.parametrize("value", ["CANARY", ["CANARY"], {"v": "CANARY"}])
@pytest.mark.parametrize("name", ["share_token", "krc_token", "resource_id"])
def test_redaction_spares_no_form(name: str, value: Any) -> None:
    inner = {"data": {name: value, "resources": [{name: value}]}}
    text = json.dumps(inner)
    forms = [inner, {"result": inner}, {"result": text}, {"result": f"no json {text}"}, {"raw": text}, {"Result": text}]
    forms += [{"result": [text]}, {"result": {"data": text}}, {"result": json.dumps({"data": text})}, {"message": text}]
    forms += [{name.upper(): value}, {"result": {"data": {"resources": text}}}]
    for message in forms:
        assert "CANARY" not in json.dumps(redact([message]))


def test_nothing_secret_is_left_after_redaction() -> None:
    body = {"result": payload("accompaniment"), "more": [{"krc_token": "krc-9"}]}
    text = json.dumps(redact(body))
    for secret in ("eyJ", "krc-", "Q0lE"):
        assert secret not in text
    assert redact(body)["result"]["data"]["song_id"] == "104008"


@patient
@given(
    body=st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["room_id", "vendor_id", "result", "data", "resources", "code", "song_id", "nonce", "relays"]
                ),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    with suppress(Malformed):
        for fields in read_message(body).relays:
            found = read_relay(fields, NOW, NOW)
            assert (found.grant is None) != (found.error is None)


@pytest.mark.parametrize("text", ["{'share_token': 'X'}", "[share_token=X]", '["X"]', '{"share_token": "X"', '"X"'])
@pytest.mark.parametrize("name", ["message", "request_id", "quality", "resource_type"])
def test_of_a_text_that_may_hold_tokens_only_the_length_is_kept(name: str, text: str) -> None:
    assert redact({name: text}) == {name: length(text, name)}


def length(text: str, name: str) -> Any:
    """What is kept of a text: where one would be read again, it is in a list, so that it is not taken for the text."""
    kept = f"{len(text)} characters"
    return [kept] if name in READ_TEXTS else kept


@pytest.mark.parametrize(
    "text", ['failed: {"share_token":"X"}', '\ufeff{"a": 1}', 'x {"krc_token" : "X"}', "SHARE_TOKEN=X"]
)
@pytest.mark.parametrize("name", ["message", "song_name", "room_id"])
def test_of_a_text_that_names_a_secret_only_the_length_is_kept(name: str, text: str) -> None:
    assert redact({name: text}) == {name: length(text, name)}


def test_a_plain_message_is_kept() -> None:
    assert redact({"message": "[1017030] no licence"}) == {"message": "[1017030] no licence"}


@pytest.mark.parametrize("text", ['"Heroes"', "[VIP] 1", "{0f8fad5b}"])
@pytest.mark.parametrize("name", ["room_id", "song_id", "song_name", "singer_name"])
def test_names_are_kept_in_any_spelling(name: str, text: str) -> None:
    assert redact({name: text}) == {name: text}
