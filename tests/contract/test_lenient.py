"""Mistakes that the provider's documents have in their own examples: read once more, and no more than those."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.contracts.json_objects import MAX_ANSWER_DEPTH, read_answer, read_object
from mediarelay.domain.tasks.facts import Fault
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.cts.head import Form, read_callback, read_head
from mediarelay.providers.cts.parse import canonical, parse_callback, parse_envelope
from tests.hypothesis_profiles import patient

TRAILING = (
    b'{"status": "success", "callback_type": "trans_result", "vid": "abc123", "detail": {"result": {"video": '
    b'{"info": [{"name": "f10", "path": "/a",}],},},},}'
)
FAILURE = (
    '{\n    "status":"fail",   \t\t\t  "url_f0":"/flash/a\tb.mp4",\n "name":"/1/cts/flash/a\tb.mp4",\n'
    '    "vid":"7d70b89fdf72ee6b98dcc0b0211",\n    "detail":{\n        "error_code":[\n            122,\n        ],\n'
    '        "error_msg":[\n            "\u56de\u8c03Gif\u63d0\u4ea4\u63a5\u53e3\u8c03\u7528\u5931\u8d25",\n        ]\n'
    '    },\n    "app_id":123456\n}'
).encode()


def test_a_trailing_comma_is_read() -> None:
    head, form, _ = read_callback(TRAILING)
    assert (head.vid, form, head.lenient) == ("abc123", Form.RESULT, True)
    facts = parse_callback(Kind.VIDEO, TRAILING)
    assert (facts.state, [(one.name, one.paths) for one in facts.renditions]) == (State.SUCCEEDED, [("f10", ("/a",))])


def test_control_characters_in_text_are_read() -> None:
    facts = parse_callback(Kind.VIDEO, FAILURE)
    assert (facts.state, facts.source.path) == (State.FAILED, "/flash/a\tb.mp4")
    assert facts.faults == (Fault(code=122, message="\u56de\u8c03Gif\u63d0\u4ea4\u63a5\u53e3\u8c03\u7528\u5931\u8d25"),)


def test_answers_are_read_as_leniently() -> None:
    assert parse_envelope(b'{"code": 0, "data": {"vid": "a", "name": "x\ty", "list": [1, 2,],},}').data == {
        "vid": "a",
        "name": "x\ty",
        "list": [1, 2],
    }


@pytest.mark.parametrize("digits", ["9" * 5000, "-" + "9" * 5000])
def test_a_number_of_too_many_digits_costs_its_field(digits: str) -> None:
    body = f'{{"vid": "abc123", "status": "success", "detail": {{"size": {digits}}}}}'.encode()
    facts = parse_callback(Kind.VIDEO, body)
    assert (facts.state, facts.source.size, facts.unreadable) == (State.SUCCEEDED, None, ("detail.size",))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_costs_its_field(number: str) -> None:
    body = f'{{"vid": "a", "status": "success", "detail": {{"size": {number}}}, "name": {number}}}'.encode()
    facts = parse_callback(Kind.VIDEO, body)
    assert (read_head(body).lenient, facts.state, facts.unreadable) == (True, State.SUCCEEDED, ("detail.size", "name"))
    with pytest.raises(Malformed, match=f"{number} is not JSON"):
        read_object(body)


@pytest.mark.parametrize(
    "text",
    [
        *('{"a": ",}"}', '{"a": ",]", "b": "\\\\"}', '{"a": "\\",}"}', '{"a": [1, "x,]"], "b": {"c": ",}"}}'),
        *('{"a,]": 1}', '{"a": "\\\\\\",]"}', '{"": ""}'),
    ],
)
def test_commas_inside_text_stay(text: str) -> None:
    assert read_object(text.encode()) == json.loads(text)
    assert read_answer((text[:-1] + ",}").encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"vid": "a", "detail": {"x": 1, "x": 1,},}', "x"),
        (b'{"vid": "a", "detail": nan}', "body"),
        (b'{"vid": "a", "detail": [+Infinity]}', "body"),
        (b'{"vid": NaN, "detail": {}}', "vid"),
        (b'{"vid": "a", "detail": {}, "callback_type": NaN}', "callback_type"),
        (b'{"vid": "a", "detail": ' + b"[" * 40 + b"1" + b",]" * 40 + b"}", "body"),
        (b'{"vid": "a",, "detail": {}}', "body"),
        (b'{"vid": "a", "detail": [,]}', "body"),
        (b'{"vid": "a", "detail": { , }}', "body"),
        (b'{"vid": "a", "detail": [1,,]}', "body"),
        (b'{, "vid": "a", "detail": {}}', "body"),
        (b'{"vid": "a" "detail": {}}', "body"),
        (b"{'vid': 'a', 'detail': {}}", "body"),
        (b'{"vid": "a", "detail": {}} // said the CDN', "body"),
        (b'{"vid": "a", "detail": {},', "body"),
        (b'{"vid": "a", "detail": "x,}', "body"),
        (b'{"vid": "a", "detail": "x\\', "body"),
        (b'{"vid": "a", "detail": 01}', "body"),
    ],
)
def test_nothing_else_is_tolerated(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_head(body)
    assert caught.value.field == field


def test_relays_and_clients_are_read_strictly() -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_object(TRAILING)


def test_a_good_body_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediarelay.contracts.json_objects._LENIENT", None)
    assert not read_head(b'{"vid": "a", "detail": {}}').lenient


@pytest.mark.parametrize("text", ['"' + '\\"' * 10**6, '{"a": [' + ",   " * 10**6, '{"a": ' + '"' * 10**6])
def test_a_long_body_is_looked_at_once_more_and_no_longer(text: str) -> None:
    with pytest.raises(Malformed, match="not JSON"):
        read_answer(text.encode())


def repeated(levels: int) -> bytes:
    """An answer with one object per level, and one name twice in each."""
    text = "1"
    for _ in range(levels):
        text = f'{{"a": {text}, "a": 1}}'
    return text.encode()


def test_repeated_names_do_not_make_an_answer_deeper_than_its_limit() -> None:
    """Each adds two levels to the one that its brackets show."""
    body = repeated(MAX_ANSWER_DEPTH // 3)
    assert read_answer(canonical(read_answer(body))) == read_answer(body)
    with pytest.raises(Malformed, match="nested deeper than 200"):
        read_answer(repeated(MAX_ANSWER_DEPTH // 3 + 1))


def test_a_repeated_name_among_many_is_looked_for_once() -> None:
    """Compared with each other, so many names would take minutes; the provider may send sixteen times as many."""
    names = json.dumps({f"k{number}": number for number in range(100_000)})
    answer = read_answer(f'{names[:-1]}, "k7": "x"}}'.encode())
    assert (answer["k7"], answer["k8"], len(answer)) == ([[7, "x"]], 8, 100_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet=st.sampled_from('a,]}[{"\\\t\n '), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='a,]}"\\', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.sampled_from([None, 0, 2]))
@patient
def test_whatever_is_spelled_with_trailing_commas_is_the_same(value: dict[str, object], indent: int | None) -> None:
    """Python's own writer, made to leave a comma behind every last member."""
    assert read_answer(comma_behind(value, indent).encode()) == value


def comma_behind(value: object, indent: int | None) -> str:
    space = "" if indent is None else "\n" + " " * indent
    if isinstance(value, dict) and value:
        return "{" + "".join(f"{json.dumps(k)}: {comma_behind(v, indent)},{space}" for k, v in value.items()) + "}"
    if isinstance(value, list) and value:
        return "[" + "".join(f"{comma_behind(v, indent)},{space}" for v in value) + "]"
    return json.dumps(value)


SAID = Path(__file__).parent / "payloads" / "as_printed"


@pytest.mark.parametrize("path", sorted(SAID.glob("*.txt")), ids=lambda path: path.stem)
def test_the_documents_examples_as_they_are_printed(path: Path) -> None:
    """Each says the same as its repaired copy."""
    body, repaired = path.read_bytes(), (SAID.parent / path.stem).with_suffix(".json").read_bytes()
    if "query" in path.stem or "submit" in path.stem:
        assert parse_envelope(body) == parse_envelope(repaired)
    else:
        kind = Kind(path.stem.partition("_")[0])
        assert parse_callback(kind, body) == parse_callback(kind, repaired)
