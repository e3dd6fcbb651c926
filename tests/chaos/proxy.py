"""Between the functions and AWS: forwards every call, and injects the configured faults."""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import psutil
import urllib3

from local.environment import HOST

SERVICES = ("DYNAMODB", "SNS", "SQS")
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PublishBatch", "SendMessage"}
NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "date", "server"}


@dataclass(frozen=True)
class Call:
    """One call of a function: what it asks for, how it was signed, and between which ports."""

    service: str
    operation: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    proxy: int


@dataclass(frozen=True)
class Answer:
    """What the function hears."""

    status: int
    headers: dict[str, str]
    body: bytes


Forward = Callable[[Call], Answer]
Trouble = Callable[[Call, Forward], Answer]


def failure(status: int, code: str) -> Answer:
    """An error as AWS sends it; botocore tries again after a 5xx and after throttling."""
    body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "on purpose"}).encode()
    return Answer(status, {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body)


# ── troubles ──


def throttled(share: float) -> Trouble:
    """The table refuses a part of all calls."""
    refusal = failure(400, "ProvisionedThroughputExceededException")
    return lambda call, forward: refusal if _hit(call, share, "dynamodb") else forward(call)


def down(*services: str) -> Trouble:
    """Services answer nothing but errors."""
    return lambda call, forward: failure(500, "InternalServerError") if call.service in services else forward(call)


def answers_lost(share: float, *services: str) -> Trouble:
    """A part of all writes is carried out, and the function does not learn it."""

    def lost(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        hit = call.operation in WRITES and _hit(call, share, *services)
        return failure(500, "InternalServerError") if hit else answer

    return lost


def overtaken(share: float) -> Trouble:
    """Before a part of all writes of a task item, another writer saves it."""

    def race(call: Call, forward: Forward) -> Answer:
        if call.operation == "PutItem" and b"version = :seen" in call.body and _hit(call, share, "dynamodb"):
            content = json.loads(call.body)
            bump = {
                "TableName": content["TableName"],
                "Key": {name: content["Item"][name] for name in ("pk", "sk")},
                "UpdateExpression": "ADD version :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
            target = call.headers["X-Amz-Target"].replace("PutItem", "UpdateItem")
            headers = {name: value for name, value in call.headers.items() if name.lower() != "content-length"}
            body = json.dumps(bump).encode()
            forward(replace(call, operation="UpdateItem", headers=headers | {"X-Amz-Target": target}, body=body))
        return forward(call)

    return race


def killing(share: float) -> Trouble:
    """After a part of all writes the function is killed, before it hears the answer."""

    def kill(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        if call.operation in WRITES and _hit(call, share, "dynamodb", "sns", "sqs"):
            _kill_owner(call)
        return answer

    return kill


def cut(action: str) -> Trouble:
    """The provider carries out each call of an action, and the connection ends before its answer."""

    def cut_after(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        if call.operation == action:
            raise ConnectionAbortedError
        return answer

    return cut_after


IDENTITY = {"vid", "status", "deleted", "code", "app_id", "bucket_name", "bucket_region", "url", "url_f0", "name"}
"""What decides which task an answer is about, and what became of it; everything else is a side field."""
ODD: tuple[Any, ...] = (
    False,
    "N/A",
    "30000/1001",
    "29.97 fps",
    1.5,
    -1,
    "",
    None,
    [],
    {},
    {"1": {}},
    [None],
    10**20,
    "0000-00-00 00:00:00",
)


def odd_side_fields() -> Trouble:
    """One odd value takes the place of one side field in every answer of the provider."""

    def odd(call: Call, forward: Forward) -> Answer:
        answer = forward(call)
        content = json.loads(answer.body)
        places = list(_side_fields(content.get("data")))
        if places:
            holder, name = random.choice(places)  # noqa: S311
            holder[name] = random.choice([value for value in ODD if value != holder[name]])  # noqa: S311
        return replace(answer, body=json.dumps(content).encode())

    return odd


def _side_fields(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each side field of an answer as the object or list that holds it, and its name or place there."""
    fields = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in fields:
        if name not in IDENTITY:
            yield value, name
            yield from _side_fields(inner)


def _hit(call: Call, share: float, *services: str) -> bool:
    return call.service in services and random.random() < share  # noqa: S311


def _kill_owner(call: Call) -> None:
    """Kill the process that holds the other end of a connection."""
    ends = (call.port, call.proxy)
    for connection in psutil.net_connections("tcp"):
        found = tuple(end and end.port for end in (connection.laddr, connection.raddr))
        if found == ends and connection.pid:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(connection.pid).kill()


# ── the proxy ──


class Proxy:
    """Listens on a port of its own; `trouble` may change while it runs."""

    def __init__(self, port: int, target: str) -> None:
        self.url, self.target = f"http://{HOST}:{port}", target
        self.trouble: Trouble | None = None
        self.pool = urllib3.PoolManager(maxsize=64, retries=False)
        handler = type("Bound", (_Handler,), {"proxy": self})
        self.server = _Server((HOST, port), handler)

    @property
    def environment(self) -> dict[str, str]:
        """What makes functions call the proxy."""
        return {f"AWS_ENDPOINT_URL_{service}": self.url for service in SERVICES}

    @contextmanager
    def running(self) -> Any:
        """Serve in a thread."""
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()

    def answer(self, call: Call) -> Answer:
        return self.trouble(call, self.forward) if self.trouble else self.forward(call)

    def forward(self, call: Call) -> Answer:
        try:
            answer = self.pool.request(
                "POST", self.target + call.path, body=call.body, headers=call.headers, timeout=30, redirect=False
            )
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
            return failure(503, "ServiceUnavailable")
        return Answer(answer.status, dict(answer.headers), answer.data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Functions are killed here, and their connections with them: only what else fails is news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        service, operation = _named(self.headers, body)
        call = Call(service, operation, self.path, dict(self.headers), body, *self._ports())
        answer = self.proxy.answer(call)
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in NOT_FORWARDED:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    def _ports(self) -> tuple[int, int]:
        return int(self.client_address[1]), self.server.server_port

    def log_message(self, *_: Any) -> None:
        """Say nothing: the emulator's log has it."""


def _named(headers: Message, body: bytes) -> tuple[str, str]:
    """Name service and operation, from the header of MPS or of the JSON protocol, or the query protocol's form."""
    if action := headers.get("X-TC-Action"):
        return "mps", str(action)
    if target := headers.get("X-Amz-Target"):
        prefix, _, operation = target.partition(".")
        return ("dynamodb" if prefix.startswith("DynamoDB") else "sqs"), operation
    fields = dict(pair.split("=", 1) for pair in body.decode("latin-1").split("&") if "=" in pair)
    return "sns", fields.get("Action", "")
