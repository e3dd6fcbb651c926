"""Logs and metrics of a function: one blob per invocation, lines that say what they are about, nothing of the event."""

import ast
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mediarelay.aws_lambda.observability import PATH_KEYS, observed
from mediarelay.domain.tasks.media import Kind
from mediarelay.observability import (
    NAMESPACE,
    SERVICE,
    SUBJECT_KEYS,
    add_log_keys,
    count,
    logger,
    measure,
    metrics,
    set_log_level,
)
from tests.counts import blobs, counted
from tests.lambda_context import Context
from tests.stack import ROOT

CODE = [*(ROOT / "layers/shared/mediarelay").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
LOG_FIELDS = {
    "before",
    "by",
    "circuit",
    "code",
    "duty",
    "error",
    "failures",
    "field",
    "fields",
    "intent",
    "item",
    "job",
}
LOG_FIELDS |= {
    "opened",
    "origin",
    "pk",
    "problem",
    "provider",
    "reason",
    "record",
    "requests",
    "room",
    "secret",
    "setting",
    "sk",
}
LOG_FIELDS |= {"song", "status", "vid", "which"}
LOG_FIELDS |= {"attempt", "cause", "client", "endpoint", "event", "moved", "purged", "queue"}
"""Everything that a log line may have beside its message: names, places and reasons; never a body or a token."""
REQUEST = {
    "requestContext": {"requestId": "request 1"},
    "pathParameters": {"vid": "v1", "room_id": "r1", "token": "canary-5f0c7d"},
    "headers": {"authorization": "Bearer canary-5f0c7d"},
    "body": "canary-5f0c7d",
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What our handler writes."""
    handler: Any = logger.registered_handler
    text = io.StringIO()
    logger.structure_logs()
    before = handler.setStream(text)
    yield text
    handler.setStream(before)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


# ── metrics ──


@pytest.mark.parametrize("fails", [True, False])
def test_an_invocation_publishes_one_blob_also_if_it_fails(capsys: pytest.CaptureFixture[str], *, fails: bool) -> None:
    @observed
    def handler(_event: Any, _context: Any) -> None:
        count("ClaimStored", kind=Kind.VIDEO)
        count("ClaimStored", 2, kind=Kind.AUDIO)
        count("Polled", 0, kind=Kind.AUDIO)
        count("CircuitOpen")
        if fails:
            raise KeyError("bug")

    count("SettingUnreadable", setting="DURING_INIT")
    if fails:
        with pytest.raises(KeyError):
            handler({}, Context())
    else:
        handler({}, Context())
    (blob,) = blobs(capsys.readouterr().out.splitlines())
    assert isinstance(blob["_aws"].pop("Timestamp"), int)
    names = ["SettingUnreadable", "ClaimStored", "Polled", "CircuitOpen"]
    published = [{"Name": name, "Unit": "Count"} for name in names]
    assert blob == {
        "_aws": {"CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": published}]},
        "service": SERVICE,
        "details": {
            "SettingUnreadable": {"setting": {"DURING_INIT": 1}},
            "ClaimStored": {"kind": {"video": 1, "audio": 2}},
            "Polled": {"kind": {"audio": 0}},
        },
        "SettingUnreadable": [1.0],
        "ClaimStored": [1.0, 2.0],
        "Polled": [0.0],
        "CircuitOpen": [1.0],
    }


def test_an_invocation_that_counts_nothing_publishes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Powertools would warn of it, which is a line of text in a log of JSON."""
    observed(lambda _event, _context: None)({}, Context())
    assert capsys.readouterr() == ("", "")


def test_more_counts_than_a_blob_holds_are_summed_once(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(250):
        count("Published", state="succeeded")
    counts = counted(capsys)
    assert len(counts.blobs) == 3
    assert counts.total("Published") == 250
    assert counts.by("Published", "state") == {"succeeded": 250}


def test_counts_of_one_invocation_do_not_come_back_in_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    handler = observed(lambda event, _context: count(event["name"], kind="video"))
    handler({"name": "First"}, Context())
    assert counted(capsys).total("First") == 1
    handler({"name": "Second"}, Context())
    counts = counted(capsys)
    assert (counts.total("First"), counts.total("Second")) == (0, 1)
    assert counts.by("First", "kind") == {}
    assert not metrics.metric_set


# ── logs ──


def test_loggers_of_modules_are_children_of_the_one_that_is_set_up(log: io.StringIO) -> None:
    logging.getLogger("mediarelay.usecases.example").warning("callback sent to the backlog", extra={"error": "x"})
    (line,) = lines(log)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("timestamp"))
    assert line.pop("location")
    assert line == {
        "level": "WARNING",
        "message": "callback sent to the backlog",
        "service": SERVICE,
        "name": "mediarelay.usecases.example",
        "error": "x",
    }


def test_a_request_s_lines_name_function_start_request_and_subject_and_nothing_confidential(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    handler = observed(lambda _event, _context: logging.getLogger("mediarelay.http").info("refused"))
    for _ in range(2):
        handler(REQUEST, Context())
    first, second = lines(log)
    assert (first["function_name"], first["function_request_id"]) == ("example", "example-request")
    assert (first["request_id"], first["vid"], first["room"]) == ("request 1", "v1", "r1")
    assert {type(first["cold_start"]), type(second["cold_start"])} == {bool}
    assert second["cold_start"] is False
    assert "canary" not in log.getvalue()


def test_keys_end_with_their_invocation(log: io.StringIO) -> None:
    @observed
    def handler(event: Any, _context: Any) -> None:
        if "vid" in event:
            add_log_keys(vid=event["vid"])
        logger.info("x")

    handler({"vid": "v1"}, Context())
    handler({}, Context())
    assert [line.get("vid") for line in lines(log)] == ["v1", None]


@pytest.mark.parametrize(
    "event", [None, [], "text", {"requestContext": {}}, {"requestContext": {}, "pathParameters": None}]
)
def test_any_event_can_be_observed(event: Any, log: io.StringIO) -> None:
    observed(lambda _event, _context: logger.info("x"))(event, Context())
    (line,) = lines(log)
    assert "request_id" not in line


def test_a_long_path_is_cut(log: io.StringIO) -> None:
    event = REQUEST | {"pathParameters": {"vid": "v" * 5000}}
    observed(lambda _event, _context: logger.info("x"))(event, Context())
    assert lines(log)[0]["vid"] == "v" * 64


def test_what_others_sent_can_always_be_written(log: io.StringIO) -> None:
    """Half a surrogate pair has no UTF-8."""
    logger.warning("answer rejected", extra={"error": "\ud800 caf\u00e9"})
    assert log.getvalue().isascii()
    assert lines(log)[0]["error"] == "\ud800 caf\u00e9"


def test_an_error_has_its_trace_once(log: io.StringIO) -> None:
    try:
        dict[str, str]()["oops"]
    except KeyError:
        logger.exception("unexpected error")
    (line,) = lines(log)
    assert line["exception_name"] == "KeyError"
    assert line["exception"].startswith("Traceback")
    assert "stack_trace" not in line


@pytest.mark.parametrize(("level", "written"), [("INFO", 3), ("WARNING", 2), ("ERROR", 1), ("CRITICAL", 0)])
def test_the_level_holds_for_all_loggers_and_for_no_metric(
    log: io.StringIO, capsys: pytest.CaptureFixture[str], level: str, written: int
) -> None:
    set_log_level(level)
    try:
        child = logging.getLogger("mediarelay.adapters.example")
        for write in (child.info, logger.warning, child.error):
            write("x")
    finally:
        set_log_level("INFO")
    assert len(lines(log)) == written
    count("CircuitOpen")
    assert counted(capsys).total("CircuitOpen") == 1


# Mappings that a log line may include: the test below looks into the functions that make them.
INCLUDED = {"log_keys", "row.subject.log_keys", "change.log_keys", "work.log_keys", "_request_keys(event)"}
INCLUDED |= {"{**dict.fromkeys(SUBJECT_KEYS), **change.log_keys}"}
# Mappings that the functions of `MAKERS` build in a line of their own.
LOCAL = {"raw_http.py": "shown", "observability.py": "named"}
MAKERS = {"log_keys", "_log_keys", "_request_keys", "log_error"}


def fields(path: Path) -> Iterator[str]:
    """What the log lines of a module have beside their messages; what this test cannot follow is `?`."""
    tree = ast.parse(path.read_text("utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if getattr(call.func, "id", "") == "add_log_keys":
            yield from (word.arg or included(word.value, path) for word in call.keywords)
        for word in call.keywords:
            if word.arg == "extra" and not isinstance(word.value, ast.Constant):  # a model may have `extra="forbid"`
                yield from keys(word.value, path)
    for maker in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in MAKERS):
        for mapping in (node for node in ast.walk(maker) if isinstance(node, ast.Dict)):
            yield from keys(mapping, path)


def keys(mapping: ast.expr, path: Path) -> Iterator[str]:
    if not isinstance(mapping, ast.Dict):
        yield included(mapping, path)
        return
    for key, value in zip(mapping.keys, mapping.values, strict=True):
        yield str(key.value) if isinstance(key, ast.Constant) else included(value, path)


def included(mapping: ast.expr, path: Path) -> str:
    """An allowed name for a mapping whose maker is looked into, or that another line of its module builds."""
    return "vid" if ast.unparse(mapping) in {*INCLUDED, LOCAL.get(path.name)} else "?"


def test_only_named_fields_are_logged() -> None:
    found = {name for path in CODE for name in fields(path)}
    assert found - {"request_id"} <= LOG_FIELDS
    assert {"vid", "room", "intent", "job", "error", "request_id"} <= found


def test_the_path_parameters_that_are_logged() -> None:
    assert set(PATH_KEYS.values()) <= set(SUBJECT_KEYS) <= LOG_FIELDS


def test_counts_of_threads_are_all_published(capsys: pytest.CaptureFixture[str]) -> None:
    """Batches of submits count in several threads, and a full blob may be published in the midst of it."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: count("RowsUnreadable", item="INTENT"), range(2_000)))
    finally:
        sys.setswitchinterval(interval)
    counts = counted(capsys)
    assert counts.total("RowsUnreadable") == 2_000
    assert counts.by("RowsUnreadable", "item") == {"INTENT": 2_000}


def test_a_duration_is_a_metric_in_seconds_with_the_longest_of_each_detail(capsys: pytest.CaptureFixture[str]) -> None:
    for seconds in (3.0, 40.0, 5.0):
        measure("Waited", seconds, duty="publish")
    measure("Waited", 1.0, duty="song")
    (blob,) = counted(capsys).blobs
    (published,) = blob["_aws"]["CloudWatchMetrics"]
    assert published["Metrics"] == [{"Name": "Waited", "Unit": "Seconds"}]
    assert blob["Waited"] == [3.0, 40.0, 5.0, 1.0]
    assert blob["details"]["Waited"]["duty"] == {"publish": 40.0, "song": 1.0}
