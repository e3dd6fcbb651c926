"""Read the parts of a request to a bucket: parameters, ranges, preconditions, copy source, list of parts."""

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import parse_qsl, unquote_to_bytes
from xml.parsers import expat

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from engine.config import Bucket, Config
from engine.cos.answers import CosError
from engine.forms import read_body
from engine.places import Place, checked_key, parse_host
from engine.store import StoredObject
from engine.uploads import MAX_PARTS
from mediarelay.errors import Malformed

MAX_PARAMETERS = 100
# Entries of one page of a list. COS has the same limit.
MAX_LISTED = 1000
# Bytes. The list of 10,000 parts fits.
MAX_XML = 2 << 20
MAX_DEPTH = 8
# Bytes of all headers `x-cos-meta-*` together. COS has the same limit.
MAX_META = 2048

COPY_SOURCE = "x-cos-copy-source"
_META = "x-cos-meta-"
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
# Parameters of a GET, each of which sets a header of the answer.
RESPONSE_PARAMETERS = tuple(f"response-{name}" for name in ("content-type", *_KEPT))
# Headers, by their first letters, that would change the effect of a write.
_NOT_IMPLEMENTED = (
    "x-cos-tagging",
    "x-cos-callback",
    "x-cos-server-side-encryption",
    "x-cos-object-lock",
    "pic-operations",
    "x-amz-copy-source",
    "x-amz-tagging",
    "if-",
    "content-range",
)
# A signed URL carries its signature in these parameters. The engine checks no signatures of buckets.
_SIGNING = re.compile(r"q-[a-z-]+|sign|x-cos-security-token", re.ASCII)
_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.ASCII | re.IGNORECASE)
_SOURCE = re.compile(r"([^/?]+)/([^?]+)(\?.*)?", re.DOTALL)
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class CosRequest:
    """One request to a bucket, with the configuration in force. `key` is empty for a request about the bucket."""

    http: Request
    config: Config
    place: Place
    key: str
    query: Mapping[str, str]

    @property
    def bucket(self) -> Bucket | None:
        """The configured bucket, None if the configuration has no such bucket."""
        return self.config.bucket(self.place)

    @property
    def headers(self) -> Headers:
        """The headers of the request."""
        return self.http.headers

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of the query, capped at `most`. Raises `CosError` (`InvalidArgument`)."""
        text = self.query.get(name) or str(default)
        if not _DIGITS.fullmatch(text):
            raise CosError("InvalidArgument", f"{name} is not a whole number.")
        return min(int(text), most)

    def part_number(self) -> int:
        """Return the requested part number. Raises `CosError` (`InvalidArgument`)."""
        number = self.number("partNumber", 0, MAX_PARTS + 1)
        if not 1 <= number <= MAX_PARTS:
            raise CosError("InvalidArgument", f"partNumber must be from 1 to {MAX_PARTS}.")
        return number


Handler = Callable[[CosRequest], Awaitable[Response]]


def read_query(text: bytes) -> dict[str, str]:
    """Return the parameters without those of a signature. Raises `CosError` for a repeated or malformed one."""
    try:
        pairs = parse_qsl(
            text.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError as error:
        raise CosError("InvalidArgument", "The query is not form-encoded UTF-8.") from error
    found = [(name, value) for name, value in pairs if not _SIGNING.fullmatch(name)]
    if len(dict(found)) != len(found):
        raise CosError("InvalidArgument", "A parameter is given twice.")
    return dict(found)


def read_key(raw: bytes) -> str:
    """Return the key of a path without its first slash, decoded once. Raises `CosError` (`InvalidURI`)."""
    try:
        return checked_key(unquote_to_bytes(raw).decode())
    except (UnicodeDecodeError, Malformed) as error:
        raise CosError("InvalidURI") from error


def refuse_unknown_headers(headers: Headers) -> None:
    """Raise `CosError` (`NotImplemented`) for a write with a header that the engine does not implement."""
    asked = next((name for name in headers if name.startswith(_NOT_IMPLEMENTED)), None)
    if asked:
        raise CosError("NotImplemented", f"The engine does not implement the header {asked}.")
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        raise CosError("NotImplemented", "The engine does not implement chunks with signatures of their own.")


def require_length(headers: Headers) -> None:
    """Raise `CosError` (`MissingContentLength`) for an upload without a length and without chunks.

    HTTP would treat it as an empty body, and the engine would store an empty object.
    """
    if "content-length" not in headers and "transfer-encoding" not in headers:
        raise CosError("MissingContentLength")


def read_kept_headers(headers: Headers) -> str:
    """Return the headers to store with an object, as JSON. Raises `CosError` (`MetadataTooLarge`)."""
    meta = {name: value for name, value in headers.items() if name.startswith(_META)}
    if sum(len(name) + len(value) for name, value in meta.items()) > MAX_META:
        raise CosError("MetadataTooLarge")
    return json.dumps({**{name: headers[name] for name in _KEPT if name in headers}, **meta})


def read_response_headers(query: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that the parameters `response-*` request. Raises `CosError` (`InvalidArgument`)."""
    # A line break in a value would inject a header.
    asked = {name.removeprefix("response-"): value for name, value in query.items() if value}
    if not all(map(_PRINTABLE.fullmatch, asked.values())):
        raise CosError("InvalidArgument", "A response-* parameter is not a header.")
    return asked


def read_md5(headers: Headers) -> bytes | None:
    """Return the MD5 that Content-MD5 requires, None without it. Raises `CosError` (`InvalidDigest`)."""
    text = headers.get("content-md5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CosError("InvalidDigest") from error
    if len(digest) != 16:  # noqa: PLR2004
        raise CosError("InvalidDigest")
    return digest


def read_range(headers: Headers, item: StoredObject) -> tuple[int, int] | None:
    """Return the first and the last requested byte, None for all. Raises `CosError` (`InvalidRange`).

    A malformed range, several ranges and a range whose `If-Range` does not hold count as none (RFC 9110, 14.2).
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or headers.get("if-range", item.etag) != item.etag:
        return None
    first, last = match.groups()
    if not first:
        return _satisfiable(item.size - int(last), item.size - 1, item.size) if last else None
    if last and int(last) < int(first):
        return None
    return _satisfiable(int(first), min(int(last or item.size), item.size - 1), item.size)


def _satisfiable(first: int, last: int, size: int) -> tuple[int, int]:
    if first >= size or not size:
        raise CosError("InvalidRange", headers={"content-range": f"bytes */{size}"})
    return max(first, 0), last


def read_source_range(headers: Headers, item: StoredObject) -> tuple[int, int]:
    """Return the first and the last byte of `x-cos-copy-source-range`, by default all. Raises `CosError`."""
    text = headers.get(f"{COPY_SOURCE}-range", "").strip()
    if not text:
        return 0, item.size - 1
    match = _RANGE.fullmatch(text)
    if match is None or not all(match.groups()) or int(match[2]) < int(match[1]):
        raise CosError("InvalidArgument", "x-cos-copy-source-range must be bytes=first-last.")
    if int(match[2]) >= item.size:
        raise CosError("InvalidRange")
    return int(match[1]), int(match[2])


def read_copy_source(headers: Headers) -> tuple[Place, str]:
    """Return the bucket and the key of `x-cos-copy-source`, which is `{host}/{escaped key}`. Raises `CosError`."""
    match = _SOURCE.fullmatch(headers[COPY_SOURCE].strip())
    if match is None:
        raise CosError("InvalidArgument", "x-cos-copy-source must be {host}/{key}.")
    if match[3] not in {None, "?", "?versionId="}:
        raise CosError("NotImplemented", "The engine keeps no versions.")
    place = parse_host(match[1].lower())
    if place is None:
        raise CosError("NoSuchBucket")
    return place, read_key(match[2].encode("latin-1"))


def replaces_metadata(headers: Headers) -> bool:
    """Return whether a copy takes its metadata from the request. Raises `CosError` (`InvalidArgument`)."""
    directive = headers.get("x-cos-metadata-directive", "copy").lower()
    if directive not in {"copy", "replaced"}:
        raise CosError("InvalidArgument", "x-cos-metadata-directive must be Copy or Replaced.")
    return directive == "replaced"


def is_unchanged(headers: Headers, item: StoredObject, prefix: str = "") -> bool:
    """Return whether the client already has this object. Raises `CosError` (`PreconditionFailed`).

    `prefix` precedes the names of the headers, as in `x-cos-copy-source-If-Match`.
    """
    # If-Match precedes If-Unmodified-Since, and If-None-Match precedes If-Modified-Since (RFC 9110, 13.2.2).
    given = {name: headers.get(f"{prefix}if-{name}") for name in _CONDITIONS}
    met = {name: _CONDITIONS[name](value, item) for name, value in given.items() if value is not None}
    if not met.get("match", met.get("unmodified-since", True)):
        raise CosError("PreconditionFailed")
    return not met.get("none-match", met.get("modified-since", True))


def _matches(value: str, item: StoredObject) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in value.split(",")}
    return bool({"*", item.etag.strip('"')} & tags)


def _is_modified_since(value: str, item: StoredObject) -> bool | None:
    """Return whether an object is newer than a date; None if the value is no date, which the conditions ignore."""
    try:
        moment = parsedate_to_datetime(value)
        return int(item.modified) > (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


_CONDITIONS: Mapping[str, Callable[[str, StoredObject], bool]] = {
    "match": _matches,
    "none-match": lambda value, item: not _matches(value, item),
    "modified-since": lambda value, item: _is_modified_since(value, item) is not False,
    "unmodified-since": lambda value, item: not _is_modified_since(value, item),
}


class _PartsReader:
    """A parser that collects `Part` elements with their children.

    It refuses a document type, and with it entities: nested ones can grow a small document to gigabytes.
    """

    def __init__(self) -> None:
        self.parts: list[dict[str, str]] = []
        self._path: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, body: bytes) -> None:
        """Parse a whole document. Raises `CosError` (`MalformedXML`)."""
        try:
            self._parser.Parse(body, True)  # noqa: FBT003
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise CosError("MalformedXML") from error

    def _start(self, name: str, _: Mapping[str, str]) -> None:
        self._path.append(name)
        if self._path[0] != "CompleteMultipartUpload" or len(self._path) > MAX_DEPTH:
            self._refuse()
        if self._path[1:] == ["Part"]:
            self.parts.append({})
        if len(self.parts) > MAX_PARTS:
            self._refuse()

    def _end(self, _: str) -> None:
        self._path.pop()

    def _characters(self, text: str) -> None:
        if self._path[1:-1] == ["Part"]:
            part = self.parts[-1]
            part[self._path[-1]] = part.get(self._path[-1], "") + text

    def _refuse(self, *_: object) -> NoReturn:
        raise CosError("MalformedXML")


async def read_xml(http: Request) -> bytes:
    """Return the body of a request with an XML document. Raises `CosError` (`MalformedXML`) over `MAX_XML`."""
    try:
        return await read_body(http, MAX_XML)
    except Malformed as error:
        raise CosError("MalformedXML") from error


def read_parts(body: bytes) -> list[tuple[int, str]]:
    """Return the parts of a completion as numbers and MD5s.

    Raises `CosError`: `MalformedXML`, or `InvalidPartOrder` unless the numbers ascend.
    """
    reader = _PartsReader()
    reader.read(body)
    if not reader.parts:
        raise CosError("MalformedXML")
    parts = [_read_part(part) for part in reader.parts]
    numbers = [number for number, _ in parts]
    if numbers != sorted(set(numbers)):
        raise CosError("InvalidPartOrder")
    return parts


def _read_part(part: Mapping[str, str]) -> tuple[int, str]:
    number, etag = part.get("PartNumber", "").strip(), part.get("ETag", "").strip()
    if not _DIGITS.fullmatch(number) or not etag:
        raise CosError("MalformedXML")
    return int(number), etag.strip('"').lower()
