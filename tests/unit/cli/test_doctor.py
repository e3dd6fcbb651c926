"""`mediarelay doctor`: each check finds its fault, and none stops the others."""

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest

from mediarelay_cli import functions, probes, version
from mediarelay_cli.doctor import aws, checks, model
from mediarelay_cli.doctor.checks import CHECKS
from mediarelay_cli.doctor.model import Status, ahead
from mediarelay_cli.errors import Exit
from mediarelay_cli.output import Printer
from mediarelay_cli.profiles import Profile
from mediarelay_cli.session import Session
from tests.unit.cli.running import run
from tests.unit.cli.stack import FIRST, REGION, FakeStack, running_stack

OWN = hashlib.sha256(probes.NO_TASK).hexdigest()
ROUTES = ["GET /tasks", "POST /events/test"]
GOOD_SETTINGS = {"TABLE_NAME": "ledger", "VISIBILITY_TIMEOUT": "180", "CALLBACK_SOURCE_CIDRS": "192.0.2.0/24"}


def healthy_status() -> dict[str, Any]:
    schedules = [{"function": "Sweep", "every_seconds": 60, "late": False}]
    return {"problems": [], "schedules": schedules}


@pytest.fixture
def settings() -> dict[str, str]:
    return dict(GOOD_SETTINGS)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> Iterator[FakeStack]:
    monkeypatch.setattr(functions, "environments", lambda _session: {"Confirm": settings})
    monkeypatch.setattr(checks, "TEST_PAUSE", 0.0)
    monkeypatch.setattr(checks, "TEST_SECONDS", 0.2)
    with running_stack(monkeypatch) as found:
        settings["PROVIDER_ENDPOINT"] = f"{found.url}/v2/index.php"
        settings["PROVIDER"] = "cts"
        found.put("ApiClients", {"clients": FIRST["ApiClients"]["clients"][:1]})
        account = {"secret_id": "AKIDexample", "secret_key": "example"}
        found.put("ProviderKeys", {"cts": account})
        found.put("CallbackTokens", {"tokens": "0123456789abcdef0123"})
        prepare(found)
        call = Session.aws
        gateway = {"Items": [{"RouteKey": route} for route in ROUTES]}

        def answer(session: Session, service: str, operation: str, **arguments: Any) -> Any:
            # moto's API Gateway needs packages that nothing else here needs.
            return gateway if service == "apigatewayv2" else call(session, service, operation, **arguments)

        monkeypatch.setattr(Session, "aws", answer)
        yield found


def prepare(stack: FakeStack) -> None:
    """Give the API the answers of a healthy stack, and the stack its topic and routes."""
    topic = boto3.client("sns", region_name=REGION).create_topic(Name="t")["TopicArn"]
    stack.outputs |= {"TopicArn": topic, "ApiId": "a1b2c3d4e5"}
    paths: dict[str, dict[str, Any]] = {}
    for method, path in (route.split(" ") for route in ROUTES):
        paths.setdefault(path, {})[method.lower()] = {}
    envelope = {"code": 5000, "message": "", "codeDesc": "x"}
    stack.answers |= {
        "GET /health": lambda: (200, {"status": "ok", "version": version()}),
        "GET /status": lambda: (200, healthy_status()),
        "GET /openapi.json": lambda: (200, {"paths": paths}),
        "POST /events/test": lambda: (202, {"id": "e1"}),
        "GET /events": lambda: (200, {"events": [{"id": "e1"}], "cursor": "c"}),
        "POST /v2/index.php": lambda: (200, envelope),
    }


def examined(*arguments: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    code, out, err = run("doctor", *arguments, "--json")
    assert out, err
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(out)["checks"]:
        found.setdefault(one.pop("check"), []).append(one)
    return code, found


def only(check: str) -> tuple[int, list[dict[str, str]]]:
    code, found = examined("--only", check)
    return code, found[check]


def test_a_healthy_stack_is_green(stack: FakeStack) -> None:
    code, found = examined("--skip", "drift")
    assert {name: {one["status"] for one in results} for name, results in found.items()} == {
        one.name: {"ok"} for one in CHECKS if one.name != "drift"
    }
    assert code == Exit.OK


def failing(status: int, answer: Any = None) -> Callable[[], tuple[int, Any]]:
    return lambda: (status, answer if answer is not None else {})


def late() -> tuple[int, Any]:
    schedules = [{"function": "Sweep", "every_seconds": 60, "late": True, "last_run_at": "2026-01-01T00:00:00Z"}]
    problems = [{"severity": "error", "subject": "query", "detail": "overdue", "runbook": "/docs/runbook#x"}]
    return 200, {"problems": problems, "schedules": schedules}


@pytest.mark.parametrize(
    ("check", "route", "answer", "status"),
    [
        ("api", "GET /health", failing(500), "error"),
        ("version", "GET /health", failing(200, {"version": "0.0.1"}), "warning"),
        ("version", "GET /health", failing(200, {"status": "ok"}), "warning"),
        ("version", "GET /health", failing(200, b"<html>"), "error"),
        ("token", "GET /tasks", failing(403), "error"),
        ("token", "GET /tasks", failing(500), "warning"),
        ("routes", "GET /openapi.json", failing(200, {"paths": {"/new": {"get": {}}}}), "error"),
        ("providers", "POST /v2/index.php", failing(200, {"code": 4100, "message": "", "codeDesc": "x"}), "error"),
        ("providers", "POST /v2/index.php", failing(200, b"<html>"), "warning"),
        ("callback_accepted", "POST /callbacks/video/0123456789abcdef0123", failing(401), "error"),
        ("callback_accepted", "POST /callbacks/video/0123456789abcdef0123", failing(403), "skipped"),
        ("callback_accepted", "POST /callbacks/video/0123456789abcdef0123", failing(503), "warning"),
        ("relay", "POST /callbacks/music", failing(401), "error"),
        ("relay", "POST /callbacks/music", failing(403), "skipped"),
        ("notifications", "GET /events", failing(200, {"events": [], "cursor": "c"}), "error"),
        ("notifications", "POST /events/test", failing(403, {"code": "missing_scope", "scope": "admin"}), "skipped"),
        ("notifications", "POST /events/test", failing(404), "skipped"),
        ("schedules", "GET /status", late, "error"),
        ("schedules", "GET /status", failing(404), "skipped"),
        ("schedules", "GET /status", failing(500), "error"),
        ("operation", "GET /status", late, "error"),
    ],
)
def test_each_check_finds_its_fault(
    stack: FakeStack, check: str, route: str, answer: Callable[[], tuple[int, Any]], status: str
) -> None:
    stack.answers[route] = answer
    code, found = only(check)
    assert [one["status"] for one in found if one["status"] != "ok"] == [status]
    assert (code == Exit.PROBLEM) == (status == "error")
    assert all(one.get("action") for one in found if one["status"] != "ok")


@pytest.mark.parametrize(("digests", "status"), [([OWN], "ok"), ([OWN, "a" * 64], "warning"), (["a" * 64], "warning")])
def test_the_body_that_a_check_leaves_is_no_problem(stack: FakeStack, digests: list[str], status: str) -> None:
    problem = {"code": "quarantine", "severity": "warning", "subject": "2026-11-26", "detail": "1", "runbook": "/docs"}
    stack.answers["GET /status"] = failing(200, healthy_status() | {"problems": [problem]})
    stack.answers["GET /quarantine"] = failing(200, {"bodies": [{"digest": one} for one in digests]})
    assert [one["status"] for one in only("operation")[1]] == [status]
    assert stack.received[-1][1] == "/quarantine?day=2026-11-26"


def test_the_clock_is_compared_when_the_answer_arrives(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    found = model.Stack(Session(lambda: Profile(name="x", api_url=stack.url), Printer()))
    assert found.health.ok
    monkeypatch.setattr(model, "ahead", lambda _date: 99.0)
    assert abs(found.api_clock or 0.0) < 10


@pytest.mark.parametrize(("status", "expected"), [(200, "error"), (400, "error"), (403, "skipped"), (503, "error")])
def test_a_wrong_token_must_be_refused(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, status: int, expected: str
) -> None:
    monkeypatch.setattr(stack, "_callback", lambda _token, _body: (status, {}))
    assert [one["status"] for one in only("callback_refused")[1]] == [expected]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"VISIBILITY_TIMEOUT": "abc"}, "error"),
        ({"CALLBACK_TRUST": "callback", "CALLBACK_SOURCE_CIDRS": "0.0.0.0/0"}, "warning"),
        ({"TABLE_NAME": ""}, "error"),
    ],
)
def test_settings_are_checked_as_mediarelay_checks_them(
    stack: FakeStack, settings: dict[str, str], change: dict[str, str], status: str
) -> None:
    settings |= change
    _, (found,) = only("settings")
    assert (found["status"], "(Confirm)" in found["detail"]) == (status, True)


def test_secrets_are_checked_together_with_settings(stack: FakeStack, settings: dict[str, str]) -> None:
    settings["PROVIDER"] = "mps"
    stack.put("CallbackTokens", {"tokens": ""})
    details = [one["detail"] for one in only("secrets")[1]]
    assert details == [
        "CallbackTokens: no entry that can be used",
        "PROVIDER: ProviderKeys has no keys for mps",
    ]
    assert [one["status"] for one in only("callback_accepted")[1]] == ["error"]


def test_a_stack_without_keys_is_warned(stack: FakeStack) -> None:
    stack.put("ProviderKeys", {"cts": {"secret_id": "unset", "secret_key": "unset"}})
    assert [one["status"] for one in only("providers")[1]] == ["warning"]


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "ok"), (-9, "ok"), (30, "warning"), (-300, "error"), (None, "skipped")]
)
def test_clocks_are_compared(seconds: float | None, status: str) -> None:
    assert checks._skew(seconds, "a", "b", Status.ERROR).status == status


def test_the_time_of_an_answer_is_read() -> None:
    found = ahead(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert found is not None
    assert 98 < found < 101
    assert ahead("") is None
    assert ahead("yesterday") is None


def test_a_subscription_that_waits_is_a_warning(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {"SubscriptionArn": aws.PENDING, "Protocol": "email", "Endpoint": "a@b.example"}
    answer = {"Subscriptions": [waiting]}
    monkeypatch.setattr(Session, "aws", lambda *_, **__: answer)
    assert [one["status"] for one in only("subscriptions")[1]] == ["warning"]


def drifting(monkeypatch: pytest.MonkeyPatch, detection: dict[str, Any], drifts: list[dict[str, str]]) -> None:
    answers = {
        "detect_stack_drift": {"StackDriftDetectionId": "d"},
        "describe_stack_drift_detection_status": detection,
        "describe_stack_resource_drifts": {"StackResourceDrifts": drifts},
    }
    monkeypatch.setattr(Session, "aws", lambda _self, _service, operation, **_: answers[operation])


@pytest.mark.parametrize(
    ("detection", "drift", "status"),
    [
        ("DETECTION_COMPLETE", "IN_SYNC", "ok"),
        ("DETECTION_COMPLETE", "MODIFIED", "warning"),
        ("DETECTION_FAILED", "IN_SYNC", "warning"),
    ],
)
def test_drift_is_detected(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, detection: str, drift: str, status: str
) -> None:
    one = {"LogicalResourceId": "Ledger", "ResourceType": "AWS::DynamoDB::Table", "StackResourceDriftStatus": drift}
    drifting(monkeypatch, {"DetectionStatus": detection}, [one])
    assert [one["status"] for one in only("drift")[1]] == [status]


def test_without_aws_the_checks_of_the_api_still_run(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIARELAY_STACK")
    code, found = examined()
    assert code == Exit.OK
    assert {name for name, results in found.items() if results[0]["status"] == "skipped"} == {
        one.name for one in CHECKS if model.Need.AWS in one.needs
    }


def test_a_check_that_breaks_does_not_stop_the_others(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_session: Session) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(functions, "environments", broken)
    code, found = examined("--skip", "drift")
    assert code == Exit.PROBLEM
    assert "ZeroDivisionError" in found["settings"][0]["detail"]
    assert found["operation"][0]["status"] == "ok"


def test_a_stack_that_does_not_answer_fails_each_check(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIARELAY_API_URL", "http://127.0.0.1:1")
    code, found = examined("--only", "api", "--only", "callback_refused")
    assert (code, {one["status"] for results in found.values() for one in results}) == (Exit.PROBLEM, {"error"})


def test_no_value_of_a_secret_is_printed(stack: FakeStack) -> None:
    stack.answers["POST /callbacks/video/0123456789abcdef0123"] = failing(401)
    code, out, err = run("doctor", "--skip", "drift")
    assert code == Exit.PROBLEM
    assert "0123456789abcdef0123" not in out + err
    assert "error    callback_accepted: refused with 401" in out


def test_checks_are_listed_and_named() -> None:
    code, out, _ = run("doctor", "--list", "--json")
    assert (code, [one["name"] for one in json.loads(out)]) == (Exit.OK, [one.name for one in CHECKS])
    assert run("doctor", "--only", "nothing")[0] == Exit.USAGE
