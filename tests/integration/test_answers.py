"""Every answer that the OpenAPI document describes, given by the real handlers and held against its schema.

The samples in `events/` have most of the successes; `test_events.py` shows that they are real. The probes below have
the rest. A status that neither has must be in `UNHELD`, with the reason.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.answers import Answered, documented, hold
from tests.integration.lambda_sandbox import ACCOUNT, DEAD_LETTERS, LambdaSandbox
from tests.integration.test_events import FILES, expected
from tests.integration.test_requests import CLIENT_ROUTES, ROUTES, body_fields, owner, request, sound
from tests.integration.test_requests import documented as parameters
from tests.stack import REGION, ROOT

SAMPLES: dict[Answered, Any] = {}
for _path in FILES:
    _content = json.loads(_path.read_text("utf-8"))
    if "statusCode" in (_content["expected"].get("result") or {}):
        SAMPLES[_content["event"]["routeKey"], _content["expected"]["result"]["statusCode"]] = _content
UNDOCUMENTED = {("GET /rooms", 404), ("$default", 404), ("$default", 405), ("HEAD /tasks/{vid}", 200)}
"""What the document leaves out: a route that exists nowhere, what no route takes, and HEAD."""
UNHELD: Mapping[Answered, str] = {}
"""Documented answers that nothing here gives, with the reason."""
GONE = {"TABLE_NAME": "gone"} | dict.fromkeys(
    DEAD_LETTERS.values(), f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/gone"
)
"""A deployment whose table and dead-letter queues do not answer."""
STATIC = ROOT / "functions" / "console" / "static"
DEPLOYED = {"queue", "circuit", "name", "file", "page"}
"""Parameters that name something of the deployment, which is there whatever the ledger holds."""


@dataclass(frozen=True)
class Probe:
    """How to get one answer: changes to a sound event and to the environment, and what was before."""

    event: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


def callback_probes(key: str) -> dict[Answered, Probe]:
    return {
        (key, 400): Probe({"body": "x"}),
        (key, 401): Probe({"pathParameters": {"token": "wrong"}}),
        (key, 403): Probe(values={"CALLBACK_SOURCE_CIDRS": "10.0.0.0/8"}),
        (key, 413): Probe({"body": "x" * 2000}, {"MAX_CALLBACK_BYTES": "1024"}),
        (key, 503): Probe(values={"CALLBACK_SOURCE_CIDRS": "nowhere"}),
    }


def absent(key: str) -> dict[str, str]:
    """Path parameters that name nothing, in an empty ledger."""
    return sound(parameters(key, "path"), key) | dict.fromkeys(DEPLOYED & parameters(key, "path").keys(), "absent")


def without_scopes(key: str) -> dict[str, Any]:
    """The context of a request whose client may do nothing."""
    context: dict[str, Any] = request(key, scopes="")["requestContext"]
    return context


PROBES: dict[Answered, Probe] = {
    **{(key, 400): Probe({"queryStringParameters": {"x": "1"}}) for key in CLIENT_ROUTES},
    **{(key, 503): Probe(values=GONE) for key in CLIENT_ROUTES if (key, 503) in documented()},
    **{(key, 404): Probe({"pathParameters": absent(key)}) for key in CLIENT_ROUTES if (key, 404) in documented()},
    **{
        (key, 403): Probe({"requestContext": without_scopes(key)})
        for key in CLIENT_ROUTES
        if (key, 403) in documented()
    },
    **{
        (key, 304): Probe({"headers": {"if-none-match": "*"}})
        for key in ("GET /openapi.json", "GET /console", "GET /console/{file}", "GET /docs/{page}")
    },
    **{
        (key, 409): Probe(given={"disabled": ["shop"]})
        for key in ("POST /webhooks/{name}/test", "POST /webhooks/{name}/replay")
    },
    **{(key, 500): Probe({"pathParameters": [7]}) for key in ROUTES},
    **callback_probes("POST /callbacks/video/{token}"),
    **callback_probes("POST /callbacks/audio/{token}"),
    **callback_probes("POST /callbacks/mps/{token}"),
    ("POST /callbacks/music", 500): Probe({"headers": 7}),
    ("POST /callbacks/music", 403): Probe(values={"MUSIC_SOURCE_CIDRS": "10.0.0.0/8"}),
    ("POST /callbacks/music", 413): Probe({"body": "x" * 2**19}),
}


def sound_event(key: str) -> dict[str, Any]:
    """An event of a route that asks for nothing wrong."""
    needed = [name for name, required in parameters(key, "query").items() if required or name == "song_id"]
    body = json.dumps(sound(body_fields(key), key)) if key.startswith("POST") and key in CLIENT_ROUTES else None
    path = sound(parameters(key, "path"), key) | ({"token": "example-callback-token"} if "{token}" in key else {})
    return request(key, query=sound(needed, key), path=path, body=body)


def answer(lambda_sandbox: LambdaSandbox, key: str, probe: Probe) -> dict[str, Any]:
    lambda_sandbox.given({"now": "2026-03-04T05:06:07+00:00"} | dict(probe.given))
    lambda_sandbox.values |= probe.values
    result: dict[str, Any] = lambda_sandbox.invoke(owner(key), sound_event(key) | dict(probe.event))
    return result


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_sample_is_as_documented(path: Any) -> None:
    content = json.loads(path.read_text("utf-8"))
    result = expected(content).get("result") or {}
    if "statusCode" in result and (content["event"]["routeKey"], result["statusCode"]) not in UNDOCUMENTED:
        hold(content["event"]["routeKey"], result["statusCode"], result["headers"], result["body"])


@pytest.mark.parametrize(("key", "status"), sorted(PROBES))
def test_a_probe_gets_the_documented_answer(lambda_sandbox: LambdaSandbox, key: str, status: int) -> None:
    result = answer(lambda_sandbox, key, PROBES[key, status])
    assert hold(key, result["statusCode"], result["headers"], result["body"]) == (key, status)


@pytest.mark.parametrize("file", sorted(path.name for path in STATIC.iterdir() if path.is_file()))
def test_every_file_of_the_console_is_as_documented(lambda_sandbox: LambdaSandbox, file: str) -> None:
    key = "GET /console/{file}"
    result = answer(lambda_sandbox, key, Probe({"pathParameters": {"file": file}}))
    assert hold(key, result["statusCode"], result["headers"], result["body"]) == (key, 200)


def test_every_documented_answer_is_held() -> None:
    held = SAMPLES.keys() | PROBES.keys()
    assert documented() - held == set(UNHELD)
    assert held - documented() == UNDOCUMENTED
