"""ZEGO signatures: server callbacks (SHA-1) and server API v2 (MD5), as ZEGO documents them.

The digests are the vendor's choice. Neither covers a body: a receiver needs a time window and a single-use nonce too.
"""

import hashlib
import hmac
from collections.abc import Iterable


def callback_signature(secret: str, timestamp: str | int, nonce: str | int) -> str:
    """Return the 40 hex digits ZEGO sends with a callback: SHA-1 over the three values, sorted as text and joined.

    `timestamp` and `nonce` are taken exactly as received; a nonce may exceed 2^53: never let it pass through a float.
    """
    joined = "".join(sorted((secret, str(timestamp), str(nonce))))
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def server_api_signature(app_id: int | str, signature_nonce: str, server_secret: str, timestamp: int | str) -> str:
    """Return the 32 hex digits of a server API call: MD5(AppId + SignatureNonce + ServerSecret + Timestamp).

    `signature_nonce` is 16 hex digits, `timestamp` is in UNIX seconds and good for 10 minutes; SignatureVersion is 2.0.
    """
    joined = f"{app_id}{signature_nonce}{server_secret}{timestamp}"
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def matches(presented: str, secrets: Iterable[str], timestamp: str, nonce: str) -> bool:
    """Say whether `presented` is the callback signature by one of the live secrets; an empty secret signs nothing.

    Everything is compared, in constant time. Never raises on any text.
    """
    given = presented.lower().encode("utf-8", "surrogatepass")
    expected = [callback_signature(secret, timestamp, nonce).encode() for secret in secrets if secret]
    found = [hmac.compare_digest(given, one) for one in expected]
    return any(found)
