"""An HTTP API for LocalEmu, which has none for this template: no resource provider, no Lambda authorizer.

It matches the template's routes, asks the authorizer and invokes the functions through LocalEmu's Lambda API, with
events of payload version 2.0. Everything behind it is LocalEmu.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import uuid4

from local.aws import client
from local.environment import HOST, LocalEnvironment
from local.expand import Template
from local.processes import free_port

TEXT = ("text/", "application/json", "application/problem+json", "application/x-www-form-urlencoded")
DEFAULT = "$default"
"""The key of the route that takes every request that no other one takes, and the name of the stage."""
Event = dict[str, Any]


@dataclass(frozen=True)
class Route:
    """One route of the template: its key, the pattern of its path, its function and its authorizer (logical ids)."""

    key: str
    function: str
    authorizer: str | None

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches `METHOD /path`; a parameter takes one segment."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.key))

    @property
    def rank(self) -> int:
        """How many parameters it has: the gateway prefers the route with fewer."""
        return self.key.count("{")


@dataclass
class Gateway:
    """Answers requests of one deployed stack."""

    env: LocalEnvironment
    routes: list[Route]
    names: Mapping[str, str] = field(init=False)
    running: ClassVar[dict[str, ThreadingHTTPServer]] = {}

    def __post_init__(self) -> None:
        self.client = client(self.env, "lambda")
        found = self.client.get_paginator("list_functions").paginate()
        deployed = [item["FunctionName"] for page in found for item in page["Functions"]]
        logical = {route.function for route in self.routes} | {r.authorizer for r in self.routes if r.authorizer}
        self.names = {one: next(name for name in deployed if f"-{one}-" in name) for one in logical}

    def answer(self, event: Event) -> Event:
        """Answer a request as API Gateway does."""
        route, parameters = self._match(event)
        if route is None:
            return _refusal(404, "Not Found")
        event |= {"routeKey": route.key, "pathParameters": parameters}
        event["requestContext"]["routeKey"] = route.key
        if route.authorizer and (refusal := self._authorize(event, route.authorizer)):
            return refusal
        return self._invoke(route.function, event) or _refusal(500, "Internal Server Error")

    def _match(self, event: Event) -> tuple[Route | None, dict[str, str]]:
        http = event["requestContext"]["http"]
        request = f"{http['method']} {http['path']}"
        for route in sorted(self.routes, key=lambda one: one.rank):
            if found := route.pattern.fullmatch(request):
                return route, {name: unquote(value) for name, value in found.groupdict().items()}
        return next((route for route in self.routes if route.key == DEFAULT), None), {}

    def _authorize(self, event: Event, authorizer: str) -> Event | None:
        """Ask the authorizer; returns the refusal, or None after its context is in the event."""
        if "authorization" not in event["headers"]:
            return _refusal(401, "Unauthorized")
        asked = {key: value for key, value in event.items() if key != "body"} | {"type": "REQUEST"}
        said = self._invoke(authorizer, asked)
        if not said or not said["isAuthorized"]:
            return _refusal(403, "Forbidden")
        event["requestContext"]["authorizer"] = {"lambda": said.get("context", {})}
        return None

    def _invoke(self, function: str, event: Event) -> Event | None:
        answer = self.client.invoke(FunctionName=self.names[function], Payload=json.dumps(event).encode())
        payload: Event = json.loads(answer["Payload"].read())
        return None if "FunctionError" in answer else payload


def routes(template: Template) -> Iterator[Route]:
    """Read the routes of an expanded template."""
    resources = template["Resources"]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            properties = resource["Properties"]
            integration = resources[f"{name}Integration"]["Properties"]["IntegrationUri"]
            authorizer = resources.get(properties.get("AuthorizerId", {}).get("Ref"))
            uri = authorizer and authorizer["Properties"]["AuthorizerUri"]
            yield Route(properties["RouteKey"], _function(integration), _function(uri) if uri else None)


def _function(uri: Any) -> str:
    """The logical id of the function in an integration's URI."""
    found = re.search(r"\$\{(\w+)\.Arn\}|\"Fn::GetAtt\": \[\"(\w+)\"", json.dumps(uri))
    assert found, uri
    return found[1] or found[2]


def serve(gateway: Gateway) -> int:
    """Answer on a free port until this process ends; returns the port."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            _write(self, gateway.answer(_event(self, body)))

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that the standard library looks for

        def log_message(self, *_: object) -> None:
            """Nothing: the functions log."""

    server = ThreadingHTTPServer((HOST, free_port()), Requests)
    gateway.running[str(gateway.env.folder)] = server
    Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def _event(request: BaseHTTPRequestHandler, body: bytes) -> Event:
    parts = urlsplit(request.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    is_text = headers.get("content-type", "text/plain").startswith(TEXT)
    identity = uuid4().hex
    return {
        "version": "2.0",
        "rawPath": unquote(parts.path),
        "rawQueryString": parts.query,
        "headers": headers,
        "requestContext": {
            "requestId": identity,
            "stage": DEFAULT,
            "domainName": urlsplit(f"//{headers.get('host', HOST)}").hostname,
            "http": {"method": request.command, "path": parts.path, "sourceIp": request.client_address[0]},
        },
        "isBase64Encoded": bool(body) and not is_text,
        **({"queryStringParameters": _query(parts.query)} if parts.query else {}),
        **({"body": _text(body, is_text=is_text)} if body else {}),
    }


def _query(text: str) -> dict[str, str]:
    """Join the values of a repeated parameter with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _text(body: bytes, *, is_text: bool) -> str:
    return body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()


def _write(request: BaseHTTPRequestHandler, answer: Event) -> None:
    body = answer.get("body", "").encode()
    request.send_response(answer["statusCode"])
    for name, value in {**answer.get("headers", {}), "content-length": len(body)}.items():
        request.send_header(name, str(value))
    request.end_headers()
    request.wfile.write(body)


def _refusal(status: int, message: str) -> Event:
    """An answer of the gateway itself."""
    body = json.dumps({"message": message})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}
