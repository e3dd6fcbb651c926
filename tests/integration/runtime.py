"""A function in a process of its own, run by AWS's Python runtime: the Runtime API, and AWS as this process has it."""

import importlib.metadata
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber

from tests.servers import running
from tests.stack import REGION, ROOT, template

RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""AWS's runtime client and what it needs; every other installed package must stay out of the function's sight."""
SECONDS = 30
PLAIN = ("-m", "awslambdaric", "handler.handler")
AT = """
import sys
from datetime import datetime
from random import Random
from awslambdaric import bootstrap
at, load = datetime.fromisoformat(sys.argv.pop(1)), bootstrap._get_handler
def load_at(handler):
    from mediarelay.wiring import base
    base.now, base.random = (lambda: at), Random(0)
    return load(handler)
bootstrap._get_handler = load_at
from awslambdaric.__main__ import main
main(sys.argv)
"""
"""The same as PLAIN, at a given time. Our code is loaded when the runtime has set up its own log, as in Lambda."""


@dataclass
class Run:
    """What became of one invocation: what the runtime posted, and everything that the function printed."""

    event: Any
    posted: dict[str, Any] = field(default_factory=dict)
    """By the last part of the path: `response`, or `error`."""
    ended: Event = field(default_factory=Event)
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log, which must be JSON objects."""
        return [dict(json.loads(line)) for line in self.stdout.splitlines()]


def runtime_packages(place: Path) -> Path:
    """Make a folder that has AWS's runtime and nothing else, as links to where it is installed."""
    for name in RUNTIME:
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            if not top.endswith(".dist-info") and not (place / top).exists():
                (place / top).symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    return place


def run(function: str, event: Any, environment: Mapping[str, str], paths: list[Path], how: tuple[str, ...]) -> Run:
    """Start a function, give it one event and end it when it asks for the next one."""
    done = Run(event)
    with _serving(_runtime_api(done)) as runtime, _serving(_Aws) as aws:
        logging = template()["Globals"]["Function"]["LoggingConfig"]
        process = subprocess.Popen(
            [sys.executable, "-S", "-B", *how],
            cwd=ROOT / "functions" / function,
            env={
                **environment,
                "PYTHONPATH": ":".join(map(str, paths)),
                "AWS_LAMBDA_RUNTIME_API": runtime,
                "AWS_LAMBDA_FUNCTION_NAME": function,
                "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
                "AWS_LAMBDA_LOG_LEVEL": logging.get("ApplicationLogLevel", ""),
                "AWS_ENDPOINT_URL": f"http://{aws}",
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _wait(process, done)
    return done


def _wait(process: "subprocess.Popen[str]", done: Run) -> None:
    end = time.monotonic() + SECONDS
    while not done.ended.wait(0.01) and process.poll() is None and time.monotonic() < end:
        pass
    done.exit_code = process.poll()
    process.terminate()
    done.stdout, done.stderr = process.communicate()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with running(server):
        yield f"127.0.0.1:{server.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    """What both servers have: whole bodies, answers with a length, and no log."""

    protocol_version = "HTTP/1.1"

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def answer(self, status: int, headers: Mapping[str, Any], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "date", "server"}:
                self.send_header(name, str(value))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def _runtime_api(done: Run) -> type[_Handler]:
    """The Runtime API (2018-06-01) with one invocation."""
    given = iter([json.dumps(done.event).encode()])

    class RuntimeApi(_Handler):
        def do_GET(self) -> None:
            event = next(given, None)
            if event is None:
                done.ended.set()
                return  # the process is about to be ended
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "example-request",
                "Lambda-Runtime-Deadline-Ms": int(time.time() * 1000) + 50_000,
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:123456789012:function:example",
                "Content-Type": "application/json",
            }
            self.answer(200, headers, event)

        def do_POST(self) -> None:
            done.posted[self.path.rpartition("/")[2]] = json.loads(self.body())
            self.answer(202, {"Content-Type": "application/json"}, b'{"status": "OK"}')

    return RuntimeApi


class _Aws(_Handler):
    """Hands each signed call to the AWS of this process (moto)."""

    def do_POST(self) -> None:
        service = self.headers["authorization"].split("/")[3]
        headers = HTTPHeaders()
        for name, value in self.headers.items():
            headers[name] = value
        url = f"https://{service}.{REGION}.amazonaws.com{self.path}"
        call = AWSPreparedRequest("POST", url, headers, self.body(), stream_output=False)
        status, answered, body = _moto(call)
        self.answer(status, answered, body.encode() if isinstance(body, str) else body)


_moto: Callable[[AWSPreparedRequest], Any] = lambda call: BotocoreStubber().process_request(call)  # noqa: E731
