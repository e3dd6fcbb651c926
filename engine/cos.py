"""Buckets the way COS serves them: by virtual host, or below /cos/{host}/ for browsers.

An upload's answer carries the two headers that its vid is made of: `x-cos-request-id` and `Date` (cts.md section 3).
`Authorization` is not looked at.
"""

import base64
import secrets
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from xml.sax.saxutils import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from engine.config import Settings
from engine.jobs import Jobs, video_vid
from engine.objects import Draft, Objects
from engine.places import Place, checked_key, parse_host
from engine.store import StoredObject
from mediarelay.errors import Malformed

PREFIX = "/cos/"
_ERRORS = {
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "InvalidURI": (400, "Could not parse the specified URI."),
    "EntityTooLarge": (400, "Your proposed upload exceeds the maximum allowed object size."),
    "IncompleteBody": (400, "The request ended before the body was complete."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
}


class CosError(Exception):
    """Answered with this code and its status, as XML."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Cos:
    """GET, HEAD and PUT of objects."""

    def __init__(self, settings: Settings, objects: Objects, jobs: Jobs) -> None:
        self._settings = settings
        self._objects = objects
        self._jobs = jobs
        self._methods: dict[str, Callable[[Request, Place, str], Awaitable[Response]]] = {
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
        }

    async def by_host(self, request: Request) -> Response:
        """Answer a request whose Host is a bucket's."""
        return await self._answer(request, request.headers.get("host", ""), request.scope["path"])

    async def by_path(self, request: Request) -> Response:
        """Answer a request for /cos/{host}/{key}."""
        host, slash, key = request.scope["path"].removeprefix(PREFIX).partition("/")
        return await self._answer(request, host, slash + key)

    async def _answer(self, request: Request, host: str, path: str) -> Response:
        request_id, moment = _request_id(), int(time.time())
        request.state.request_id = request_id
        try:
            response = await self._dispatch(request, host, path)
        except CosError as error:
            response = _error(error.code, f"{host}{path}", request_id)
        response.headers.setdefault("x-cos-request-id", request_id)
        response.headers.setdefault("date", formatdate(moment, usegmt=True))
        return response

    async def _dispatch(self, request: Request, host: str, path: str) -> Response:
        method = self._methods.get(request.method)
        if method is None:
            raise CosError("MethodNotAllowed")
        place = parse_host(host)
        if place is None:
            raise CosError("NoSuchBucket")
        try:
            key = checked_key(path.removeprefix("/"))
        except Malformed as malformed:
            raise CosError("InvalidURI") from malformed
        return await method(request, place, key)

    async def _get(self, _: Request, place: Place, key: str) -> Response:
        item = await run_in_threadpool(self._objects.find, place, key)
        if item is None:
            known = self._settings.config.bucket(place) is not None
            raise CosError("NoSuchKey" if known else "NoSuchBucket")
        headers = {"etag": item.etag, "x-content-type-options": "nosniff"}
        return FileResponse(self._objects.path(item), media_type=item.content_type, headers=headers)

    async def _put(self, request: Request, place: Place, key: str) -> Response:
        bucket = self._settings.config.bucket(place)
        if bucket is None:
            raise CosError("NoSuchBucket")
        item = await self._store_body(request, place, key)
        moment = int(time.time())
        if bucket.video and not _is_folder(item):
            vid = video_vid(request.state.request_id, moment)
            await run_in_threadpool(self._jobs.start_video, bucket, place, key, vid=vid, moment=moment)
        return Response(headers={"etag": item.etag, "date": formatdate(moment, usegmt=True)})

    async def _store_body(self, request: Request, place: Place, key: str) -> StoredObject:
        draft = await run_in_threadpool(self._objects.draft)
        try:
            await self._receive(request, draft)
            content_type = request.headers.get("content-type", "")
            return await run_in_threadpool(self._objects.keep, draft, place, key, content_type)
        finally:
            draft.discard()

    async def _receive(self, request: Request, draft: Draft) -> None:
        limit = self._settings.config.max_object_size
        try:
            async for chunk in request.stream():
                await run_in_threadpool(draft.write, chunk)
                if draft.size > limit:
                    raise CosError("EntityTooLarge")
        except ClientDisconnect as error:
            raise CosError("IncompleteBody") from error


def _is_folder(item: StoredObject) -> bool:
    """Consoles make a folder by an empty object whose key ends in a slash; it is no file to transcode."""
    return item.size == 0 and item.key.endswith("/")


def _request_id() -> str:
    """Make a request id in the form of COS: the Base64 of four hex words."""
    words = (f"{int(time.time()):x}", secrets.token_hex(4), secrets.token_hex(2), secrets.token_hex(3))
    return base64.b64encode("_".join(words).encode()).decode()


def _error(code: str, resource: str, request_id: str) -> Response:
    status, message = _ERRORS[code]
    body = (
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n"
        f"\t<Code>{code}</Code>\n\t<Message>{message}</Message>\n\t<Resource>{escape(resource)}</Resource>\n"
        f"\t<RequestId>{request_id}</RequestId>\n</Error>\n"
    )
    return Response(body.encode("utf-8", "replace"), status_code=status, media_type="application/xml")
