"""Every file in `events/`: one event per trigger, the handler as deployed, and all that must come of it."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mediarelay import __version__
from mediarelay.aws_lambda.http import TAG_DIGITS
from tests.integration.lambda_sandbox import Call, LambdaSandbox
from tests.integration.provider import serving
from tests.stack import ROOT, functions

FILES = sorted((ROOT / "events").glob("*.json"))
OWNER_OF = {path: json.loads(path.read_text("utf-8"))["function"] for path in FILES}
CONFIDENTIAL = (
    "example-callback-token",
    "example-reader-token",
    "example-game-token",
    "example-secret-key",
    "AKIDexample",
    "Signature=",
)
OF_BODY = "of the body"
"""Stands for the entity tag of a file that is the whole body."""
EXCUSED = {
    ("dispatch", "sqs:SendMessage", "DispatchDeadLetters"): "Lambda itself sends there, with the function's role",
}
CALLS: dict[Path, set[Call]] = {}
"""What each event's function called, once it has run; the tests of this module share a worker (tests/conftest.py)."""


def expected(content: Mapping[str, Any]) -> dict[str, Any]:
    """What must come of an event; a body that is a whole file is named as `{"file": ...}`."""
    found: dict[str, Any] = deepcopy(content["expected"])
    for sent in found.get("topic", ()):
        # The samples state the version with which they were written.
        sent["message"]["mediarelayversion"] = __version__
    body = (found.get("result") or {}).get("body")
    if isinstance(body, dict) and body.keys() == {"file"}:
        text = (ROOT / body["file"]).read_text("utf-8")
        found["result"]["body"] = json.loads(text) if body["file"].endswith(".json") else text
        if found["result"]["headers"].get("etag") == OF_BODY:
            found["result"]["headers"]["etag"] = f'"{sha256(text.encode()).hexdigest()[:TAG_DIGITS]}"'
    return found


def run(lambda_sandbox: LambdaSandbox, path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text("utf-8"))
    lambda_sandbox.given(content["given"])
    result = lambda_sandbox.invoke(content["function"], content["event"])
    CALLS[path] = set(lambda_sandbox.calls)
    return {"result": result} | lambda_sandbox.after()


def allowed(function: str) -> set[Call]:
    """What the function's own policies allow, as (action, logical resource)."""
    statements = [one for policy in functions()[function].get("Policies", ()) for one in policy["Statement"]]
    return {
        (action, _logical(resource))
        for one in statements
        for action in _listed(one["Action"])
        for resource in _listed(one["Resource"])
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _logical(resource: dict[str, Any]) -> str:
    """Name the resource behind a `!Ref`, a `!GetAtt`, or the `!Sub` of the table or one of its indexes."""
    ((how, target),) = resource.items()
    if how == "Fn::Sub":
        arn, names = target
        return str(names["Name"]["Ref"]) + str(arn).rpartition("${Name}")[2]
    return str(target[0]) if how == "Fn::GetAtt" else str(target)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_event(
    lambda_sandbox: LambdaSandbox, path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    content = json.loads(path.read_text("utf-8"))
    assert run(lambda_sandbox, path) == expected(content)
    assert lambda_sandbox.calls <= allowed(content["function"])
    shown = f"{content['expected']}{capfd.readouterr()}{[vars(record) for record in caplog.records]}"
    assert not [word for word in CONFIDENTIAL if word in shown]


@pytest.mark.parametrize("function", sorted(set(OWNER_OF.values())))
def test_nothing_is_allowed_that_no_event_needs(
    function: str, monkeypatch: pytest.MonkeyPatch, make_table: Callable[[], str]
) -> None:
    events = [path for path, owner in OWNER_OF.items() if owner == function]
    for path in (path for path in events if path not in CALLS):
        with serving() as site:
            run(LambdaSandbox(monkeypatch, make_table(), site), path)
    used = set().union(*(CALLS[path] for path in events))
    spare = {call for call in allowed(function) if (function, *call) not in EXCUSED}
    assert {action for action, _ in spare} == {action for action, _ in used}
    assert {resource for _, resource in spare} == {resource for _, resource in used}


def test_every_function_has_an_event() -> None:
    assert set(OWNER_OF.values()) == set(functions())


def test_every_route_has_an_event() -> None:
    sampled = {json.loads(path.read_text("utf-8"))["event"].get("routeKey") for path in FILES}
    events = [event for one in functions().values() for event in one.get("Events", {}).values()]
    routes = [event["Properties"] for event in events if event["Type"] == "HttpApi"]
    keys = {f"{one['Method']} {one['Path']}" if "Method" in one else "$default" for one in routes}
    # HEAD is answered like GET, so one sample is enough.
    assert {key for key in keys if not key.startswith("HEAD ")} | {"HEAD /tasks/{vid}"} <= sampled


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_has_its_four_parts(path: Path) -> None:
    content = json.loads(path.read_text("utf-8"))
    assert set(content) == {"function", "given", "event", "expected"}
    assert path.stem.startswith(content["function"])
