"""The first attempt of a put: the answers of the usual client, from moto and from servers that fail in every way."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from moto.core.models import botocore_stubber
from urllib3.util.wait import wait_for_read

from mediarelay.adapters import aws
from mediarelay.adapters.dynamodb import put_client as module
from mediarelay.adapters.dynamodb.put_client import PutClient, connect, put_client, refusal
from mediarelay.signing.sigv4 import AwsKeys
from tests.servers import running
from tests.unit.engine.clients.conftest import make_certificate

pytestmark = pytest.mark.over_http
ITEM = {"pk": {"S": "a"}, "sk": {"S": "b"}, "body": {"B": b"\x00\xff"}}
ONLY_IF_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
KEYS, AT = AwsKeys("key", "secret"), datetime(2026, 1, 1, tzinfo=UTC)


def _error(code: str, message: str = "why") -> str:
    return json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message})


REFUSED = _error("ConditionalCheckFailedException")
ANSWERS = {
    "refused": (400, REFUSED),
    "throttled": (400, _error("ProvisionedThroughputExceededException")),
    "malformed": (400, _error("ValidationException")),
    "denied": (400, _error("AccessDeniedException")),
    "quotes a refusal": (400, _error("ValidationException", REFUSED)),
    "a refusal in HTML": (400, f"<html>{REFUSED}</html>"),
    "too large": (413, ""),
    "internal": (500, _error("InternalServerError")),
    "failed with a refusal": (500, REFUSED),
    "busy": (503, "<html>"),
}
"""Status and body by the name of an answer; all others are 200."""


class ToMoto:
    """A connection to moto, without HTTP; `sent` counts the requests of all of them."""

    sent = 0
    sock = None

    def __init__(self, url: str) -> None:
        self.url = url

    def close(self) -> None:
        pass

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        request = AWSPreparedRequest(method, self.url + path, headers, body, stream_output=False)  # type: ignore[arg-type]
        self.answer = botocore_stubber("before-send.dynamodb.PutItem", request)
        ToMoto.sent += 1

    def getresponse(self) -> Any:
        return self

    @property
    def status(self) -> int:
        return int(self.answer.status_code)

    def read(self) -> bytes:
        return bytes(self.answer.content)


def outcome(client: Any, table: str, condition: dict[str, str]) -> object:
    """What a caller sees of a put."""
    try:
        client.put_item(TableName=table, Item=ITEM, **condition)
    except ClientError as error:
        return type(error).__name__, error.response["Error"]
    except BotoCoreError as error:
        return type(error).__name__
    return "stored"


@pytest.mark.parametrize("condition", [{}, ONLY_IF_NEW, {"ConditionExpression": "no condition"}])
@pytest.mark.parametrize("stored", [False, True])
def test_moto_gives_both_clients_the_same_answer(
    table: str, monkeypatch: pytest.MonkeyPatch, condition: dict[str, str], stored: bool
) -> None:
    found = []
    monkeypatch.setattr(module, "connect", ToMoto)
    put_client.cache_clear()
    for client in (aws.client("dynamodb"), put_client()):
        aws.client("dynamodb").delete_item(TableName=table, Key={"pk": ITEM["pk"], "sk": ITEM["sk"]})
        if stored:
            aws.client("dynamodb").put_item(TableName=table, Item=ITEM)
        before = ToMoto.sent
        seen = outcome(client, table, condition)
        (item,) = aws.client("dynamodb").scan(TableName=table)["Items"] or [None]
        found.append((seen, item))
    put_client.cache_clear()
    assert ToMoto.sent == before + 1, "the attempt was ours"
    assert found[0] == found[1]


class Server(ThreadingHTTPServer):
    """A server that answers in the given order, the last way again and again."""

    daemon_threads = True

    def __init__(self, script: list[str], certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Scripted)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.script, self.seen, self.connections = script, list[dict[str, str]](), 0


class Scripted(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        name = self.server.script[min(len(self.server.seen), len(self.server.script) - 1)]
        self.server.seen.append({header.lower(): value for header, value in self.headers.items()})
        if name == "no answer":
            self.close_connection = True
            return
        status, body = ANSWERS.get(name, (200, "{}"))
        self.send_response(status)
        self._send_body(name, body)
        # The header "connection" is missing: the client finds out when it uses the connection again.
        self.close_connection = name in {"stored, then closed", "half"}

    def _send_body(self, name: str, body: str) -> None:
        if name == "in chunks":
            self.send_header("transfer-encoding", "chunked")
            body = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
        else:
            self.send_header("content-length", str(len(body) * (2 if name == "half" else 1)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep quiet."""


@pytest.fixture
def real_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let requests pass moto, without pauses between them, and close their connections afterwards."""
    opened = list[HTTPConnection]()

    def open_and_note(url: str) -> HTTPConnection:
        opened.append(connect(url))
        return opened[-1]

    monkeypatch.setattr(module, "connect", open_and_note)
    monkeypatch.setattr(botocore_stubber, "enabled", False)
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    yield
    for connection in opened:
        connection.close()


@contextmanager
def answering(*script: str, certificate: Path | None = None) -> Iterator[Server]:
    with running(server := Server([*script], certificate)):
        yield server


def tried(client_of: Any, monkeypatch: pytest.MonkeyPatch, *script: str) -> tuple[object, int]:
    """What a caller sees with a fresh client, and how many requests arrive."""
    with answering(*script) as server:
        found = first_put(client_of, monkeypatch, f"http://127.0.0.1:{server.server_port}")
    return found, len(server.seen)


def first_put(client_of: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> object:
    """What a caller sees with a fresh client of an endpoint."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    aws.client.cache_clear()
    put_client.cache_clear()
    found = outcome(client_of(), "ledger", ONLY_IF_NEW)
    put_client.cache_clear()
    aws.client.cache_clear()
    return found


@pytest.mark.usefixtures("real_connections")
@pytest.mark.parametrize("failure", ["throttled", "internal", "no answer", "busy", "failed with a refusal"])
@pytest.mark.parametrize("times", range(4))
@pytest.mark.parametrize("last", ["stored", "refused"])
def test_a_failure_is_tried_again_as_often_as_by_the_usual_client(
    monkeypatch: pytest.MonkeyPatch, failure: str, times: int, last: str
) -> None:
    script = [*[failure] * times, last]
    usual = tried(lambda: aws.client("dynamodb"), monkeypatch, *script)
    assert tried(put_client, monkeypatch, *script) == usual
    assert usual[1] == min(times + 1, aws.ATTEMPTS)


@pytest.mark.usefixtures("real_connections")
@pytest.mark.parametrize("answer", ["malformed", "denied", "quotes a refusal", "a refusal in HTML", "too large"])
def test_an_error_is_reported_as_by_the_usual_client(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    usual = tried(lambda: aws.client("dynamodb"), monkeypatch, answer)
    assert tried(put_client, monkeypatch, answer) == (usual[0], 2)


@pytest.mark.parametrize("answer", [b"", b"\xff", b"[]", b"null", b'"ConditionalCheckFailedException"', b"{}"])
def test_only_an_error_with_its_type_refuses_the_condition(answer: bytes) -> None:
    assert refusal(answer) is None
    assert refusal(b'{"__type": "ConditionalCheckFailedException"}') == ""


@pytest.mark.usefixtures("real_connections")
def test_half_an_answer_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(put_client, monkeypatch, "half", "stored") == ("stored", 2)


@pytest.mark.usefixtures("real_connections")
def test_an_answer_may_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tried(put_client, monkeypatch, "in chunks") == ("stored", 1)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody else has signed."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.usefixtures("real_connections")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("variable", [None, "SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_nothing_is_sent_to_a_server_that_botocore_does_not_trust(
    monkeypatch: pytest.MonkeyPatch, certificate: Path, host: str, variable: str | None
) -> None:
    """The certificate is not one of `localhost`, and only botocore's variables make it an authority."""
    if variable:
        monkeypatch.setenv(variable, str(certificate))
    found = []
    for client_of in (lambda: aws.client("dynamodb"), put_client):
        with answering("stored", certificate=certificate) as server:
            seen = first_put(client_of, monkeypatch, f"https://{host}:{server.server_port}")
        found.append((seen, len(server.seen)))
    trusted = host == "127.0.0.1" and variable in {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"}
    assert found == [("stored", 1) if trusted else ("SSLError", 0)] * 2
    if trusted:
        assert "amz-sdk-invocation-id" not in server.seen[0], "the attempt was ours"


@pytest.mark.usefixtures("real_connections")
def test_session_tickets_do_not_look_like_the_end_of_a_connection(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    """In TLS 1.3, the server sends them after the handshake."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    with answering("stored", certificate=certificate) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{server.server_port}")
        put_client.cache_clear()
        assert [outcome(put_client(), "ledger", {}) for _ in range(3)] == ["stored"] * 3
        put_client.cache_clear()
    assert (len(server.seen), server.connections) == (3, 1)


@pytest.mark.usefixtures("real_connections")
def test_connections_share_what_they_trust(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    module._context.cache_clear()
    with answering("stored, then closed", certificate=certificate) as server:
        for _ in range(3):
            connect(f"https://127.0.0.1:{server.server_port}").close()
    assert module._context.cache_info().misses == 1


@pytest.mark.usefixtures("real_connections")
def test_each_attempt_has_the_keys_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = iter(["first", "second"])
    monkeypatch.setattr(aws.session(), "get_credentials", lambda: Credentials("key", "secret", next(tokens)))
    with answering("stored") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        put_client.cache_clear()
        for _ in range(2):
            outcome(put_client(), "ledger", {})
        put_client.cache_clear()
    assert [seen["x-amz-security-token"] for seen in server.seen] == ["first", "second"]


@pytest.mark.usefixtures("real_connections")
@pytest.mark.parametrize(("answer", "connections"), [("stored", 1), ("stored, then closed", 3)])
def test_a_connection_is_used_until_the_server_closes_it(
    monkeypatch: pytest.MonkeyPatch, answer: str, connections: int
) -> None:
    with answering(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        put_client.cache_clear()
        for _ in range(3):
            assert outcome(put_client(), "ledger", {}) == "stored"
            # The end of a connection takes a moment to arrive.
            assert connections == 1 or wait_for_read(put_client()._connection.sock, timeout=30)
        put_client.cache_clear()
    assert (len(server.seen), server.connections) == (3, connections)
    assert not [seen for seen in server.seen if "amz-sdk-invocation-id" in seen], "botocore sent none of them"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "http://192.0.2.1:3128"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "https://192.0.2.1/below"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
    ],
)
def test_where_only_botocore_knows_the_way_it_is_the_usual_client(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    put_client.cache_clear()
    assert put_client() is aws.client("dynamodb")
    put_client.cache_clear()


@pytest.mark.parametrize("variants", [(), ("FIPS",), ("DUALSTACK",), ("FIPS", "DUALSTACK")])
@pytest.mark.parametrize("region", ["eu-west-1", "ap-east-2", "cn-north-1", "us-gov-west-1", "us-iso-east-1"])
def test_both_clients_connect_to_the_same_endpoint(
    monkeypatch: pytest.MonkeyPatch, region: str, variants: tuple[str, ...]
) -> None:
    called = []

    def connect_to(url: str) -> HTTPConnection:
        called.append(url)
        raise OSError

    def send(request: AWSPreparedRequest, **_: object) -> None:
        called.append(request.url.rstrip("/"))
        raise NoCredentialsError

    for variant in variants:
        monkeypatch.setenv(f"AWS_USE_{variant}_ENDPOINT", "true")
    boto = aws.session().client("dynamodb", region_name=region, config=module.CONFIG)
    boto.meta.events.register_first("before-send.dynamodb", send)
    is_ours = not module.needs_botocore(boto.meta)
    client = PutClient(boto, lambda: KEYS, connect_to, lambda: AT) if is_ours else boto
    outcome(client, "ledger", {})
    assert called == [called[-1]] * (1 + is_ours)
    assert is_ours == (not variants)


def test_without_keys_botocore_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.session(), "get_credentials", lambda: None)
    put_client.cache_clear()
    monkeypatch.setattr(module, "connect", ToMoto)
    before = ToMoto.sent
    outcome(put_client(), "ledger", {})
    put_client.cache_clear()
    assert ToMoto.sent == before
