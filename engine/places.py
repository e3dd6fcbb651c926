"""Where an object lives: host names, object keys and the URLs made of them (seed document; cts.md section 4)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from mediarelay.errors import Malformed

_HOST = re.compile(
    r"(?P<bucket>[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?)-(?P<app_id>[1-9][0-9]{0,14})"
    r"\.cos\.?(?P<region>[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)\.myqcloud\.com(:[0-9]{1,5})?",
    re.ASCII,
)
_URL = re.compile(r"http://(?P<host>[^/?#:]+)(?P<path>/[^?#]+)")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
MAX_KEY_BYTES = 850
"""COS limits a key to 850 bytes of UTF-8 (its documentation on object naming)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One bucket of one account in one region."""

    app_id: int
    bucket: str
    region: str

    @property
    def host(self) -> str:
        """The virtual host of the bucket."""
        return f"{self.bucket}-{self.app_id}.cos{self.region}.myqcloud.com"

    def url(self, path: str) -> str:
        """Print the URL of an object the provider's way; `path` begins with a slash and is not escaped."""
        return f"http://{self.host}{path}"

    def name(self, path: str) -> str:
        """Print the `name` of an object the provider's way."""
        return f"/{self.app_id}/{self.bucket}{path}"


def parse_host(host: str) -> Place | None:
    """Read a bucket's virtual host, with or without a port; None if it is another kind of host.

    Clients of COS v5 write `.cos.{region}.` where this service prints `.cos{region}.`; both are the same bucket.
    """
    match = _HOST.fullmatch(host)
    return match and Place(app_id=int(match["app_id"]), bucket=match["bucket"], region=match["region"])


def parse_url(url: str) -> tuple[Place, str]:
    """Split a COS URL into its bucket and path; the path stays as it is written.

    Raises `Malformed` unless it is `http://{bucket}-{app_id}.cos{region}.myqcloud.com/path`.
    """
    match = _URL.fullmatch(url)
    place = parse_host(match["host"]) if match else None
    if match is None or place is None:
        raise Malformed("url", "must be http://{bucket}-{app_id}.cos{region}.myqcloud.com/path")
    return place, match["path"]


def key_of(path: str) -> str:
    """Return the object key that a path names, percent-decoded; raises `Malformed` for one that no object can have."""
    return checked_key(unquote(path).removeprefix("/"))


def checked_key(key: str) -> str:
    """Return a decoded object key; raises `Malformed` if it is empty, too long, or climbs out of the bucket."""
    if not 0 < len(key.encode("utf-8", "replace")) <= MAX_KEY_BYTES:
        raise Malformed("key", f"must have 1 to {MAX_KEY_BYTES} bytes")
    if _UNPRINTABLE.search(key) or {".", ".."} & set(key.replace("\\", "/").split("/")):
        raise Malformed("key", "must not hold control characters or the segments . and ..")
    return key
