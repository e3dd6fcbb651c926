"""docs/fields.md against the readers: every printed field is read, or the page says why not, and the page does not lie.

`documented_fields.json` holds the names printed in the provider's documents, per payload.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.cts.callback import callback_facts
from mediarelay.providers.cts.head import Form
from mediarelay.providers.cts.parse import parse_callback, parse_envelope, parse_query, parse_submitted
from mediarelay.signing.qcloud import RESERVED

HERE = Path(__file__).parent
DOCUMENTED: dict[str, list[str]] = json.loads((HERE / "documented_fields.json").read_text("utf-8"))
PAGE = (HERE.parents[1] / "docs" / "fields.md").read_text("utf-8")
FORMS = {
    "video_query": None,
    "audio_query": None,
    "audio_submit": None,
    "video_callback_success": Form.RESULT,
    "video_callback_failure": Form.RESULT,
    "audio_callback_success": Form.RESULT,
    "audio_callback_failure": Form.RESULT,
    "video_basic_success": Form.BASIC,
    "video_basic_failure": Form.BASIC,
    "console": Form.CONSOLE,
}
STATED = {"vid": "a", "status": "2", "code": 0}
CLASSIFIES = {"callback_type"}
REQUEST_FIELDS = RESERVED | {"Action", "vid", "url", "bucketName", "bucketRegion"}


def rows() -> dict[tuple[str, str], str]:
    table = re.findall(r"^\| `([\w.]+)` \| ([\w, ]+) \| (.+) \|$", PAGE, re.MULTILINE)
    return {(payload, field): target for field, payloads, target in table for payload in payloads.split(", ")}


def skeleton(names: list[str]) -> dict[str, Any]:
    """A payload that has every field, and as good as no value."""
    content: dict[str, Any] = {}
    for name in sorted(names):
        *parents, last = name.split(".")
        inner = content
        for parent in parents:
            if not isinstance(inner.get(parent), dict):
                inner[parent] = {}
            inner = inner[parent]
        inner.setdefault(last, STATED.get(last))
    return content


def names_read(payload: str) -> set[str]:
    """Read a payload and note which fields were asked for."""
    content, asked, form, kind = skeleton(DOCUMENTED[payload]), set[str](), FORMS[payload], payload.partition("_")[0]

    def note(name: str) -> Callable[..., Any]:
        plain = getattr(Fields, name)

        def spy(fields: Fields, field: str, *rest: Any) -> Any:
            asked.add(f"{fields.path}{field}")
            return plain(fields, field, *rest)

        return spy

    spies: dict[str, Any] = {name: note(name) for name in ("strict", "side", "each")}
    with mock.patch.multiple(Fields, **spies):
        if form is not None:
            callback_facts(Kind(kind) if kind in set(Kind) else Kind.VIDEO, form, content | STATED | RESULTS[form])
            return asked
        envelope = parse_envelope(json.dumps(content).encode())
        before, asked = set(asked), set()
        parse_submitted(envelope.data) if payload == "audio_submit" else parse_query(Kind(kind), envelope.data)
    return before | {f"data.{name}" for name in asked}


RESULTS = {Form.RESULT: {"status": "success"}, Form.BASIC: {"status": "success"}, Form.CONSOLE: {}}
READ = {payload: names_read(payload) for payload in FORMS}


def consumed(payload: str, field: str) -> bool:
    if payload == "request":
        return field in REQUEST_FIELDS
    return field in READ[payload] or (field in CLASSIFIES and FORMS[payload] is not None)


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
    for payload in FORMS:
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
