"""How a history shows the bodies that were received."""

import json
from typing import Any

from mediarelay.contracts.json_objects import read_answer
from mediarelay.errors import Malformed

# Bytes of one body in a history, as JSON writes them in ASCII: an answer of Lambda must stay below 6 MB.
MAX_SHOWN = 64 * 1024


def show_body(body: bytes | None) -> Any:
    """Return a body as JSON where it is JSON, else as text; of a large one only its size."""
    if body is None:
        return None
    if len(body) <= MAX_SHOWN:
        text = json.dumps(_decoded(body))
        if len(text) <= MAX_SHOWN:  # a control character has become six bytes
            return json.loads(text, parse_constant=str)
    return {"omitted": f"{len(body)} bytes"}


def _decoded(body: bytes) -> Any:
    try:
        return read_answer(body)
    except Malformed:
        return body.decode("utf-8", "replace")
