"""Checks of presented secrets: the token in a callback's path, and the bearer token of an API client.

Several tokens may be live during a rotation. Every one is compared in constant time, so that the response time does not
show which one was close. Without a live token, every presented token is refused.
"""

import hashlib
import hmac
from collections.abc import Sequence


def accepts(presented: str | None, live: Sequence[str]) -> bool:
    """Return whether `presented` is one of the `live` tokens; an empty token never is. No text raises an error."""
    given = _bytes(presented)
    matches = [hmac.compare_digest(given, _bytes(token)) for token in live]
    # An empty entry in the secret must not admit callers without a token.
    return given != b"" and any(matches)


def digest(token: str) -> str:
    """Return the SHA-256 of a token as 64 lower-case hex digits, which is stored instead of the token."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def matching(presented: str | None, digests: Sequence[str]) -> str | None:
    """Return the stored digest that matches `presented`, or None; an empty token never matches. No text raises."""
    given = digest(presented or "").encode()
    matches = [stored for stored in digests if hmac.compare_digest(given, _bytes(stored))]
    return matches[0] if matches and presented else None


def _bytes(text: str | None) -> bytes:
    """Return any text as bytes."""
    # A strict encoder would raise for half of a surrogate pair. This gives it bytes that match no other text.
    return (text or "").encode("utf-8", "surrogatepass")
