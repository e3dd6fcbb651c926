"""A stack for tests of the command line: secrets in moto, and an API on 127.0.0.1 that reads them as functions do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from moto import mock_aws

from mediarelay.contracts.zego.message import read_message
from mediarelay.signing import standard_webhooks, tokens, zego
from mediarelay.usecases.relay_secrets import callback_secrets, webhook_secrets
from mediarelay.usecases.secret_entries import callback_tokens, clients
from mediarelay_cli.profiles import Profile
from mediarelay_cli.session import Session

POLL_SECONDS = 0.01
STACK, REGION = "mediarelay", "eu-west-1"
SECRETS = ("CallbackTokens", "MusicSecret", "ApiClients", "ProviderKeys", "WebhookEndpoints")
WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOKEN = "example-token"
FIRST: dict[str, Any] = {
    "CallbackTokens": {"tokens": "0123456789abcdef0123", "notify_keys": "0123456789abcdefnotify", "note": 7},
    "MusicSecret": {"webhook_secrets": WEBHOOK, "callback_secrets": "0123456789abcdefzego"},
    "ApiClients": {
        "clients": [{"name": "ops", "sha256": tokens.digest(TOKEN), "scopes": ["admin"], "since": "2026"}, "odd"]
    },
    "ProviderKeys": {"cts": {"secret_id": "AKIDexample", "secret_key": "example", "token": "t", "more": [1]}},
    "WebhookEndpoints": {"endpoints": [{"name": "a", "url": "https://a.example", "secrets": WEBHOOK, "x": 1}]},
}
Answer = tuple[int, Any]
Received = tuple[str, str, dict[str, str], bytes]


@dataclass
class FakeStack:
    """A deployed stack. `answers` replaces what the API answers to a method and path."""

    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    url: str = ""

    @cached_property
    def manager(self) -> Any:
        return boto3.client("secretsmanager", region_name=REGION)

    def arn(self, name: str) -> str:
        return self.outputs[name if name.endswith("Secret") else f"{name}Secret"]

    def secret(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self.manager.get_secret_value(SecretId=self.arn(name))["SecretString"]))

    def put(self, name: str, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.manager.put_secret_value(SecretId=self.arn(name), SecretString=text)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.received.append((method, path, headers, body))
        if chosen := self.answers.get(f"{method} {path.partition('?')[0]}"):
            return chosen()
        if path.startswith("/callbacks/music"):
            return self._relay(headers, body)
        if path.startswith("/callbacks/"):
            return self._callback(path.rpartition("/")[2], body)
        if path.startswith("/tasks"):
            live = [sha256 for sha256, _ in clients(self.secret("ApiClients")).usable]
            return (200, {"tasks": []}) if tokens.matching(headers.get("authorization", "")[7:], live) else (403, {})
        return 404, {}

    def _callback(self, token: str, body: bytes) -> Answer:
        if not tokens.accepts(token, callback_tokens(self.secret("CallbackTokens")).usable):
            return 401, {}
        try:
            is_task = "vid" in json.loads(body) or "WorkflowTaskEvent" in json.loads(body)
        except ValueError:
            is_task = False
        return (200, {"accepted": True, "duplicate": False}) if is_task else (400, {})

    def _relay(self, headers: dict[str, str], body: bytes) -> Answer:
        secret, signed = self.secret("MusicSecret"), read_message(body).signed
        proof = [headers.get(f"webhook-{name}", "") for name in ("signature", "id", "timestamp")]
        if proof[0]:
            is_live = standard_webhooks.verifies(proof[0], webhook_secrets(secret).usable, proof[1], proof[2], body)
        else:
            live = callback_secrets(secret).usable
            is_live = signed is not None and zego.matches(signed.signature, live, signed.timestamp, signed.nonce)
        if not is_live:
            return 401, {}
        return (413, {}) if len(body) > 128 * 1024 else (200, {"results": []})


def _handler(stack: FakeStack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = stack.answer(self.command, self.path, headers, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = respond  # noqa: N815 - names of the base class

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler


def _made_once(make: Callable[[Session, str], Any]) -> Callable[[Session, str], Any]:
    """Let the commands of a test share their clients: to make one takes longer than all calls of a command."""
    made: dict[tuple[Profile, str], Any] = {}

    def client(session: Session, service: str) -> Any:
        key = session.profile, service
        if key not in made:
            made[key] = make(session, service)
        return made[key]

    return client


@contextmanager
def running_stack(monkeypatch: Any) -> Iterator[FakeStack]:
    """Yield a stack that the command line uses through its environment variables."""
    stack = FakeStack()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stack))
    stack.url = f"http://127.0.0.1:{server.server_port}"
    environment = {
        "MEDIARELAY_API_URL": stack.url,
        "MEDIARELAY_TOKEN": TOKEN,
        "MEDIARELAY_STACK": STACK,
        "MEDIARELAY_CONFIG": "/nonexistent/profiles.ini",
        "LOCAL_DIR": "/nonexistent",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
    try:
        with mock_aws():
            for name in SECRETS:
                made = stack.manager.create_secret(Name=name, SecretString=json.dumps(FIRST[name]))
                stack.outputs[name if name.endswith("Secret") else f"{name}Secret"] = made["ARN"]
            monkeypatch.setattr(Session, "outputs", stack.outputs)
            monkeypatch.setattr(Session, "client", _made_once(Session.client))
            yield stack
    finally:
        server.shutdown()
        server.server_close()
