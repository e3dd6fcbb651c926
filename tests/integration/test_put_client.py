"""The first attempt of a put: the answers of the usual client, from moto and from servers that fail in every way."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError, ClientError
from moto.core.models import botocore_stubber

from mediarelay.adapters import aws
from mediarelay.adapters.dynamodb import put_client as module
from mediarelay.adapters.dynamodb.put_client import connect, put_client

pytestmark = pytest.mark.over_http
ITEM = {"pk": {"S": "a"}, "sk": {"S": "b"}, "body": {"B": b"\x00\xff"}}
ONLY_IF_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
CODES = {
    "refused": "ConditionalCheckFailedException",
    "throttled": "ProvisionedThroughputExceededException",
    "malformed": "ValidationException",
    "denied": "AccessDeniedException",
    "internal": "InternalServerError",
}


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

    def __init__(self, script: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Scripted)
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
        code = CODES.get(name)
        body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "why"} if code else {})
        self.send_response(500 if name == "internal" else 400 if code else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
        # The header "connection" is missing: the client finds out when it uses the connection again.
        self.close_connection = name == "stored, then closed"

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
def answering(*script: str) -> Iterator[Server]:
    with Server([*script]) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def tried(client_of: Any, monkeypatch: pytest.MonkeyPatch, *script: str) -> tuple[object, int]:
    """What a caller sees with a fresh client, and how many requests arrive."""
    with answering(*script) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        aws.client.cache_clear()
        put_client.cache_clear()
        found = outcome(client_of(), "ledger", ONLY_IF_NEW)
        put_client.cache_clear()
        aws.client.cache_clear()
    return found, len(server.seen)


@pytest.mark.usefixtures("real_connections")
@pytest.mark.parametrize("failure", ["throttled", "internal", "no answer"])
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
@pytest.mark.parametrize("refusal", ["malformed", "denied"])
def test_a_refusal_is_reported_as_by_the_usual_client(monkeypatch: pytest.MonkeyPatch, refusal: str) -> None:
    usual = tried(lambda: aws.client("dynamodb"), monkeypatch, refusal)
    assert tried(put_client, monkeypatch, refusal) == (usual[0], 2)


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
            threading.Event().wait(0.05)
        put_client.cache_clear()
    assert (len(server.seen), server.connections) == (3, connections)
    assert not [seen for seen in server.seen if "amz-sdk-invocation-id" in seen], "botocore sent none of them"


def test_behind_a_proxy_it_is_the_usual_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    put_client.cache_clear()
    assert put_client() is aws.client("dynamodb")
    put_client.cache_clear()


def test_without_keys_botocore_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws.session(), "get_credentials", lambda: None)
    put_client.cache_clear()
    monkeypatch.setattr(module, "connect", ToMoto)
    before = ToMoto.sent
    outcome(put_client(), "ledger", {})
    put_client.cache_clear()
    assert ToMoto.sent == before
