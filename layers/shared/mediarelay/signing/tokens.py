"""Checks of presented secrets: the token in a callback's path, the bearer token of an API client.

Several tokens may be live at once (rotation). Every one is compared, in constant time, so that the answer's timing does
not tell which one was close. With no live token the door is closed.
"""

import hashlib
import hmac
from collections.abc import Sequence


def accepts(presented: str | None, live: Sequence[str]) -> bool:
    """Say whether `presented` is one of the `live` tokens; an empty token never is. Never raises on any text."""
    given = _bytes(presented)
    matches = [hmac.compare_digest(given, _bytes(token)) for token in live]
    return given != b"" and any(matches)


def digest(token: str) -> str:
    """Return what is stored instead of a token: its SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def matching(presented: str | None, digests: Sequence[str]) -> str | None:
    """Return the stored digest that `presented` has, or None; an empty token has none. Never raises on any text."""
    given = digest(presented or "").encode()
    matches = [stored for stored in digests if hmac.compare_digest(given, _bytes(stored))]
    return matches[0] if matches and presented else None


def _bytes(text: str | None) -> bytes:
    """Encode any text: a lone surrogate gets a form of its own and so matches nothing else, and raises nothing."""
    return (text or "").encode("utf-8", "surrogatepass")
