"""An API on 127.0.0.1 that answers as the documented one, for tests of the command line."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers import running


@dataclass
class Call:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """What the API answers: JSON, or raw bytes of some other type."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Route = Callable[[Call], Reply | dict[str, Any]]


class FakeApi:
    """Routes by `METHOD /path`; a list of answers is used one after the other, and its last one for ever."""

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {}
        self.calls: list[Call] = []
        self.url = ""

    def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        route = self.routes.get(f"{call.method} {call.path}")
        if isinstance(route, list):
            route = route.pop(0) if len(route) > 1 else route[0]
        if route is None:
            return Reply({"message": "Not Found"}, 404)
        found = route(call) if callable(route) else route
        return found if isinstance(found, Reply) else Reply(found)

    def of(self, route: str) -> list[Call]:
        """The calls of one route."""
        return [call for call in self.calls if f"{call.method} {call.path}" == route]


@contextmanager
def serving() -> Iterator[FakeApi]:
    """Serve a fake API while the context lasts."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without it, Nagle's algorithm and delayed acknowledgements add 40 ms to each answer.
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            split = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(content) if content else None
            except ValueError:
                body = content
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, unquote(split.path), dict(parse_qsl(split.query)), headers, body)
            reply = api.answer(call)
            sent = reply.content()
            self.send_response_only(reply.status)
            for name, value in {"Content-Length": str(len(sent)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = _serve  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_port}"
    with running(server):
        yield api
