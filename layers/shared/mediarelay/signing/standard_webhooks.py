"""Symmetric signatures of Standard Webhooks 1.0: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.

The caller checks the timestamp. A secret is `whsec_` and base64, as in the specification; common variants of that
spelling are accepted, too.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

VERSION = "v1"
PREFIX = "whsec_"
# Some secret stores and generators use the URL-safe alphabet of base64.
_STANDARD = str.maketrans("-_", "+/")


def sign(secret: str, message_id: str, timestamp: int | str, body: bytes) -> str:
    """Return one entry of the `webhook-signature` header; raise ValueError if the secret is not base64."""
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return f"{VERSION},{base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()}"


def headers(secrets: str | Sequence[str], message_id: str, timestamp: int | str, body: bytes) -> dict[str, str]:
    """Return the three headers of a message that one secret or several sign; raise ValueError if one is not base64."""
    signing = [secrets] if isinstance(secrets, str) else secrets
    signature = " ".join(sign(secret, message_id, timestamp, body) for secret in signing)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def verifies(presented: str, secrets: Iterable[str], message_id: str, timestamp: str, body: bytes) -> bool:
    """Return whether an entry of the header (separated by spaces) is a signature by one of the secrets.

    Entries of other versions never match. No text raises an error.
    """
    entries = [entry.encode("utf-8", "surrogatepass") for entry in presented.split()]
    expected = [sign(secret, message_id, timestamp, body).encode() for secret in secrets if _has_key(secret)]
    # The list compares every pair in constant time, so the time of the check does not show which one was close.
    matches = [hmac.compare_digest(entry, one) for entry in entries for one in expected]
    return any(matches)


def webhook_key(secret: str) -> bytes:
    """Return the key in a secret; raise ValueError if it is not base64, or empty.

    The secret may use either base64 alphabet, with or without padding, `v1,`, `whsec_`, quotes and white space.
    """
    if not (key := _key(secret)):
        raise ValueError("the key must not be empty")
    return key


def _key(secret: str) -> bytes:
    text = "".join(secret.split()).strip("\"'").removeprefix(f"{VERSION},").strip("\"'").removeprefix(PREFIX)
    digits = text.rstrip("=").translate(_STANDARD)
    return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)


def _has_key(secret: str) -> bool:
    try:
        return bool(webhook_key(secret))
    except ValueError:
        return False
