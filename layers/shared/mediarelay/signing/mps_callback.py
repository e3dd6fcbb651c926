"""The signature of callbacks of Tencent MPS: MD5 of `Timestamp` and `NotifyKey`, joined.

MPS prescribes the digest. It does not cover the body: whoever has seen one `Sign` can use it with any body until its
`Timestamp`. A receiver therefore confirms what such a callback claims.

`Timestamp` is an expiry, 10 minutes after the sender signed:

| Timestamp | the callback is |
| --- | --- |
| more than 1 minute ago | expired |
| from 1 minute ago to 11 minutes ahead | in time |
| later | refused: MPS did not set this expiry |
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

LIFETIME = timedelta(minutes=10)
# How far the sender's clock may differ from ours.
CLOCK_TOLERANCE = timedelta(minutes=1)


def callback_sign(expires: int, key: str) -> str:
    """Return the 32 hex digits of `Sign`; `expires` is `Timestamp` in UNIX seconds, `key` a NotifyKey."""
    return hashlib.md5(f"{expires}{key}".encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def is_signed(expires: int | None, digest: str | None, keys: Sequence[str], now: datetime) -> bool:
    """Return whether one of the keys signed a callback, and the callback is in time.

    No integer and no text raises an error.

    Args:
        expires: `Timestamp` of the callback in UNIX seconds, or None if it has none.
        digest: `Sign` of the callback, in either case of letters, or None if it has none.
        keys: The live NotifyKeys. An empty one signs nothing.
        now: The time of receipt, with a time zone.
    """
    if expires is None or digest is None or not _is_in_time(expires, now):
        return False
    given = digest.lower().encode("utf-8", "surrogatepass")
    expected = [callback_sign(expires, key).encode() for key in keys if key]
    # The list compares all of them in constant time, so the time of the check does not show which one matched.
    found = [hmac.compare_digest(given, one) for one in expected]
    return any(found)


def _is_in_time(expires: int, now: datetime) -> bool:
    earliest, latest = now - CLOCK_TOLERANCE, now + LIFETIME + CLOCK_TOLERANCE
    return earliest.timestamp() <= expires <= latest.timestamp()
