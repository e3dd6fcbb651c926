"""An HTTP API on 127.0.0.1 with the console's real handler, samples as data, and the path prefix of an emulator."""

import importlib.util
import io
import json
import re
import struct
import subprocess
import sys
import threading
import wave
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from imageio_ffmpeg import get_ffmpeg_exe

from tests.browser import samples
from tests.browser.samples import Data
from tests.lambda_context import Context
from tests.servers import running

ROOT = Path(__file__).parents[2]
PREFIX = "/_aws/execute-api/a1b2c3d4e5/$default"
SCOPES = {"reader-token": {"read"}, "operator-token": {"read", "submit", "admin"}, "submitter-token": {"submit"}}
STATIC = {
    r"/console": "GET /console",
    r"/console/(?P<file>[^/]+)": "GET /console/{file}",
    r"/docs/(?P<page>[^/]+)": "GET /docs/{page}",
}


def load_handler() -> Callable[[Any, Any], Data]:
    """Load the handler of the function `console`."""
    path = ROOT / "functions" / "console" / "handler.py"
    spec = importlib.util.spec_from_file_location("console_handler", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Data] = module.handler
    return handler


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, **problem: Any) -> None:
        super().__init__(status)
        self.status = status
        self.problem = problem


class FakeApi:
    """The answers of a stack. Requests that change something are recorded, and change what is answered later."""

    def __init__(self) -> None:
        self.handler = load_handler()
        self.serving = threading.Lock()
        self.served: dict[tuple[str, str], Data] = {}
        self.reset()

    def reset(self) -> None:
        """Start anew with the samples, as of now."""
        self.started = samples.now()
        self.tasks = samples.listed_tasks(self.started)
        self.dead = samples.dead_letters()
        self.circuits = samples.circuits(self.started)
        self.webhooks = samples.webhooks(self.started)
        self.posted: list[tuple[str, Data]] = []
        self.asked: list[str] = []
        self.events = [
            samples.event(number, datetime.fromisoformat(one["updated_at"]), one)
            for number, one in enumerate(self.tasks[40:8:-1])
        ]
        self.down = False
        self.replay = "running"

    # ── routes ──

    def answer(self, method: str, path: str, query: dict[str, str], body: Data, scopes: set[str]) -> Data:
        """Return the answer to a request of a client with these scopes; raises `Refused`."""
        self.asked.append(f"{method} {path}")
        if self.down:
            raise Refused(
                503,
                code="unavailable",
                title="The ledger is unavailable",
                request_id="req-503",
                type="/docs/errors#unavailable",
            )
        for pattern, scope, respond in self._routes(method):
            if found := re.fullmatch(pattern, path):
                if scope not in scopes:
                    raise Refused(
                        403, code="missing_scope", scope=scope, title="The token lacks a scope", request_id="req-403"
                    )
                if method == "POST":
                    self.posted.append((path, body))
                return respond(
                    *map(unquote, found.groups()), **({"body": body} if method == "POST" else {"query": query})
                )
        raise Refused(404, code="not_found", title="Not found", request_id="req-404")

    def _routes(self, method: str) -> list[tuple[str, str, Callable[..., Data]]]:
        if method == "POST":
            return [
                (r"/tasks/([^/]+)/replay", "submit", lambda vid, body: {"vid": vid, "replay": "r1"}),
                (
                    r"/submissions/([^/]+)/cancel",
                    "submit",
                    lambda one, body: samples.submission(0, "cancelled", self.started),
                ),
                (r"/dead-letters/([^/]+)/redrive", "admin", self._redrive),
                (r"/dead-letters/([^/]+)/purge", "admin", self._purge),
                (r"/circuits/([^/]+)/close", "admin", self._close),
                (r"/webhooks/([^/]+)/(enable|disable|test)", "admin", self._switch),
                (r"/replays/([^/]+)/stop", "admin", self._stop),
                (r"/quarantine/replay", "admin", lambda body: {"stored": 2, "refused": 1}),
            ]
        return [
            (
                r"/status",
                "read",
                lambda query: samples.status(self.started) | {"circuits": self.circuits["circuits"], **self.dead},
            ),
            (r"/tasks", "read", self._list),
            (r"/tasks/([^/]+)", "read", lambda vid, query: samples.task_details(self._listed(vid), self.started)),
            (r"/tasks/([^/]+)/history", "read", lambda vid, query: samples.task_history(self._listed(vid))),
            (r"/submissions", "read", self._submissions),
            (r"/submissions/([^/]+)", "read", lambda one, query: samples.submission(0, "queued", self.started)),
            (r"/songs", "read", lambda query: samples.songs(query["room_id"], self.started)),
            (r"/stuck", "read", lambda query: samples.stuck(self.started)),
            (r"/events", "read", self._events),
            (r"/circuits", "read", lambda query: self.circuits),
            (r"/webhooks", "read", lambda query: self.webhooks),
            (r"/webhooks/([^/]+)/deliveries", "read", lambda name, query: samples.deliveries(self.started)),
            (r"/replays", "admin", lambda query: samples.replays(self.started, self.replay)),
            (r"/dead-letters", "admin", lambda query: self.dead),
            (r"/dead-letters/([^/]+)/messages", "admin", lambda queue, query: samples.dead_messages(self.started)),
            (r"/quarantine", "admin", lambda query: samples.quarantine(query["day"], self.started)),
        ]

    def _listed(self, vid: str) -> Data:
        found = [task for task in self.tasks if task["vid"] == vid]
        if not found:
            raise Refused(
                404, code="not_found", title="No such task", request_id="req-404", type="/docs/errors#not_found"
            )
        return found[0]

    def _list(self, query: dict[str, str]) -> Data:
        time = "outcome_at" if query.get("time") == "outcome" else "created_at"
        tasks = [one for one in self.tasks if time in one and self._selected(one, time, query)]
        tasks.sort(key=lambda one: one[time], reverse=query.get("order") != "asc")
        start, limit = int(query.get("cursor", "0")), int(query.get("limit", "20"))
        shown = tasks[start : start + limit]
        return {"tasks": shown} | ({"cursor": str(start + limit)} if start + limit < len(tasks) else {})

    @staticmethod
    def _selected(task: Data, time: str, query: dict[str, str]) -> bool:
        return (
            task["state"] in query.get("state", task["state"]).split(",")
            and task["kind"] == query.get("kind", task["kind"])
            and query.get("since", "") <= task[time] <= query.get("until", "9999")
            and all(task[name] == query.get(name, task[name]) for name in ("url",))
        )

    def _submissions(self, query: dict[str, str]) -> Data:
        found = samples.submissions(self.started)["submissions"]
        return {"submissions": [one for one in found if one["state"] == query.get("state", one["state"])]}

    def _events(self, query: dict[str, str]) -> Data:
        after = query["after"]
        start = int(after) if after.isdigit() else 0
        found = [one for one in self.events[start:] if one["type"] == query.get("type", one["type"])]
        return {"events": found, "cursor": str(len(self.events)), "more": False}

    def _redrive(self, queue: str, body: Data) -> Data:
        return {"moved": self._empty(queue), "remaining": 0}

    def _purge(self, queue: str, body: Data) -> Data:
        if body != {"confirm": queue}:
            raise Refused(400, code="malformed", field="confirm", title="Malformed")
        return {"purged": self._empty(queue)}

    def _empty(self, queue: str) -> int:
        found: Data = next(one for one in self.dead["dead_letters"] if one["queue"] == queue)
        if queue == "DispatchDeadLetters":
            raise Refused(409, code="not_redrivable", title="The queue holds no messages that can be redriven")
        count, found["messages"] = found["messages"], 0
        return int(count)

    def _stop(self, replay: str, body: Data) -> Data:
        self.replay = "stopped"
        return samples.replays(self.started, self.replay)["replays"][0]

    def _close(self, circuit: str, body: Data) -> Data:
        self.circuits["circuits"] = [one for one in self.circuits["circuits"] if one["circuit"] != circuit]
        return {"circuit": circuit}

    def _switch(self, name: str, verb: str, body: Data) -> Data:
        found: Data = next(one for one in self.webhooks["endpoints"] if one["name"] == name)
        found["state"] = {"enable": "enabled", "disable": "disabled"}.get(verb, found["state"])
        return found

    # ── static files ──

    def static(self, path: str, headers: dict[str, str]) -> Data | None:
        """Return the answer of the console's handler, or None if no route of it has this path."""
        for pattern, key in STATIC.items():
            if found := re.fullmatch(pattern, path):
                # One call for each file: a test opens the page once, and all of them many times.
                asked = (path, headers.get("if-none-match", ""))
                # A Lambda environment serves one request at a time, and a resolver relies on that.
                with self.serving:
                    if asked not in self.served:
                        self.served[asked] = self.handler(event_of(key, found.groupdict(), headers), Context())
                return self.served[asked]
        return None


def event_of(key: str, parameters: dict[str, str], headers: dict[str, str]) -> Data:
    """An event of API Gateway (payload 2.0) for a GET."""
    names = {name: unquote(value) for name, value in parameters.items()}
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": key.partition(" ")[2],
        "headers": headers,
        "pathParameters": names,
        "requestContext": {"requestId": "req-1", "http": {"method": "GET", "path": "/"}, "stage": "$default"},
        "isBase64Encoded": False,
    }


class Handler(BaseHTTPRequestHandler):
    """Answers requests to the prefix; outputs of tasks lie below `/cos/`."""

    protocol_version = "HTTP/1.1"
    api: FakeApi

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if url.path.startswith("/cos/"):
            self._output(url.path)
            return
        path = url.path.removeprefix(PREFIX)
        served = self.api.static(path, {name.lower(): value for name, value in self.headers.items()})
        if served:
            self._send(served["statusCode"], served["headers"], (served.get("body") or "").encode())
            return
        self._data(method, path, dict(parse_qsl(url.query)), body)

    def _data(self, method: str, path: str, query: dict[str, str], body: Data) -> None:
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        try:
            if token not in SCOPES:
                raise Refused(403, message="Forbidden")  # noqa: TRY301 - API Gateway's own answer
            status, content = 200, self.api.answer(method, path, query, body, SCOPES[token])
        except Refused as refused:
            status, content = refused.status, refused.problem
        self._send(status, {"content-type": "application/json"}, json.dumps(content).encode())

    def _output(self, path: str) -> None:
        media, make = OUTPUTS.get(path.rpartition("/")[2], ("", bytes))
        self._send(200 if media else 404, {"content-type": media or "text/plain"}, make())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing."""


def cover(width: int = 320, height: int = 180) -> bytes:
    """A PNG with a colour gradient."""
    rows = b"".join(
        b"\x00" + bytes(value for x in range(width) for value in (40 + x // 3, 60 + y // 2, 170 - x // 4))
        for y in range(height)
    )
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@cache
def tone() -> bytes:
    """Three seconds of silence as WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 1, 8000, 0, "NONE", ""))
        audio.writeframes(b"\x80" * 24_000)
    return file.getvalue()


@cache
def clip() -> bytes:
    """Two seconds of a test picture as WebM."""
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=5:duration=2"]
    command = [get_ffmpeg_exe(), "-v", "error", *source, "-c:v", "libvpx", "-deadline", "realtime", "-f", "webm", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


OUTPUTS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "keynote.cover.png": ("image/png", cover),
    "keynote.128000_mp3.mp3": ("audio/wav", tone),
    "keynote.f20.mp4": ("video/webm", clip),
}
"""The outputs that a browser can reach; the others are missing."""


class Server(ThreadingHTTPServer):
    """A server that says nothing when a browser breaks a connection, as it does when a page is closed."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Raise any other error in the thread."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(api: FakeApi) -> Iterator[str]:
    """Serve the API on a free port of 127.0.0.1; yield its address with the prefix."""
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"api": api}))
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
