"""`python -m docs.openapi`: print the OpenAPI document, merged from the routes of all functions.

A handler constructs its use case when it is imported, so `generate.openapi` runs this module in a separate process.

Powertools generates each route's operation. This module replaces or adds three parts:

- Schemas come from pydantic, without a title for each field. A field that an answer omits while it is unknown is
  optional and never null.
- Query parameters come from the model that reads them, with all constraints. Powertools would describe them as text.
- Every operation lists the answers that API Gateway gives before a function runs.
"""

import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, License, Server
from pydantic import BaseModel

import mediarelay
from docs import callbacks
from docs.schemas import Plain, Schema, as_sent, definitions, not_null, notification
from local.expand import parse
from mediarelay.aws_lambda.http import ApiResolver
from mediarelay.contracts.api import (
    base,
    dead_letters,
    operations,
    responses,
    songs,
    submissions,
    submits,
    task_view,
    tasks,
    webhooks,
)
from mediarelay.contracts.api import callbacks as callback_models
from mediarelay.contracts.api import events as event_models
from mediarelay.contracts.api import status as status_models
from mediarelay.contracts.api.base import QueryModel, RequestModel
from mediarelay.domain.scopes import Scope

ROOT = Path(__file__).resolve().parent.parent
MODELS: dict[str, type[BaseModel]] = {
    name: value
    for module in (
        *(base, callback_models, dead_letters, event_models, operations, responses, songs, status_models, submissions),
        *(submits, task_view, tasks, webhooks),
    )
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, BaseModel)
}
DESCRIPTION = """
Errors are `application/problem+json` (RFC 9457), each with a stable `code`. The `field` of a 400 names the wrong part
of the request, the `scope` of a 403 what the token lacks. API Gateway answers some requests itself, before a function
runs, with `{"message": ...}`. A path that this document does not list is 404; a listed one with another method is 405
with the header `Allow`. Every GET route answers HEAD, too. All routes but those for callbacks refuse unknown query
parameters. Bodies are JSON in UTF-8, which Mediarelay parses strictly: it refuses repeated names, `NaN` and more than
32 levels, and converts no types. A new token works on every function after SecretCacheSeconds, and a removed one
stops working; until then some functions accept it and others do not.
"""
GATEWAY = {
    413: "API Gateway's own body: the request exceeds its limit",
    429: "API Gateway's own body: the route's rate is exceeded",
    500: "API Gateway's own body: the function failed",
    503: "API Gateway's own body: the function was throttled or took too long",
}
GATEWAY_AUTHORIZED = {
    401: "API Gateway's own body: no Authorization header",
    403: "API Gateway's own body: the token is unknown",
}
GATEWAY_MESSAGE: Schema = {
    "description": "The body that API Gateway returns itself, before a function runs.",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
    "type": "object",
}
GATEWAY_REFERENCE: Schema = {"$ref": "#/components/schemas/GatewayMessage"}
NOTIFICATION: Schema = {
    "operationId": "notification",
    "summary": "Something happened to a task, a submit or a song",
    "description": (
        "A message of the topic, as an HTTPS subscription with raw message delivery posts it (with Content-Type "
        "text/plain), and as HTTP delivery posts it, with the headers of Standard Webhooks. Without raw delivery, it "
        "is the field `Message` of SNS's own JSON. In a queue it is the message. "
        "SNS delivers each message at least once and in no fixed order: ignore a message whose `id` you have seen. The "
        "message attributes `type`, `kind`, `app_id` and `bucket` are for filter policies."
    ),
    "tags": ["notifications"],
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"$ref": "#/components/schemas/Notification"}}
            for kind in ("application/json", "application/cloudevents+json")
        },
    },
    "responses": {"2XX": {"description": "Accepted. SNS repeats the delivery after any other answer"}},
}


# ── the routes of the template ───────────────────────────────────────────────────────────────────────────────────────


def template() -> Schema:
    """Return template.yaml with its loops expanded."""
    return parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


def template_routes() -> dict[str, bool]:
    """Return the template's routes as `METHOD /path`, each with True if it requires a bearer token.

    The document leaves out HEAD, which every GET route answers, and the route of all other requests, which has no path.
    """
    functions = (item["Properties"] for item in template()["Resources"].values() if "Events" in item["Properties"])
    events = (event for function in functions for event in function["Events"].values() if event["Type"] == "HttpApi")
    return {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}": (
            event["Properties"].get("Auth", {}).get("Authorizer") != "NONE"
        )
        for event in events
        if event["Properties"].get("Method") not in {None, "HEAD"}
    }


# ── the routes of the handlers ───────────────────────────────────────────────────────────────────────────────────────


def resolvers() -> Iterator[ApiResolver]:
    """Yield the resolver of each function that has one, and the one that describes the callback functions."""
    # All handlers have the same file name, so each gets the name of its function as a module name.
    for path in sorted(ROOT.glob("functions/*/handler.py")):
        if "api_resolver()" in path.read_text("utf-8"):
            spec = importlib.util.spec_from_file_location(path.parent.name, path)
            assert spec and spec.loader  # noqa: S101, PT018 - for mypy
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            yield module.app
    yield callbacks.app


def document() -> Schema:
    """Build the OpenAPI document. Raises ValueError if handlers and template have different routes."""
    apps, bearer = list(resolvers()), template_routes()
    functions = {key: function for app in apps for key, function in app.functions.items()}
    scopes = {key: scope for app in apps for key, scope in app.scopes.items()}
    check_routes(functions.keys(), bearer.keys())
    check_scopes(scopes, bearer)
    merged = _merge(apps)
    for path, methods in merged["paths"].items():
        for method, operation in methods.items():
            key = f"{method.upper()} {path}"
            methods[method] = _completed(_with_scope(operation, scopes[key]), functions[key])
    merged["paths"] = dict(sorted(merged["paths"].items()))
    merged["components"]["schemas"] = _components(json.dumps(merged["paths"]))
    return merged | {"webhooks": {"notification": {"post": NOTIFICATION}}}


def check_routes(handlers: AbstractSet[str], template: AbstractSet[str]) -> None:
    """Raise ValueError if handlers and template have different routes."""
    if differ := handlers ^ template:
        raise ValueError(f"the handlers and template.yaml have different routes: {', '.join(sorted(differ))}")


def check_scopes(scopes: Mapping[str, Scope | None], bearer: Mapping[str, bool]) -> None:
    """Raise ValueError if a route needs a scope without an authorizer, or has an authorizer and needs no scope."""
    if wrong := [key for key, scope in scopes.items() if bool(scope) != bearer[key]]:
        raise ValueError(f"scope and authorizer of a route contradict each other: {', '.join(sorted(wrong))}")


def _merge(apps: list[ApiResolver]) -> Schema:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    merge = OpenAPIMerge(
        title="Mediarelay",
        version=mediarelay.__version__,
        openapi_version="3.1.0",
        summary=project["description"],
        description=" ".join(DESCRIPTION.split()),
        license_info=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/", description="The deployment that serves this document")],
        security_schemes={"bearer": HTTPBearer()},
        security=[{"bearer": []}],
        on_conflict="error",
    )
    # With `on_conflict`, a route that two functions state fails here instead of hiding one of them.
    for app in apps:
        merge.add_schema(json.loads(app.get_openapi_json_schema()))
    merged: Schema = json.loads(merge.get_openapi_json_schema())
    return merged


def _with_scope(operation: Schema, scope: Scope | None) -> Schema:
    """Return an operation with the scope that it needs; in OpenAPI 3.1 it is the role of the security requirement."""
    if not scope:
        return operation | {"security": []}
    text = f"Needs the scope `{scope}`. {operation.get('description', '')}".strip()
    refusal = responses.problem_response(403, "The token lacks a scope; `scope` names it")[403]
    refusal["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    added = {"description": text, "security": [{"bearer": [scope]}]}
    return operation | added | {"responses": {"403": refusal} | operation["responses"]}


def _completed(operation: Schema, function: Callable[..., Any]) -> Schema:
    """Return an operation with its parameters as the models read them, and with API Gateway's own answers."""
    query = function.__annotations__.get("query", base.NoQuery)
    parameters = [_described(one) for one in operation.get("parameters", [])]
    parameters += query_parameters(query) + operation.get(responses.REQUEST_HEADERS, [])
    added = GATEWAY | (GATEWAY_AUTHORIZED if operation["security"] else {})
    made = {"parameters", "responses", responses.REQUEST_HEADERS}
    made |= {"requestBody"} if "query" in function.__annotations__ else set()
    rest = {name: value for name, value in operation.items() if name not in made}
    return {
        **rest,
        **({"parameters": parameters} if parameters else {}),
        "responses": _with_gateway(operation["responses"], added),
    }


def _with_gateway(ours: Schema, added: Mapping[int, str]) -> Schema:
    """Return the responses of an operation, with those of API Gateway."""
    # Powertools gives a response without a body one of text.
    ours["304"] = {name: part for name, part in ours.get("304", {}).items() if name != "content"}
    for status, text in added.items():
        own = ours.get(str(status), {"description": "", "content": {}})
        description = ". ".join(filter(None, (own["description"], text)))
        ours[str(status)] = own | {"description": description, "content": _either(own["content"])}
    return {status: response for status, response in sorted(ours.items()) if response}


def _either(own: Schema) -> Schema:
    """Return the content of a response that a function or API Gateway may give, each in its media type."""
    if not own:
        return {"application/json": {"schema": GATEWAY_REFERENCE}}
    # Generated clients choose a schema by the status alone, so both media types have the same one.
    schemas = [content["schema"] for content in own.values()]
    either: Schema = {"schema": {"anyOf": [*schemas, GATEWAY_REFERENCE]}}
    return dict.fromkeys([*own, "application/json"], either)


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _described(parameter: Schema) -> Schema:
    """Return a parameter with the description beside its schema, which is its place in OpenAPI."""
    schema = {name: value for name, value in parameter["schema"].items() if name != "title"}
    description = schema.pop("description", parameter.get("description"))
    return parameter | {"description": description, "schema": schema}


def query_parameters(model: type[QueryModel]) -> list[Schema]:
    """Return the query parameters that a model reads."""
    schema = model.model_json_schema(schema_generator=Plain)
    return [
        _query_parameter(name, field, required=name in schema.get("required", ()), named=schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
    ]


def _query_parameter(name: str, field: Schema, *, required: bool, named: Schema) -> Schema:
    shown = {part: value for part, value in not_null(field).items() if part != "description"}
    if reference := shown.pop("$ref", ""):
        choices: Schema = named[reference.rpartition("/")[2]]
        shown = {"type": "string", "enum": choices["enum"]} | shown
    if "default" in field and field["default"] not in (None, ""):
        shown["default"] = field["default"]
    # A list is one parameter with commas, because API Gateway joins repeated parameters in the same way.
    several: Schema = {"style": "form", "explode": False} if shown.get("type") == "array" else {}
    about: Schema = {"name": name, "in": "query", "description": field["description"]}
    return about | ({"required": True} if required else {}) | several | {"schema": shown}


# ── schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _components(paths: str) -> Schema:
    """Return every schema that the paths name, by name."""
    # A request lists what the model accepts, an answer what it contains. pydantic has a mode for each.
    named = {name: MODELS[name] for name in set(re.findall(r"#/components/schemas/(\w+)", paths)) & MODELS.keys()}
    # Only another schema names it, so the search in the paths does not find it.
    named["AudioBatchItem"] = submits.AudioBatchItem
    named["OutputRequest"] = submits.OutputRequest
    requests = [model for name, model in named.items() if _is_request(name, model)]
    answers = [model for model in named.values() if model not in requests]
    found = definitions(requests, "validation")
    found |= {name: as_sent(schema) for name, schema in definitions(answers, "serialization").items()}
    return dict(sorted((found | notification() | {"GatewayMessage": GATEWAY_MESSAGE}).items()))


def _is_request(name: str, model: type[BaseModel]) -> bool:
    return issubclass(model, RequestModel) or name.endswith("Request") or name == "Callback"


if __name__ == "__main__":
    json.dump(document(), sys.stdout)
