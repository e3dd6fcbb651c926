"""The stand-in for LocalEmu's missing HTTP API: the template's routes, and paths that are decoded once."""

from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest

from local.expand import expand_apis, route_keys
from tests.localemu.gateway import DEFAULT, Gateway, _event, routes
from tests.stack import translated


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    """One that is connected to nothing."""
    unconnected = object.__new__(Gateway)
    unconnected.routes = list(routes(expand_apis(translated())))
    return unconnected


def event(method: str, path: str) -> dict[str, Any]:
    headers = Message()
    headers["Host"] = "api.example:8000"
    request: Any = SimpleNamespace(path=path, headers=headers, command=method, client_address=("127.0.0.1", 1))
    return _event(request, b"")


def test_it_has_the_routes_of_the_template(gateway: Gateway) -> None:
    assert {route.key for route in gateway.routes} == route_keys(expand_apis(translated()))


@pytest.mark.parametrize(
    ("path", "key", "parameters"),
    [
        ("/tasks/a", "GET /tasks/{vid}", {"vid": "a"}),
        ("/tasks/a?x=/history", "GET /tasks/{vid}", {"vid": "a"}),
        ("/songs/history", "GET /songs/history", {}),
        ("/rooms/a%2Fb/songs", "GET /rooms/{room_id}/songs", {"room_id": "a/b"}),
        ("/rooms/a%25/songs", "GET /rooms/{room_id}/songs", {"room_id": "a%"}),
        ("/rooms/a%2525/songs", "GET /rooms/{room_id}/songs", {"room_id": "a%25"}),
        ("/rooms/a%252F/songs", "GET /rooms/{room_id}/songs", {"room_id": "a%2F"}),
        ("/rooms//songs", DEFAULT, {}),
        ("/tasks/", DEFAULT, {}),
    ],
)
def test_a_path_is_decoded_once(gateway: Gateway, path: str, key: str, parameters: dict[str, str]) -> None:
    route, found = gateway._match(event("GET", path))
    assert (route and route.key, found) == (key, parameters)


def test_an_event_states_the_domain_as_the_gateway_does() -> None:
    assert event("GET", "/status")["requestContext"]["domainName"] == "api.example"


def test_a_fixed_path_goes_before_a_parameter(gateway: Gateway) -> None:
    route, _ = gateway._match(event("POST", "/tasks/replay"))
    assert route
    assert route.key == "POST /tasks/replay"
