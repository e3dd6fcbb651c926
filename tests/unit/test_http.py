"""Raw bodies in, JSON and problem+json out; whatever comes in, never a 5xx."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict

from mediarelay.aws_lambda.http import ApiResolver, api_resolver, json_object, versioned
from mediarelay.aws_lambda.raw_http import Handler, header, raw_body, respond, with_problems
from mediarelay.aws_lambda.submits import respond_submitted
from mediarelay.contracts.api.base import QueryModel, RequestModel
from mediarelay.domain.tasks.intent import Submitted
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import LedgerUnavailable, Malformed, MediarelayError, RowUnreadable
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


def event(key: str, **more: Any) -> dict[str, Any]:
    """An event of API Gateway, as far as resolvers read it."""
    context = {"http": {"method": key.partition(" ")[0], "sourceIp": "192.0.2.1"}, "stage": "$default"}
    context["requestId"] = "r1"
    return {"routeKey": key, "rawPath": "/somewhere/else", "requestContext": context} | more


def answering(call: Any) -> list[Handler]:
    """A handler without a resolver and one with it, both of which answer what a function returns."""
    app = api_resolver()
    app.post("/echo", scope=None)(lambda: call(app.current_event.raw_event))
    return [with_problems(lambda event, _: respond(200, call(event))), app.resolve]


@given(BODIES, st.booleans())
@thorough
def test_no_body_makes_a_server_error(body: str | None, encoded: bool) -> None:
    app = api_resolver()
    app.post("/echo", scope=None)(echo)
    plain = with_problems(lambda event, _: respond(200, json_object(event)))
    for handler in (plain, app.resolve):
        answer = handler(event("POST /echo", body=body, isBase64Encoded=encoded), None)
        assert answer["statusCode"] in {200, 400}
        assert answer["body"].encode("ascii"), "what the runtime sends on is plain text, whatever it quotes"


class Anything(RequestModel):
    model_config = ConfigDict(extra="allow")


def echo(request: Anything) -> dict[str, Any]:
    return request.model_dump()


def test_unexpected_errors_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_event: Any) -> Any:
        raise KeyError(CANARY)

    for handler in answering(fail):
        caplog.clear()
        answer = handler(event("POST /echo"), None)
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (500, "application/problem+json")
        assert json.loads(answer["body"]) == {
            "type": "/docs/errors#internal",
            "title": "Internal error",
            "status": 500,
            "code": "internal",
            "request_id": "r1",
        }
        assert CANARY not in str(answer)
        assert [(record.levelname, record.message) for record in caplog.records] == [("ERROR", "unexpected error")]
        assert caplog.records[0].exc_info, "the trace is what the developer gets"


@pytest.mark.parametrize(
    ("error", "level", "line"),
    [
        (Malformed("vid", CANARY), "INFO", ("refused", {"status": 400, "error": "Malformed"})),
        (
            LedgerUnavailable("ThrottlingException"),
            "ERROR",
            ("failed", {"status": 503, "error": "LedgerUnavailable", "reason": "ThrottlingException"}),
        ),
        (
            RowUnreadable(("TASK#v", "TASK"), "TASK", "version: a number was expected"),
            "ERROR",
            (
                "failed",
                {"status": 500, "error": "RowUnreadable", "reason": "TASK#v TASK: version: a number was expected"},
            ),
        ),
    ],
)
def test_a_5xx_leaves_its_reason_at_error_level(
    error: MediarelayError, level: str, line: tuple[str, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: Any) -> Any:
        raise error

    for handler in answering(fail):
        caplog.clear()
        with caplog.at_level("INFO", "mediarelay"):
            handler(event("POST /echo"), None)
        (record,) = caplog.records
        message, fields = line
        assert (record.levelname, record.message) == (level, message)
        assert {name: vars(record).get(name) for name in ("status", "error", "reason")} == {"reason": None} | fields


class Flag(QueryModel):
    flag: str


@pytest.fixture
def app() -> ApiResolver:
    app = api_resolver()

    @app.get("/rooms/<room_id>", scope=None)
    def room(room_id: str, query: Flag) -> dict[str, Any]:
        return {"room": room_id, "flag": query.flag}

    @app.post("/rooms/<room_id>", scope=None)
    def close(room_id: str) -> tuple[dict[str, Any], int]:
        return {"closed": room_id}, 202

    return app


@pytest.mark.parametrize("answer", [{"songs": {1, 2}}, {"at": object()}, {1: float, "x": 2}])
def test_an_answer_that_is_no_json_is_our_own_500(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Powertools serializes outside of its exception handlers, so this error would leave as it is."""
    app = api_resolver()

    @app.get("/songs", scope=None)
    def songs() -> Any:
        return answer

    found = app.resolve(event("GET /songs"), None)
    assert (found["statusCode"], found["headers"]["content-type"]) == (500, "application/problem+json")
    assert [record.message for record in caplog.records] == ["unexpected error"]


def asked(app: ApiResolver, key: str, **more: Any) -> tuple[int, Any]:
    answer = app.resolve(event(key, **more), None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("name", ["42", "a/b", "100%", 'say "hi"', "\U0001f3a4", "", "\ud800"])
def test_a_path_parameter_is_what_api_gateway_has_read(app: ApiResolver, name: str) -> None:
    found = asked(app, "GET /rooms/{room_id}", pathParameters={"room_id": name}, queryStringParameters={"flag": "x"})
    assert found == (200, {"room": name, "flag": "x"})


@pytest.mark.parametrize(("query", "field"), [(None, "flag"), ({"flag": "x", "more": "y"}, "more")])
def test_a_query_is_read_by_its_model(app: ApiResolver, query: Any, field: str) -> None:
    status, body = asked(app, "GET /rooms/{room_id}", pathParameters={"room_id": "1"}, queryStringParameters=query)
    assert (status, body["field"]) == (400, field)


@pytest.mark.parametrize("body", [None, "", "{}"])
def test_a_route_without_a_body_takes_an_empty_one(app: ApiResolver, body: str | None) -> None:
    found = asked(app, "POST /rooms/{room_id}", pathParameters={"room_id": "1"}, body=body)
    assert found == (202, {"closed": "1"})


@pytest.mark.parametrize(
    ("more", "field"),
    [({"body": '{"x": 1}'}, "x"), ({"queryStringParameters": {"x": "1"}}, "x"), ({"body": "["}, "body")],
)
def test_a_route_takes_nothing_that_it_does_not_declare(app: ApiResolver, more: Any, field: str) -> None:
    status, body = asked(app, "POST /rooms/{room_id}", pathParameters={"room_id": "1"}, **more)
    assert (status, body["field"]) == (400, field)


def test_a_route_without_a_scope_fails_at_import() -> None:
    with pytest.raises(TypeError, match="scope"):
        api_resolver().get("/open")  # type: ignore[call-arg]


def test_an_unknown_route_is_a_problem(app: ApiResolver) -> None:
    answer = app.resolve(event("DELETE /rooms/{room_id}"), None)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (404, "application/problem+json")
    assert json.loads(answer["body"])["detail"] == "no such route"


def test_head_is_answered_like_get_without_a_body(app: ApiResolver) -> None:
    for more in ({"queryStringParameters": {"flag": "x"}}, {"queryStringParameters": {"more": "y"}}):
        path = {"pathParameters": {"room_id": "1"}}
        got = app.resolve(event("GET /rooms/{room_id}", **path, **more), None)
        head = app.resolve(event("HEAD /rooms/{room_id}", **path, **more), None)
        assert got["body"]
        assert head == got | {"body": ""}


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (None, 200),
        ("", 200),
        ('"other"', 200),
        ("TAG", 304),
        ("W/TAG", 304),
        ('"other", TAG', 304),
        ("*", 304),
        ("tag", 200),
    ],
)
def test_a_version_that_the_client_has_is_not_sent_again(known: str | None, status: int) -> None:
    text = '{"a": 1}'
    tag = versioned({}, text).headers["etag"]
    headers = {} if known is None else {"if-none-match": known.replace("TAG", str(tag))}
    answer = versioned({"headers": headers}, text)
    assert (answer.status_code, answer.body, answer.headers["etag"]) == (status, text if status == 200 else "", tag)
    assert versioned({"headers": headers}, '{"a": 2}').headers["etag"] != tag


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
    submission = "0f" * 24
    answer = respond_submitted(Submitted(vid, Kind.AUDIO, State.PENDING, repeated, submission))
    stated = {"vid": vid, "kind": "audio", "state": "pending", "submission": submission}
    assert (answer.status_code, answer.body) == (status, stated)
    places = {201: "/tasks/v1", 202: f"/submissions/{submission}"}
    assert answer.headers.get("location") == places.get(status)
    assert answer.headers.get("retry-after") == ("30" if vid is None else None)
    assert answer.headers.get("idempotency-replayed") == ("true" if repeated else None)
