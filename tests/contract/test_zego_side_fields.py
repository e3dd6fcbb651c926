"""One odd value in any side field of any documented relay: the same song, and nothing more or less may be used.

Of fields that say what may be used, and how long, an odd value never gives more than the documented one or none.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields as attributes
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediarelay.contracts.zego.message import read_message
from mediarelay.contracts.zego.redaction import redact
from mediarelay.contracts.zego.relay import MAX_PARTS, read_relay
from mediarelay.domain.songs.lease import lease
from mediarelay.domain.songs.model import Grant, Relay, SongType
from mediarelay.errors import Malformed
from tests.contract.odd import JSON, ODD, payload, written
from tests.hypothesis_profiles import patient, thorough

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads" / "zego"
FAILURES = ("empty", "service_error")
SUCCESSES = tuple(sorted(path.stem for path in PAYLOADS.glob("*.json") if path.stem not in FAILURES))
CLIPS = {"long_clip", "short_segment", "shared_clip"}
Way = tuple[str | int, ...]

RESULT, DATA, RESOURCE = ("result",), ("result", "data"), ("result", "data", "resources", 0)
SIDE: dict[Way, str] = {
    (*RESULT, "message"): "",
    (*RESULT, "request_id"): "",
    (*DATA, "song_name"): "name",
    (*DATA, "singer_name"): "singer",
    (*DATA, "duration"): "duration",
    (*DATA, "has_original"): "has_original",
    (*DATA, "segment_begin"): "segment",
    (*DATA, "segment_end"): "segment",
    (*DATA, "prelude_duration"): "prelude",
    (*DATA, "other_segments"): "others",
    (*DATA, "other_segments", 0): "others",
    (*DATA, "other_segments", 1, "begin"): "others",
    (*DATA, "other_segments", 1, "end"): "others",
    (*DATA, "resources_size"): "",
    (*RESOURCE, "resource_id"): "resources",
    (*RESOURCE, "size"): "resources",
    (*RESOURCE, "quality"): "resources",
}
"""Side fields, and the attribute of a grant that they give."""
RIGHTS: tuple[Way, ...] = (
    (*DATA, "share_token"),
    (*DATA, "share_token_ttl"),
    (*DATA, "token_ttl"),
    (*DATA, "krc_token"),
    (*DATA, "krc_token_ttl"),
    (*RESOURCE, "share_token"),
    (*RESOURCE, "resource_ttl"),
)
"""Fields that say what may be used, and how long."""
UNREAD = {(*RESULT, "message"), (*DATA, "resources_size")}


def relayed(variant: str, *, typed: bool = True) -> dict[str, Any]:
    """A relay of a documented result, with two resources if it has any."""
    result = payload(f"zego/{variant}")
    for data in filter(None, [result.get("data")]):
        data["resources"] = [*data["resources"], *deepcopy(data["resources"])]
    known = {"room_id": "r1", "vendor_id": 1, "song_id": "104008", "result": result}
    return known | ({"resource_type": kind(variant)} if typed else {})


def kind(variant: str) -> str:
    name = variant.rpartition("_")[2]
    if variant == "shared_clip":
        return SongType.SEGMENT
    return name if name in set(SongType) else SongType.SONG


def changed(content: dict[str, Any], way: Way, value: object) -> dict[str, Any]:
    """The same with another value, in a field that may not have been there; `...` takes the field away."""
    content = deepcopy(content)
    parent: Any = content
    for step, after in pairwise(way):
        if isinstance(parent, list):
            parent += [{} for _ in range(int(step) + 1 - len(parent))]
        elif step not in parent:
            parent[step] = [] if isinstance(after, int) else {}
        parent = parent[step]
    if isinstance(way[-1], int):
        parent += [{} for _ in range(way[-1] + 1 - len(parent))]
    parent[way[-1]] = value
    if value is ...:
        del parent[way[-1]]
    return content


def read(content: dict[str, Any]) -> Relay:
    """Read a relay as it comes from the wire, and again as it is stored: both say the same."""
    (sent,) = read_message(written(content)).relays
    found = read_relay(sent, NOW, NOW)
    (stored,) = read_message(json.dumps(redact(sent), allow_nan=False).encode()).relays
    again = read_relay(stored, NOW, NOW)
    assert (again.error, again.request_id, again.unreadable) == (found.error, found.request_id, found.unreadable)
    assert (again.key.type, again.key.vendor) == (found.key.type, found.key.vendor)
    assert usable(again) == usable(found)
    assert shown(again.grant) == shown(found.grant)
    return found


def usable(relay: Relay) -> list[tuple[str, int, bool]]:
    """What may be used, how many milliseconds, and whether there is a token for it."""
    return [
        (hold.part, hold.remaining_ms(NOW), hold.token is not None) for hold in lease([relay]).entitlements(timedelta())
    ]


TOKENS = {"share_token", "krc_token", "resources"}


def shown(grant: Grant | None) -> dict[str, Any]:
    """What a grant says, but for its tokens."""
    if grant is None:
        return {}
    found = {one.name: getattr(grant, one.name) for one in attributes(grant) if one.name not in TOKENS}
    resources = [
        (one.quality, one.size, one.ttl, bool(one.resource_id), one.share_token is None) for one in grant.resources
    ]
    return found | {"resources": resources}


def left(relay: Relay) -> dict[Any, int]:
    """Milliseconds of each part, resources by their places."""
    return {(part, place if part == "resource" else 0): ms for place, (part, ms, _) in enumerate(usable(relay)[::-1])}


def schema(way: Way) -> str:
    return ".".join(step for step in way if isinstance(step, str))


@cache
def plain(variant: str, *, typed: bool) -> Relay:
    return read(relayed(variant, typed=typed))


def decides(variant: str, way: Way, *, typed: bool) -> bool:
    """Whether a field tells which type a song is of: other segments do, of a clip whose type is not stated."""
    return not typed and variant in CLIPS and "other_segments" in way


def check_side(variant: str, way: Way, value: object, *, typed: bool) -> None:
    found, before = read(changed(relayed(variant, typed=typed), way, value)), plain(variant, typed=typed)
    assert (found.key, found.error) == (before.key, before.error)
    assert set(found.unreadable) <= {one for one in found.unreadable if f"{one}.".startswith(f"{schema(way)}.")}
    if way in UNREAD or found.error:
        assert not set(found.unreadable) - {"result.request_id"}
    if found.grant and before.grant:
        assert usable(found) == usable(before)
        assert changes(found.grant, before.grant) <= {SIDE[way]}


def changes(one: Grant, other: Grant) -> set[str]:
    return {each.name for each in attributes(one) if getattr(one, each.name) != getattr(other, each.name)}


def cases() -> Iterator[tuple[str, Way, bool]]:
    for variant in (*SUCCESSES, *FAILURES):
        for way in SIDE:
            for typed in (True, False) if variant in SUCCESSES else (True,):
                if not decides(variant, way, typed=typed) and not (way[:3] == RESOURCE[:3] and variant in FAILURES):
                    yield variant, way, typed


CASES = list(cases())


@pytest.mark.parametrize(("variant", "way", "typed"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_each_odd_value_in_each_side_field(variant: str, way: Way, *, typed: bool) -> None:
    for value in ODD:
        check_side(variant, way, value, typed=typed)


@thorough
@given(st.sampled_from(CASES), JSON)
@example(("accompaniment", (*DATA, "duration"), False), "N/A")
def test_any_value_in_any_side_field(case: tuple[str, Way, bool], value: object) -> None:
    variant, way, typed = case
    check_side(variant, way, value, typed=typed)


def check_right(variant: str, way: Way, value: object) -> None:
    content = relayed(variant, typed=False)
    found, before, without = read(changed(content, way, value)), plain(variant, typed=False), changed(content, way, ...)
    assert found.key == before.key
    assert found.grant
    if schema(way) in found.unreadable:
        for other in (before, read(without)):
            assert all(ms <= left(other).get(part, 0) for part, ms in left(found).items())


@pytest.mark.parametrize("way", RIGHTS, ids=schema)
@pytest.mark.parametrize("variant", SUCCESSES)
def test_no_odd_value_gives_more_than_was_given(variant: str, way: Way) -> None:
    for value in ODD:
        check_right(variant, way, value)


@patient
@given(st.sampled_from(SUCCESSES), st.sampled_from(RIGHTS), JSON)
def test_no_value_that_cannot_be_read_gives_more_than_was_given(variant: str, way: Way, value: object) -> None:
    check_right(variant, way, value)


@patient
@given(st.sampled_from(SUCCESSES), st.sampled_from([*SIDE]), st.sampled_from([*SIDE, *RIGHTS]), JSON, JSON)
def test_values_in_two_fields(variant: str, one: Way, other: Way, first: object, second: object) -> None:
    found = read(changed(changed(relayed(variant), one, first), other, second)) if not clash(one, other) else None
    assert found is None or (found.key, found.error) == (plain(variant, typed=True).key, None)


def clash(one: Way, other: Way) -> bool:
    """Whether one field lies where the value of the other one is."""
    return one == other[: len(one)] or other == one[: len(other)]


@pytest.mark.parametrize("value", ["soon", "N/A", -1, 1.5, True, [5], {"ms": 5}, 2**60, "9" * 400, "1e99", "5 min"])
@pytest.mark.parametrize(
    ("variant", "way", "after"),
    [
        ("song", (*DATA, "share_token_ttl"), [("share", 0), ("resource", 300_000)]),
        ("song", (*DATA, "token_ttl"), [("share", 3_600_000), ("resource", 300_000)]),
        ("legacy_song", (*DATA, "token_ttl"), [("share", 0), ("resource", 0)]),
        ("shared_song", (*DATA, "token_ttl"), [("share", 0), ("resource", 300_000)]),
        ("shared_accompaniment", (*DATA, "krc_token_ttl"), [("krc", 0), ("resource", 300_000)]),
        ("shared_song", (*RESOURCE, "resource_ttl"), [("resource", 0)]),
    ],
)
def test_a_time_to_live_that_cannot_be_read_is_over(
    variant: str, way: Way, after: list[tuple[str, int]], value: Any
) -> None:
    content = relayed(variant, typed=False)
    del content["result"]["data"]["resources"][1:]
    found = read(changed(content, way, value))
    assert [(part, ms) for part, ms, _ in usable(found)] == after
    assert found.unreadable == (schema(way),)


@pytest.mark.parametrize("token", [7, True, ["x"], {"x": "y"}, "x" * 4097, "\ud800"])
def test_a_token_that_cannot_be_read_is_none_and_stays_none(token: Any) -> None:
    content = changed(relayed("accompaniment"), (*DATA, "krc_token"), token)
    found = read(content)
    assert found.grant
    assert (found.grant.krc_token, found.grant.krc_ttl) == (None, None)
    shared = read(changed(relayed("legacy_song"), (*DATA, "share_token"), token))
    assert shared.grant
    assert (shared.grant.shared, shared.grant.share_ttl) == (True, None), "a right that cannot be read is none"


@pytest.mark.parametrize("value", ["x", 7, True, [7], ["x", 7], {"1": "x"}])
def test_a_list_that_decides_is_read_strictly(value: Any) -> None:
    for variant, name, typed in (("song", "resources", True), ("shared_clip", "other_segments", False)):
        with pytest.raises(Malformed) as refused:
            read(changed(relayed(variant, typed=typed), (*DATA, name), value))
        assert refused.value.field == f"result.data.{name}"


@pytest.mark.parametrize("entry", [7, "x", True, [7]])
def test_one_odd_entry_costs_no_other_one(entry: Any) -> None:
    for name in ("resources", "other_segments"):
        found = read(changed(relayed("short_segment", typed=False), (*DATA, name, 0), entry))
        before = plain("short_segment", typed=False)
        assert found.key == before.key
        assert found.grant
        assert before.grant
        assert (found.grant.resources or found.grant.others)[-1] == (before.grant.resources or before.grant.others)[-1]
        assert (len(found.grant.resources), len(found.grant.others)) == ((1, 2) if name == "resources" else (2, 1))
        assert found.unreadable == (f"result.data.{name}",)


def test_too_many_other_segments_are_not_known() -> None:
    found = read(changed(relayed("short_segment"), (*DATA, "other_segments"), [{}] * (MAX_PARTS + 1)))
    assert found.grant
    assert (found.grant.others, found.unreadable) == ((), ("result.data.other_segments",))


def test_other_segments_do_not_tell_what_an_error_is_about() -> None:
    data = {"song_id": "104008", "other_segments": "x"}
    with pytest.raises(Malformed, match="resource_type"):
        read({"room_id": "r1", "vendor_id": 1, "result": {"code": 99, "data": data}})


@pytest.mark.parametrize("request_id", [True, {"a": 1}, ["x"], 1.5])
def test_an_error_whose_request_id_cannot_be_read_is_reported_from_a_repeat_by_its_message(request_id: Any) -> None:
    content = relayed("service_error") | {"resource_type": 0}
    content["result"]["request_id"] = request_id
    digests = [read_relay(content, NOW, NOW, 0, message).digest for message in ("m1", "m2", "m1")]
    assert digests[0] == digests[2] != digests[1]


def test_braces_around_request_ids_make_no_conflict() -> None:
    """Two ids of which only the length is stored would be one."""
    relays = [relayed("song"), changed(relayed("song"), (*DATA, "duration"), 1)]
    for number, content in enumerate(relays):
        content["result"]["request_id"] = f"{{{number}f8fad5b}}"
    stored = [read_relay(redact(content), NOW, NOW) for content in relays]
    assert lease(stored).conflicts == ()


CANARY = "CANARY-4f9a77"
PLANTED = st.recursive(
    st.just(CANARY) | st.just(f'{{"share_token": "{CANARY}"}}'),
    lambda inner: (
        st.lists(inner | st.just(1), min_size=1, max_size=3).filter(lambda found: CANARY in json.dumps(found))
        | st.dictionaries(st.sampled_from(["data", "x", "1", "song_name", "result"]), inner, min_size=1, max_size=2)
        | st.just({CANARY: 1})
    ),
    max_leaves=4,
)
TEXTS = {"message", "request_id", "song_name", "singer_name", "quality"}


def is_text(value: object, way: Way) -> bool:
    """Whether a text may be shown as what it is said to be: there, or in a member of such a name."""
    if isinstance(value, dict):
        return any(is_text(member, (name,)) for name, member in value.items())
    if isinstance(value, list):
        return any(is_text(member, ("",)) for member in value)
    return value == CANARY and way[-1] in TEXTS


@thorough
@given(st.sampled_from(SUCCESSES), st.sampled_from([*SIDE, *RIGHTS]), PLANTED)
@example("song", (*DATA, "duration"), {CANARY: 1})
@example("song", (*DATA, "song_name"), [CANARY])
def test_no_odd_field_leaks_what_may_be_a_token(variant: str, way: Way, value: object) -> None:
    if not is_text(value, way):
        content = changed(relayed(variant), way, value)
        for each in (content, content | {"result": json.dumps(content["result"])}):
            assert CANARY not in json.dumps(redact(each))


@pytest.mark.parametrize("blank", ["\u3000", "\u00a0", "\x1c"])
def test_every_blank_is_nothing_in_what_is_stored(blank: str) -> None:
    for way in (*SIDE, *RIGHTS):
        assert read(changed(relayed("legacy_song"), way, blank)).unreadable == ()
    assert read(changed(relayed("song"), (*DATA, "is_clip"), f"true{blank}")).key.type is SongType.SONG


def test_a_number_beyond_every_limit_is_not_known() -> None:
    assert read(changed(relayed("song"), (*DATA, "duration"), "9" * 5000)).unreadable == ("result.data.duration",)
    (sent,) = read_message(written(relayed("song") | {"extra": "9" * 5000})).relays
    assert sent["extra"] == "9" * 5000
