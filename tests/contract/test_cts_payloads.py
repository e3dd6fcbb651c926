"""Every documented payload in the domain's words; `payloads/<name>.expected.json` was written from the documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.head import read_callback
from mediarelay.providers.cts.parse import Form, parse_callback, parse_envelope, parse_query, parse_submitted, read_head
from tests.contract.normal import plain

PAYLOADS = Path(__file__).parent / "payloads"
CALLBACKS = {
    "video_callback_success.json": (Kind.VIDEO, Form.RESULT),
    "video_callback_failure.json": (Kind.VIDEO, Form.RESULT),
    "video_basic_success.json": (Kind.VIDEO, Form.BASIC),
    "video_basic_failure.json": (Kind.VIDEO, Form.BASIC),
    "audio_callback_success.json": (Kind.AUDIO, Form.RESULT),
    "audio_callback_failure.json": (Kind.AUDIO, Form.RESULT),
    "console.form": (Kind.VIDEO, Form.CONSOLE),
}
QUERIES = {"video_query.json": Kind.VIDEO, "audio_query.json": Kind.AUDIO}


def expected(name: str) -> Any:
    return json.loads((PAYLOADS / name).with_suffix(".expected.json").read_text("utf-8"))


@pytest.mark.parametrize(("name", "kind", "form"), [(name, *rest) for name, rest in CALLBACKS.items()])
def test_documented_callback(name: str, kind: Kind, form: Form) -> None:
    body = (PAYLOADS / name).read_bytes()
    head, stated, _ = read_callback(body)
    assert read_head(body) == head
    assert (head.vid, stated) == (expected(name)["vid"], form)
    assert plain(parse_callback(kind, body)) == expected(name)


@pytest.mark.parametrize(("name", "kind"), QUERIES.items())
def test_documented_query_answer(name: str, kind: Kind) -> None:
    envelope = parse_envelope((PAYLOADS / name).read_bytes())
    assert (envelope.code, envelope.message, envelope.code_desc, envelope.module_code) == (0, "", "Success", None)
    assert plain(parse_query(kind, envelope.data)) == expected(name)


def test_documented_submit_answer() -> None:
    envelope = parse_envelope((PAYLOADS / "audio_submit.json").read_bytes())
    assert {"vid": parse_submitted(envelope.data)} == expected("audio_submit.json")


def test_every_payload_file_is_tested() -> None:
    found = (path.name for path in PAYLOADS.iterdir() if path.is_file())
    files = {name for name in found if not name.endswith(".expected.json")}
    assert files == {*CALLBACKS, *QUERIES, "audio_submit.json"}
