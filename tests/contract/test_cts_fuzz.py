"""Whatever arrives: `Facts`, or `Malformed` with a field; nothing else escapes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid
from mediarelay.errors import Malformed
from mediarelay.providers.cts.head import read_head
from mediarelay.providers.cts.parse import parse_callback, parse_envelope, parse_query, parse_submitted
from tests.contract.normal import plain
from tests.hypothesis_profiles import patient, thorough

HERE = Path(__file__).parent
NAMES = sorted(
    {part for names in json.loads((HERE / "documented_fields.json").read_text("utf-8")).values() for name in names
     for part in name.split(".")}
)  # fmt: skip
ODD = [
    None,
    True,
    "",
    "0",
    "-1",
    "1e999",
    "\ud800",
    "yes",
    "success",
    "fail",
    "2016-12-23 21:11:42",
    10**400,
    2**63,
    -0.0,
]
SCALARS = st.one_of(st.sampled_from(ODD), st.integers(), st.floats(), st.text(max_size=8), st.booleans())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
KINDS = st.sampled_from(list(Kind))
EXAMPLES = sorted(path for path in (HERE / "payloads").glob("*.json") if not path.name.endswith(".expected.json"))


def attempt(read: Callable[[], Any]) -> tuple[Any, Malformed | None]:
    try:
        return read(), None
    except Malformed as error:
        return None, error


def refused_or_sound(read: Callable[[], Any]) -> None:
    facts, refusal = attempt(read)
    if refusal is None:
        assert is_vid(facts.vid)
        json.dumps(plain(facts), allow_nan=False, ensure_ascii=False).encode()
    else:
        assert refusal.field.isascii()
        assert refusal.field
        assert refusal.reason


@given(KINDS, OBJECTS)
@thorough
def test_any_query(kind: Kind, fields: dict[str, Any]) -> None:
    refused_or_sound(lambda: parse_query(kind, {"vid": "a", "status": 5, **fields}))


@given(KINDS, OBJECTS)
@thorough
def test_any_callback(kind: Kind, fields: dict[str, Any]) -> None:
    body = json.dumps({"vid": "a", "status": "success", "detail": {}, **fields}).encode()
    refused_or_sound(lambda: parse_callback(kind, body))


@given(KINDS, st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@patient
def test_any_bytes(kind: Kind, body: bytes) -> None:
    refused_or_sound(lambda: parse_callback(kind, body))
    with pytest.raises(Malformed):
        parse_envelope(body)


@given(st.dictionaries(st.sampled_from(["code", "message", "codeDesc", "data"]), VALUES))
@patient
def test_any_envelope(fields: dict[str, Any]) -> None:
    envelope, refusal = attempt(lambda: parse_envelope(json.dumps({"code": 0, **fields}).encode()))
    assert refusal.field.isascii() if refusal else isinstance(envelope.code, int)


@given(st.one_of(OBJECTS, VALUES))
@patient
def test_any_submit_answer(data: Any) -> None:
    vid, refusal = attempt(lambda: parse_submitted(data))
    assert refusal.field in {"vid", "data"} if refusal else is_vid(vid)


@given(st.data())
@thorough
def test_documented_payloads_with_one_value_replaced(data: st.DataObject) -> None:
    content = json.loads(data.draw(st.sampled_from(EXAMPLES)).read_text("utf-8"))
    parent: Any = content
    while True:
        key = data.draw(st.sampled_from(sorted(parent) if isinstance(parent, dict) else range(len(parent))))
        if not isinstance(parent[key], dict | list) or not parent[key] or data.draw(st.booleans()):
            break
        parent = parent[key]
    parent[key] = data.draw(VALUES)
    kind = data.draw(KINDS)
    if "code" in content:
        refused_or_sound(lambda: parse_query(kind, content.get("data")))
    refused_or_sound(lambda: parse_callback(kind, json.dumps(content).encode()))


@given(KINDS, st.sampled_from(EXAMPLES), st.integers(min_value=0))
@patient
def test_cut_payloads(kind: Kind, path: Path, size: int) -> None:
    body = path.read_bytes()
    refused_or_sound(lambda: parse_callback(kind, body[: size % len(body)]))


@given(OBJECTS)
@patient
def test_the_head_and_the_whole_agree(fields: dict[str, Any]) -> None:
    body = json.dumps({"vid": "a", "callback_type": "trans_result", "status": "fail", **fields}).encode()
    facts, refusal = attempt(lambda: parse_callback(Kind.VIDEO, body))
    assert refusal or read_head(body).vid == facts.vid
