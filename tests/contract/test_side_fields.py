"""One odd value in any side field of any documented payload: the same task, state and file, and all other fields."""

import json
from dataclasses import fields, replace
from functools import cache, reduce
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.cts.head import read_head
from mediarelay.providers.cts.parse import canonical, parse_callback, parse_query, parse_reply
from tests.contract.odd import JSON, ODD, payload, places, written
from tests.hypothesis_profiles import patient, thorough

STRICT = {"vid", "status", "deleted", "callback_type", "app_id", "bucket_name", "url"}
"""At the top of a payload; deeper down the same names are side fields."""


def kind_of(name: str) -> Kind:
    return Kind(name.partition("_")[0])


def load(name: str) -> dict[str, Any]:
    value: dict[str, Any] = payload(name)
    return value.get("data", value)


QUERIES = ("video_query", "audio_query")
CALLBACKS = tuple(
    f"{kind}_{form}_{result}"
    for kind, form in (("video", "callback"), ("video", "basic"), ("audio", "callback"))
    for result in ("success", "failure")
)
SIDE = [
    (name, path)
    for name in (*QUERIES, *CALLBACKS)
    for path in places(load(name))
    if not (len(path) == 1 and path[0] in STRICT)
]


def changed(name: str, path: tuple[Any, ...], value: object) -> dict[str, Any]:
    content = load(name)
    parent: Any = content
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return content


def read(name: str, body: bytes) -> Facts:
    """Read a payload as it goes its way: an answer is written to the log and read from there."""
    if name in QUERIES:
        return parse_query(kind_of(name), json.loads(canonical(parse_reply(body))))
    return parse_callback(kind_of(name), body)


def identity(facts: Facts) -> tuple[Any, ...]:
    return facts.vid, facts.kind, facts.state, facts.source.url, facts.source.place.app_id, facts.source.place.bucket


@cache
def plain(name: str) -> Facts:
    """What a payload states as it is documented."""
    return read(name, written(load(name)))


@cache
def plain_summary(name: str) -> ClaimSummary:
    """What the head of a callback states as it is documented."""
    return read_head(written(load(name))).claim_summary


def check(name: str, path: tuple[Any, ...], value: object) -> None:
    body = written(changed(name, path, value))
    facts, schema = read(name, body), ".".join(part for part in path if isinstance(part, str))
    assert identity(facts) == identity(plain(name))
    assert [one for one in facts.unreadable if not f"{one}.".startswith(schema) and not schema.startswith(one)] == []
    if path[0] not in {"result", "detail", "bucket_region"}:
        assert facts.renditions == plain(name).renditions
    if path[0] == "result":
        assert facts.source == plain(name).source
    if name in CALLBACKS:
        assert read_head(body).claim_summary == plain_summary(name)
    json.dumps([getattr(facts, one.name) for one in fields(facts)], default=str, ensure_ascii=False).encode()


@pytest.mark.parametrize(("name", "path"), SIDE, ids=lambda value: str(value).replace(" ", ""))
def test_each_odd_value_in_each_side_field(name: str, path: tuple[Any, ...]) -> None:
    for value in (*ODD, float("nan")):
        check(name, path, value)


@given(st.sampled_from(SIDE), JSON)
@thorough
@example(("video_query", ("duration",)), False)
def test_any_value_in_any_side_field(place: tuple[str, tuple[Any, ...]], value: object) -> None:
    check(*place, value)


def two_places(name: str) -> st.SearchStrategy[tuple[str, tuple[Any, ...], tuple[Any, ...]]]:
    inside = st.sampled_from([path for other, path in SIDE if other == name])
    return st.tuples(st.just(name), inside, inside)


@given(st.sampled_from(QUERIES + CALLBACKS).flatmap(two_places), JSON, JSON)
@patient
def test_values_in_two_side_fields(
    place: tuple[str, tuple[Any, ...], tuple[Any, ...]], one: object, other: object
) -> None:
    name, first, second = place
    content = changed(name, first, one) | {second[0]: changed(name, second, other)[second[0]]}
    assert identity(read(name, written(content))) == identity(plain(name))


UNREAD = {"count"}
"""Documented, but nobody reads it."""
MEMBERS = [(name, path) for name, path in SIDE if name in QUERIES and isinstance(path[-1], str)]


@pytest.mark.parametrize(("name", "path"), MEMBERS, ids=lambda value: str(value).replace(" ", ""))
@pytest.mark.parametrize("other", ["1", '"x"', "[]", '{"vid": "x"}', "null"])
def test_a_side_field_that_is_stated_twice_is_not_known(name: str, path: tuple[Any, ...], other: str) -> None:
    said = json.dumps(reduce(lambda inner, part: inner[part], path, load(name)))
    text = json.dumps(changed(name, path, "SAID")).replace('"SAID"', f'{said}, "{path[-1]}": {other}')
    facts = read(name, text.encode())
    assert identity(facts) == identity(plain(name))
    assert path[-1] in UNREAD or ".".join(part for part in path if isinstance(part, str)) in facts.unreadable


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("field", ["vid", "status", "deleted"])
def test_an_answer_that_says_twice_which_task_it_is_or_how_it_stands_is_none(name: str, field: str) -> None:
    body = written(load(name))
    with pytest.raises(Malformed, match=field):
        read(name, b'{"%s": "x", ' % field.encode() + body[1:])


@pytest.mark.parametrize("name", QUERIES)
def test_an_answer_without_its_side_fields(name: str) -> None:
    bare = read(name, written({key: value for key, value in load(name).items() if key in STRICT}))
    assert identity(bare) == identity(plain(name))
    assert bare.unreadable == ()


def test_the_other_fields_of_an_answer_stay_as_they_are() -> None:
    facts = read("video_query", written(changed("video_query", ("result", "video", "info", 1, "fps"), "N/A")))
    infos = list(plain("video_query").renditions)
    infos[1] = replace(infos[1], fps=None)
    assert facts == replace(plain("video_query"), renditions=tuple(infos), unreadable=("result.video.info.fps",))
