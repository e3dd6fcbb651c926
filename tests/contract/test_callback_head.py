"""The lean reader: what it accepts, what it names, and what it costs to import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mediarelay.contracts.json_objects import read_object
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.cts import callback
from mediarelay.providers.cts.head import STATES, Form, read_callback, read_head

_CLAIM_SUMMARY = ClaimSummary(state=State.FAILED, app_id=12, bucket="cts")
VID = "963f1d4048dfdfad362d9b94e922d5691482498702"


def nested(depth: int) -> bytes:
    """An object with `detail`, `depth` levels deep, the outermost counted."""
    inner = "[" * (depth - 1) + "]" * (depth - 1)
    return f'{{"vid": "{VID}", "detail": {inner or 1}}}'.encode()


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (f'{{"vid": "{VID}", "detail": {{}}}}', Form.RESULT),
        (f'\ufeff \n{{"vid": "{VID}", "callback_type": "trans_result"}}', Form.RESULT),
        (f'{{"vid": "{VID}", "callback_type": "trans_basic", "detail": {{}}}}', Form.BASIC),
        (f'{{"vid": "{VID}", "callback_type": null, "fail_msg": "a=b"}}', Form.BASIC),
        (f'{{"vid": "{VID}", "size": 0}}', Form.BASIC),
        (f"vid={VID}&status=2", Form.CONSOLE),
        (f"playurl=%7B&vid={VID}\r\n", Form.CONSOLE),
    ],
)
def test_head(body: str, form: Form) -> None:
    head, stated, _ = read_callback(body.encode())
    assert (head.vid, stated) == (VID, form)
    assert read_head(body.encode()) == head


def test_every_form_has_its_states_and_its_reader() -> None:
    assert set(STATES) == set(Form)
    assert set(callback._READERS) == set(Form)
    for form in Form:
        status = next(iter(STATES[form]))
        facts = callback.callback_facts(Kind.VIDEO, form, {"vid": VID, "status": status})
        assert (facts.vid, facts.state) == (VID, STATES[form][status])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"\xff\xfe", "body"),
        (b"{", "body"),
        (b"null", "body"),
        (b"12", "body"),
        (b'"vid=a"', "body"),
        (b'[{"vid": "a"}]', "body"),
        (b"[1=2]", "body"),
        (b"hello", "body"),
        (b'{"vid": "a", "detail": {},,}', "body"),
        (b'{"detail": {}}', "vid"),
        (b'{"vid": "", "detail": {}}', "vid"),
        (b'{"vid": 12, "detail": {}}', "vid"),
        (b'{"vid": ["a"], "detail": {}}', "vid"),
        (b'{"vid": "-ab", "detail": {}}', "vid"),
        (b'{"vid": "a\\n", "detail": {}}', "vid"),
        ('{"vid": "\u0663", "detail": {}}'.encode(), "vid"),
        (b'{"vid": "' + b"a" * 129 + b'", "detail": {}}', "vid"),
        (b'{"vid": "a", "vid": "b", "detail": {}}', "vid"),
        (b'{"vid": "a", "detail": {"x": 1, "x": 1}}', "x"),
        (b'{"vid": "a", "detail": {"\\ud800": 1, "\\ud800": 1}}', "\\ud800"),
        (b'{"vid": "a", "status": "success"}', "callback_type"),
        (b'{"vid": "a", "callback_type": "trans_other", "detail": {}}', "callback_type"),
        (b'{"vid": "a", "callback_type": 1, "detail": {}}', "callback_type"),
        (b'{"vid": "a", "callback_type": ["trans_basic"]}', "callback_type"),
        (b"status=2", "vid"),
        (b"vid=&status=2", "vid"),
        (b"vid=a%0a&status=2", "vid"),
        (b"vid=a&vid=b&status=2", "vid"),
        (b"vid=a&" + b"x=1&" * 100, "body"),
    ],
)
def test_what_is_refused_is_named(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_head(body)
    assert caught.value.field == field


def test_depth_edge() -> None:
    assert read_head(nested(32)).vid == VID
    with pytest.raises(Malformed, match="nested deeper than 32") as caught:
        read_head(nested(33))
    assert caught.value.field == "body"
    assert read_head(nested(5), max_depth=5).vid == VID
    with pytest.raises(Malformed, match="nested deeper than 4"):
        read_head(nested(5), max_depth=4)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"vid":"a","detail":[{"b":'])
def test_bottomless_input_is_refused(opening: bytes) -> None:
    with pytest.raises(Malformed):
        read_head(opening * 200_000)
    closing = b"".join({91: b"]", 123: b"}"}[byte] for byte in reversed(opening) if byte in b"[{")
    with pytest.raises(Malformed):
        read_head(opening * 2_000 + b"1" + closing * 2_000)


def test_a_repeated_name_among_many_is_found_quickly() -> None:
    members = ",".join(f'"k{index}": 0' for index in range(100_000))
    with pytest.raises(Malformed) as caught:
        read_object(f'{{{members}, "last": 1, "last": 2}}'.encode())
    assert caught.value.field == "last"


def test_import_needs_the_standard_library_only() -> None:
    program = (
        "import sys, json; import mediarelay.providers.cts.head, mediarelay.signing.tokens;"
        "names = {name.partition('.')[0] for name in sys.modules};"
        "print(json.dumps(sorted(names - sys.stdlib_module_names - {'__main__'})))"
    )
    layer = Path(__file__).parents[2] / "layers" / "shared"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=layer, capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == ["mediarelay"]


@pytest.mark.parametrize(
    ("fields", "claim_summary"),
    [
        ({"detail": {}, "status": "success"}, ClaimSummary(state=State.SUCCEEDED)),
        ({"detail": {}, "status": "fail", "app_id": 12, "bucket_name": "cts"}, _CLAIM_SUMMARY),
        ({"size": 1, "status": "success", "app_id": "12"}, ClaimSummary(state=State.PROBED, app_id=12)),
        ({"detail": {}, "url": "http://a/\u6b4c.mp3"}, ClaimSummary(url="http://a/\u6b4c.mp3")),
        ({"detail": {}, "url": "h" * 2700}, ClaimSummary(url="h" * 2700)),
        (
            {"detail": {}, "url": "http://a/\u3000\U0001f469\u200d\U0001f3a4"},
            ClaimSummary(url="http://a/\u3000\U0001f469\u200d\U0001f3a4"),
        ),
        ({"detail": {}, "status": ["success"], "app_id": True, "bucket_name": 7, "url": "\ud800"}, ClaimSummary()),
        ({"detail": {}, "app_id": -1, "bucket_name": "x" * 257, "url": "h" * 2701}, ClaimSummary()),
        ({"detail": {}, "app_id": "9" * 19, "bucket_name": "", "url": "a\nb"}, ClaimSummary()),
    ],
)
def test_the_claim_summary_is_what_is_in_form(fields: dict[str, Any], claim_summary: ClaimSummary) -> None:
    assert read_head(json.dumps({"vid": VID} | fields).encode()).claim_summary == claim_summary
