"""Read request bodies and forms, which are `application/x-www-form-urlencoded` or `multipart/form-data`.

The official Java and .NET SDKs send every POST as `multipart/form-data`. No action accepts a file.
"""

import re
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from mediarelay.errors import Malformed

MAX_FIELDS = 1000
Pairs = list[tuple[str, str]]

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.ASCII | re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*form-data[ \t]*;(.*)$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb'(?:^|[;\s])name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE)
_FILE = re.compile(rb"(?:^|[;\s])filename\*?=", re.IGNORECASE)
_ENCODED = re.compile(rb"^content-transfer-encoding:[ \t]*(?:base64|quoted-printable)", re.IGNORECASE | re.MULTILINE)


async def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body. Raises `Malformed` if it has more than `limit` bytes or ends early."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise Malformed("body", f"is over {limit} bytes")
    except ClientDisconnect as error:
        raise Malformed("body", "ended early") from error
    return bytes(body)


def read_form(content_type: str, body: bytes) -> Pairs:
    """Return the fields of a body in their order. Raises `Malformed`.

    A body of any type but `multipart/form-data` is parsed as urlencoded, so that a client may omit the header.
    """
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return _read_multipart(_boundary(content_type), body)
    try:
        return read_urlencoded(body.decode())
    except UnicodeDecodeError as error:
        raise Malformed("parameters", "are not UTF-8") from error


def read_urlencoded(text: str) -> Pairs:
    """Return the fields of a query or an urlencoded body in their order. Raises `Malformed`."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Malformed("parameters", "are not form-encoded text") from error


def _boundary(content_type: str) -> bytes:
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise Malformed("Content-Type", "names no boundary")
    return (match[1] or match[2]).encode("latin-1")


def _read_multipart(boundary: bytes, body: bytes) -> Pairs:
    # Every delimiter begins a line; the first line of the body has no line end before it.
    text, delimiter = b"\r\n" + body, b"\r\n--" + boundary
    if text.count(delimiter) > MAX_FIELDS + 1:
        raise Malformed("body", f"has more than {MAX_FIELDS} fields")
    _, *parts = text.split(delimiter)
    if not parts or not parts[-1].startswith(b"--"):
        raise Malformed("body", "does not end with its boundary")
    return [_read_part(part) for part in parts[:-1]]


def _read_part(part: bytes) -> tuple[str, str]:
    line, _, rest = part.partition(b"\r\n")
    head, blank, value = rest.partition(b"\r\n\r\n")
    if line.strip(b" \t") or not blank:
        raise Malformed("body", "holds a part that is out of form")
    if _ENCODED.search(head):
        raise Malformed("body", "holds a part with a transfer encoding")
    return _field_name(head), _text(value)


def _field_name(head: bytes) -> str:
    disposition = _DISPOSITION.search(head)
    name = _NAME.search(disposition[1]) if disposition else None
    if disposition is None or name is None:
        raise Malformed("body", "holds a part without a name")
    if _FILE.search(disposition[1]):
        raise Malformed("body", "holds a file, which no action takes")
    return _text(name[1] if name[1] is not None else name[2])


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Malformed("parameters", "are not UTF-8") from error
