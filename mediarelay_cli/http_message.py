"""An HTTP request that a person gives to the command line: from a file as it was sent, or from options."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

import typer

from mediarelay_cli.errors import CliError, Exit

STDIN = "-"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpMessage:
    """A request. Header names are in lower case; of two equal names, the last one counts."""

    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the query and, for a form, of the body: decoded, in the order in which they are sent."""
        is_form = self.method == "POST" and FORM in self.headers.get("content-type", FORM)
        texts = [self.query, self.body.decode("utf-8", "replace").strip() if is_form else ""]
        return tuple(pair for text in texts for pair in parse_qsl(text, keep_blank_values=True))


def parse_request(raw: bytes) -> HttpMessage:
    """Parse a request line, headers, an empty line and a body. Raises `CliError`."""
    head, _, body = raw.replace(b"\r\n\r\n", b"\n\n", 1).partition(b"\n\n")
    first, *lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    method, _, rest = first.partition(" ")
    target = rest.rsplit(" HTTP/", 1)[0]
    if not (method.isalpha() and target):
        raise CliError("the request does not begin with a line such as `POST / HTTP/1.1`", code=Exit.USAGE)
    headers = _headers(lines)
    parts = _split(target if "://" in target else f"https://{headers.get('host', '')}{target}")
    return HttpMessage(
        method=method.upper(),
        host=headers.get("host") or parts.netloc,
        path=parts.path,
        query=parts.query,
        headers=headers,
        body=body,
    )


def message(request: str, url: str, method: str, headers: Sequence[str], body: str) -> HttpMessage:
    """Return the request that options describe. Raises `CliError`.

    Args:
        request: A file with the whole request, or an empty text.
        url: The URL, without which `request` is required.
        method: The method; by default POST with a body, else GET.
        headers: Headers as `Name: value`.
        body: A file with the body (`-`: stdin), or an empty text.
    """
    if request:
        return parse_request(read_bytes(request))
    parts = _split(url)
    if not parts.netloc:
        raise CliError("the request is unknown", "Give --request FILE, or --url with a scheme and a host.", Exit.USAGE)
    stated = _headers(headers)
    return HttpMessage(
        method=(method or ("POST" if body else "GET")).upper(),
        host=stated.get("host") or parts.netloc,
        path=parts.path,
        query=parts.query,
        headers=stated,
        body=read_bytes(body) if body else b"",
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise CliError(f"{url} is no URL", "For example: https://host/path?name=value", Exit.USAGE) from error


def _headers(lines: Sequence[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def read_bytes(file: str) -> bytes:
    """Read a file, or stdin if its name is `-`. Raises `CliError`."""
    if file == STDIN:
        return typer.get_binary_stream("stdin").read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}", "Check the name of the file.", Exit.USAGE) from error
