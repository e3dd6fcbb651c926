"""The published schema and the code agree on the form of a request to MPS, field by field.

What the schema cannot say is in `RULES`: which fields go together, and what only their reader knows of a text.
"""

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mediarelay.contracts.api.base import validate
from mediarelay.contracts.api.submits import MAX_OUTPUTS, AudioTaskRequest
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.mps import requests
from mediarelay.providers.mps.provider import MPS
from tests.contract.odd import ODD
from tests.stack import ROOT

COS = {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/a.mp4"}
WEB = {"url": "https://example.com/a.mp4"}
S3 = {"s3_bucket": "clips", "s3_region": "us-east-1", "s3_object": "in/a.mp4"}
PLACE = {"bucket": "clips-1250000000", "region": "ap-shanghai"}
GIF = {"definition": 20000, "type": "gif", "start": 1.5, "end": 4}
FULL: list[dict[str, Any]] = [
    {"source": COS, "outputs": [10, GIF], "destination": PLACE, "output_dir": "/a/", "priority": 1, "reference": "r"},
    {"source": WEB, "destination": {"s3_bucket": "clips", "s3_region": "us-east-1"}, "schedule": 7},
    {"source": S3, "provider": "mps"},
    {"url": "http://clips-1250000000.cossh.myqcloud.com/a", "bucketName": "clips", "bucketRegion": "sh"},
]
TEXTS = [
    *("a", "A-1", "a-0", "clips-1250000000", "CLIPS-1", "-", "sh", "ap_x", "/", "/a", "/a/", "//", "x" * 33, "x" * 600),
    *("https://a", "http://a/b c", "ftp://a/b", "https://u@a/b", "mps", "MPS", "gif", "Sprite", "x" * 1001, "x" * 2049),
    *("clips-1\n1", "\u89c6/\u9891.mp4", "a.b", "a..b", "ab", "1" * 64, "clips-" + "1" * 16, "%", "a b+#?"),
]
NUMBERS = [1, 10, -10, 11, -11, 2**31 - 1, 2**31, 2**63 - 1, 10**400, 86_400, 86_400.5, 1.0, -0.0, [1], [10.5], [[10]]]
MANY = [[10] * 50, [10] * 51, [{"definition": 10}], [{"definition": 10, "type": None}], [{"type": "gif"}], [10, None]]
VALUES = [*ODD, *TEXTS, *NUMBERS, *MANY]
RULES = (
    *("must have one of", "is required", "must not be given together", "is not a field of this request"),
    *("must be after start", "must be the one in the url", "the key must", "must be text without half"),
    *("must be http://", "must begin with http://", "must not hold", "such as /out/"),
    "must be a whole number",  # For JSON, 1.0 is one.
)


@cache
def schema() -> Draft202012Validator:
    document = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    wanted = {"$ref": "#/components/schemas/AudioTaskRequest", "components": document["components"]}
    return Draft202012Validator(wanted)


def refusal(request: dict[str, Any]) -> Malformed | None:
    try:
        taken = validate(AudioTaskRequest, request).model_dump(exclude_none=True)
        MPS.request(Kind.AUDIO, taken)
    except Malformed as error:
        return error
    return None


def changed(request: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every field of a request with every value, one at a time."""
    found = [(name, request | {name: value}) for name in request for value in VALUES]
    for name in ("source", "destination"):
        for inner in request.get(name, {}):
            found += [(f"{name}.{inner}", request | {name: request[name] | {inner: value}}) for value in VALUES]
    if "outputs" in request:
        found += [("output", request | {"outputs": [GIF | {inner: value}]}) for inner in GIF for value in VALUES]
    return found


@pytest.mark.parametrize("request_", FULL)
def test_the_schema_and_the_code_agree(request_: dict[str, Any]) -> None:
    assert (schema().is_valid(request_), refusal(request_)) == (True, None)
    for name, request in changed(request_):
        refused, valid = refusal(request), schema().is_valid(request)
        text = f"{name} {json.dumps(request)[:300]} {refused}"
        if valid and refused:
            assert any(rule in refused.reason for rule in RULES), f"the schema allows it: {text}"
        if not valid and not refused:
            assert null(request), f"the schema forbids it: {text}"


def null(value: Any) -> bool:
    """Return whether a value holds a null, which counts as a missing field."""
    if isinstance(value, dict):
        return any(map(null, value.values()))
    return value is None


def test_the_bounds_are_those_of_the_provider() -> None:
    assert MAX_OUTPUTS == requests.MAX_OUTPUTS
