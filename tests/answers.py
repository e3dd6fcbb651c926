"""Holds real answers against the OpenAPI document: a field that it does not name, or a null that it does not, fails."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import requests
from jsonschema import Draft202012Validator

from tests.stack import ROOT

Answered = tuple[str, int]
"""A route, such as `GET /tasks/{vid}`, and a status."""
OPENAPI: dict[str, Any] = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
}
JSON, PROBLEM = "application/json", "application/problem+json"
HEADERS = ("content-type", "cache-control", "retry-after", "idempotency-replayed", "etag", "location")
"""Headers that our code sends; an API adds its own."""
BROWSER = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
}
"""Headers that tell a browser what a page may do. No client reads them, so the document leaves them out."""
UNDOCUMENTED = {"content-type", "cache-control"} | BROWSER
NOT_MODIFIED = 304
GATEWAY = {"$ref": "#/components/schemas/GatewayMessage"}


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that refuses fields which it does not name, unless it says that it takes them."""
    return {"additionalProperties": False} | schema if "properties" in schema else schema


SCHEMAS = {name: closed(schema) for name, schema in OPENAPI["components"]["schemas"].items()}


def documented() -> set[Answered]:
    """Every answer that our code gives, as the document says; API Gateway's own ones are not ours to hold."""
    return {
        (key, int(status))
        for key, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        if "content" not in response or any(one["schema"] != GATEWAY for one in response["content"].values())
    }


@cache
def validator(key: str, status: int, media_type: str) -> Draft202012Validator:
    schema = OPERATIONS[key]["responses"][str(status)]["content"][media_type]["schema"]
    return Draft202012Validator(
        {**schema, "components": {"schemas": SCHEMAS}}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def hold(key: str, status: int, headers: Mapping[str, str], body: Any) -> Answered:
    """Hold one answer; returns what it was of."""
    if status == NOT_MODIFIED:
        assert (set(headers) - UNDOCUMENTED, body) == ({"etag"}, "")
        return key, status
    media_type = headers["content-type"].partition(";")[0]
    assert media_type in OPERATIONS[key]["responses"][str(status)]["content"], (key, status)
    assert (media_type == PROBLEM) == (status >= 400), (key, status)
    validator(key, status, media_type).validate(body)
    if status >= 400:
        assert (body["status"], "field" in body) == (status, status == 400), body
        assert (body["type"], "scope" in body) == (f"/docs/errors#{body['code']}", body["code"] == "missing_scope"), (
            body
        )
    documented_headers = {name.lower() for name in OPERATIONS[key]["responses"][str(status)].get("headers", ())}
    ours = set(headers) - UNDOCUMENTED
    assert ours <= documented_headers, (key, status)
    assert "retry-after" not in documented_headers or "retry-after" in ours, (key, status)
    return key, status


def hold_response(response: requests.Response, api_url: str) -> None:
    """Hold an answer of a deployed API; API Gateway's own answers are in another media type."""
    url, method = response.url.removeprefix(api_url).partition("?")[0], response.request.method or ""
    media_type = response.headers.get("content-type", "")
    if response.ok or media_type == PROBLEM:
        key = route_of(method, url)
        assert key, f"{method} {url} is not documented"
        headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
        hold(key, response.status_code, headers, response.json() if "json" in media_type else response.text)


@contextmanager
def holding(api_url: str) -> Iterator[None]:
    """Hold every answer of a deployed API that this process gets."""
    send = requests.Session.send

    def send_and_hold(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> Any:
        response = send(session, request, **options)
        if response.url.startswith(f"{api_url}/"):
            hold_response(response, api_url)
        return response

    with mock.patch.object(requests.Session, "send", send_and_hold):
        yield


def route_of(method: str, path: str) -> str | None:
    """The route that a path belongs to; a route without parameters comes first."""
    for key in sorted(OPERATIONS, key=lambda key: key.count("{")):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(key))
        if re.fullmatch(pattern, f"{method} {path}"):
            return key
    return None
