"""The samples that the console is tested with are answers of the API, as its OpenAPI document describes them."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from jsonschema import Draft202012Validator

from docs.generate import openapi
from tests.browser.fake_api import FakeApi
from tests.browser.samples import FAILED_VID, HOSTILE_VID, QUEUE, SUBMISSION, VID

ASKED = [
    "/status",
    "/stuck",
    "/tasks?limit=50",
    "/tasks?time=outcome&limit=100",
    f"/tasks/{VID}",
    f"/tasks/{FAILED_VID}",
    f"/tasks/{VID}/history",
    f"/tasks/{HOSTILE_VID}/history",
    "/submissions",
    f"/submissions/{SUBMISSION}",
    "/songs?room_id=room-7",
    "/events?after=2026-01-02T03:04:05Z",
    "/replays?limit=50",
    "/webhooks",
    "/webhooks/billing/deliveries",
    "/dead-letters",
    f"/dead-letters/{QUEUE}/messages",
    "/quarantine?day=2026-01-02",
]


@pytest.fixture(scope="module")
def api() -> FakeApi:
    return FakeApi()


def operation(path: str) -> dict[str, Any]:
    """The operation of the API that serves a GET of a path."""
    for pattern, methods in openapi()["paths"].items():
        if "get" in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
            found: dict[str, Any] = methods["get"]
            return found
    raise LookupError(path)


@pytest.mark.parametrize("target", ASKED)
def test_a_sample_is_an_answer_of_the_api(api: FakeApi, target: str) -> None:
    url = urlsplit(target)
    answer = api.answer("GET", url.path, dict(parse_qsl(url.query)), {}, {"read", "admin"})
    schema = operation(url.path)["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema | {"components": openapi()["components"]})
    assert [error.message[:200] for error in validator.iter_errors(answer)] == []


@pytest.mark.parametrize("target", ASKED)
def test_a_parameter_of_the_console_is_one_of_the_api(target: str) -> None:
    url = urlsplit(target)
    known = {one["name"] for one in operation(url.path).get("parameters", ()) if one["in"] == "query"}
    assert set(dict(parse_qsl(url.query))) <= known
