"""Files that a function serves as they are, with headers that keep a page from running or loading anything else.

A function reads its files once, when it starts. A request then names one of them: it never reaches the file system, so
no name can lead out of the folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

from aws_lambda_powertools.event_handler.api_gateway import Response

from mediarelay.aws_lambda.http import TAG_DIGITS, has_version
from mediarelay.aws_lambda.raw_http import Event
from mediarelay.errors import NotFound

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
# Previews of outputs come from buckets, or from the engine on a developer's machine.
OUTPUTS = "https: http://127.0.0.1:*"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": f"'self' {OUTPUTS}",
    "media-src": OUTPUTS,
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    # The browser itself refuses to parse a text as HTML, so a text of a callback can never become markup.
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS = {
    "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in POLICY.items()),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # A browser asks each time whether its copy is current, so all files of a page come from one deployment.
    "cache-control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A text file with its media type and its entity tag."""

    body: str
    media_type: str
    etag: str


def read_files(folder: Path) -> dict[str, StaticFile]:
    """Return the files of a folder by name. It leaves out subfolders and files without a media type of ours."""
    found = sorted(path for path in folder.iterdir() if path.suffix in MEDIA_TYPES)
    return {path.name: _read(path) for path in found}


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    return StaticFile(body.decode(), MEDIA_TYPES[path.suffix], f'"{sha256(body).hexdigest()[:TAG_DIGITS]}"')


def file_response(files: Mapping[str, StaticFile], name: str, event: Event) -> Response[str]:
    """Return a file, or 304 if the client has it already; raises `NotFound` for a name that is none of the files."""
    file = files.get(name)
    if file is None:
        raise NotFound("no such file")
    headers = HEADERS | {"etag": file.etag}
    if has_version(event, file.etag):
        return Response(HTTPStatus.NOT_MODIFIED, body="", headers=headers)
    return Response(HTTPStatus.OK, file.media_type, file.body, headers=headers)
