"""Holds real answers against the OpenAPI document: a field that it does not name, or a null that it does not, fails."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

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
        if any(content["schema"] != GATEWAY for content in response["content"].values())
    }


@cache
def validator(key: str, status: int, media_type: str) -> Draft202012Validator:
    schema = OPERATIONS[key]["responses"][str(status)]["content"][media_type]["schema"]
    return Draft202012Validator(
        {**schema, "components": {"schemas": SCHEMAS}}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def hold(key: str, status: int, headers: Mapping[str, str], body: Any) -> Answered:
    """Hold one answer; returns what it was of."""
    media_type = headers["content-type"]
    assert media_type == (PROBLEM if status >= 400 else JSON), (key, status)
    validator(key, status, media_type).validate(body)
    if status >= 400:
        assert (body["status"], "field" in body) == (status, status == 400), body
    documented_headers = {name.lower() for name in OPERATIONS[key]["responses"][str(status)].get("headers", ())}
    ours = {name for name in headers if name not in {"content-type", "cache-control"}}
    assert ours <= documented_headers, (key, status)
    assert "retry-after" not in documented_headers or "retry-after" in ours, (key, status)
    return key, status


def route_of(method: str, path: str) -> str | None:
    """The route that a path belongs to; a route without parameters comes first."""
    for key in sorted(OPERATIONS, key=lambda key: key.count("{")):
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(key))
        if re.fullmatch(pattern, f"{method} {path}"):
            return key
    return None
