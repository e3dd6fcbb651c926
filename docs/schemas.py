"""Build the JSON schemas of the models, and the schema of notifications, which combines them."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from mediarelay.contracts.api.events import TestNotice
from mediarelay.contracts.api.songs import SongLease
from mediarelay.contracts.api.submits import RefusedSubmit
from mediarelay.contracts.api.tasks import TaskDetails
from mediarelay.contracts.notification import BOUNDED, REFUSED, TEST, TYPES
from mediarelay.domain.songs.events import SongEventType

Schema = dict[str, Any]

EVENTS_ID = "urn:mediarelay:events"
REQUIRED = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "mediarelayversion")
SHAPES = ("TaskDetails", "TaskLink", "TaskNote", "RefusedSubmit", "SongLease", "TestNotice")
SONG_EVENTS = [f"mediarelay.song.{event}" for event in SongEventType]


class Plain(GenerateJsonSchema):
    """A generator of JSON schemas that adds no title to a field, because it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the signature is pydantic's
        """Return False for every field."""
        return False


def definitions(
    models: Sequence[type[BaseModel]], mode: JsonSchemaMode, ref: str = "#/components/schemas/{model}"
) -> dict[str, Schema]:
    """Return the schemas of models and of all models to which they refer, by name.

    `ref` is the form of a reference, with `{model}` for the name.
    """
    wanted = [(model, mode) for model in models]
    _, found = models_json_schema(wanted, ref_template=ref, schema_generator=Plain)
    definitions: dict[str, Schema] = found["$defs"]
    return definitions


def as_sent(schema: Schema) -> Schema:
    """Return the schema of an answer: a field is optional if its default is null, else required."""
    # Answers omit unknown values instead of printing null, and print every other field, even with its default.
    fields: Schema = schema.get("properties", {})
    optional = {name for name, field in fields.items() if field.get("default", "") is None}
    if not fields:
        return schema
    return schema | {
        "properties": {name: not_null(field) if name in optional else field for name, field in fields.items()},
        "required": [name for name in fields if name not in optional],
    }


def not_null(field: Schema) -> Schema:
    """Return the schema of an optional field without null and without its default."""
    rest = {name: value for name, value in field.items() if name not in {"default", "anyOf"}}
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    return rest | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def notification() -> dict[str, Schema]:
    """Return the schema of a notification and of its parts, by name, with references as in OpenAPI."""
    schema = json.loads(json.dumps(events()).replace("#/$defs/", "#/components/schemas/"))
    parts: dict[str, Schema] = schema.pop("$defs")
    return parts | {"Notification": {name: part for name, part in schema.items() if not name.startswith("$")}}


def events() -> Schema:
    """Build the schema of a notification: a CloudEvent whose data is a task, a refused submit, a song or a test."""
    sent = definitions([TaskDetails, RefusedSubmit, SongLease, TestNotice], "serialization", "#/$defs/{model}")
    shapes = {name: as_sent(schema) for name, schema in sent.items()}
    shapes |= _shortened(shapes["TaskDetails"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": EVENTS_ID,
        "title": "Mediarelay notification",
        "description": "A message of the topic: a CloudEvent 1.0 in JSON. Ignore a message whose id you have seen.",
        "type": "object",
        "required": [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "datacontenttype",
            "mediarelayversion",
            "data",
        ],
        "properties": _envelope(),
        "allOf": [
            *map(_state_of, dict.fromkeys(TYPES.values())),
            _about(REFUSED, {"$ref": "#/$defs/RefusedSubmit"}),
            *(_about(name, {"$ref": "#/$defs/SongLease"}) for name in SONG_EVENTS),
            _about(TEST, {"$ref": "#/$defs/TestNotice"}),
        ],
        "$defs": shapes,
    }


def _envelope() -> Schema:
    return {
        "specversion": {"const": "1.0"},
        "id": {
            "type": "string",
            "format": "uuid",
            "description": "Identifies the event; every repeat has the same id",
        },
        "source": {"type": "string", "format": "uri", "description": "The address of the deployment's API"},
        "type": {
            "enum": [
                *(f"mediarelay.task.{name}" for name in dict.fromkeys(TYPES.values())),
                REFUSED,
                *SONG_EVENTS,
                TEST,
            ]
        },
        "subject": {
            "type": "string",
            "minLength": 1,
            "description": (
                "The vid of a task, a digest of a refused submit's key, a song as room/song/vendor/type, or the client "
                "of a test"
            ),
        },
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "mediarelayversion": {
            "type": "string",
            "description": "The version of the deployment that published the event",
        },
        "replay": {
            "type": "integer",
            "minimum": 1,
            "description": "Only after a replay: the number of replays of the task so far",
        },
        "data": {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in SHAPES]},
    }


def _state_of(name: str) -> Schema:
    """Return the condition that ties an event type to the states for which Mediarelay publishes it."""
    states = [state.value for state, other in TYPES.items() if other == name]
    return _about(f"mediarelay.task.{name}", {"properties": {"state": {"enum": states}}, "required": ["state"]})


def _about(kind: str, data: Schema) -> Schema:
    return {
        "if": {"properties": {"type": {"const": kind}}},
        "then": {"properties": {"data": data}},
    }


def _shortened(task: Schema) -> dict[str, Schema]:
    """Return the shapes of a task that is too large for a message: without renditions, or only its bounded fields."""
    link: Schema = {"type": "string", "format": "uri", "description": "GET /tasks/{vid}, with a bearer token"}
    fields: Schema = task["properties"] | {"renditions_url": link}
    linked = [name for name in fields if name != "renditions"]
    required = {*task["required"], "renditions_url"}
    shapes = {
        "TaskLink": ("A task whose renditions exceed the size of a message.", linked),
        "TaskNote": ("A task that exceeds the size of a message even without its renditions.", list(BOUNDED)),
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
