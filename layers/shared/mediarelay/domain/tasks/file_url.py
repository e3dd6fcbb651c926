"""Parse the URL of a file, an object in a bucket. Files are compared as objects, never as the text of their URLs.

Clients and the provider write URLs differently, so each has its own parser:

| who writes it | `http://music-7.cossh.myqcloud.com/100%25.mp3` names the key |
|---|---|
| a client of our API (`parse_url`): escaped once, as RFC 3986 says | `100%.mp3` |
| the provider (`parse_printed`): raw, whatever follows the host is the key | `100%25.mp3` |

`CosFile.url` always writes a URL escaped, so the API accepts it again. Its host exists: a short region (`sh`) follows
`cos` directly, as in the provider's documents; a region of version 5 of the object storage (`ap-shanghai`) follows a
dot. The parsers accept both with and without the dot.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, unquote_to_bytes

from mediarelay.domain.tasks.media import MAX_URL
from mediarelay.errors import Malformed

# Bytes of UTF-8. The object storage accepts no longer key.
MAX_KEY_BYTES = 850
# Some regions have two names, one of version 5 of the object storage and a short one. Clients and provider use either.
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
# Patterns of texts that can never be the URL of a source file, each with its reason; the first match counts. They are
# compiled when they are used, because the callback functions import this module and need none.
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
# Patterns of texts that cannot be the key of an object.
_KEY_FLAWS = (
    (r"(?s:.*)[\ud800-\udfff]", "must be UTF-8"),
    (r"(?s:.*)[\x00-\x1f\x7f]", "must not hold control characters"),
    (r"((?s:.*)[/\\])?\.{1,2}(\Z|[/\\])", "must not hold the segments . and .."),
)
# Patterns of texts that cannot be the key of a source file. The object storage itself forbids the first character.
_SOURCE_KEY_FLAWS = (
    *_KEY_FLAWS,
    (r"[/\\]", "must not begin with a slash or a backslash"),
    (r"(?s:.*)/\Z", "must not end with a slash, as that of a folder does"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosFile:
    """An object of the object storage: its account, bucket, region and key.

    Attributes:
        region: The region as the URL names it; see `REGIONS`.
        key: Not escaped, without the slash before it in a URL.
    """

    app_id: int
    bucket: str
    region: str
    key: str

    @property
    def url(self) -> str:
        """The URL of the file. Every byte of the key is escaped except letters, digits, `/`, `-`, `.`, `_` and `~`."""
        return f"http://{self._host}/{quote(self.key, safe='/')}"

    @property
    def printed(self) -> str:
        """The URL of the file as the provider prints it, not escaped."""
        return f"http://{self._host}/{self.key}"

    @property
    def identity(self) -> str:
        """The URL of the file with the short name of its region. Only URLs of the same file are equal."""
        return replace(self, region=short_region(self.region)).url

    @property
    def _host(self) -> str:
        return bucket_host(self.app_id, self.bucket, self.region)


def bucket_host(app_id: int, bucket: str, region: str) -> str:
    """Return the host of a bucket: `cos{region}` for a short name, `cos.{region}` for one of version 5 (`ap-...`)."""
    dot = "." if "-" in region else ""
    return f"{bucket}-{app_id}.cos{dot}{region}.myqcloud.com"


def parse_host(host: str) -> tuple[int, str, str] | None:
    """Return the account, name and region of the bucket that a host names; None for any other host."""
    match = _HOST.fullmatch(host)
    return match and (int(match["app_id"]), match["bucket"].lower(), match["region"].lower())


def short_region(region: str) -> str:
    """Return the short name of a region that has two names, and any other name as it is."""
    return REGIONS.get(region, region)


def parse_url(url: str) -> CosFile:
    """Parse the URL of a source file that a client sends, escaped once; raises `Malformed` (`url`).

    Blanks and characters outside ASCII need no escape. A URL that the provider could never confirm is refused: another
    scheme, a port, a query, a fragment, a host that is no bucket's, or a key that no file can have.
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
    if flaw := source_key_flaw(file.key):
        raise Malformed("url", f"the key {flaw}")
    return file


def parse_printed(text: str, path: str | None = None) -> CosFile | None:
    """Parse a URL that the provider prints, not escaped; return None if it is not the URL of an object.

    Args:
        text: The URL. Everything after the host is the key, even `#`, `?` and `%20`.
        path: The path of the same file, as the provider prints it beside the URL. If it shows that the provider printed
            the URL as it was submitted, which is escaped, the key is unescaped.
    """
    try:
        file = _parse(text, _encodable)
    except UnicodeError:
        return None
    key = (path or "").removeprefix("/")
    return replace(file, key=key) if file and key == unquote(file.key) else file


def parse_stored(url: str) -> CosFile | None:
    """Parse the URL of a stored request; return None if it is not the URL of an object.

    Requests that earlier versions stored may contain parts that `parse_url` refuses: https, a port, or a `#` that is
    not escaped.
    """
    try:
        return _parse(url, _unescaped)
    except UnicodeError:
        return None


def printed_url(text: str, path: str | None = None) -> str:
    """Return a URL that the provider printed as `CosFile.url` writes it; other text stays as it is."""
    file = parse_printed(text, path)
    return file.url if file else text


def stored_url(url: str) -> str:
    """Return the URL of a stored request as `CosFile.url` writes it; other text stays as it is."""
    file = parse_stored(url)
    return file.url if file else url


def identity(url: str) -> str:
    """Return one text for all spellings of a file's URL. The URL is escaped, as `CosFile.url` writes it."""
    file = parse_stored(url)
    return file.identity if file else url


def source_key_flaw(key: str) -> str | None:
    """Return why no source file of the object storage can have a key; None if one can."""
    return key_flaw(key, _SOURCE_KEY_FLAWS)


def key_flaw(key: str, flaws: Iterable[tuple[str, str]] = _KEY_FLAWS, max_bytes: int = MAX_KEY_BYTES) -> str | None:
    """Return why no object can have a key; None if one can."""
    if found := next((reason for pattern, reason in flaws if re.match(pattern, key)), None):
        return found
    fits = 0 < len(key.encode()) <= max_bytes
    return None if fits else f"must have 1 to {max_bytes} bytes of UTF-8"


def _parse(url: str, read_key: Callable[[str], str]) -> CosFile | None:
    """Split a URL into bucket and key; None if it names no bucket. Raises UnicodeError if the key is not UTF-8."""
    match = _URL.fullmatch(url)
    bucket = parse_host(match["host"]) if match else None
    if match is None or bucket is None:
        return None
    app_id, name, region = bucket
    return CosFile(app_id=app_id, bucket=name, region=region, key=read_key(match["key"]))


def _unescaped(text: str) -> str:
    return unquote_to_bytes(text).decode()


def _encodable(text: str) -> str:
    """Return text that UTF-8 can encode; raises UnicodeError for half a surrogate pair, which JSON can spell."""
    text.encode()
    return text
