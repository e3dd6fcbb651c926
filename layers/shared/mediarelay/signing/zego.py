"""ZEGO's signatures of server callbacks (SHA-1) and of calls to its server API v2 (MD5).

ZEGO prescribes these digests. Neither covers a body, so a receiver also needs a time window and a single-use nonce.
"""

import hashlib
import hmac
from collections.abc import Iterable


def callback_signature(secret: str, timestamp: str | int, nonce: str | int) -> str:
    """Return the 40 hex digits of a callback's signature: SHA-1 over the three values, sorted as text and joined.

    Pass `timestamp` and `nonce` exactly as received.
    """
    # A nonce may exceed 2^53, so a caller that parsed it as a float would sign another number.
    joined = "".join(sorted((secret, str(timestamp), str(nonce))))
    return hashlib.sha1(joined.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def server_api_signature(app_id: int | str, signature_nonce: str, server_secret: str, timestamp: int | str) -> str:
    """Return the 32 hex digits of a server API call: MD5(AppId + SignatureNonce + ServerSecret + Timestamp).

    `signature_nonce` is 16 hex digits, `timestamp` is in UNIX seconds and valid for 10 minutes. The call states
    SignatureVersion 2.0.
    """
    joined = f"{app_id}{signature_nonce}{server_secret}{timestamp}"
    return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()


def matches(presented: str, secrets: Iterable[str], timestamp: str, nonce: str) -> bool:
    """Return whether `presented` is the callback signature by one of the secrets; an empty secret never matches.

    No text raises an error.
    """
    given = presented.lower().encode("utf-8", "surrogatepass")
    expected = [callback_signature(secret, timestamp, nonce).encode() for secret in secrets if secret]
    # The list compares all of them in constant time, so the time of the check does not show which one matched.
    found = [hmac.compare_digest(given, one) for one in expected]
    return any(found)
