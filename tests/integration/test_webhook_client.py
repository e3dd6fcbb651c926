"""The client that posts events, against real servers on this machine."""

import gzip
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from mediarelay.adapters.webhook_client import WebhookClient
from mediarelay.domain.webhooks.delivery import Answer
from mediarelay.domain.webhooks.egress import read_webhook_url
from tests.integration.webhook_receiver import HOST, WebhookServer, answering, certificate, receiving

NAME = "hooks.example"
LOOPBACK = (ip_network("127.0.0.0/8"),)
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HEADERS = {"content-type": "application/cloudevents+json"}


def resolving(*addresses: str) -> Any:
    """A resolver that knows one answer for every name."""
    return lambda _host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]


def client(tls: ssl.SSLContext | None = None, **changes: Any) -> WebhookClient:
    options = {"networks": LOOPBACK, "clock": lambda: NOW, "resolve": resolving(HOST), "seconds": 5} | changes
    return WebhookClient(tls=tls or ssl.create_default_context(), **options)


def post(url: str, tls: ssl.SSLContext | None = None, **changes: Any) -> Answer:
    return client(tls, **changes).post(read_webhook_url(url), HEADERS, b"{}")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"), NAME)


@pytest.fixture
def receiver() -> Iterator[WebhookServer]:
    with receiving() as found:
        yield found


def test_https_is_checked_for_the_name_and_goes_to_the_resolved_address(
    tls: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with receiving(tls[0]) as receiver:
        url = f"https://{NAME}:{receiver.port}/a?b=c"
        assert post(url, tls[1]) == Answer(200)
        (request,) = receiver.received
        assert (request.path, request.body) == ("/a?b=c", b"{}")
        assert request.headers["host"] == f"{NAME}:{receiver.port}"
        assert request.headers["accept-encoding"] == "identity"
        assert post(f"https://other.example:{receiver.port}/", tls[1]).error.startswith(
            "certificate: Hostname mismatch"
        )
        assert post(url).error == "certificate: self-signed certificate"
        assert len(receiver.received) == 1


def test_a_certificate_for_an_address(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, HOST)
    with receiving(server) as receiver:
        assert post(f"https://{HOST}:{receiver.port}/", trusting) == Answer(200)


@pytest.mark.parametrize("status", [201, 204, 299, 301, 302, 307, 400, 404, 410, 500, 503])
def test_only_2xx_is_a_success(receiver: WebhookServer, status: int) -> None:
    receiver.status = status
    answer = post(f"http://localhost:{receiver.port}/")
    assert (answer.status, answer.is_success) == (status, status < 300)


def test_redirects_are_not_followed(receiver: WebhookServer) -> None:
    receiver.status, receiver.answer = 307, {"location": f"http://localhost:{receiver.port}/latest/meta-data/"}
    assert post(f"http://localhost:{receiver.port}/").reason == "status 307"
    assert len(receiver.received) == 1


def test_proxies_of_the_environment_are_ignored(receiver: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HOST}:1")
    assert post(f"http://localhost:{receiver.port}/") == Answer(200)


@pytest.mark.parametrize(
    "addresses",
    [
        ("169.254.169.254",),
        ("10.0.0.1",),
        ("::1",),
        ("fe80::1%lo",),
        ("::ffff:10.0.0.1",),
        (HOST, "10.0.0.1"),
        ("10.0.0.1", HOST),
    ],
)
def test_one_private_address_is_enough_to_refuse_a_name(receiver: WebhookServer, addresses: tuple[str, ...]) -> None:
    """Such as a CNAME to an internal host."""
    answer = post(f"https://{NAME}:{receiver.port}/", resolve=resolving(*addresses))
    assert answer.error == "the address is not public"
    assert receiver.received == []


def test_a_name_is_resolved_once(receiver: WebhookServer) -> None:
    """A resolver that answers otherwise the second time would lead past the check."""
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> Any:
        asked.append(host)
        return resolving(HOST if len(asked) == 1 else "169.254.169.254")(host, port)

    assert post(f"http://{NAME}:{receiver.port}/", resolve=resolve) == Answer(200)
    assert asked == [NAME]


def test_the_second_address_is_tried(receiver: WebhookServer) -> None:
    # Nothing listens on 127.0.0.2.
    assert post(f"http://{NAME}:{receiver.port}/", resolve=resolving("127.0.0.2", HOST)) == Answer(200)


def test_what_cannot_be_reached() -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    assert post(f"https://{NAME}/", resolve=unknown).error == "the name cannot be resolved"
    assert post("http://localhost:1/").error == "no connection"


def drip(connection: socket.socket) -> None:
    """Send a byte of a header now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(200):
        connection.sendall(b"a")
        time.sleep(0.05)


def continue_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


@pytest.mark.parametrize("write", [drip, continue_for_ever, lambda _connection: time.sleep(3)])
def test_the_whole_attempt_has_one_deadline(write: Any) -> None:
    begun = time.monotonic()
    with answering(write) as port:
        assert post(f"http://localhost:{port}/", seconds=0.5).error == "timeout"
        assert time.monotonic() - begun < 2


def test_a_handshake_has_the_same_deadline(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    with answering(lambda _connection: time.sleep(3)) as port:
        begun = time.monotonic()
        assert post(f"https://{NAME}:{port}/", tls[1], seconds=0.5).error == "timeout"
        assert time.monotonic() - begun < 2


def test_a_slow_body_changes_nothing() -> None:
    def write(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        drip(connection)

    with answering(write) as port:
        assert post(f"http://localhost:{port}/", seconds=0.5).is_success


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100,
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
    ],
)
def test_what_is_no_answer(text: bytes) -> None:
    with answering(lambda connection: connection.sendall(text)) as port:
        answer = post(f"http://localhost:{port}/")
        assert answer.status is None
        assert answer.error in {"no HTTP answer", "no connection"}


@pytest.mark.parametrize("status", [200, 204, 410, 503])
def test_the_answer_behind_interim_ones_decides(status: int) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n" * 2
    final = f"HTTP/1.1 {status} Whatever\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n".encode()
    with answering(lambda connection: connection.sendall(hints + final)) as port:
        answer = post(f"http://localhost:{port}/")
    assert (answer.status, answer.retry_after) == (status, timedelta(seconds=9))


def test_a_large_or_compressed_body_is_not_read() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    with answering(lambda connection: connection.sendall(head + bomb)) as port:
        assert post(f"http://localhost:{port}/") == Answer(200)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(minutes=2)),
        (format_datetime(NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        ("soon", None),
        ("-5", None),
        ("9" * 30, None),
        ("\u0663", None),
    ],
)
def test_retry_after(receiver: WebhookServer, text: str, wait: timedelta | None) -> None:
    receiver.status, receiver.answer = 503, {"retry-after": text.encode().decode("latin-1")}
    assert post(f"http://localhost:{receiver.port}/").retry_after == wait
