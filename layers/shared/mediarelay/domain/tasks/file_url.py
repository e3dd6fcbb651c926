"""Which file a URL names: an object of a bucket. Files are compared as objects, never as the text of their URLs.

Two sides write URLs, and they write them in two ways, so there is one parser for each:

| who writes it | `http://music-7.cossh.myqcloud.com/100%25.mp3` names the key |
|---|---|
| a client of our API (`parse_url`): escaped once, as RFC 3986 says | `100%.mp3` |
| the provider (`parse_printed`): raw, whatever follows the host is the key | `100%25.mp3` |

`CosFile.url` is the one way in which we write a URL: escaped, so our API takes it again. Its host is one that exists: a
short region (`sh`) stands right behind `cos`, as in the provider's documents, one of version 5 of the object storage
(`ap-shanghai`) behind a dot. Either is read with and without the dot, as the same bucket.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, unquote_to_bytes

from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.errors import Malformed

# Of UTF-8: the limit of the object storage (its documentation of object keys).
MAX_KEY_BYTES = 850
# The regions that have two names: that of version 5 of the object storage, and the short one.
REGIONS = {
    "ap-beijing": "bj",
    "ap-beijing-1": "tj",
    "ap-chengdu": "cd",
    "ap-guangzhou": "gz",
    "ap-hongkong": "hk",
    "ap-shanghai": "sh",
    "ap-singapore": "sgp",
    "eu-frankfurt": "ger",
    "na-toronto": "ca",
}

_HOST = re.compile(
    r"(?P<bucket>[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?)-(?P<app_id>[1-9][0-9]{0,14})"
    r"\.cos\.?(?!accelerate\.)(?P<region>[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)\.myqcloud\.com",
    re.ASCII | re.IGNORECASE,
)
_URL = re.compile(r"https?://(?P<host>[^/?#:]+)(:(80|443))?/(?P<key>.+)", re.IGNORECASE | re.DOTALL)
# Beginnings of what can never be the URL of a source file, and why; the first that matches counts. Patterns are
# compiled when they are used: the callback functions import this module and need none.
_REFUSALS = (
    (f".{{{MAX_URL + 1}}}", f"must have at most {MAX_URL} characters"),
    (r"(?!http://)", "must begin with http://"),
    (r"http://[^/?#]*@", "must not hold a user name"),
    (r"http://[^/?#]*:", "must not state a port"),
    (r"[^?#]*\?", "must not hold a query; a ? in a key is written %3F"),
    (r"[^?#]*#", "must not hold a fragment; a # in a key is written %23"),
    (r".*%(?![0-9A-Fa-f]{2})", "must have two hexadecimal digits after each %; a % in a key is written %25"),
)
_FORM = "must be http://{bucket}-{app_id}.cos{region}.myqcloud.com/{key}"
# What no object can have as its key.
_KEY_FLAWS = (
    (r"(?s:.*)[\ud800-\udfff]", "must be UTF-8"),
    (r"(?s:.*)[\x00-\x1f\x7f]", "must not hold control characters"),
    (r"((?s:.*)[/\\])?\.{1,2}(\Z|[/\\])", "must not hold the segments . and .."),
)
# What no source file can have as its key. That of the first character is the object storage's own rule.
_SOURCE_KEY_FLAWS = (
    *_KEY_FLAWS,
    (r"[/\\]", "must not begin with a slash or a backslash"),
    (r"(?s:.*)/\Z", "must not end with a slash, as that of a folder does"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosFile:
    """An object of the object storage: the account, bucket and region that hold it, and its key.

    Attributes:
        region: As its URL names it; see `REGIONS`.
        key: Not escaped, without the slash that stands before it in a URL.
    """

    app_id: int
    bucket: str
    region: str
    key: str

    @property
    def url(self) -> str:
        """The URL of the file, escaped: every byte of the key but letters, digits, `/`, `-`, `.`, `_` and `~`."""
        return f"http://{self._host}/{quote(self.key, safe='/')}"

    @property
    def printed(self) -> str:
        """The URL of the file as the provider prints it, raw."""
        return f"http://{self._host}/{self.key}"

    @property
    def identity(self) -> str:
        """The URL of the file with the short name of its region: two are equal only if they name the same file."""
        return replace(self, region=short_region(self.region)).url

    @property
    def _host(self) -> str:
        return bucket_host(self.app_id, self.bucket, self.region)


def bucket_host(app_id: int, bucket: str, region: str) -> str:
    """Return the host of a bucket: `cos{region}` for a short name, `cos.{region}` for one of version 5 (`ap-...`)."""
    dot = "." if "-" in region else ""
    return f"{bucket}-{app_id}.cos{dot}{region}.myqcloud.com"


def parse_host(host: str) -> tuple[int, str, str] | None:
    """Return the account, name and region of the bucket whose host this is; None for any other host."""
    match = _HOST.fullmatch(host)
    return match and (int(match["app_id"]), match["bucket"].lower(), match["region"].lower())


def short_region(region: str) -> str:
    """Return the short name of a region that has two names, and any other name as it is."""
    return REGIONS.get(region, region)


def parse_url(url: str) -> CosFile:
    """Read the URL of a source file that a client sends, escaped once; raises `Malformed` (`url`).

    Blanks and characters outside ASCII may stand for themselves. Whatever the provider could never confirm is refused:
    another scheme, a port, a query, a fragment, a host that is no bucket's, a key that no file has.
    """
    for pattern, reason in _REFUSALS:
        if re.match(pattern, url, re.IGNORECASE | re.DOTALL):
            raise Malformed("url", reason)
    try:
        file = _parse(url, _unescaped)
    except UnicodeError:
        raise Malformed("url", "must be UTF-8, also where it is escaped") from None
    if file is None:
        raise Malformed("url", _FORM)
    if flaw := key_flaw(file.key, _SOURCE_KEY_FLAWS):
        raise Malformed("url", f"the key {flaw}")
    return file


def parse_printed(text: str, path: str | None = None) -> CosFile | None:
    """Read a URL that the provider prints, raw; None if it is not the URL of an object.

    Args:
        text: The URL. Whatever follows the host is the key, also `#`, `?` and `%20`.
        path: The path of the same file, as the provider prints it beside the URL. A provider may print the URL as it
            was submitted, which is escaped; if the path says so, the URL is read like that.
    """
    try:
        file = _parse(text, _encodable)
    except UnicodeError:
        return None
    key = (path or "").removeprefix("/")
    return replace(file, key=key) if file and key == unquote(file.key) else file


def parse_stored(url: str) -> CosFile | None:
    """Read the URL of a stored request; None if it is not the URL of an object.

    Requests that earlier versions stored may hold what `parse_url` refuses today: https, a port, or a `#` that is not
    escaped.
    """
    try:
        return _parse(url, _unescaped)
    except UnicodeError:
        return None


def printed_url(text: str, path: str | None = None) -> str:
    """Write a URL that the provider prints in our way; what is not the URL of an object stays itself."""
    file = parse_printed(text, path)
    return file.url if file else text


def stored_url(url: str) -> str:
    """Write the URL of a stored request in our way; what is not the URL of an object stays itself."""
    file = parse_stored(url)
    return file.url if file else url


def identity(url: str) -> str:
    """Return a text that is the same for all spellings of the file that a URL, written in our way, names."""
    file = parse_stored(url)
    return file.identity if file else url


def key_flaw(key: str, flaws: Iterable[tuple[str, str]] = _KEY_FLAWS) -> str | None:
    """Return why no object can have this key; None if one can."""
    if found := next((reason for pattern, reason in flaws if re.match(pattern, key)), None):
        return found
    fits = 0 < len(key.encode()) <= MAX_KEY_BYTES
    return None if fits else f"must have 1 to {MAX_KEY_BYTES} bytes of UTF-8"


def _parse(url: str, read_key: Callable[[str], str]) -> CosFile | None:
    """Split a URL behind its host; raises UnicodeError for a key that is not UTF-8."""
    match = _URL.fullmatch(url)
    bucket = parse_host(match["host"]) if match else None
    if match is None or bucket is None:
        return None
    app_id, name, region = bucket
    return CosFile(app_id=app_id, bucket=name, region=region, key=read_key(match["key"]))


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text).decode()


def _encodable(text: str) -> str:
    """Let text pass, but for half a surrogate pair: JSON can spell it, but nothing can send it on."""
    text.encode()
    return text
