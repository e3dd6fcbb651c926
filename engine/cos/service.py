"""Find the operation of each request to a bucket, by virtual host, or below /cos/{host}/ for browsers.

`Cos` lists every operation. The engine refuses any other method, sub-resource or parameter and changes nothing, because
a client must not take an ignored parameter for an applied one. It ignores `Authorization`.
"""

import base64
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from engine.config import Settings
from engine.cos import requests
from engine.cos.answers import CosError, error_answer
from engine.cos.listing import BucketOperations
from engine.cos.multipart import UploadOperations
from engine.cos.objects import ObjectOperations, Writer
from engine.cos.requests import CosRequest, Handler
from engine.jobs import Jobs
from engine.objects import Objects
from engine.places import parse_host
from engine.store import ObjectExists, Store
from engine.uploads import (
    NoSuchUpload,
    PartsTooLarge,
    PartTooSmall,
    TooManyUploads,
    UploadBusy,
    Uploads,
    WrongPart,
)

PREFIX = "/cos/"
_METHODS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
_CODES: dict[type[Exception], str] = {
    ClientDisconnect: "IncompleteBody",
    NoSuchUpload: "NoSuchUpload",
    ObjectExists: "FileAlreadyExists",
    PartsTooLarge: "EntityTooLarge",
    PartTooSmall: "EntityTooSmall",
    TooManyUploads: "QuotaExceeded",
    UploadBusy: "OperationAborted",
    WrongPart: "InvalidPart",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its method, its handler, and the parameters that a request must have and may have."""

    method: str
    handler: Handler
    needs: frozenset[str] = frozenset()
    may_have: frozenset[str] = frozenset()

    def fits(self, method: str, names: set[str]) -> bool:
        """Return whether a request with this method and these parameters requests the operation."""
        return method == self.method and self.needs <= names <= self.needs | self.may_have


def _operation(method: str, handler: Handler, needs: str = "", may_have: str = "") -> Operation:
    return Operation(method, handler, frozenset(needs.split()), frozenset(may_have.split()))


class Cos:
    """The endpoints of all buckets."""

    def __init__(self, settings: Settings, store: Store, objects: Objects, uploads: Uploads, jobs: Jobs) -> None:
        self._settings = settings
        writer = Writer(objects, jobs)
        one = ObjectOperations(objects, writer)
        multipart = UploadOperations(objects, uploads, writer)
        bucket = BucketOperations(store, uploads)
        self._of_objects = (
            _operation("GET", one.read, may_have=" ".join(requests.RESPONSE_PARAMETERS)),
            _operation("PUT", one.write),
            _operation("DELETE", one.delete),
            _operation("POST", multipart.begin, "uploads"),
            _operation("PUT", multipart.write_part, "uploadId partNumber"),
            _operation("GET", multipart.list_parts, "uploadId", "max-parts part-number-marker encoding-type"),
            _operation("POST", multipart.complete, "uploadId"),
            _operation("DELETE", multipart.abort, "uploadId"),
        )
        self._of_buckets = (
            _operation("GET", bucket.list_objects, "", "prefix delimiter marker max-keys encoding-type"),
            _operation(
                "GET",
                bucket.list_uploads,
                "uploads",
                "prefix delimiter key-marker upload-id-marker max-uploads encoding-type",
            ),
        )

    async def by_host(self, request: Request) -> Response:
        """Answer a request whose Host is a bucket's."""
        return await self._answer(request, request.headers.get("host", ""), request.scope["raw_path"])

    async def by_path(self, request: Request) -> Response:
        """Answer a request for /cos/{host}/{key}."""
        host, slash, key = request.scope["raw_path"].removeprefix(PREFIX.encode()).partition(b"/")
        return await self._answer(request, host.decode("ascii"), slash + key)

    async def _answer(self, request: Request, host: str, path: bytes) -> Response:
        # The request id precedes the operation, because an upload makes the vid of its task from it.
        request_id, moment = _request_id(), int(time.time())
        request.state.request_id = request_id
        try:
            with _cos_errors():
                response = await self._dispatch(request, host, path.removeprefix(b"/"))
        except CosError as error:
            response = error_answer(error, f"{host}{path.decode('ascii')}", request_id)
        response.headers.setdefault("x-cos-request-id", request_id)
        response.headers.setdefault("date", formatdate(moment, usegmt=True))
        return response

    async def _dispatch(self, request: Request, host: str, path: bytes) -> Response:
        if request.method not in _METHODS:
            raise CosError("MethodNotAllowed")
        place = parse_host(host.lower())
        if place is None:
            raise CosError("NoSuchBucket")
        key = requests.read_key(path) if path else ""
        query = requests.read_query(request.scope["query_string"])
        asked = CosRequest(request, self._settings.config, place, key, query)
        return await self._handler(asked)(asked)

    def _handler(self, asked: CosRequest) -> Handler:
        method = asked.http.method
        # A header that the engine does not implement changes a write. A read without its effect does no harm.
        if method not in {"GET", "HEAD"}:
            requests.refuse_unknown_headers(asked.headers)
        operations = self._of_objects if asked.key else self._of_buckets
        as_get, names = "GET" if method == "HEAD" else method, set(asked.query)
        found = next((each.handler for each in operations if each.fits(as_get, names)), None)
        if found is None:
            what = f"?{'&'.join(asked.query)}" if asked.query else "an object" if asked.key else "a bucket"
            raise CosError("NotImplemented", f"The engine does not implement {method} of {what}.")
        return found


@contextmanager
def _cos_errors() -> Iterator[None]:
    """Convert exceptions of the engine into errors of COS."""
    try:
        yield
    except tuple(_CODES) as error:
        raise CosError(_CODES[type(error)]) from error


def _request_id() -> str:
    """Make a request id in the form of COS: the Base64 of four hex words."""
    words = (f"{int(time.time()):x}", secrets.token_hex(4), secrets.token_hex(2), secrets.token_hex(3))
    return base64.b64encode("_".join(words).encode()).decode()
