"""docs/fields.md against the models: every printed field is read, or the page says why not, and the page does not lie.

`documented_fields.json` holds the names printed in the provider's documents, per payload.
"""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mediarelay.contracts.cts import parse_callback, parse_envelope, parse_query, parse_submitted
from mediarelay.contracts.cts_callback import BasicCallback, ConsoleCallback, ResultCallback
from mediarelay.contracts.cts_envelope import EnvelopeFields
from mediarelay.contracts.cts_query import QueryFields, SubmitFields
from mediarelay.domain.media import Kind
from mediarelay.errors import Malformed
from mediarelay.signing.qcloud import RESERVED

HERE = Path(__file__).parent
DOCUMENTED: dict[str, list[str]] = json.loads((HERE / "documented_fields.json").read_text("utf-8"))
PAGE = (HERE.parents[1] / "docs" / "fields.md").read_text("utf-8")
MODELS: dict[str, type[BaseModel]] = {
    "video_query": QueryFields,
    "audio_query": QueryFields,
    "audio_submit": SubmitFields,
    "video_callback_success": ResultCallback,
    "video_callback_failure": ResultCallback,
    "audio_callback_success": ResultCallback,
    "audio_callback_failure": ResultCallback,
    "video_basic_success": BasicCallback,
    "video_basic_failure": BasicCallback,
    "console": ConsoleCallback,
}
CLASSIFIES = {"callback_type"}
REQUEST_FIELDS = RESERVED | {"Action", "vid", "url", "bucketName", "bucketRegion"}


def rows() -> dict[tuple[str, str], str]:
    table = re.findall(r"^\| `([\w.]+)` \| ([\w, ]+) \| (.+) \|$", PAGE, re.MULTILINE)
    return {(payload, field): target for field, payloads, target in table for payload in payloads.split(", ")}


def inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := inner_model(part))), None)


def is_read(model: type[BaseModel] | None, parts: list[str]) -> bool:
    by_wire_name = {field.alias or name: field for name, field in model.model_fields.items()} if model else {}
    if parts[0] not in by_wire_name:
        return False
    return len(parts) == 1 or is_read(inner_model(by_wire_name[parts[0]].annotation), parts[1:])


def consumed(payload: str, field: str) -> bool:
    parts = field.split(".")
    if payload == "request":
        return field in REQUEST_FIELDS
    if payload.endswith(("query", "submit")):
        return is_read(MODELS[payload], parts[1:]) if len(parts) > 1 else is_read(EnvelopeFields, parts)
    return field in CLASSIFIES or is_read(MODELS[payload], parts)


def test_the_page_lists_every_documented_field_and_no_other() -> None:
    assert set(rows()) == {(payload, field) for payload, names in DOCUMENTED.items() for field in names}


@pytest.mark.parametrize(("payload", "field"), rows())
def test_a_field_is_read_or_the_page_says_why_not(payload: str, field: str) -> None:
    target = rows()[payload, field]
    assert consumed(payload, field) != target.startswith("not kept: "), target


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list):
        yield path
    for key, member in members:
        yield from leaves(member, (*path, key))


OTHERS = {
    "deleted": "yes",
    "success": "fail",
    "fail": "success",
    "trans_basic": "trans_result",
    "create_time": "2001-01-01 00:00:00",
    "update_time": "2001-01-01 00:00:00",
}


def other(name: str | int, value: Any) -> Any:
    if name in OTHERS or value in OTHERS:
        return OTHERS.get(value) or OTHERS[str(name)]
    return 7 if value is None else value + 1 if isinstance(value, int) else f"{value}0"


def outcome(payload: str, content: Any) -> Any:
    kind = Kind.AUDIO if payload.startswith("audio") else Kind.VIDEO
    try:
        if "data" not in content:
            return parse_callback(kind, json.dumps(content).encode())
        envelope = parse_envelope(json.dumps(content).encode())
        read = parse_submitted(envelope.data) if payload == "audio_submit" else parse_query(kind, envelope.data)
    except Malformed as error:
        return str(error)
    return envelope.code, envelope.message, envelope.code_desc, read


def mutations() -> Iterator[tuple[str, tuple[str | int, ...]]]:
    for payload in MODELS:
        if payload != "console":
            content = json.loads((HERE / "payloads" / f"{payload}.json").read_text("utf-8"))
            yield from ((payload, path) for path in leaves(content))


@pytest.mark.parametrize(("payload", "path"), list(mutations()), ids=lambda value: str(value).replace(" ", ""))
def test_changing_a_value_changes_what_is_read(payload: str, path: tuple[str | int, ...]) -> None:
    content = json.loads((HERE / "payloads" / f"{payload}.json").read_text("utf-8"))
    changed = copy.deepcopy(content)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    names = [key for key in path if isinstance(key, str)]
    parent[path[-1]] = other(names[-1], parent[path[-1]])
    kept = not rows()[payload, ".".join(names)].startswith("not kept: ")
    assert (outcome(payload, changed) != outcome(payload, content)) is kept
