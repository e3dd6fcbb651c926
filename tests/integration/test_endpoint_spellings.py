"""What is signed is what is sent: a server verifies each signature over the Host header and the path that came."""

import json
import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

from mediarelay.adapters.https_session import https_session
from mediarelay.adapters.provider_api import ProviderApi
from mediarelay.config import Settings
from mediarelay.domain.budget import Budget
from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.provider import CTS
from mediarelay.providers.port import Account
from mediarelay.signing.qcloud import Endpoint, verify
from tests.servers import running

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "secret-key"
HTTPS = [
    "https://CDN.api.qcloud.com/v2/index.php",
    "https://cdn.api.qcloud.com:443/v2/index.php",
    "https://cdn.api.qcloud.com",
    "https://cdn.api.qcloud.com/v2/index.php ",
    "https://cdn.api.qcloud.com./v2/index.php",
]
HTTP = ["http://127.0.0.1:{}", "HTTP://127.0.0.1:{}/v2/index.php", "http://LOCALHOST:{}/x/ ", "http://localhost.:0{}/"]


class Guard:
    """Lets everything pass."""

    def before_call(self, _action: str) -> Circuit:
        return Circuit()

    def record_refusal(self, _action: str) -> None:
        """Learn nothing."""

    def record_success(self, _action: str, _seen: Circuit) -> None:
        """Learn nothing."""

    record_silence = record_success


class Server(ThreadingHTTPServer):
    """Notes the host and the path of each call; a call that it refuses is no error of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Verifier)
        self.seen: list[tuple[str, str]] = []

    def handle_error(self, *_: object) -> None:
        """Be quiet."""


class Verifier(BaseHTTPRequestHandler):
    """Answers a call whose signature is right, and refuses any other."""

    server: Server

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["content-length"])).decode()
        params = dict(parse_qsl(sent, keep_blank_values=True))
        endpoint = Endpoint("POST", self.headers["Host"], self.path)
        self.server.seen.append((endpoint.host, endpoint.path))
        verify(endpoint, params, secret_of={"id": SECRET}.get, seen=lambda _: False, now=NOW.timestamp())
        answer = json.dumps({"code": 0, "message": "", "data": {"vid": "v"}}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with running(found := Server()):
        yield found


def ask(spelling: str, session: requests.Session) -> Mapping[str, Any]:
    settings = Settings.read({"PROVIDER_ENDPOINT": spelling})
    api = ProviderApi(
        provider=CTS,
        url=settings.provider_endpoint,
        region=settings.provider_region,
        account=lambda: Account("id", SECRET),
        spend=lambda _now, _limit: True,
        budget=Budget(100),
        guard=Guard(),
        clock=lambda: NOW,
        nonce=count(7).__next__,
        session=session,
    )
    return api.query(Kind.VIDEO, "v")


@pytest.mark.parametrize("spelling", HTTP)
def test_over_http(server: Server, spelling: str) -> None:
    assert ask(spelling.format(server.server_port), https_session("test")) == {"vid": "v"}


@pytest.mark.parametrize("spelling", HTTPS)
def test_over_https(server: Server, spelling: str) -> None:
    """The client's own code for https, but for the encryption: its host, its port, its headers."""
    assert ask(spelling, unencrypted(server.server_port)) == {"vid": "v"}
    assert server.seen == [("cdn.api.qcloud.com", "/v2/index.php")]


def test_another_port_is_part_of_the_host(server: Server) -> None:
    ask("https://CDN.api.qcloud.com:8443/v2/index.php", unencrypted(server.server_port))
    assert server.seen == [("cdn.api.qcloud.com:8443", "/v2/index.php")]


def unencrypted(port: int) -> requests.Session:
    """A session whose https connections lead to a port of this machine, without TLS."""

    class Connection(HTTPConnection):
        default_port = 443  # type: ignore[misc] # urllib3 declares it as a class variable, http.client does not

        def _new_conn(self) -> socket.socket:
            return socket.create_connection(("127.0.0.1", port))

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

        def __init__(self, host: str, port: int, **_: Any) -> None:
            super().__init__(host, port)

    session = https_session("test")
    adapter: Any = session.get_adapter("https://")
    adapter.poolmanager.pool_classes_by_scheme = {"https": Pool}
    return session
