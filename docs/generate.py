"""`python -m docs.generate [--check]`: write openapi.json and events.schema.json, or say whether they are up to date.

The routes come from template.yaml, the shapes from the pydantic models, the rest from `routes.py`. What a response
model states as optional is left out of the JSON when it is not known, never null; the schemas say so.
"""

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from docs.routes import ACCEPTED, IDEMPOTENCY_KEY, PATH_PARAMETERS, PROBLEMS, ROUTES, VID, Route
from local.expand import parse
from mediarelay.contracts.api.plain import Query, Request
from mediarelay.contracts.api.views import BatchItem, NoBody, Problem, RefusedView, SongView, TaskView
from mediarelay.contracts.notification import BOUNDED, REFUSED, TYPES
from mediarelay.domain.songs.errors import ERRORS, SERVICE_CODES
from mediarelay.domain.songs.events import SongEventType

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.json"
EVENTS = ROOT / "docs" / "events.schema.json"
MUSIC = ROOT / "docs" / "music.md"
ERRORS_BEGIN, ERRORS_END = "<!-- errors -->", "<!-- end -->"
EVENTS_ID = "urn:mediarelay:events"
GATEWAY = {
    401: "API Gateway's own body: no Authorization header",
    403: "API Gateway's own body: the token is not known, or its scopes do not allow this",
}
ALWAYS = {
    413: "API Gateway's own body: more than it takes",
    429: "API Gateway's own body: over the route's rate",
    500: "API Gateway's own body: the function failed",
    503: "API Gateway's own body: the function was throttled or took too long",
}
"""What API Gateway may answer on every route."""
NO_ROUTE = "API Gateway's own body: no such route, as with an empty name or a `/` in one"
DESCRIPTION = """
Errors are `application/problem+json` (RFC 9457): `field` names what is wrong with a 400. API Gateway answers some
requests itself, before any of our code runs, with `{"message": ...}`: a path or a method that is not listed here is 404
`{"message": "Not Found"}`. A query parameter that a route does not know is refused, on all routes but those for
callbacks. Bodies are JSON in UTF-8, read strictly: no name twice, no `NaN`, no more than 32 levels, nothing converted.
A token that was added or taken away counts everywhere after SecretCacheSeconds; until then some functions know it and
others do not.
"""
SHAPES = ("TaskView", "TaskLink", "TaskNote", "RefusedView", "SongView")
SONG_EVENTS = [f"mediarelay.song.{news}" for news in SongEventType]
GATEWAY_MESSAGE: Schema = {
    "description": "What API Gateway answers itself, before any of our code runs.",
    "properties": {"message": {"type": "string"}},
    "required": ["message"],
    "type": "object",
}
CALLBACK: Schema = {
    "description": "A callback of the provider. Only these fields are looked at before it is stored.",
    "properties": {
        "vid": VID,
        "callback_type": {"type": "string"},
    },
    "required": ["vid"],
    "type": "object",
}


class Plain(GenerateJsonSchema):
    """JSON Schema without a made-up title for each field."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the signature is pydantic's
        """No field needs a title."""
        return False


def template() -> Schema:
    """Read template.yaml."""
    return parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


def template_routes() -> dict[str, bool]:
    """Name the template's routes as `METHOD /path`, and say of each whether it needs a bearer token."""
    functions = (item["Properties"] for item in template()["Resources"].values() if "Events" in item["Properties"])
    events = (event for function in functions for event in function["Events"].values() if event["Type"] == "HttpApi")
    return {
        f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}": (
            event["Properties"].get("Auth", {}).get("Authorizer") != "NONE"
        )
        for event in events
    }


def openapi() -> Schema:
    """Build the OpenAPI document; raises ValueError if the route table and the template differ."""
    bearer = template_routes()
    if differ := bearer.keys() ^ ROUTES.keys():
        raise ValueError(f"docs/routes.py and template.yaml differ: {', '.join(sorted(differ))}")
    paths: Schema = {}
    for key in ROUTES:
        method, path = key.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(key, ROUTES[key], bearer=bearer[key])
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": "{api}", "variables": {"api": {"default": "https://example.com"}}}],
        "security": [{"bearer": []}],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": components(),
        },
    }


def webhooks() -> Schema:
    """What an HTTPS subscription of the topic receives."""
    body = {"required": True, "content": _content("application/json", "Notification")}
    operation = {
        "operationId": "notification",
        "summary": "Something happened to a task, a submit or a song",
        "description": (
            "What the topic publishes, as an HTTPS subscription with raw message delivery posts it (with Content-Type "
            "text/plain); without that it is the field `Message` of SNS's own JSON, and in a queue it is the message. "
            "At least once each, in no certain order: drop what has an `id` that you have seen. The message attributes "
            "`type`, `kind`, `app_id` and `bucket` are for filter policies."
        ),
        "tags": ["notifications"],
        "security": [],
        "requestBody": body,
        "responses": {"2XX": {"description": "Taken; anything else is delivered again"}},
    }
    return {"notification": {"post": operation}}


def components() -> dict[str, Schema]:
    """Every schema that the routes name, by name."""
    requests = [model for route in ROUTES.values() for model in _bodies(route)]
    answers = [model for route in ROUTES.values() for model, _ in route.answers.values()]
    sent = _definitions([*answers, Problem], "serialization")
    found = _definitions([*requests, BatchItem], "validation")
    found |= {name: _as_sent(schema) for name, schema in sent.items()} | _notification()
    return dict(sorted((found | {"GatewayMessage": GATEWAY_MESSAGE, "Callback": CALLBACK}).items()))


def _notification() -> dict[str, Schema]:
    """The schema of the notification, with its parts among the others."""
    schema = json.loads(json.dumps(events()).replace("#/$defs/", "#/components/schemas/"))
    parts: dict[str, Schema] = schema.pop("$defs")
    return parts | {"Notification": {name: part for name, part in schema.items() if not name.startswith("$")}}


def _bodies(route: Route) -> tuple[type[BaseModel], ...]:
    """The models of what a route takes as its body."""
    if route.asks is None or issubclass(route.asks, Query | NoBody):
        return route.bodies
    return (route.asks,)


def _query_parameters(asks: type[Request] | None) -> list[Schema]:
    """Describe the query parameters that the handler reads."""
    if asks is None or not issubclass(asks, Query):
        return []
    schema = asks.model_json_schema(schema_generator=Plain)
    return [
        _query_parameter(name, field, required=name in schema.get("required", ()), named=schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
    ]


def _query_parameter(name: str, field: Schema, *, required: bool, named: Schema) -> Schema:
    shown = {part: value for part, value in _not_null(field).items() if part != "description"}
    if reference := shown.pop("$ref", ""):
        choices: Schema = named[reference.rpartition("/")[2]]
        shown = {"type": "string", "enum": choices["enum"]} | shown
    if "default" in field and field["default"] not in (None, ""):
        shown["default"] = field["default"]
    several: Schema = {"style": "form", "explode": False} if shown.get("type") == "array" else {}
    about: Schema = {"name": name, "in": "query", "description": field["description"]}
    return about | ({"required": True} if required else {}) | several | {"schema": shown}


def events() -> Schema:
    """Build the schema of the notification: a CloudEvent whose data is a task, a refused wish or a song."""
    sent = _definitions([TaskView, RefusedView, SongView], "serialization", "#/$defs/{model}")
    shapes = {name: _as_sent(schema) for name, schema in sent.items()}
    shapes |= _shortened(shapes["TaskView"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": EVENTS_ID,
        "title": "Mediarelay notification",
        "description": "The message on the topic: a CloudEvent 1.0 in JSON. Drop what has an id you have seen.",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
        "properties": _envelope(),
        "allOf": [
            *map(_state_of, dict.fromkeys(TYPES.values())),
            _about(REFUSED, {"$ref": "#/$defs/RefusedView"}),
            *(_about(name, {"$ref": "#/$defs/SongView"}) for name in SONG_EVENTS),
        ],
        "$defs": shapes,
    }


def _info() -> Schema:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "title": "Mediarelay",
        "version": project["version"],
        "summary": project["description"],
        "description": " ".join(DESCRIPTION.split()),
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }


def _operation(key: str, route: Route, *, bearer: bool) -> Schema:
    names = re.findall(r"{(\w+)}", key)
    parameters = [{"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in names]
    optional: Schema = {
        "description": route.description,
        "security": None if bearer else [],
        "parameters": [*parameters, *_query_parameters(route.asks), *route.headers] or None,
        "requestBody": _request_body(route),
    }
    return {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        **{name: value for name, value in optional.items() if value not in (None, "")},
        "responses": _responses(key, route, bearer=bearer),
    }


def _request_body(route: Route) -> Schema | None:
    if models := _bodies(route):
        refs = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in models]
        schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
        return {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.tag == "callbacks":
        content = _content("application/json", "Callback") | _content("application/x-www-form-urlencoded", "Callback")
        return {"required": True, "content": content}
    return None


def _responses(key: str, route: Route, *, bearer: bool) -> Schema:
    found: dict[int, Schema] = {
        status: {"description": text, "content": _content("application/json", model.__name__)}
        for status, (model, text) in route.answers.items()
    }
    for status in route.problems:
        text = route.words.get(status, PROBLEMS[status])
        found[status] = {"description": text, "content": _content("application/problem+json", "Problem")}
    texts = {**(GATEWAY if bearer else {}), **({404: NO_ROUTE} if "{" in key else {}), **ALWAYS}
    for status, text in texts.items():
        own = found.get(status, {"description": "", "content": {}})
        found[status] = {
            "description": ". ".join(filter(None, (own["description"], text))),
            "content": own["content"] | _content("application/json", "GatewayMessage"),
        }
    return {str(status): found[status] | _headers(status, route) for status in sorted(found)}


def _headers(status: int, route: Route) -> Schema:
    headers: Schema = {}
    ours = status == HTTPStatus.SERVICE_UNAVAILABLE and status in route.problems
    if ours or route.answers.get(status, ()) == ACCEPTED:
        headers["Retry-After"] = {"description": "Seconds", "schema": {"type": "integer"}}
    if IDEMPOTENCY_KEY in route.headers and status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
        headers["Idempotency-Replayed"] = {
            "description": "`true` for a repeat: nothing new was submitted",
            "schema": {"const": "true"},
        }
    return {"headers": headers} if headers else {}


def _content(media_type: str, name: str) -> Schema:
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _definitions(
    models: Sequence[type[BaseModel]], mode: JsonSchemaMode, ref: str = "#/components/schemas/{model}"
) -> dict[str, Schema]:
    wanted = [(model, mode) for model in models]
    _, found = models_json_schema(wanted, ref_template=ref, schema_generator=Plain)
    definitions: dict[str, Schema] = found["$defs"]
    return definitions


def _as_sent(schema: Schema) -> Schema:
    """An optional field is left out where its value is not known, any other is always there."""
    fields: Schema = schema.get("properties", {})
    optional = {name for name, field in fields.items() if field.get("default", "") is None}
    if not fields:
        return schema
    return schema | {
        "properties": {name: _not_null(field) if name in optional else field for name, field in fields.items()},
        "required": [name for name in fields if name not in optional],
    }


def _not_null(field: Schema) -> Schema:
    rest = {name: value for name, value in field.items() if name not in {"default", "anyOf"}}
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    return rest | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _envelope() -> Schema:
    return {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "format": "uuid", "description": "The same for every repeat of this announcement"},
        "source": {"type": "string", "format": "uri", "description": "The address of the deployment's API"},
        "type": {
            "enum": [*(f"mediarelay.task.{name}" for name in dict.fromkeys(TYPES.values())), REFUSED, *SONG_EVENTS]
        },
        "subject": {
            "type": "string",
            "minLength": 1,
            "description": "The vid; of a refused wish, a digest of its key; of a song, room/song/vendor/type",
        },
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "replay": {
            "type": "integer",
            "minimum": 1,
            "description": "Somebody wanted it anew; how often so far",
        },
        "data": {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in SHAPES]},
    }


def _state_of(name: str) -> Schema:
    """Tie a type of event to the states it announces."""
    states = [state.value for state, other in TYPES.items() if other == name]
    return _about(f"mediarelay.task.{name}", {"properties": {"state": {"enum": states}}, "required": ["state"]})


def _about(kind: str, data: Schema) -> Schema:
    return {
        "if": {"properties": {"type": {"const": kind}}},
        "then": {"properties": {"data": data}},
    }


def _shortened(task: Schema) -> dict[str, Schema]:
    """What stands for a task too large for a message: without renditions, or only what is always short."""
    link: Schema = {"type": "string", "format": "uri", "description": "GET /tasks/{vid}, with a bearer token"}
    fields: Schema = task["properties"] | {"renditions_url": link}
    linked = [name for name in fields if name != "renditions"]
    required = {*task["required"], "renditions_url"}
    shapes = {
        "TaskLink": ("A task whose renditions would not fit into a message.", linked),
        "TaskNote": ("A task whose other texts would not fit either.", list(BOUNDED)),
    }
    return {
        name: {
            "description": text,
            "properties": {field: fields[field] for field in kept},
            "required": [field for field in kept if field in required],
            "title": name,
            "type": "object",
        }
        for name, (text, kept) in shapes.items()
    }


def texts() -> dict[Path, str]:
    """What the files should hold."""
    built = {OPENAPI: openapi(), EVENTS: events()}
    schemas = {file: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for file, content in built.items()}
    return schemas | {MUSIC: _with_errors(MUSIC.read_text(encoding="utf-8"))}


def _with_errors(page: str) -> str:
    """Write the table of ZEGO's errors between its marks."""
    before, _, rest = page.partition(ERRORS_BEGIN)
    after = rest.partition(ERRORS_END)[2]
    services = {code: [str(raw) for raw, own in SERVICE_CODES.items() if own == code] for code in ERRORS}
    rows = [
        f"| {code} | {', '.join(services[code])} | `{kind}` | {advice} |"
        for code, (kind, advice) in sorted(ERRORS.items())
    ]
    table = "\n".join(["| code | of the service | class | what to do |", "| --- | --- | --- | --- |", *rows])
    return f"{before}{ERRORS_BEGIN}\n\n{table}\n\n{ERRORS_END}{after}"


def stale() -> list[Path]:
    """Name the files that do not hold what they should."""
    return [file for file, text in texts().items() if not file.exists() or file.read_text(encoding="utf-8") != text]


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` only compare; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description="Generate the schemas in docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if a file is out of date")
    check = parser.parse_args(arguments).check
    behind = stale()
    for file in behind:
        if not check:
            file.write_text(texts()[file], encoding="utf-8")
        sys.stdout.write(f"docs/{file.name}: {'out of date, run `make docs`' if check else 'written'}\n")
    return 1 if check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
