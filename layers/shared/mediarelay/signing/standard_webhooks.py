"""Standard Webhooks 1.0, symmetric: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.

Pure: the clock is the caller's. A secret is written `whsec_` and base64, as the specification prints it; whatever else
people make of that on its way into a secret store is read, too.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable

VERSION = "v1"
PREFIX = "whsec_"
# From the alphabet that is safe in URLs to the standard one.
_STANDARD = str.maketrans("-_", "+/")


def sign(secret: str, message_id: str, timestamp: int | str, body: bytes) -> str:
    """Return one entry of the `webhook-signature` header; raises ValueError if the secret is not base64."""
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return f"{VERSION},{base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()}"


def headers(secret: str, message_id: str, timestamp: int | str, body: bytes) -> dict[str, str]:
    """Return the three headers of a signed message; raises as `sign` does."""
    signature = sign(secret, message_id, timestamp, body)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def verifies(presented: str, secrets: Iterable[str], message_id: str, timestamp: str, body: bytes) -> bool:
    """Say whether any entry of the header (separated by spaces) is the signature by any of the live secrets.

    Everything is compared, in constant time; entries of other versions count for nothing. Never raises on any text.
    """
    entries = [entry.encode("utf-8", "surrogatepass") for entry in presented.split()]
    expected = [sign(secret, message_id, timestamp, body).encode() for secret in secrets if _has_key(secret)]
    matches = [hmac.compare_digest(entry, one) for entry in entries for one in expected]
    return any(matches)


def webhook_key(secret: str) -> bytes:
    """Return the key that a secret stands for; raises ValueError if it is not base64, or empty.

    Base64 of either alphabet, padded or not, with or without `v1,`, `whsec_`, quotes and white space.
    """
    if not (key := _key(secret)):
        raise ValueError("an empty key would let anybody sign")
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
