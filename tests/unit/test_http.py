"""Raw bodies in, JSON and problem+json out; whatever comes in, never a 5xx."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.http import answering, created, header, raw_body, respond
from mediarelay.routing import json_object
from mediarelay.usecases.tasks.submit import Submitted
from tests.hypothesis_profiles import thorough

CANARY = "canary-5f0c7d"
ANY_TEXT = st.text(st.characters(exclude_categories=[]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
BODIES = ANY_TEXT | JSON.map(json.dumps) | st.binary().map(lambda raw: base64.b64encode(raw).decode()) | st.none()


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ({"body": "a=1&b=2"}, b"a=1&b=2"),
        ({"body": "caf\u00e9", "isBase64Encoded": False}, "caf\u00e9".encode()),
        ({"body": "AAH/", "isBase64Encoded": True}, b"\x00\x01\xff"),
        ({"body": "", "isBase64Encoded": True}, b""),
        ({"body": None}, b""),
        ({}, b""),
        ({"body": "\ud800"}, b"\xed\xa0\x80"),
    ],
)
def test_the_body_as_it_was_sent(event: dict[str, Any], body: bytes) -> None:
    assert raw_body(event) == body


@pytest.mark.parametrize("body", ["A", "AAH", "AAH/\n", "!AAH/", "caf\u00e9", "\ud800", "AA==AA=="])
def test_a_body_that_is_not_base64(body: str) -> None:
    with pytest.raises(Malformed, match=r"^body: not base64$"):
        raw_body({"body": body, "isBase64Encoded": True})


@pytest.mark.parametrize(
    "body", ["nothing", "[]", '"text"', "1", "null", "{", "[" * 100_000, '{"a":' + "9" * 5_000 + "}", '{"a": NaN}']
)
def test_a_body_that_is_no_object(body: str) -> None:
    with pytest.raises(Malformed, match=r"^body: (not JSON|not an object|nested deeper than 32|NaN is not JSON)$"):
        json_object({"body": body})


@given(BODIES, st.booleans())
@thorough
def test_no_body_makes_a_server_error(body: str | None, encoded: bool) -> None:
    @answering
    def echo(event: Any, _context: Any) -> dict[str, Any]:
        return respond(200, json_object(event))

    answer = echo({"body": body, "isBase64Encoded": encoded}, None)
    assert answer["statusCode"] in {200, 400}
    assert answer["body"].encode("ascii"), "what the runtime sends on is plain text, whatever it quotes"


def test_unexpected_errors_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    @answering
    def buggy(_event: Any, _context: Any) -> dict[str, Any]:
        raise KeyError(CANARY)

    answer = buggy({}, None)
    assert json.loads(answer["body"]) == {"type": "about:blank", "title": "Internal error", "status": 500}
    assert CANARY not in str(answer)
    assert [(record.levelname, record.message) for record in caplog.records] == [("ERROR", "bug")]
    assert caplog.records[0].exc_info, "the trace is what the developer gets"


@pytest.mark.parametrize(
    ("headers", "value"),
    [({"idempotency-key": "k"}, "k"), ({"idempotency-key": 7}, "7"), ({"other": "k"}, None), ({}, None), (None, None)],
)
def test_headers(headers: dict[str, Any] | None, value: str | None) -> None:
    assert header({"headers": headers}, "Idempotency-Key") == value


@pytest.mark.parametrize(
    ("vid", "repeated", "status"), [("v1", False, 201), ("v1", True, 200), (None, False, 202), (None, True, 202)]
)
def test_answers_to_a_submit(vid: str | None, repeated: bool, status: int) -> None:
    answer = created(Submitted(vid, Kind.AUDIO, State.PENDING, repeated))
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        status,
        {"vid": vid, "kind": "audio", "state": "pending"},
    )
    assert answer["headers"].get("retry-after") == ("30" if vid is None else None)
    assert answer["headers"].get("idempotency-replayed") == ("true" if repeated else None)
