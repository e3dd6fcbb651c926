"""Shows received bodies in a history."""

import json
from typing import Any

from mediarelay.contracts.json_objects import read_answer
from mediarelay.errors import Malformed

# Lambda limits a response to 6 MB, and a history shows many bodies.
MAX_SHOWN = 64 * 1024


def show_body(body: bytes | None) -> Any:
    """Return a body as JSON if it is JSON, otherwise as text; return only the size of a body over `MAX_SHOWN` bytes."""
    if body is None:
        return None
    if len(body) <= MAX_SHOWN:
        text = json.dumps(_decoded(body))
        # JSON escapes a control character to six bytes, so a small body may become a large one.
        if len(text) <= MAX_SHOWN:
            return json.loads(text, parse_constant=str)
    return {"omitted": f"{len(body)} bytes"}


def _decoded(body: bytes) -> Any:
    try:
        return read_answer(body)
    except Malformed:
        return body.decode("utf-8", "replace")
