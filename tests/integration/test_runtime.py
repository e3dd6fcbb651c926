"""Every function under AWS's own runtime, on files of `events/`: the layers as built, and what it prints."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from mediarelay.observability import DETAILS, NAMESPACE, SERVICE
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.runtime import AT, PLAIN, RUNTIME, Run, run, runtime_packages
from tests.integration.test_events import CONFIDENTIAL, FILES, OWNER_OF, expected
from tests.stack import ROOT, functions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason=f"{RUNTIME[0]} is for Linux")
EXAMPLES = sorted(
    {choose(path for path in FILES if OWNER_OF[path] == name) for name in functions() for choose in (min, max)}
)
"""The first and the last file of each function: a process for each of all files would take minutes."""


@pytest.fixture(scope="module")
def paths(layers: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where a function's imports come from, in Lambda's order."""
    return [*layers.glob("*/python"), runtime_packages(tmp_path_factory.mktemp("runtime"))]


DURING_INIT = {"setting unreadable", "secret unusable", "secret entries unreadable", "secret not refreshed"}
"""Lines that may come before there is an invocation."""


def check_log(done: Run) -> None:
    """Every line is a metric in CloudWatch's format or a record of our own loggers; nothing confidential is in them."""
    for line in done.lines:
        if "_aws" in line:
            (metric,) = line["_aws"]["CloudWatchMetrics"]
            assert (metric["Namespace"], metric["Dimensions"], line["service"]) == (NAMESPACE, [["service"]], SERVICE)
            assert {type(value) for name in metric["Metrics"] for value in line[name["Name"]]} == {float}
        else:
            assert line["name"].partition(".")[0] == "mediarelay", line
            assert {"timestamp", "level", "message", "service", "location"} <= line.keys()
            if line["message"] not in DURING_INIT:
                assert {"function_name", "function_request_id", "cold_start"} <= line.keys()
    assert sum("_aws" in line for line in done.lines) <= 1, "one blob for the invocation"
    assert not [word for word in CONFIDENTIAL if word in done.stdout]
    assert done.stderr == ""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_event(lambda_sandbox: LambdaSandbox, paths: list[Path], path: Path) -> None:
    content = json.loads(path.read_text("utf-8"))
    lambda_sandbox.given(content["given"])
    function, at = content["function"], content["given"]["now"]
    done = run(
        function, content["event"], lambda_sandbox.environment(function), paths, ("-c", AT, at, "handler.handler")
    )
    assert done.posted.keys() == {"response"}, (done.posted, done.stdout, done.stderr)
    result = done.posted["response"]
    if "json" in result.get("headers", {}).get("content-type", ""):
        result |= {"body": json.loads(result["body"])}
    assert {"result": result} | lambda_sandbox.after() == expected(content)
    check_log(done)


def test_a_refused_request_leaves_the_line_that_operators_search_for(
    lambda_sandbox: LambdaSandbox, paths: list[Path]
) -> None:
    """The runtime's own default would drop it."""
    event = {"routeKey": "GET /nothing", "requestContext": {"http": {"method": "GET"}, "stage": "$default"}}
    done = run("read_ledger", event, lambda_sandbox.environment("read_ledger"), paths, PLAIN)
    (line,) = done.lines
    assert (line["level"], line["message"], line["error"]) == ("INFO", "refused", "NoRoute")
    assert (line["function_request_id"], line["cold_start"]) == ("example-request", True)


def test_the_log_level_of_the_deployment_holds(lambda_sandbox: LambdaSandbox, paths: list[Path]) -> None:
    event = {"routeKey": "GET /nothing", "requestContext": {"http": {"method": "GET"}, "stage": "$default"}}
    environment = lambda_sandbox.environment("read_ledger") | {"LOG_LEVEL": "ERROR"}
    done = run("read_ledger", event, environment, paths, PLAIN)
    assert (done.posted["response"]["statusCode"], done.lines) == (404, [])


@pytest.mark.parametrize("function", ["confirm", "submit_audio", "submit_queued", "track_video"])
def test_a_function_that_cannot_start_says_why(lambda_sandbox: LambdaSandbox, paths: list[Path], function: str) -> None:
    broken = {"PROVIDER_ENDPOINT": "http://192.0.2.1/"}
    done = run(function, {}, lambda_sandbox.environment(function) | broken, paths, PLAIN)
    assert done.posted.keys() == {"error"}
    assert done.exit_code == 1
    assert "PROVIDER_ENDPOINT" in done.posted["error"]["errorMessage"]
    (line,) = (one for one in done.lines if "errorType" in one)
    assert (line["level"], line["errorType"]) == ("ERROR", done.posted["error"]["errorType"])
    (blob,) = (one for one in done.lines if "_aws" in one)
    assert blob["SettingUnreadable"] == [1.0], "no invocation will publish it"


def example(name: str) -> tuple[dict[str, Any], str]:
    """A sample event, and its time."""
    content = json.loads((ROOT / "events" / f"{name}.json").read_text("utf-8"))
    return content["event"], content["given"]["now"]


@pytest.mark.parametrize(
    ("sample", "broken", "status", "named"),
    [
        ("video_callback", {"CALLBACK_TOKENS_SECRET": "gone"}, 503, {"secret": "CallbackTokens"}),
        ("music_callback", {"MUSIC_SECRET": "gone"}, 503, {"secret": "MusicSecret"}),
        ("audio_callback", {"CALLBACK_SOURCE_CIDRS": "nowhere"}, 503, {"setting": "CALLBACK_SOURCE_CIDRS"}),
        ("audio_callback", {"MAX_CALLBACK_BYTES": "many"}, 200, {"setting": "MAX_CALLBACK_BYTES"}),
        ("sweep", {"GIVE_UP_AFTER": ""}, None, {"setting": "GIVE_UP_AFTER"}),
    ],
)
def test_a_function_starts_with_a_setting_or_secret_that_cannot_be_read_and_says_so(
    lambda_sandbox: LambdaSandbox,
    paths: list[Path],
    sample: str,
    broken: dict[str, str],
    status: int | None,
    named: dict[str, str],
) -> None:
    event, at = example(sample)
    done = run(sample, event, lambda_sandbox.environment(sample) | broken, paths, ("-c", AT, at, "handler.handler"))
    assert done.posted.keys() == {"response"}
    assert (done.posted["response"] or {}).get("statusCode") == status
    metric = "SecretUnusable" if "secret" in named else "SettingUnreadable"
    ((detail, name),) = named.items()
    assert {one["level"] for one in done.lines if one.get(detail) == name} == {"ERROR"}
    (blob,) = (one for one in done.lines if "_aws" in one)
    assert blob[DETAILS][metric][detail][name] == sum(blob[metric])


@pytest.mark.parametrize("function", ["poll_video", "poll_audio", "sweep"])
def test_a_schedule_s_run_that_cannot_do_its_work_counts_as_an_error(
    lambda_sandbox: LambdaSandbox, paths: list[Path], function: str
) -> None:
    """Only then Lambda puts the event into the dead letters and counts it in `Errors`."""
    done = run(function, {}, lambda_sandbox.environment(function) | {"TABLE_NAME": "gone"}, paths, PLAIN)
    assert done.posted.keys() == {"error"}
    assert done.posted["error"]["errorType"] == "LedgerUnavailable"
    assert (done.lines[-1]["level"], done.lines[-1]["errorType"]) == ("ERROR", "LedgerUnavailable")
