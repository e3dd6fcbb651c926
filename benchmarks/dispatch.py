"""`python -m benchmarks.dispatch`: measure the CPU time and the calls of publishing a full batch of the stream.

The batch holds a record for each of 100 tasks whose outcome is not published yet. `dispatch` handles it beside a usual
publisher, which makes all of its calls for each record (`baselines/one_publish.py`). Each handler runs in a process of
its own, against a server on this machine that answers as DynamoDB and SNS do and that counts their calls. The rounds
are interleaved, so that both meet the same load of the machine. The figures are medians of the CPU time of the process
of the handler, without that of the server.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

from mediarelay.observability import metrics
from tests.stack import REGION, ROOT, defaults, resources, variables

RECORDS = 100
BASELINE = "one publish per record"
TABLE = "ledger"
# Runs in a process of its own: prints the CPU milliseconds of one batch for each line of standard input.
WORKER = """
import json, pathlib, sys, time
sys.path[:0] = sys.argv[2:]
# The handlers log to standard output.
out, sys.stdout = sys.stdout, open("/dev/null", "w")
import {module} as target
from tests.lambda_context import Context
event = json.loads(pathlib.Path(sys.argv[1]).read_text())
for line in sys.stdin:
    begun = time.process_time()
    answer = target.handler(event, Context())
    taken = time.process_time() - begun
    assert answer == {{"batchItemFailures": []}}, answer
    print(taken * 1000, file=out, flush=True)
"""
Item = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """A handler to measure: the module, and the folders of its imports."""

    name: str
    module: str
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Figures:
    """What one handler needs for a record of a full batch: median CPU milliseconds, and calls by action."""

    cpu_ms: float
    calls: Mapping[str, float]

    @property
    def sns_calls(self) -> float:
        """Calls of SNS for a record."""
        return sum(number for action, number in self.calls.items() if action.startswith("Publish"))


def targets(against: Path | None = None) -> list[Target]:
    """Return the usual publisher, `dispatch`, and that of another checkout if there is one."""
    trees = {"dispatch": ROOT} | ({"dispatch (other)": against} if against else {})
    ours = [
        Target(name, "handler", (tree / "functions/dispatch", tree / "layers/shared", ROOT))
        for name, tree in trees.items()
    ]
    return [Target(BASELINE, "one_publish", (ROOT / "benchmarks/baselines", ROOT)), *ours]


def measure(chosen: list[Target], rounds: int) -> dict[str, Figures]:
    """Return the figures of each target. An additional first round opens the connections."""
    items = tasks(RECORDS)
    with tempfile.TemporaryDirectory() as folder, serving(items) as (url, counts):
        event = Path(folder) / "event.json"
        event.write_text(json.dumps(batch(items)))
        workers = {target.name: _start(target, event, url) for target in chosen}
        try:
            return _rounds(workers, counts, rounds)
        finally:
            for worker in workers.values():
                worker.communicate()


def _rounds(workers: Mapping[str, "subprocess.Popen[str]"], counts: Connection, rounds: int) -> dict[str, Figures]:
    times: dict[str, list[float]] = {name: [] for name in workers}
    calls: dict[str, Counter[str]] = {}
    for index in range(rounds + 1):
        for name, worker in workers.items():
            taken = _cpu_ms(worker)
            counts.send(None)
            calls[name] = counts.recv()
            if index:
                times[name].append(taken)
    return {
        name: Figures(
            statistics.median(times[name]) / RECORDS, {what: n / RECORDS for what, n in sorted(calls[name].items())}
        )
        for name in workers
    }


def _cpu_ms(worker: "subprocess.Popen[str]") -> float:
    if not worker.stdin or not worker.stdout:
        raise TypeError("the worker has no pipes")
    print(file=worker.stdin, flush=True)
    return float(worker.stdout.readline())


def _start(target: Target, event: Path, url: str) -> "subprocess.Popen[str]":
    code = WORKER.format(module=target.module)
    command = [sys.executable, "-c", code, str(event), *map(str, target.paths)]
    environment = os.environ | _environment() | {"AWS_ENDPOINT_URL": url}
    return subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _environment() -> dict[str, str]:
    given = {
        name: defaults().get(value.get("Ref", ""), f"arn:aws:example:{name.lower()}")
        for name, value in variables("dispatch").items()
    }
    aws = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    return given | aws | {"TABLE_NAME": TABLE, "WEBHOOK_DELIVERY": "false", "API_URL": "https://api.example"}


# ── the batch ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tasks(count: int) -> dict[str, list[Item]]:
    """Return the items of tasks whose outcome is not published yet, in DynamoDB's JSON, by partition.

    The use cases write them to a table in this process: a tracked upload, a claim and an answer each.
    """
    import boto3  # noqa: PLC0415 - the server needs none of these
    import pytest  # noqa: PLC0415
    from moto import mock_aws  # noqa: PLC0415

    from tests.integration.direct_dynamodb import take_the_short_way  # noqa: PLC0415
    from tests.integration.task_harness import TaskHarness, answer, callback  # noqa: PLC0415

    (definition,) = resources("AWS::DynamoDB::Table").values()
    parts = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        take_the_short_way(patch)
        boto3.client("dynamodb").create_table(TableName=TABLE, **{part: definition[part] for part in parts})
        harness = TaskHarness(TABLE)
        for number in range(count):
            vid = f"{number:030x}"
            harness.track(vid)
            harness.claim(callback(vid))
            harness.provider.answers[vid] = answer(vid)
            harness.confirm(vid)
        metrics.clear_metrics()
        found: dict[str, list[Item]] = {}
        for item in json.loads(json.dumps(harness.items(), default=_binary)):
            found.setdefault(item["pk"]["S"], []).append(item)
    return {pk: sorted(rows, key=lambda row: row["sk"]["S"]) for pk, rows in found.items() if pk.startswith("TASK#")}


def _binary(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


def batch(items: Mapping[str, list[Item]]) -> dict[str, Any]:
    """Return the event of the stream with the task item of each partition."""
    images = [row for rows in items.values() for row in rows if row["item"] == {"S": "task"}]
    return {"Records": [_record(image, str(1000 + number)) for number, image in enumerate(images)]}


def _record(image: Item, number: str) -> dict[str, Any]:
    change = {"NewImage": image, "SequenceNumber": number, "StreamViewType": "NEW_IMAGE"}
    return {"eventID": number, "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change}


# ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving(items: Mapping[str, list[Item]]) -> Iterator[tuple[str, Connection]]:
    """Serve DynamoDB and SNS in another process. Yield its URL, and a connection that returns the calls so far."""
    # A fresh process, without the threads of this one.
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, items), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}", ours
    finally:
        process.terminate()
        process.join()


def _serve(connection: Connection, items: Mapping[str, list[Item]]) -> None:
    calls = Counter[str]()
    pages = {pk: json.dumps({"Items": rows[::-1], "Count": len(rows)}).encode() for pk, rows in items.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet for each answer. The client would wait 40 ms for the second one.
        wbufsize, disable_nagle_algorithm = -1, True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            target = self.headers.get("x-amz-target")
            action, answer = _dynamodb(target, body, pages) if target else _sns(body)
            calls[action] += 1
            self.send_response(200)
            self.send_header("content-type", "application/x-amz-json-1.0" if target else "text/xml")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    connection.send(server.server_port)
    while True:
        connection.recv()
        connection.send(Counter(calls))
        calls.clear()


def _dynamodb(target: str, body: bytes, pages: Mapping[str, bytes]) -> tuple[str, bytes]:
    action = target.rpartition(".")[2]
    if action == "Query":
        (partition, *_) = json.loads(body)["ExpressionAttributeValues"].values()
        return action, pages[partition["S"]]
    return action, b'{"UnprocessedItems":{}}' if action == "BatchWriteItem" else b"{}"


def _sns(body: bytes) -> tuple[str, bytes]:
    form = parse_qs(body.decode())
    (action,) = form["Action"]
    ids = [value for name, (value, *_) in form.items() if name.endswith(".Id")]
    entries = "".join(f"<member><Id>{one}</Id><MessageId>m</MessageId></member>" for one in ids)
    result = f"<Successful>{entries}</Successful><Failed/>" if action == "PublishBatch" else "<MessageId>m</MessageId>"
    answer = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
    return action, answer.encode()


# ── the report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def report(found: Mapping[str, Figures]) -> str:
    """Return a table of the figures with the ratio of their CPU time to that of the usual publisher."""
    usual = found[BASELINE].cpu_ms
    lines = [f"{'of one record':<26}{'CPU ms':>8}{'ratio':>8}{'SNS calls':>11}  all calls"]
    for name, one in found.items():
        calls = ", ".join(f"{what} {number:g}" for what, number in one.calls.items())
        lines.append(f"{name:<26}{one.cpu_ms:>8.3f}{one.cpu_ms / usual:>8.2f}{one.sns_calls:>11.2f}  {calls}")
    return "\n".join(lines)


def main() -> int:
    """Print the table. Return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", type=Path, help="another checkout, whose function is measured beside this one")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    found = measure(targets(options.against), options.rounds)
    shown = {name: {"cpu_ms": one.cpu_ms, "calls": dict(one.calls)} for name, one in found.items()}
    print(json.dumps(shown, indent=1) if options.json else report(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
