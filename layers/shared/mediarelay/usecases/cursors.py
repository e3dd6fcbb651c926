"""Cursors of lists: the position of the last row of a page, `time#id`, as text that clients pass back."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime

from mediarelay.errors import Malformed


def encode_cursor(position: str) -> str:
    """Return the cursor of a position."""
    return base64.urlsafe_b64encode(position.encode()).decode()


def decode_cursor(cursor: str | None, is_id: Callable[[str], bool]) -> str | None:
    """Return the position of a cursor; raises `Malformed` (`cursor`) for one that no page has given."""
    if cursor is None:
        return None
    try:
        return _position(base64.b64decode(cursor, altchars=b"-_", validate=True).decode(), is_id)
    except (binascii.Error, ValueError) as error:
        raise Malformed("cursor", "must be the cursor of an earlier page") from error


def _position(text: str, is_id: Callable[[str], bool]) -> str:
    """Check a position in a list; raises ValueError."""
    moment, _, identity = text.partition("#")
    # The text becomes a part of a key condition, so only positions that this API has given out are accepted.
    if not is_id(identity) or datetime.fromisoformat(moment).isoformat() != moment:
        raise ValueError("no position")
    return text
