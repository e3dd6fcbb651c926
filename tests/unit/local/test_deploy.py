"""Deploying again: what somebody added to a secret stays."""

import json
from typing import Any

import pytest

from local.deploy import _has

OURS = {"tokens": "ours"}
CLIENT = {"name": "local", "sha256": "x"}


@pytest.mark.parametrize(
    ("found", "ours", "expected"),
    [
        ({"tokens": "ours"}, OURS, True),
        ({"tokens": "other ours"}, OURS, True),
        ({"tokens": "other,ours"}, OURS, True),
        ({"tokens": ["other", "ours"]}, OURS, True),
        ({"tokens": "generated"}, OURS, False),
        ({}, OURS, False),
        ({"clients": [{"name": "web"}, CLIENT]}, {"clients": [CLIENT]}, True),
        ({"clients": [{"name": "web"}]}, {"clients": [CLIENT]}, False),
    ],
)
def test_a_secret_that_has_ours_is_left_alone(found: dict[str, Any], ours: dict[str, Any], *, expected: bool) -> None:
    assert _has(json.dumps(found), ours) is expected


@pytest.mark.parametrize("text", ["", "no json", '["a"]', "7", "null"])
def test_a_secret_that_cannot_be_read_is_written_anew(text: str) -> None:
    assert not _has(text, OURS)
