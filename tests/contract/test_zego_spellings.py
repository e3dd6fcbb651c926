"""Relays as other languages spell them: doubles, numbers as text, lists as objects; and what nobody can read twice."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.contracts.zego.message import read_message
from mediarelay.contracts.zego.redaction import redact
from mediarelay.contracts.zego.relay import read_relay
from mediarelay.domain.songs.model import Relay, SongType
from mediarelay.errors import Malformed
from tests.hypothesis_profiles import patient

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads" / "zego"
VARIANTS = sorted(path.stem for path in PAYLOADS.glob("*.json"))
TEXTS = {"request_id", "message", "song_name", "singer_name", "song_id", "quality"}
TOKENS = {"share_token", "krc_token", "resource_id"}
FLAGS = ("is_accompany", "is_clip", "has_original")
INTEGERS = ("duration", "token_ttl", "share_token_ttl", "krc_token_ttl", "prelude_duration", "segment_begin")


def whole(name: str) -> dict[str, Any]:
    """A complete relay of a documented result, with every integer that the documents name."""
    result = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return {
        "room_id": "r1",
        "vendor_id": 1,
        "song_id": "104008",
        "resource_type": 1,
        "error_code": 0,
        "shared": 0,
        "result": result,
    }


def read(fields: dict[str, Any]) -> Relay:
    """Read a relay as it comes from the wire."""
    (sent,) = read_message(json.dumps(fields).encode()).relays
    return read_relay(sent, NOW, NOW)


def outcome(fields: dict[str, Any]) -> Relay | str:
    """The relay, or the field for which it is refused, or that cannot be read."""
    try:
        found = read(fields)
    except Malformed as error:
        return error.field
    return ",".join(found.unreadable) or found


def java(value: int) -> str:
    """Java's `Double.toString`, scientific from 10^7 on."""
    mantissa, _, exponent = f"{Decimal(value).normalize():E}".partition("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


SPELLINGS: dict[str, Any] = {
    "integer": lambda value: value,
    "double": float,
    "text": str,
    "double as text": lambda value: str(float(value)),
    "with a sign": lambda value: f"{value:+d}",
    "with blanks": lambda value: f" {value}\n",
    "Java": lambda value: java(value) if abs(value) >= 10**7 else str(float(value)),
}
spelt = st.sampled_from(sorted(SPELLINGS))


def respelt(value: Any, draw: Any, name: str = "") -> Any:
    """The same JSON with every integer outside of texts in a spelling that is drawn for it."""
    if isinstance(value, dict):
        return {inner: respelt(member, draw, inner) for inner, member in value.items()}
    if isinstance(value, list):
        return [respelt(member, draw, name) for member in value]
    if isinstance(value, int) and name not in TEXTS | TOKENS:
        return SPELLINGS[draw(spelt)](value)
    return value


@pytest.mark.parametrize("variant", VARIANTS)
@patient
@given(data=st.data())
def test_every_spelling_of_every_integer_gives_the_same_relay(variant: str, data: st.DataObject) -> None:
    fields = whole(variant)
    other = respelt(fields, data.draw)
    assert read(other) == read(fields)
    assert read(other | {"result": json.dumps(other["result"])}) == read(fields)


@pytest.mark.parametrize("variant", VARIANTS)
@patient
@given(data=st.data())
def test_what_is_stored_of_it_is_read_alike(variant: str, data: st.DataObject) -> None:
    """The ledger reads a relay again from what redaction left of it."""
    other = respelt(whole(variant), data.draw)
    one, again = (read_relay(fields, NOW, NOW) for fields in (whole(variant), redact(other)))
    assert (one.key, one.error, bool(one.grant)) == (again.key, again.error, bool(again.grant))
    if one.grant and again.grant:
        assert (one.grant.share_ttl, one.grant.krc_ttl, one.grant.duration, one.grant.segment, one.grant.others) == (
            again.grant.share_ttl,
            again.grant.krc_ttl,
            again.grant.duration,
            again.grant.segment,
            again.grant.others,
        )
        assert [one.ttl for one in one.grant.resources] == [one.ttl for one in again.grant.resources]


@patient
@given(number=st.integers(-(2**60), 2**60), spelling=spelt, name=st.sampled_from(INTEGERS))
def test_any_number_is_read_exactly_or_is_not_known(number: int, spelling: str, name: str) -> None:
    """A double of 2^53 or more stands for more than one integer: nothing may be read into it."""
    fields = whole("short_segment")
    exact = deepcopy(fields)
    exact["result"]["data"][name] = number
    fields["result"]["data"][name] = SPELLINGS[spelling](number)
    found = outcome(fields)
    below = number < 0 and name not in {"prelude_duration", "segment_begin"}
    if below or abs(number) >= 2**53 - 1:
        assert found in (f"result.data.{name}", outcome(exact))
    else:
        assert found == read(exact)


@pytest.mark.parametrize(
    "value",
    [
        *("1,5", "1.5", "1e-3", "NaN", "Infinity", "0x10", "1_000", "٣", "--5", "5.", ".5", "12 34", "null"),
        *(1.5, 2.0**53, -1.0, True, [5], {"$numberLong": "5"}, "9" * 400, "1e99", 10**400),
    ],
)
def test_what_is_no_whole_number_is_not_known(value: Any) -> None:
    for name in ("token_ttl", "duration"):
        fields = whole("legacy_song")
        fields["result"]["data"][name] = value
        found = read_relay(fields, NOW, NOW)
        assert found.unreadable == (f"result.data.{name}",)
        assert found.grant
        assert (found.grant.share_ttl if name == "token_ttl" else found.grant.duration or 0) == 0
    with pytest.raises(Malformed, match="vendor_id"):
        read_relay(whole("legacy_song") | {"vendor_id": value}, NOW, NOW)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1e3", 1000),
        ("1E3", 1000),
        (1e3, 1000),
        (" 12 ", 12),
        ("+5", 5),
        ("-0", 0),
        (-0.0, 0),
        ("007", 7),
        ("4.32E7", 43_200_000),
    ],
)
def test_odd_spellings_with_one_meaning(value: Any, number: int) -> None:
    fields = whole("short_segment")
    fields["result"]["data"]["token_ttl"] = value
    found = read(fields).grant
    assert found
    assert found.share_ttl == number


def test_infinity_spelt_as_json_is_no_number() -> None:
    text = json.dumps(whole("short_segment")).replace('"token_ttl": 1800000', '"token_ttl": 1e999')
    (fields,) = read_message(text.encode()).relays
    assert read_relay(fields, NOW, NOW).unreadable == ("result.data.token_ttl",)
    json.loads(json.dumps(redact(dict(fields)), allow_nan=False))


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize(
    ("spelling", "flag"),
    [(value, True) for value in (1, 1.0, "1", "1.0", True, "true", "TRUE", " True ", "+1")]
    + [(value, False) for value in (0, 0.0, -0.0, "0", "0.0", False, "false", "False")],
)
def test_every_spelling_of_a_flag(name: str, spelling: Any, *, flag: bool) -> None:
    fields = whole("song")
    del fields["resource_type"]
    fields["result"]["data"] |= dict.fromkeys(FLAGS, 0) | {name: spelling}
    found = read(fields)
    assert found.grant
    assert (found.grant.has_original, found.key.type) == (
        name == "has_original" and flag,
        {"is_accompany": SongType.ACCOMPANIMENT, "is_clip": SongType.CLIP}.get(name, SongType.SONG)
        if flag
        else SongType.SONG,
    )
    spelt_otherwise = deepcopy(fields)
    spelt_otherwise["result"]["data"][name] = int(flag)
    assert read(spelt_otherwise).digest == found.digest


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("nothing", [None, "", " ", [], {}])
def test_a_flag_that_states_nothing_is_not_stated(name: str, nothing: Any) -> None:
    fields = whole("song")
    fields["result"]["data"].pop(name, None)
    assert read(fields | {"result": fields["result"] | {"data": fields["result"]["data"] | {name: nothing}}}) == read(
        fields
    )


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("typed", [True, False])
@patient
@given(
    value=st.one_of(
        st.sampled_from(["yes", "no", "Y", "on", "accompany", 2, -1, 1.5, "2", "tru", "0x1", [0], {"a": 1}, "none"]),
        st.integers().filter(lambda number: number not in {0, 1}),
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(
            lambda text: text.strip() and text.strip().lower() not in {"true", "false"} and not text.strip("+-.e01 \n")
        ),
    )
)
def test_an_unknown_flag_is_never_taken_as_false(name: str, value: Any, *, typed: bool) -> None:
    fields = whole("song")
    fields["result"]["data"][name] = value
    if not typed:
        del fields["resource_type"]
    found = outcome(fields)
    if name == "has_original" and isinstance(found, str):
        grant = read(fields).grant
        assert grant
        assert grant.has_original is None
    assert found == f"result.data.{name}" or str(value).strip("+ .0\n") in {"1", ""}


@pytest.mark.parametrize("nothing", [None, "", " ", [], {}])
@pytest.mark.parametrize("name", [*sorted(TOKENS - {"resource_id"}), *INTEGERS])
@pytest.mark.parametrize("variant", ["shared_song", "accompaniment", "short_segment"])
def test_a_field_that_states_nothing_is_not_there_nor_in_what_is_stored(variant: str, name: str, nothing: Any) -> None:
    fields, without = whole(variant), whole(variant)
    without["result"]["data"].pop(name, None)
    del fields["shared"], without["shared"]
    fields["result"]["data"][name] = nothing
    assert read(fields) == read(without)
    one, other = (read_relay(redact(each), NOW, NOW).grant for each in (fields, without))
    assert one == other


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_flags_that_state_nothing_do_not_tell_what_an_error_is_about(nothing: Any) -> None:
    """A guess would end the wrong lease."""
    data = {"song_id": "104008", "is_clip": nothing, "is_accompany": nothing, "other_segments": nothing}
    fields = {"room_id": "r1", "vendor_id": 1, "result": {"code": 99, "data": data}}
    assert outcome(fields) == "resource_type"


def keyed(value: list[Any], first: int) -> dict[str, Any]:
    return {str(place): one for place, one in enumerate(value, first)}


@pytest.mark.parametrize("first", [0, 1, 7])
@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in {"empty", "service_error"}])
def test_lists_that_came_as_objects_are_lists(variant: str, first: int) -> None:
    fields, other = whole(variant), whole(variant)
    for name in {"resources", "other_segments"} & fields["result"]["data"].keys():
        other["result"]["data"][name] = keyed(fields["result"]["data"][name] or [], first)
    assert read(other) == read(fields)
    assert read_relay(redact(other), NOW, NOW).key == read(fields).key


def test_such_a_list_is_in_the_order_of_its_places() -> None:
    fields = whole("song")
    fields["result"]["data"]["resources"] = {
        str(place): {"resource_id": f"id{place}", "resource_ttl": place} for place in (10, 2, 1)
    }
    found = read(fields).grant
    assert found
    assert [one.ttl for one in found.resources] == [1, 2, 10]
    fields["result"]["data"]["resources"]["2"] = {"resource_ttl": "soon"}
    assert outcome(fields) == "result.data.resources.resource_ttl"


@pytest.mark.parametrize("nothing", [None, "", " ", [], {}, [None], {"1": None}])
def test_an_empty_list_in_every_language(nothing: Any) -> None:
    fields = whole("short_segment")
    fields["result"]["data"]["other_segments"] = nothing
    found = read(fields).grant
    assert found
    assert found.others == ()
    fields["result"]["data"]["resources"] = nothing
    assert read(fields).error, "code 0 without resources is a failure"


@pytest.mark.parametrize("value", ["x", 7, [7], ["x"], {"1": 7}, True])
@pytest.mark.parametrize("name", ["resources", "other_segments"])
def test_what_is_no_list_of_objects_is_refused_where_it_decides(name: str, value: Any) -> None:
    fields = whole("short_segment")
    if name == "other_segments":
        fields["result"]["data"][name] = value
        assert outcome(fields) == f"result.data.{name}"
        assert read(fields).key == read(whole("short_segment")).key
        del fields["resource_type"]
    fields["result"]["data"][name] = value
    with pytest.raises(Malformed) as refused:
        read(fields)
    assert refused.value.field == f"result.data.{name}"


def test_a_batch_from_php() -> None:
    one, other = whole("song"), whole("accompaniment")
    message = read_message(json.dumps({"relays": {"1": one, "2": other}}).encode())
    assert message.relays == (one, other)
    assert read_message(json.dumps({"relays": {"0": one}}).encode()).relays == (one,)
    for relays in ({"1": None}, {"1": 7}, {str(place): one for place in range(101)}):
        with pytest.raises(Malformed, match="relays"):
            read_message(json.dumps({"relays": relays}).encode())


def test_an_empty_result_of_php() -> None:
    fields = whole("empty") | {"result": [], "error_code": 1017030.0}
    assert read(fields).error == read(fields | {"result": {}, "error_code": 1017030}).error


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("song_id", 104008.0, "104008"),
        ("song_id", 104008, "104008"),
        ("song_id", 10**30, str(10**30)),
        ("song_name", 1999, "1999"),
        ("song_name", 1999.0, "1999"),
    ],
)
def test_numbers_where_text_is_documented(name: str, value: Any, text: str) -> None:
    fields, other = whole("song"), whole("song")
    fields["result"]["data"][name], other["result"]["data"][name] = value, text
    assert read(fields) == read(other)


@pytest.mark.parametrize("value", [2.0**53, 1e300, 1.5, True, None, [], {}])
def test_an_identity_that_is_no_exact_number_is_refused(value: Any) -> None:
    with pytest.raises(Malformed, match="room_id"):
        read(whole("song") | {"room_id": value})


@pytest.mark.parametrize(("one", "other"), [("007", "7"), ("1e3", "1000"), ("7.0", "7"), ("true", "1")])
@pytest.mark.parametrize("name", sorted(TOKENS | {"song_name", "request_id"}))
def test_in_texts_every_character_counts(name: str, one: str, other: str) -> None:
    first, second = whole("accompaniment"), whole("accompaniment")
    for fields, value in ((first, one), (second, other)):
        places = [fields["result"], fields["result"]["data"], *fields["result"]["data"]["resources"]]
        for place in places:
            place.update({name: value} if name in place else {})
        fields["result"]["data"][name] = value
    assert read(first).digest != read(second).digest


@pytest.mark.parametrize("nonce", [7, 7.0, "7"])
@pytest.mark.parametrize("timestamp", [1724743250, 1724743250.0, "1724743250"])
def test_signature_fields_of_other_languages(nonce: Any, timestamp: Any) -> None:
    message = read_message(json.dumps({"signature": "s", "timestamp": timestamp, "nonce": nonce}).encode())
    assert message.signed
    assert (message.signed.timestamp, message.signed.nonce) == ("1724743250", "7")


def test_a_nonce_that_a_double_could_not_hold_proves_nothing() -> None:
    odd: list[Any] = [2.0**53, 1.5, True, None, [], "x" * 513]
    for nonce in odd:
        fields = {"signature": "s", "timestamp": 1724743250, "nonce": nonce}
        assert read_message(json.dumps(fields).encode()).signed is None


def test_the_payloads_have_all_integers_that_are_respelt() -> None:
    results = [whole(variant)["result"] for variant in VARIANTS]
    assert set(chain.from_iterable(result.get("data") or () for result in results)) >= set(INTEGERS)
