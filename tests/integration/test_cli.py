"""The command line against the real handlers: its requests are taken, and it understands their answers."""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from mediarelay_cli import app as cli
from mediarelay_cli.commands.status import MAX_PROBLEMS, lines
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.lambda_context import Context
from tests.stack import ROOT, functions
from tests.unit.cli.fake_api import Call, FakeApi, Reply, serving

Run = Callable[..., Result]
ONE_AT_A_TIME = Lock()


@cache
def routes() -> list[tuple[str, re.Pattern[str], str, str]]:
    """Method, pattern, key and function of every route of the template."""
    events = [(name, event) for name, one in functions().items() for event in one.get("Events", {}).values()]
    served = [(name, event["Properties"]) for name, event in events if event["Type"] == "HttpApi"]
    # The catch-all route has no path.
    found = [(name, one) for name, one in served if "Path" in one]
    return [
        (
            one["Method"],
            re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", one["Path"])),
            f"{one['Method']} {one['Path']}",
            name,
        )
        for name, one in sorted(found, key=lambda each: "{" in each[1]["Path"])
    ]


def gateway(sandbox: LambdaSandbox) -> Callable[[Call], Reply]:
    """Call the handler of a route as API Gateway does, for a client with every scope."""

    def serve(call: Call) -> Reply:
        for method, pattern, key, function in routes():
            if method == call.method and (found := pattern.fullmatch(call.path)):
                return invoke(sandbox, call, key, function, found.groupdict())
        return Reply({"message": "Not Found"}, 404)

    return serve


def invoke(sandbox: LambdaSandbox, call: Call, key: str, function: str, names: dict[str, str]) -> Reply:
    event = {
        "routeKey": key,
        "rawPath": call.path,
        "headers": call.headers | {"host": "api.example.com"},
        "requestContext": {
            "http": {"sourceIp": "192.0.2.1", "method": call.method, "path": call.path},
            "authorizer": {"lambda": {"client": "game", "scopes": "admin submit read read:tokens"}},
            "domainName": "api.example.com",
            "requestId": "r-1",
            "stage": "$default",
        },
    }
    event |= {"queryStringParameters": call.query} if call.query else {}
    event |= {"pathParameters": names} if names else {}
    event |= {"body": json.dumps(call.body)} if call.body is not None else {}
    with ONE_AT_A_TIME:
        answer = sandbox.handler(function).handler(event, Context())
    return Reply((answer.get("body") or "").encode(), answer["statusCode"], answer.get("headers") or {})


class Everything(dict[str, Any]):
    """The routes of a fake API that are all served by one function."""

    def __init__(self, serve: Callable[[Call], Reply]) -> None:
        super().__init__()
        self.serve = serve

    def get(self, key: str, default: Any = None) -> Any:
        return self.serve


@pytest.fixture
def api(lambda_sandbox: LambdaSandbox) -> Iterator[FakeApi]:
    with serving() as fake:
        fake.routes = Everything(gateway(lambda_sandbox))
        yield fake


@pytest.fixture
def run(api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path) -> Run:
    cli.load()
    variables = {"MEDIARELAY_API_URL": api.url, "MEDIARELAY_TOKEN": "t", "MEDIARELAY_CONFIG": str(tmp_path / "none")}

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(cli.app, list(arguments), env=variables | {"LOCAL_DIR": str(tmp_path)})

    return call


def given(sandbox: LambdaSandbox, name: str) -> dict[str, Any]:
    """Bring about the state of a sample event."""
    state: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))["given"]
    sandbox.given(state)
    return state


def value(result: Result, code: int = 0) -> Any:
    """The JSON that a command printed. The handlers run in the same process and print their metrics there, too."""
    assert result.exit_code == code, result.output + repr(result.exception)
    return json.loads("".join(line for line in result.stdout.splitlines() if not line.startswith('{"_aws"')))


class TestTasks:
    def test_a_task_is_listed_and_shown(self, run, lambda_sandbox):
        vid = given(lambda_sandbox, "read_ledger_task")["log"][0]["vid"]
        (listed,) = value(run("tasks", "--json"))
        assert listed["vid"] == vid
        assert value(run("tasks", "--state", "lost", "--since", "2026-01-01", "--order", "asc", "--json")) == []
        assert value(run("tasks", "--bucket", "none", "--json")) == []
        shown = value(run("task", vid, "--json"))
        assert shown["task"]["vid"] == shown["history"]["vid"] == vid
        text = run("task", vid).stdout
        assert vid in text
        assert shown["task"]["renditions"][0]["name"] in text

    def test_an_unknown_task_says_so(self, run, lambda_sandbox):
        result = run("task", "abc")
        assert result.exit_code == 3
        assert "404" in result.stderr
        assert "Check the name or the id" in result.stderr

    def test_one_task_and_a_selection_are_replayed(self, run, lambda_sandbox):
        vid = given(lambda_sandbox, "read_ledger_task")["log"][0]["vid"]
        assert value(run("replay", vid, "--yes", "--json"))["count"] == 1
        assert value(run("replay", "--state", "succeeded", "--dry-run", "--json")) == {"count": 1, "jobs": []}
        started = value(run("replay", "--state", "succeeded", "--rate", "30", "--yes", "--json"))
        # Each kind has a job of its own.
        assert (started["count"], len(started["jobs"])) == (1, 2)


class TestSubmits:
    def test_a_list_is_submitted_and_a_second_run_sends_nothing(self, run, api, tmp_path):
        file = tmp_path / "list.jsonl"
        url = "http://music-1250000000.cossh.myqcloud.com/a{}.mp3"
        items = [{"url": url.format(n), "bucketName": "music", "bucketRegion": "sh"} for n in range(3)]
        lines = [*items, {"url": "https://example.com/a.mp3"}, items[0] | {"idempotency_key": "own"}]
        file.write_text("".join(json.dumps(one) + "\n" for one in lines))
        result = run("submit", "--from", str(file), "--json")
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert result.exit_code == 1
        assert [one["status"] for one in found] == [202, 202, 202, 400, 202]
        assert found[3]["detail"].startswith("url: ")
        api.calls.clear()
        assert "4 in an earlier run" in run("submit", "--from", str(file)).stdout
        assert [len(call.body["tasks"]) for call in api.calls] == [1]

    def test_a_refused_url_names_its_field(self, run):
        result = run("submit", "http://music-1250000000.cossh.myqcloud.com/a.mp3?x=1")
        assert result.exit_code == 1
        assert "400 url: must not hold a query" in result.stdout


class TestOperations:
    def test_quarantined_bodies_are_listed_shown_and_read_again(self, run, lambda_sandbox):
        kept = given(lambda_sandbox, "quarantine")["quarantine"]
        day = kept[0]["at"][:10]
        bodies = value(run("quarantine", "list", "--day", day, "--json"))
        assert len(bodies) == len(kept)
        assert value(run("quarantine", "show", bodies[0]["digest"][:12], "--day", day, "--json")) == bodies[0]
        again = value(run("quarantine", "replay", "--day", day, "--json"), 1)
        assert again["refused"] == len(kept)

    def test_songs_of_a_room(self, run, lambda_sandbox):
        room = given(lambda_sandbox, "read_songs")["relays"][0]["relay"]["room_id"]
        songs = value(run("songs", room, "--json"))
        assert {one["room_id"] for one in songs} == {room}
        assert run("songs", room).exit_code == 0
        one = songs[0]["song_id"]
        assert value(run("songs", room, "--song", one, "--tokens", "--json"))[0]["song_id"] == one

    def test_events_are_listed_by_type_and_a_test_is_published(self, run, lambda_sandbox):
        state = given(lambda_sandbox, "read_events")["events"]
        found = value(run("events", "--since", "2026-01-01", "--json"))
        # The log shows an event once it is some seconds old.
        assert {one["id"] for one in found} < {one["id"] for one in state}
        kind = found[0]["type"]
        chosen = value(run("events", "--since", "2026-01-01", "--type", kind, "--type", "x.*", "--json"))
        assert {one["type"] for one in chosen} == {kind}
        assert value(run("events", "--test", "--json"))["id"]

    def test_endpoints_are_tested_disabled_and_replayed(self, run, lambda_sandbox):
        given(lambda_sandbox, "read_events")
        lambda_sandbox.values |= {"WEBHOOK_DELIVERY": "true"}
        assert [one["name"] for one in value(run("webhooks", "list", "--json"))] == ["shop", "songs"]
        assert run("webhooks", "test", "shop").exit_code == 0
        assert run("webhooks", "disable", "shop").exit_code == 0
        assert value(run("webhooks", "list", "--json"), 1)[0]["state"] == "disabled"
        assert run("webhooks", "enable", "shop").exit_code == 0
        assert value(run("webhooks", "deliveries", "shop", "--json"))
        queued = value(run("webhooks", "replay", "shop", "--since", "2026-01-01", "--yes", "--json"))
        assert queued["queued"] >= 1

    def test_a_sick_stack_shows_its_problems(self, run, lambda_sandbox):
        given(lambda_sandbox, "operations_status")
        found = value(run("status", "--json"), 1)
        text = run("status").stdout
        assert "is not healthy" in text
        assert all(one["subject"] in text for one in found["problems"][:MAX_PROBLEMS])
        assert all(label in text for label, _ in lines(found))

    def test_a_healthy_stack_exits_0(self, run, lambda_sandbox):
        given(lambda_sandbox, "operations_status_healthy")
        assert run("status").exit_code == 0

    def test_what_is_stuck_has_a_reason_and_an_action(self, run, lambda_sandbox):
        given(lambda_sandbox, "operations_stuck")
        items = value(run("stuck", "--json"), 1)
        text = run("stuck").stdout
        assert all(one["why"] in text and one["action"] in text for one in items)
        some = items[0]["duty"]
        assert {one["duty"] for one in value(run("stuck", "--duty", some, "--json"), 1)} == {some}

    def test_an_open_circuit_is_closed(self, run, lambda_sandbox):
        given(lambda_sandbox, "operations_close_circuit")
        circuits = value(run("circuits", "list", "--json"), 1)
        (opened,) = [one["circuit"] for one in circuits if "open_until" in one]
        assert run("circuits", "close", opened).exit_code == 0
        assert run("circuits", "list").exit_code == 0

    def test_dead_letters_are_shown_moved_and_deleted(self, run, lambda_sandbox):
        given(lambda_sandbox, "operations_redrive_confirm")
        queues = {one["queue"]: one["messages"] for one in value(run("dlq", "list", "--json"), 1)}
        held = queues["ConfirmDeadLetters"]
        assert held
        assert value(run("dlq", "show", "ConfirmDeadLetters", "-n", "1", "--json"))
        assert run("dlq", "show", "Nothing").exit_code == 3
        refused = run("dlq", "redrive", "ScheduleDeadLetters")
        assert (refused.exit_code, "409" in refused.stderr) == (3, True)
        assert "purged" in value(run("dlq", "purge", "ConfirmDeadLetters", "--yes", "--json"))
