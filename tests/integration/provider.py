"""A provider on this machine: a real HTTP server whose answers the test writes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any
from urllib.parse import parse_qsl

from tests.servers import running

PATH = "/v2/index.php"


@dataclass
class Answer:
    """What the provider says next. `hang` keeps the connection open without a word."""

    body: bytes = b'{"code": 0, "message": "", "data": {}}'
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


@dataclass
class Site:
    """The server: its address, what it answers by action, what it was sent."""

    host: str
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://{self.host}{PATH}"

    def says(self, action: str, body: str | bytes, **more: Any) -> None:
        raw = body.encode() if isinstance(body, str) else body
        self.answers[action] = Answer(raw, **more)


@contextmanager
def serving() -> Iterator[Site]:
    """Run the provider on a free port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    with running(server):
        try:
            yield server.site
        finally:
            server.site.closing.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @cached_property
    def site(self) -> Site:
        return Site(f"127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        site = self.server.site
        sent = self.rfile.read(int(self.headers["content-length"])).decode()
        params = self._params(sent)
        site.requests.append(params)
        site.lines.append(self.requestline)
        answer = site.answers.get(params["Action"], Answer())
        if answer.hang:
            site.closing.wait()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _params(self, sent: str) -> dict[str, Any]:
        """The parameters of API v2, a form; or of API 3.0, which names the action in a header."""
        if action := self.headers["x-tc-action"]:
            return {"Action": action, **json.loads(sent)}
        return dict(parse_qsl(sent, keep_blank_values=True, strict_parsing=True))

    do_GET = do_POST  # noqa: N815 - where a redirect would lead

    def log_message(self, *_: object) -> None:
        """Be quiet."""
