"""The address of the provider's API, read once into what is signed and what is called, so that both are the same.

Spellings with one meaning get one form; whatever an HTTP client would change on the way is refused.
"""

import re
from dataclasses import dataclass

# The path of API v2, for an address that names only a host.
DEFAULT_PATH = "/v2/index.php"
HTTPS_PORT, HTTP_PORT = 443, 80

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_LOOPBACK = r"127\.0\.0\.1|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]\.?|\[::1\]"
_PORT = "(?::(?:0*(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?)?"
_SCHEME = "[Hh][Tt][Tt][Pp]"
# What is accepted, also by the template (in the syntax that Java's expressions share with Python's).
PATTERN = (
    rf"[ \t\r\n]*(?:{_SCHEME}[Ss]://{_NAME}|{_SCHEME}://(?:{_LOOPBACK})){_PORT}"
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?[ \t\r\n]*"
)
_PARTS = re.compile(r"(?P<scheme>\w+)://(?P<host>\[::1\]|[^:/]+)(?::(?P<port>[0-9]*))?(?P<path>.*)")
# Why an address is refused: the first that matches.
_REASONS = (
    (r"\s*\S+\s+\S", "white space in it"),
    (r".*@", "a user (`user@`): the keys are in the secret ProviderKeys"),
    (r".*\?", "a query: parameters go into the body"),
    (r".*#", "a fragment"),
    (r".*%", "an escape: a path of plain letters is signed as it is sent"),
    (r"(?i)\s*http://", "http to another machine: the provider is called over https only"),
    (r"(?i)(?!\s*https?://)", "no `https://` before it"),
)


@dataclass(frozen=True, slots=True)
class ServiceUrl:
    """An address that is called as it is written.

    Attributes:
        url: What is called.
        host: What the `Host` header says and what is signed: lower case, the port only if it is not the scheme's own.
        path: What is requested and what is signed.
    """

    url: str
    host: str
    path: str


def read_service_url(text: str) -> ServiceUrl:
    """Read an address; raises ValueError that says what is wrong, without the address, which may hold a password."""
    found = _PARTS.fullmatch(text.strip(" \t\r\n")) if re.fullmatch(PATTERN, text) else None
    if found is None:
        raise ValueError(f"{_reason(text)}; write it like https://cdn.api.qcloud.com{DEFAULT_PATH}")
    scheme = found["scheme"].lower()
    host = found["host"].lower().rstrip(".") + _port(found["port"], HTTPS_PORT if scheme == "https" else HTTP_PORT)
    path = found["path"] or DEFAULT_PATH
    return ServiceUrl(f"{scheme}://{host}{path}", host, path)


def _port(digits: str | None, own: int) -> str:
    port = int(digits or own)
    return "" if port == own else f":{port}"


def _reason(text: str) -> str:
    return next((why for pattern, why in _REASONS if re.match(pattern, text, re.DOTALL)), "no host, port and path")
