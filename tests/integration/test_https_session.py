"""The connections to the providers: verified, opened once, and shared by threads."""

import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import certifi
import pytest
import requests
from requests.exceptions import SSLError

from mediarelay.adapters.https_session import MAX_CONNECTIONS, https_session
from tests.integration.task_harness import together
from tests.servers import running
from tests.unit.engine.clients.conftest import make_certificate


class Server(socketserver.ThreadingTCPServer):
    """Answers over TLS, once as many requests as there are threads have arrived; counts connections."""

    daemon_threads = True

    def __init__(self, certificate: Path, threads: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.arrived, self.connections = Barrier(threads), 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        try:
            connection = self.server.context.wrap_socket(self.request, server_side=True)
        except ssl.SSLError:
            return
        self.server.connections += 1
        with connection:
            while connection.recv(1 << 16):
                self.server.arrived.wait()
                connection.sendall(b"HTTP/1.1 200 OK\r\nset-cookie: a=1\r\ncontent-length: 2\r\n\r\nok")


@contextmanager
def serving(certificate: Path, threads: int = 1) -> Iterator[Server]:
    with running(server := Server(certificate, threads)):
        yield server


def ask(session: requests.Session, server: Server, host: str = "127.0.0.1", **options: Any) -> bytes:
    return session.get(f"https://{host}:{server.port}/", **options).content


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody else has signed."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_threads_open_one_connection_each_and_keep_it(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, load = list[object](), ssl.SSLContext.load_verify_locations

    def counted_load(context: ssl.SSLContext, *files: str) -> None:
        loads.append(files)
        load(context, *files)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted_load)
    session = https_session("test", str(certificate))
    with serving(certificate, MAX_CONNECTIONS) as server:
        for _ in range(3):
            assert together([lambda: ask(session, server)] * MAX_CONNECTIONS) == [b"ok"] * MAX_CONNECTIONS
        assert server.connections == MAX_CONNECTIONS
        session.close()
    assert len(loads) == 1, "for all connections"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_server_that_no_authority_has_signed_is_refused(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(certificate))
    with serving(certificate) as server, pytest.raises(SSLError):
        ask(https_session("test"), server)


def test_a_certificate_of_another_host_is_refused(certificate: Path) -> None:
    with serving(certificate) as server, pytest.raises(SSLError):
        ask(https_session("test", str(certificate)), server, "localhost")


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    expired = make_certificate(tmp_path, -timedelta(hours=1))
    with serving(expired) as server, pytest.raises(SSLError, match="expired"):
        ask(https_session("test", str(expired)), server)


def test_no_call_switches_the_verification_off(certificate: Path) -> None:
    session = https_session("test")
    with serving(certificate) as server:
        with pytest.raises(ValueError, match="check_hostname"):
            ask(session, server, verify=False)
        with pytest.raises(SSLError):
            ask(session, server)


def test_the_authorities_are_those_of_mozilla() -> None:
    adapter: Any = https_session("test").get_adapter("https://")
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    expected = ssl.create_default_context(cafile=certifi.where())
    assert context.get_ca_certs(binary_form=True) == expected.get_ca_certs(binary_form=True)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_the_environment_names_no_proxy(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(certificate) as server:
        assert ask(https_session("test", str(certificate)), server) == b"ok"


def test_no_cookie_is_kept(certificate: Path) -> None:
    session = https_session("test", str(certificate))
    with serving(certificate) as server:
        ask(session, server)
    assert not session.cookies
