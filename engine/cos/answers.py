"""Build the answers of COS: error documents, result documents, and the bytes of an object."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import BinaryIO
from urllib.parse import quote
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.places import Place
from engine.store import StoredObject
from engine.uploads import Part, Upload

# The HTTP status and message of each error code of COS.
ERRORS = {
    "BadDigest": (400, "The Content-MD5 is not that of the body."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "EntityTooSmall": (400, "Every part but the last must have at least 1 MB."),
    "FileAlreadyExists": (409, "The object exists and x-cos-forbid-overwrite is true."),
    "IncompleteBody": (400, "The request ended before the body was complete."),
    "InvalidArgument": (400, "A parameter or header is out of form."),
    "InvalidDigest": (400, "The Content-MD5 is not the Base64 of an MD5."),
    "InvalidPart": (400, "A part was not uploaded, or its ETag is another one."),
    "InvalidPartOrder": (400, "The parts are not in the ascending order of their numbers."),
    "InvalidRange": (416, "The requested range cannot be satisfied."),
    "InvalidRequest": (400, "A copy of an object onto itself must replace its metadata."),
    "InvalidURI": (400, "Could not parse the specified URI."),
    "MalformedXML": (400, "The body is not the XML document that this request needs."),
    "MetadataTooLarge": (400, "The headers x-cos-meta-* have more than 2048 bytes."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "MissingContentLength": (411, "An upload must state its Content-Length or be sent in chunks."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchUpload": (404, "The specified multipart upload does not exist."),
    "NotImplemented": (501, "The engine does not implement this request."),
    "OperationAborted": (409, "The multipart upload is just being completed or aborted."),
    "PreconditionFailed": (412, "At least one of the preconditions does not hold."),
    "QuotaExceeded": (403, "The unfinished multipart uploads are too many or too large; complete or abort some."),
}

_CHUNK = 1 << 18
# Characters that XML 1.0 cannot contain, even escaped. Object keys can.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Node = tuple[str, "str | int | Sequence[Node]"]


class CosError(Exception):
    """A request fails with this code of `ERRORS`. `detail` replaces the usual message."""

    def __init__(self, code: str, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.status, message = ERRORS[code]
        self.message = detail or message
        self.headers = headers or {}


class ObjectBody(Response):
    """The bytes `first` to `last` of an open file, which the response closes."""

    def __init__(self, file: BinaryIO, first: int, last: int, *, status: int, headers: dict[str, str]) -> None:
        self._file = file
        self._first = first
        self._left = last - first + 1
        super().__init__(status_code=status, headers={**headers, "content-length": str(self._left)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the headers, and for any method but HEAD the bytes."""
        # A client that disconnects raises from `send`, so the file is closed in any case.
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send_bytes(send)
            await send({"type": "http.response.body", "body": b""})
        finally:
            await run_in_threadpool(self._file.close)

    async def _send_bytes(self, send: Send) -> None:
        await run_in_threadpool(self._file.seek, self._first)
        while self._left:
            chunk = await run_in_threadpool(self._file.read, min(_CHUNK, self._left))
            self._left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})


def object_headers(item: StoredObject) -> dict[str, str]:
    """Return the headers that describe an object."""
    return {
        **json.loads(item.headers),
        "content-type": item.content_type,
        "etag": item.etag,
        "last-modified": formatdate(item.modified, usegmt=True),
        "accept-ranges": "bytes",
        # `harmless` protects the console only if browsers believe the content type.
        "x-content-type-options": "nosniff",
    }


def error_answer(error: CosError, resource: str, request_id: str) -> Response:
    """Return an answer with an error document."""
    nodes: list[Node] = [
        ("Code", error.code),
        ("Message", error.message),
        ("Resource", resource),
        ("RequestId", request_id),
    ]
    return document("Error", nodes, status=error.status, headers=error.headers)


def document(name: str, nodes: Sequence[Node], *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer with an XML document."""
    body = f"<?xml version='1.0' encoding='utf-8' ?>\n{_print((name, nodes))}\n"
    return Response(body.encode(), status_code=status, headers=headers, media_type="application/xml")


def copied(name: str, etag: str, modified: float) -> Response:
    """Return the answer to a copy. `modified` is in UNIX seconds."""
    return document(name, [("ETag", etag), ("LastModified", iso(modified))])


def of_upload(place: Place, upload: Upload) -> list[Node]:
    """Return the elements with which every document about an upload begins."""
    return [("Bucket", bucket_name(place)), ("Key", upload.key), ("UploadId", upload.id)]


def part_nodes(parts: Iterable[Part]) -> list[Node]:
    """Return the `Part` elements of a list."""
    return [
        (
            "Part",
            [
                ("PartNumber", part.number),
                ("LastModified", iso(part.modified)),
                ("ETag", part.etag),
                ("Size", part.size),
            ],
        )
        for part in parts
    ]


def optional(name: str, value: str) -> list[Node]:
    """Return a list with an element, or an empty list if the element would be empty."""
    return [(name, value)] if value else []


def boolean(value: bool) -> str:  # noqa: FBT001
    """Print a truth value as COS does: `true` or `false`."""
    return str(value).lower()


def bucket_name(place: Place) -> str:
    """Return the bucket's name with its account, as COS prints it: `{bucket}-{app_id}`."""
    return f"{place.bucket}-{place.app_id}"


def spelled(text: str, encoding: str) -> str:
    """Return a key as a list prints it: percent-encoded if the client requests `encoding-type=url`."""
    return quote(text, safe="/") if encoding == "url" else text


def iso(moment: float) -> str:
    """Print UNIX seconds as the documents of COS do, in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _print(node: Node) -> str:
    name, value = node
    inner = _text(str(value)) if isinstance(value, str | int) else "".join(map(_print, value))
    return f"<{name}>{inner}</{name}>"


def _text(text: str) -> str:
    """Escape text. A character that XML cannot contain becomes U+FFFD."""
    return escape(_NOT_XML.sub("\ufffd", text))
