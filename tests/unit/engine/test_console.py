"""The console."""

import json


def test_settings_can_be_read_and_sent_back(stub) -> None:
    shown = stub.console("config")
    assert shown["credentials"]["secret_key"] == "********"
    assert stub.console("config", shown) == shown
    assert stub.console("config", {"workers": 5})["workers"] == 5
    assert stub.console("health")["jobs"]["workers"] == 5


def test_wrong_settings_are_a_problem(stub) -> None:
    for path, body in (("config", b'{"workers": 0}'), ("faults", b'{"nope": 1}'), ("config", b"{"), ("config", b"[]")):
        status, headers, answer = stub.request("PUT", f"/_engine/{path}", body)
        assert (status, headers["Content-Type"]) == (400, "application/problem+json")
        assert json.loads(answer).keys() >= {"status", "detail", "field"}


def test_the_console_is_local(stub) -> None:
    for host in ("evil.example", "cts.local:4580"):
        assert stub.request("GET", "/_engine/config", headers={"Host": host})[0] == 403
    assert stub.request("GET", "/_engine/config", headers={"Host": "localhost:1"})[0] == 200


def test_lists_are_bounded(stub) -> None:
    assert len(stub.console("tasks?limit=1")["tasks"]) <= 1
    for limit in ("0", "1001", "x", "-1", ""):
        assert stub.request("GET", f"/_engine/tasks?limit={limit}")[0] == 400


def test_other_paths(stub) -> None:
    assert stub.request("GET", "/nothing")[0] == 404
    assert stub.request("GET", "/")[0] == 405
    assert stub.request("DELETE", "/v2/index.php")[0] == 405
