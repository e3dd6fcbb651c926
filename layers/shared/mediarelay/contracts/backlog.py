"""The messages of the callback backlog: a callback, with its route, its origin and its time of arrival."""

import base64
import zlib
from collections.abc import Mapping
from datetime import datetime

from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed


def pack(route: str, origin: Origin, at: datetime, body: bytes) -> dict[str, str]:
    """Return the message for a callback."""
    # Base64 adds a third. Compressed first, any documented callback fits into a message of SQS.
    packed = base64.b64encode(zlib.compress(body)).decode()
    return {"route": route, "origin": origin.value, "at": at.isoformat(), "body": packed}


def unpack(message: Mapping[str, str]) -> tuple[str, Origin, datetime, bytes]:
    """Read a message; raise `Malformed`."""
    try:
        body = zlib.decompress(base64.b64decode(message["body"], validate=True))
        return str(message["route"]), Origin(message["origin"]), datetime.fromisoformat(message["at"]), body
    except (KeyError, ValueError, zlib.error) as error:
        raise Malformed("message", type(error).__name__) from error
