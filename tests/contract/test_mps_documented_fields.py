"""docs/fields.md against the readers of MPS: every field is read, or the page says why not, and the page does not lie.

The samples hold the fields; one more body has what no sample has: a sprite, a URL, and a foreign storage.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mediarelay.contracts.fields import Fields
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.message import OUTPUTS
from tests.contract.mps_bodies import claim, event, result, sample
from tests.contract.odd import places, written
from tests.contract.test_mps_payloads import CALLBACKS, DETAILS, body
from tests.contract.test_mps_side_fields import MEMBERS, read, schema

PAGE = (Path(__file__).parents[2] / "docs" / "fields.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|$", PAGE, re.MULTILINE))
NO_SAMPLE = event(
    result(
        "SUCCESS",
        "ImageSpriteTask",
        {
            "Storage": {"S3OutputStorage": {"S3Bucket": "out", "S3Region": "us-east-1"}},
            "Definition": 10,
            "Height": 1,
            "Width": 1,
            "TotalCount": 9,
            "ImagePathSet": ["/1"],
            "WebVttPath": "/v",
        },
    ),
    InputInfo={"S3InputInfo": {"S3Bucket": "in", "S3Region": "us-east-1", "S3Object": "a"}},
)
URL = event(InputInfo={"UrlInputInfo": {"Url": "https://a/b"}}, ErrCode=1)
CLASSIFIES = {"EventType", "Sign"}
"""Read without `Fields`: they decide how the rest is read."""


def general(name: str) -> str:
    """Return the name on the page: `task` for the task of any message, `result` for the result of any output."""
    outer, _, inner = name.partition(".")
    if outer not in MEMBERS:
        return name
    inner = inner.replace("ActivityResultSet.ActivityResItem", "MediaProcessResultSet")
    found = re.sub(rf"MediaProcessResultSet\.(?:{'|'.join(OUTPUTS)})", "result", inner)
    found = re.sub(r"^result\.Output\.OutputStorage", "result.Output.Storage", found)
    return found if found.startswith("result") else f"task.{found}".rstrip(".")


STATED = {general(schema(path)) for name in (*CALLBACKS, *DETAILS) for path in places(sample(name))}
STATED |= {general(schema(path)) for content in (NO_SAMPLE, URL) for path in places(content)}


def names_read() -> set[str]:
    asked = set[str]()

    def note(name: str) -> Callable[..., Any]:
        plain = getattr(Fields, name)

        def spy(fields: Fields, field: str, *rest: Any) -> Any:
            asked.add(general(f"{fields.path}{field}"))
            return plain(fields, field, *rest)

        return spy

    spies: dict[str, Any] = {name: note(name) for name in ("strict", "side", "each")}
    with mock.patch.multiple(Fields, **spies):
        for name in (*CALLBACKS, *DETAILS):
            read(name, written(sample(name)))
        for name in CALLBACKS:
            MpsCallbacks().read_head(body(name))
        claim(NO_SAMPLE)
        claim(URL)
    return asked


READ = names_read() | CLASSIFIES


def test_the_page_lists_every_field_and_no_other() -> None:
    assert set(ROWS) == STATED


@pytest.mark.parametrize("field", sorted(ROWS))
def test_a_field_is_read_or_the_page_says_why_not(field: str) -> None:
    assert (field in READ) is not ROWS[field].startswith("not kept: "), ROWS[field]


def test_nothing_is_read_that_no_message_states() -> None:
    assert READ <= STATED
