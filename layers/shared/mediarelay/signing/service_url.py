"""Reads the URL of a provider's API. The same result is signed and called, so the two cannot differ.

Equivalent spellings get one form. A URL that an HTTP client would change before sending it is refused.
"""

import re
from dataclasses import dataclass

# An operator may configure the host only. These are the documented paths of API v2 and of API 3.0.
V2_PATH, V3_PATH = "/v2/index.php", "/"
HTTPS_PORT, HTTP_PORT = 443, 80

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_LOOPBACK = r"127\.0\.0\.1|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]\.?|\[::1\]"
_PORT = "(?::(?:0*(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?)?"
_SCHEME = "[Hh][Tt][Tt][Pp]"
# The template uses the same pattern, so it is limited to the syntax that CloudFormation (Java) and Python share.
PATTERN = (
    rf"[ \t\r\n]*(?:{_SCHEME}[Ss]://{_NAME}|{_SCHEME}://(?:{_LOOPBACK})){_PORT}"
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?[ \t\r\n]*"
)
_PARTS = re.compile(r"(?P<scheme>\w+)://(?P<host>\[::1\]|[^:/]+)(?::(?P<port>[0-9]*))?(?P<path>.*)")
# The first pattern that matches a refused URL gives the reason, so that an operator need not read `PATTERN`.
_REASONS = (
    (r"\s*\S+\s+\S", "white space in it"),
    (r".*@", "a user (`user@`): the keys are in the secret ProviderKeys"),
    (r".*\?", "a query: parameters go into the body"),
    (r".*#", "a fragment"),
    (r".*%", "an escape: a path of plain letters is signed as it is sent"),
    (r"(?i)\s*http://", "http to another machine: the provider is called over https only"),
    (r"(?i)(?!\s*https?://)", "no `https://` before it"),
)
_EXAMPLES = {V2_PATH: f"https://cdn.api.qcloud.com{V2_PATH}", V3_PATH: "https://mps.tencentcloudapi.com"}


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """A URL that an HTTP client sends without a change.

    Attributes:
        url: The URL to call.
        host: The `Host` header, which is signed: lower case, with a port unless it is the scheme's default.
        path: The path, which is signed.
    """

    url: str
    host: str
    path: str


def read_service_url(text: str, default_path: str = V2_PATH) -> ServiceUrl:
    """Read a URL; raise ValueError with the reason. The message never quotes the URL, which may contain a password."""
    found = _PARTS.fullmatch(text.strip(" \t\r\n")) if re.fullmatch(PATTERN, text) else None
    if found is None:
        raise ValueError(f"{_reason(text)}; write it like {_EXAMPLES[default_path]}")
    scheme = found["scheme"].lower()
    # HTTP clients write the host in lower case and omit a default port, and the signature has to match them.
    host = found["host"].lower().rstrip(".") + _port(found["port"], HTTPS_PORT if scheme == "https" else HTTP_PORT)
    path = found["path"] or default_path
    return ServiceUrl(f"{scheme}://{host}{path}", host, path)


def read_v3_url(text: str) -> ServiceUrl:
    """Read the URL of an API 3.0 endpoint as `read_service_url` does; refuse a path, which the API does not have."""
    found = read_service_url(text, V3_PATH)
    if found.path != V3_PATH:
        raise ValueError(f"a path: write it like {_EXAMPLES[V3_PATH]}")
    return found


def _port(digits: str | None, own: int) -> str:
    port = int(digits or own)
    return "" if port == own else f":{port}"


def _reason(text: str) -> str:
    return next((why for pattern, why in _REASONS if re.match(pattern, text, re.DOTALL)), "no host, port and path")
