"""Deploying again: what somebody added to a secret stays."""

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
        ({"tokens": ["other", "ours"]}, OURS, True),
        ({"tokens": "generated"}, OURS, False),
        ({}, OURS, False),
        ({"clients": [{"name": "web"}, CLIENT]}, {"clients": [CLIENT]}, True),
        ({"clients": [{"name": "web"}]}, {"clients": [CLIENT]}, False),
    ],
)
def test_a_secret_that_has_ours_is_left_alone(found: dict[str, Any], ours: dict[str, Any], *, expected: bool) -> None:
    assert _has(found, ours) is expected
