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

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from docs.routes import PATH_PARAMETERS, PROBLEMS, ROUTES, VID, Route
from mediarelay.contracts.api import Problem, RefusedView, SongView, TaskView
from mediarelay.contracts.notification import BOUNDED, REFUSED, TYPES
from mediarelay.domain.song_errors import ERRORS, SERVICE_CODES
from mediarelay.domain.song_news import News

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.json"
EVENTS = ROOT / "docs" / "events.schema.json"
MUSIC = ROOT / "docs" / "music.md"
ERRORS_BEGIN, ERRORS_END = "<!-- errors -->", "<!-- end -->"
EVENTS_ID = "urn:mediarelay:events"
GATEWAY = {
    401: "No Authorization header. API Gateway's own body",
    403: "The token is not known, or its scopes do not allow this. API Gateway's own body",
}
THROTTLED = "Over the route's rate. API Gateway's own body"
SHAPES = ("TaskView", "TaskLink", "TaskNote", "RefusedView", "SongView")
SONG_EVENTS = [f"mediarelay.song.{news}" for news in News]
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


class _TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; what a `!Tag` says does not matter here."""


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node)
    return loader.construct_mapping(node) if isinstance(node, yaml.MappingNode) else None


_TemplateLoader.add_multi_constructor("!", _untagged)


def template() -> Schema:
    """Read template.yaml."""
    read: Schema = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), _TemplateLoader)  # noqa: S506
    return read


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
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": components(),
        },
    }


def components() -> dict[str, Schema]:
    """Every schema that the routes name, by name."""
    requests = [route.request for route in ROUTES.values() if route.request]
    answers = [model for route in ROUTES.values() for model, _ in route.answers.values()]
    sent = _definitions([*answers, Problem], "serialization")
    found = _definitions(requests, "validation") | {name: _as_sent(schema) for name, schema in sent.items()}
    return dict(sorted((found | {"GatewayMessage": GATEWAY_MESSAGE, "Callback": CALLBACK}).items()))


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
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    }


def _operation(key: str, route: Route, *, bearer: bool) -> Schema:
    names = re.findall(r"{(\w+)}", key)
    parameters = [{"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in names]
    optional: Schema = {
        "description": route.description,
        "security": None if bearer else [],
        "parameters": [*parameters, *route.parameters] or None,
        "requestBody": _request_body(route),
    }
    return {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        **{name: value for name, value in optional.items() if value not in (None, "")},
        "responses": _responses(route, bearer=bearer),
    }


def _request_body(route: Route) -> Schema | None:
    if route.request:
        return {"required": True, "content": _content("application/json", route.request.__name__)}
    if route.tag == "callbacks":
        content = _content("application/json", "Callback") | _content("application/x-www-form-urlencoded", "Callback")
        return {"required": True, "content": content}
    return None


def _responses(route: Route, *, bearer: bool) -> Schema:
    answers = {
        status: {"description": text, "content": _content("application/json", model.__name__)}
        for status, (model, text) in route.answers.items()
    }
    problems = {
        status: {"description": PROBLEMS[status], "content": _content("application/problem+json", "Problem")}
        for status in route.problems
    }
    texts = {**(GATEWAY if bearer else {}), 429: THROTTLED}
    gateway = {
        status: {"description": text, "content": _content("application/json", "GatewayMessage")}
        for status, text in texts.items()
    }
    both = sorted((answers | problems | gateway).items())
    return {str(status): answer | _retry_after(status) for status, answer in both}


def _retry_after(status: int) -> Schema:
    if status not in {HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE}:
        return {}
    return {"headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}}


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
