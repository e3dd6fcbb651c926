"""The holder of answers refuses what the document does not say."""

import json
from contextlib import nullcontext
from typing import Any
from unittest import mock

import pytest
import requests
from jsonschema import ValidationError

from tests.answers import JSON, PROBLEM, hold, holding, route_of

TASK = {"vid": "a1", "kind": "audio", "state": "pending", "source": {"place": {}}, "renditions": [], "faults": []}
TASK |= {"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z"}
TASK |= {"next": {"attempts": 0, "published": []}}
LATER = {"type": "/docs/errors#ledger_unavailable", "title": "Ledger unavailable", "status": 503}
LATER |= {"code": "ledger_unavailable", "request_id": "r1"}
BAD = {"type": "/docs/errors#malformed", "title": "T", "status": 400, "code": "malformed", "field": "x"}


def test_an_answer_as_documented_passes() -> None:
    assert hold("GET /tasks/{vid}", 200, {"content-type": JSON}, TASK) == ("GET /tasks/{vid}", 200)


@pytest.mark.parametrize(
    "change", [{"claimed": None}, {"more": 1}, {"source": {"place": {}, "size": None}}, {"vid": 7}]
)
def test_another_body_fails(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        hold("GET /tasks/{vid}", 200, {"content-type": JSON}, TASK | change)


def test_a_missing_field_fails() -> None:
    with pytest.raises(ValidationError):
        hold("GET /tasks/{vid}", 200, {"content-type": JSON}, {name: TASK[name] for name in TASK if name != "faults"})


def test_an_undocumented_status_fails() -> None:
    with pytest.raises(KeyError):
        hold("GET /tasks/{vid}", 202, {"content-type": JSON}, TASK)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": JSON, "retry-after": "30"}, LATER),
        ({"content-type": PROBLEM}, LATER),
        ({"content-type": PROBLEM, "retry-after": "30", "x-more": "1"}, LATER),
        ({"content-type": PROBLEM, "retry-after": "30"}, LATER | {"status": 500}),
        ({"content-type": PROBLEM, "retry-after": "30"}, LATER | {"field": "vid"}),
        ({"content-type": PROBLEM, "retry-after": "30"}, LATER | {"type": "/docs/errors#internal"}),
    ],
)
def test_a_problem_in_another_form_fails(headers: dict[str, str], body: dict[str, Any]) -> None:
    hold("GET /tasks", 503, {"content-type": PROBLEM, "retry-after": "30"}, LATER)
    with pytest.raises(AssertionError):
        hold("GET /tasks", 503, headers, body)


@pytest.mark.parametrize(
    ("path", "status", "media_type", "body", "fails"),
    [
        ("/health", 200, JSON, {"status": "ok", "version": "1"}, False),
        ("/health", 200, JSON, {"status": "ok", "version": "1", "more": 1}, True),
        ("/health?x=1", 400, PROBLEM, BAD, False),
        ("/health", 400, PROBLEM, {"title": "T", "status": 400, "field": "x"}, True),
        ("/nowhere", 404, JSON, {"message": "Not Found"}, False),
        ("/nowhere", 200, JSON, {}, True),
    ],
)
def test_answers_of_a_deployed_api_are_held(
    path: str, status: int, media_type: str, body: dict[str, Any], fails: bool
) -> None:
    def reply(_session: requests.Session, request: requests.PreparedRequest, **_options: Any) -> requests.Response:
        response = requests.Response()
        response.url, response.request, response.status_code = str(request.url), request, status
        response.headers["content-type"], response._content = media_type, json.dumps(body).encode()
        return response

    with mock.patch.object(requests.Session, "send", reply):
        with (
            holding("http://api.example"),
            pytest.raises((AssertionError, ValidationError)) if fails else nullcontext(),
        ):
            assert requests.get(f"http://api.example{path}", timeout=1).json() == body
        assert requests.get(f"http://api.example{path}", timeout=1).json() == body, "it is over"


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/tasks", "GET /tasks"),
        ("POST", "/tasks/replay", "POST /tasks/replay"),
        ("POST", "/tasks/a1/replay", "POST /tasks/{vid}/replay"),
        ("GET", "/rooms/50%25/songs/1", "GET /rooms/{room_id}/songs/{song_id}"),
        ("GET", "/tasks/a/b/c", None),
        ("PUT", "/tasks", None),
    ],
)
def test_the_route_of_a_path(method: str, path: str, key: str | None) -> None:
    assert route_of(method, path) == key
