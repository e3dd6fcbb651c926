"""What no route takes: 404 for an unknown path, 405 with the methods for a known one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.deployment import forget
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import Site
from tests.lambda_context import Context
from tests.stack import ROOT

PATHS: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))["paths"]


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch, table: str) -> Iterator[Any]:
    yield LambdaSandbox(monkeypatch, table, Site(host="127.0.0.1:1")).handler("unknown_route").handler
    forget()


def ask(handler: Any, method: str, path: str) -> tuple[int, str | None, str]:
    event = {"routeKey": "$default", "rawPath": path, "requestContext": {"http": {"method": method}}}
    answer = handler(event, Context())
    return answer["statusCode"], answer["headers"].get("allow"), answer["body"]


@pytest.mark.parametrize("path", PATHS)
def test_a_known_path_states_its_methods(handler: Any, path: str) -> None:
    stated = {method.upper() for method in PATHS[path]}
    allowed = sorted(stated | ({"HEAD"} if "GET" in stated else set()))
    # A literal path also fits a route with a parameter, whose methods it takes, too.
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        status, allow, body = ask(handler, method, path.replace("{", "").replace("}", ""))
        assert (status, json.loads(body)["code"]) == (405, "method_not_allowed")
        assert set(allowed) <= set((allow or "").split(", "))


@pytest.mark.parametrize("path", ["/", "", "/tasks/", "//tasks", "/tasks/a/b/c", "/tasks//history", "/TASKS", "/.env"])
def test_an_unknown_path_is_404(handler: Any, path: str) -> None:
    status, allow, body = ask(handler, "GET", path)
    assert (status, allow, json.loads(body)["code"]) == (404, None, "no_route")


def test_the_methods_of_a_path_that_fits_two_routes(handler: Any) -> None:
    assert ask(handler, "PUT", "/tasks/audio")[1] == "GET, HEAD, POST"


def test_an_answer_to_head_has_no_body(handler: Any) -> None:
    assert ask(handler, "HEAD", "/tasks/audio/batch") == (405, "POST", "")


def test_the_path_is_not_shown_nor_logged(handler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, body = ask(handler, "GET", "/callbacks/video/canary-5f0c7d")
    assert "canary-5f0c7d" not in body + capsys.readouterr().out
