"""Calls to a stack that has just started on a busy machine."""

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from local import client
from local.client import ApiClient
from local.environment import LocalError

ENV = SimpleNamespace(keys=SimpleNamespace(bearer="b"), engine_url="http://engine")
DEPLOYMENT: Any = SimpleNamespace(api_url="http://api", env=ENV)


class Gateway:
    """Answers one call after the other: with a status, or not in time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *outcomes: int | type[Exception]) -> None:
        self.outcomes, self.calls, self.said = list(outcomes), list[tuple[str, str]](), list[str]()
        monkeypatch.setattr(requests, "request", self.request)
        monkeypatch.setattr(client, "BUSY_PAUSE", 0)

    def request(self, method: str, url: str, **_: Any) -> requests.Response:
        self.calls.append((method, url))
        outcome = self.outcomes.pop(0)
        if not isinstance(outcome, int):
            raise outcome
        answer = requests.Response()
        answer.status_code, answer._content = outcome, b'{"vid": null}'
        answer.headers["Retry-After"] = "7"
        return answer

    def patient(self) -> ApiClient:
        return ApiClient(DEPLOYMENT, 4, self.said.append)


@pytest.mark.parametrize("busy", [requests.ReadTimeout, requests.ConnectTimeout, 503, 504, 502, 429])
def test_a_call_is_repeated_and_says_that_the_machine_is_busy(
    monkeypatch: pytest.MonkeyPatch, busy: int | type[Exception]
) -> None:
    gateway = Gateway(monkeypatch, busy, busy, 200)
    assert gateway.patient().get("/tasks/a1") == {"vid": None}
    assert gateway.calls == [("GET", "http://api/tasks/a1")] * 3
    assert len(gateway.said) == 2
    assert gateway.said[0].startswith("GET /tasks/a1: ")
    assert "The machine is busy (load " in gateway.said[0]


def test_repeats_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(monkeypatch, *[503] * 9)
    with pytest.raises(LocalError, match="GET /x: 503"):
        gateway.patient().get("/x")
    assert len(gateway.calls) == 4


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500])
def test_an_error_is_not_repeated(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    gateway = Gateway(monkeypatch, status)
    with pytest.raises(LocalError, match=str(status)):
        gateway.patient().get("/x")
    assert gateway.said == []


def test_other_clients_see_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway(monkeypatch, 503)
    with pytest.raises(LocalError, match="503"):
        ApiClient(DEPLOYMENT).get("/x")


def test_a_promise_says_when_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(monkeypatch, 202, 201)
    assert gateway.patient().expect_video("u") == {"vid": None, "retry_after": 7.0}
    assert "retry_after" not in gateway.patient().expect_video("u")


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        ([{"provider": "mps", "calls": 5, "limit": 5}], True),
        ([{"provider": "mps", "calls": 4, "limit": 5}], False),
        ([{"provider": "cts", "calls": 5, "limit": 5}], False),
        ([], False),
    ],
)
def test_the_own_budget(monkeypatch: pytest.MonkeyPatch, budget: list[dict[str, Any]], *, spent: bool) -> None:
    monkeypatch.setattr(ApiClient, "get", lambda *_: {"budget": budget})
    assert ApiClient(DEPLOYMENT).has_spent_budget("mps") is spent


def test_an_api_without_a_status_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    Gateway(monkeypatch, 404)
    assert ApiClient(DEPLOYMENT).has_spent_budget("mps") is None
