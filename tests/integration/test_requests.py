"""Whatever a client asks, through the real handlers: never our fault, and refusals name the field in plain words.

Each route is fuzzed as its documentation describes it: every field and parameter gets arbitrary times, numbers, texts
and JSON values.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediarelay.adapters import sqs_operations
from tests.answers import hold
from tests.hypothesis_profiles import patient
from tests.integration.deployment import forget
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import Site, serving
from tests.lambda_context import Context
from tests.stack import ROOT, functions

OPENAPI = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
ROUTES = [f"{method.upper()} {path}" for path, methods in OPENAPI["paths"].items() for method in methods]
CLIENT_ROUTES = [key for key in ROUTES if "/callbacks/" not in key]
fuzzed = settings(
    patient,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FOREIGN = re.compile(
    r"Value error|Input should|valid (string|integer|boolean|datetime|list)|Field required|Extra inputs|pydantic|"
    r"codec|NoneType|Error\b|Traceback|datetime\.|\b(str|int|bool|dict)\b|state_type|ctx|type=",
)
"""Phrases of pydantic, and names of Python's."""
TIMES = [
    *(
        "0001-01-01T00:00:00+08:00",
        "0001-01-01T00:00:00-08:00",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:59+14:00",
    ),
    *("2026-02-30", "2026-01-02", "2016-12-31T23:59:60Z", "2000-00-00", "1970-01-01T00:00:00Z", "20260102", "0", ""),
    *("2026-01-02T03:04:05 08:00", "2026-W01-1", "24:00", "2026-01-02T24:00:00", "1700000000", "-1", "\u0662\u0660"),
]
NUMBERS = [0, -1, 1, 2**31, 2**63, 10**40, -(10**40), 1.5, 1e300, 1.0, float("inf"), float("nan"), True, False]
TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
ODD = st.sampled_from([None, *NUMBERS, *TIMES])
VALUES = st.recursive(
    ODD | st.integers() | st.floats() | st.datetimes().map(str) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
SOUND = {
    "url": "http://music-1250000000.cossh.myqcloud.com/a.mp3",
    "bucketName": "music",
    "bucketRegion": "sh",
    "state": "lost",
    "day": "2026-01-02",
    "room_id": "room-42",
    "song_id": "104008",
    "vid": "963f1d40dfdfadfdd9b94e922d5696",
    "since": "2026-01-02",
    "changed_since": "2026-01-02",
    "bucket": "music",
    "limit": "2",
    "rate": 2,
    "until": "2026-03-04",
    "after": "2026-01-02",
    "type": "mediarelay.task.*",
    "duty": "video",
    "message": "a test",
    "confirm": "ConfirmDeadLetters",
    "queue": "ConfirmDeadLetters",
    "circuit": "mps:DescribeTaskDetail",
    "name": "shop",
    "file": "app.js",
    "page": "runbook",
    "tasks": [{"url": "http://music-1250000000.cossh.myqcloud.com/a.mp3", "bucketName": "music", "bucketRegion": "sh"}],
}
"""Values that are taken, so that one odd field alone is reached as well."""
SOUND_BELOW: dict[str, dict[str, Any]] = {
    "/submissions": {"id": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c", "state": "queued"},
    "/replays": {"id": "9f86d081884c7d659a2feaa0c55ad015"},
    "/webhooks": {"state": "pending"},
}
"""The same for names that mean something else below some paths."""
LONG = "x" * 3000
"""More than a key of a table may have, and less than API Gateway takes in a path."""
FILE = {"bucket": "music-1250000000", "region": "sh", "object": "a.mp3"}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


@pytest.fixture
def lambda_sandbox(monkeypatch: pytest.MonkeyPatch, table: str, site: Site) -> Iterator[LambdaSandbox]:
    # moto has one server, so an empty answer is no reason to wait for another one.
    monkeypatch.setattr(sqs_operations, "WAIT_SECONDS", 0)
    lambda_sandbox = LambdaSandbox(monkeypatch, table, site)
    lambda_sandbox.values["TABLE_NAME"] = table
    yield lambda_sandbox
    forget()


@cache
def owner(key: str) -> str:
    """The function that serves a route."""
    method, path = key.split(" ")
    wanted = {"Method": method, "Path": path}
    for name, function in functions().items():
        for event in function["Events"].values() if "Events" in function else ():
            if event["Type"] == "HttpApi" and event["Properties"].items() >= wanted.items():
                return name
    raise KeyError(key)


def request(
    key: str, *, query: Any = None, body: Any = None, path: Any = None, headers: Any = None, scopes: str = "admin"
) -> dict[str, Any]:
    return {
        "routeKey": key,
        "headers": headers or {},
        "requestContext": {
            "http": {"sourceIp": "192.0.2.1", "method": key.partition(" ")[0]},
            "authorizer": {"lambda": {"client": "c", "scopes": scopes}},
            "stage": "$default",
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        },
        **({"queryStringParameters": query} if query is not None else {}),
        **({"pathParameters": path} if path is not None else {}),
        **({"body": body} if body is not None else {}),
    }


@cache
def operation(key: str) -> dict[str, Any]:
    method, path = key.split(" ")
    found: dict[str, Any] = OPENAPI["paths"][path][method.lower()]
    return found


def documented(key: str, place: str) -> dict[str, Any]:
    """The documented parameters of a route in one place, with whether they are needed."""
    found = operation(key).get("parameters", ())
    return {one["name"]: one.get("required", False) for one in found if one["in"] == place}


def body_fields(key: str) -> list[str]:
    if "requestBody" not in operation(key):
        return []
    reference = operation(key)["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(OPENAPI["components"]["schemas"][reference.rpartition("/")[2]]["properties"])


def sound(names: Any, key: str = "") -> dict[str, Any]:
    """Sound values of those names that have one, for a route."""
    below = (found for path, found in SOUND_BELOW.items() if f" {path}" in key)
    known = SOUND | next(below, {})
    return {name: known[name] for name in names if name in known}


def content(answer: Mapping[str, Any]) -> Any:
    """The body of an answer, parsed if it is JSON."""
    return json.loads(answer["body"]) if "json" in answer["headers"]["content-type"] else answer["body"]


def judge(key: str, answer: Mapping[str, Any]) -> int:
    """Hold an answer against what the documentation says of the route; returns the status."""
    status: int = answer["statusCode"]
    assert status < 500, answer
    body = content(answer)
    hold(key, status, answer["headers"], body)
    if status == 400:
        assert body["field"]
        assert body["detail"].startswith(f"{body['field']}: ")
        assert not FOREIGN.search(body["detail"].removeprefix(body["field"])), body
        assert not body["detail"].endswith("is not valid"), "says what is valid"
    return status


@pytest.mark.parametrize("key", CLIENT_ROUTES)
def test_the_sound_values_are_taken(lambda_sandbox: LambdaSandbox, key: str) -> None:
    """Otherwise the tests below reach no further than a refusal of these."""
    answer = lambda_sandbox.handler(owner(key)).handler(
        request(
            key,
            query=sound(documented(key, "query"), key),
            path=sound(documented(key, "path"), key),
            body=json.dumps(sound(body_fields(key), key)) if key.startswith("POST") else None,
        ),
        Context(),
    )
    assert judge(key, answer) != 400, answer


@pytest.mark.parametrize("key", CLIENT_ROUTES)
def test_odd_values_are_refused_by_name_or_taken(lambda_sandbox: LambdaSandbox, key: str) -> None:
    handler = lambda_sandbox.handler(owner(key)).handler
    fields, parameters = body_fields(key), [*documented(key, "query")]
    paths = sound(documented(key, "path"), key)

    @given(
        odd=st.dictionaries(st.sampled_from([*fields, "x"]) | TEXT, VALUES, max_size=2),
        asked=st.dictionaries(st.sampled_from([*parameters, "x"]), st.sampled_from(TIMES) | TEXT, max_size=2),
        names=st.fixed_dictionaries({name: st.just(value) | TEXT | st.just(LONG) for name, value in paths.items()}),
        header=st.none() | TEXT,
        missing=st.sets(st.sampled_from([*fields, "x"]), max_size=1),
    )
    @fuzzed
    def ask(odd: Any, asked: Any, names: Any, header: str | None, missing: set[str]) -> None:
        sent = {name: value for name, value in (sound(fields, key) | odd).items() if name not in missing}
        has_body = bool(fields) or key.startswith("POST")
        event = request(
            key,
            query=sound((name for name in parameters if name not in missing), key) | asked,
            body=json.dumps(sent) if has_body else None,
            path=names or None,
            headers={} if header is None else {"idempotency-key": header},
        )
        judge(key, handler(event, Context()))

    ask()


@pytest.mark.parametrize("key", CLIENT_ROUTES)
def test_every_documented_parameter_is_taken_and_no_other(lambda_sandbox: LambdaSandbox, key: str) -> None:
    module = lambda_sandbox.handler(owner(key))
    parameters, paths = documented(key, "query"), sound(documented(key, "path"), key)
    body = json.dumps(sound(body_fields(key), key)) if key.startswith("POST") else None

    def ask(query: Mapping[str, str]) -> tuple[int, str | None]:
        answer = module.handler(request(key, query=dict(query), path=paths, body=body), Context())
        found = content(answer)
        return answer["statusCode"], found.get("field") if isinstance(found, dict) else None

    needed = sound((name for name, required in parameters.items() if required), key)
    for name in (*parameters, "buckets", "changed"):
        status, field = ask(needed | {name: "\u00a7\n"})
        assert (status, field) == (400, name), "taken notice of"
    for name, required in parameters.items():
        if required:
            rest = {other: value for other, value in needed.items() if other != name}
            assert ask(rest) == (400, name)
    assert ask(needed)[0] < 500
    assert ask(needed)[1] not in {*parameters, *paths}


BODIES = {
    '{"url": "http://a/1", "url": "http://a/2"}': "url",
    '{"url": NaN}': "body",
    '{"url": Infinity}': "body",
    "[" * 100_000: "body",
    '{"x":' * 33 + "1" + "}" * 33: "body",
    '{"a":' + "9" * 5_000 + "}": "body",
    "[]": "body",
    "null": "body",
    '"text"': "body",
    "{": "body",
    "{,}": "body",
    '{"\\ud800": 1}': "body",
    "\ud800": "body",
    '{"x": 1}': "x",
    '{"' + "x" * 10**5 + '": 1}': "x" * 64,
}


@pytest.mark.parametrize("key", [key for key in CLIENT_ROUTES if key.startswith("POST")])
def test_bodies_are_read_as_strictly_as_callbacks(lambda_sandbox: LambdaSandbox, key: str) -> None:
    handler = lambda_sandbox.handler(owner(key)).handler
    paths = sound(documented(key, "path"), key)
    for body, field in BODIES.items():
        answer = handler(request(key, path=paths, body=body), Context())
        assert judge(key, answer) == 400, body[:80]
        refusal = json.loads(answer["body"])
        assert refusal["field"] == field or "is required" in refusal["detail"], body[:80]
    utf16 = {"body": "//57ACIAdQByAGwAIgA6ADEAfQA=", "isBase64Encoded": True}
    answer = handler(request(key, path=paths) | utf16, Context())
    assert json.loads(answer["body"])["detail"] == "body: not UTF-8"


STRICT: dict[str, list[tuple[Any, str]]] = {
    "POST /tasks/replay": [
        ({"state": "lost", "dry_run": 0}, "dry_run"),
        ({"state": "lost", "dry_run": "false"}, "dry_run"),
        ({"state": "lost", "dry_run": None}, "dry_run"),
        ({"state": "lost", "rate": True, "dry_run": True}, "rate"),
        ({"state": "lost", "rate": "60"}, "rate"),
        ({"state": "lost", "rate": 0}, "rate"),
        ({"state": "lost", "rate": 10**400}, "rate"),
        ({"state": "lost", "since": "0001-01-01T00:00:00+08:00", "dry_run": True}, "since"),
        ({"state": "lost", "until": "9999-12-31T23:59:59-08:00", "dry_run": True}, "until"),
        ({"state": "lost", "since": 1700000000}, "since"),
        ({"state": "lost", "since": "2026-01-02", "until": "2026-01-01"}, "until"),
        ({"state": ["lost", "done"]}, "state"),
        ({"state": []}, "state"),
        ({"state": True}, "state"),
        ({"state": "expected", "time": "outcome"}, "time"),
        ({}, "state"),
    ],
    "POST /quarantine/replay": [({"day": day}, "day") for day in ("2000-00-00", "2026-02-30", "20260101", 20260101)],
    "POST /tasks/audio": [
        ({"bucketName": "music", "bucketRegion": "sh"}, "url"),
        (sound(["url", "bucketName", "bucketRegion"]) | {"bucketName": "\ud800"}, "bucketName"),
        (sound(["url", "bucketName", "bucketRegion"]) | {"bucketName": 7}, "bucketName"),
    ],
    "POST /tasks/video": [
        ({"vid": "1-a", "reference": "x" * 1001}, "reference"),
        ({"source": 7}, "source"),
        ({"source": FILE, "url": SOUND["url"], "provider": "mps"}, "url"),
        ({"source": FILE, "provider": "cts"}, "source"),
        ({}, "vid"),
        ({"vid": "a b"}, "vid"),
        ({"vid": True}, "vid"),
    ],
    "POST /tasks/audio/batch": [({"tasks": []}, "tasks"), ({"tasks": {}}, "tasks"), ({"tasks": [{}] * 501}, "tasks")],
    "POST /tasks/{vid}/replay": [({"dry_run": True}, "dry_run")],
}


@pytest.mark.parametrize(("key", "body", "field"), [(key, *one) for key, found in STRICT.items() for one in found])
def test_nothing_is_converted(lambda_sandbox: LambdaSandbox, key: str, body: Any, field: str) -> None:
    handler = lambda_sandbox.handler(owner(key)).handler
    paths = sound(documented(key, "path"), key)
    answer = handler(request(key, path=paths, body=json.dumps(body)), Context())
    assert judge(key, answer) == 400
    assert json.loads(answer["body"])["field"] == field
    assert lambda_sandbox.stores.table.client.scan(TableName=lambda_sandbox.stores.table.name)["Items"] == [], (
        "nothing was done"
    )


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\ud800"])
def test_a_key_that_is_none_is_refused(lambda_sandbox: LambdaSandbox, key: str) -> None:
    body, headers = json.dumps(sound(["url", "bucketName", "bucketRegion"])), {"idempotency-key": key}
    answer = lambda_sandbox.handler("submit_audio").handler(
        request("POST /tasks/audio", body=body, headers=headers), Context()
    )
    assert (answer["statusCode"], json.loads(answer["body"])["field"]) == (400, "Idempotency-Key")


def test_a_batch_has_keys_of_its_own(lambda_sandbox: LambdaSandbox) -> None:
    body, headers = json.dumps({"tasks": [{}]}), {"idempotency-key": "k"}
    event = request("POST /tasks/audio/batch", body=body, headers=headers)
    answer = lambda_sandbox.handler("submit_batch").handler(event, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["field"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize("name", ["", "x" * 129, "\u00e9" * 65, "a\nb", "\ud800"])
@pytest.mark.parametrize(
    ("key", "wrong"),
    [(key, part) for key in CLIENT_ROUTES for part in ("room_id", "song_id") if f"{{{part}}}" in key],
)
def test_a_name_in_a_path_that_no_relay_may_have_is_refused(
    lambda_sandbox: LambdaSandbox, key: str, wrong: str, name: str
) -> None:
    answer = lambda_sandbox.invoke("read_songs", request(key, path={"room_id": "r", "song_id": "s", wrong: name}))
    assert (answer["statusCode"], answer["body"]["field"]) == (400, wrong)


@pytest.mark.parametrize("odd", ["", LONG, "a\nb", "\ud800", "{}\n", " {}", "{}#x"])
@pytest.mark.parametrize("key", [key for key in CLIENT_ROUTES if "{id}" in key or "{vid}" in key])
def test_an_id_in_a_path_in_another_form_is_not_looked_up(lambda_sandbox: LambdaSandbox, key: str, odd: str) -> None:
    """A read or write of a table that is gone would be 503. DynamoDB refuses a key of `LONG`, which moto takes."""
    lambda_sandbox.values["TABLE_NAME"] = "gone"
    ((name, value),) = sound(documented(key, "path"), key).items()
    answer = lambda_sandbox.handler(owner(key)).handler(request(key, path={name: odd.format(value)}), Context())
    # A vid is a field of requests, too, and refused by name like there.
    assert judge(key, answer) == (400 if name == "vid" else 404)


ALLOWED = {"read": {"read", "admin"}, "submit": {"submit", "admin"}, "admin": {"admin"}}


@pytest.mark.parametrize("key", [key for key in CLIENT_ROUTES if operation(key)["security"]])
def test_a_route_refuses_a_client_that_lacks_its_scope(lambda_sandbox: LambdaSandbox, key: str) -> None:
    handler = lambda_sandbox.handler(owner(key)).handler
    ((needed,),) = (one["bearer"] for one in operation(key)["security"])
    for granted in ("", "read", "submit", "admin", "read:tokens", "Admin", "administrator", "read,submit"):
        # A query that no route takes: whoever has the scope gets 400 for it.
        answer = handler(request(key, query={"\u00a7": "1"}, scopes=granted), Context())
        body = json.loads(answer["body"])
        assert (answer["statusCode"], body.get("scope")) == (
            (400, None) if granted in ALLOWED[needed] else (403, needed)
        )
        codes = {"malformed", "unknown_parameter"} if answer["statusCode"] == 400 else {"missing_scope"}
        assert body["code"] in codes


def test_only_its_own_scope_shows_tokens(lambda_sandbox: LambdaSandbox) -> None:
    for scopes in ("read", "admin", "read admin submit"):
        event = request("GET /songs", query={"room_id": "r", "song_id": "s", "tokens": "true"}, scopes=scopes)
        answer = lambda_sandbox.invoke("read_songs", event)
        assert (answer["statusCode"], answer["body"]["scope"]) == (403, "read:tokens")


@pytest.mark.parametrize("function", sorted({owner(key) for key in CLIENT_ROUTES}))
def test_an_unknown_route_is_404(lambda_sandbox: LambdaSandbox, function: str) -> None:
    answer = lambda_sandbox.handler(function).handler(request("GET /nothing"), Context())
    assert (answer["statusCode"], json.loads(answer["body"])["detail"]) == (404, "no such route")
