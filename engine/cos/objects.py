"""Read, write, copy and delete whole objects, and start the task of a new one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.config import Bucket
from engine.cos import answers, requests
from engine.cos.answers import CosError, ObjectBody
from engine.cos.requests import COPY_SOURCE, CosRequest
from engine.jobs import Jobs, video_vid
from engine.objects import Destination, Draft, Objects, harmless
from engine.store import StoredObject


class Writer:
    """The steps that all operations share that make an object."""

    def __init__(self, objects: Objects, jobs: Jobs) -> None:
        self._objects = objects
        self._jobs = jobs

    async def receive(self, asked: CosRequest) -> Draft:
        """Read a body into a draft. Raises `CosError` or `ClientDisconnect`, after it has removed the draft."""
        requests.require_length(asked.headers)
        md5 = requests.read_md5(asked.headers)
        draft = await run_in_threadpool(self._objects.draft)
        try:
            await _read_body(asked, draft)
            _check_md5(draft, md5)
        except BaseException:
            draft.discard()
            raise
        return draft

    async def start_task(self, asked: CosRequest, item: StoredObject, answer: Response) -> Response:
        """Start the tasks that a new object triggers, and return the answer with a Date."""
        # Clients compute the vid from the request id and the Date of the answer, so both must be those of the task.
        moment = int(time.time())
        bucket = require_bucket(asked)
        if not _is_folder(item):
            await run_in_threadpool(self._jobs.start_triggered, asked.place, asked.key)
            if bucket.video:
                vid = video_vid(asked.http.state.request_id, moment)
                await run_in_threadpool(self._jobs.start_video, bucket, asked.place, asked.key, vid=vid, moment=moment)
        answer.headers["date"] = formatdate(moment, usegmt=True)
        return answer


async def _read_body(asked: CosRequest, draft: Draft) -> None:
    async for chunk in asked.http.stream():
        await run_in_threadpool(draft.write, chunk)
        # A chunked body states no length, so the limit applies while it arrives.
        if draft.size > asked.config.max_object_size:
            raise CosError("EntityTooLarge")


def _check_md5(draft: Draft, md5: bytes | None) -> None:
    if md5 not in {None, draft.digest.digest()}:
        raise CosError("BadDigest")


class ObjectOperations:
    """The operations GET, HEAD, PUT, PUT with `x-cos-copy-source`, and DELETE of an object."""

    def __init__(self, objects: Objects, writer: Writer) -> None:
        self._objects = objects
        self._writer = writer

    async def read(self, asked: CosRequest) -> Response:
        """Return the object or the requested range, if the preconditions hold."""
        found = await run_in_threadpool(self._objects.open, asked.place, asked.key)
        if found is None:
            raise missing(asked)
        item, file = found
        try:
            return _answer_object(asked, item, file)
        except BaseException:
            file.close()
            raise

    async def write(self, asked: CosRequest) -> Response:
        """Store the body, or a copy of another object, as the object."""
        require_bucket(asked)
        if COPY_SOURCE in asked.headers:
            return await self._copy(asked)
        draft = await self._writer.receive(asked)
        try:
            item = await run_in_threadpool(self._objects.keep, draft, destination_of(asked))
        finally:
            draft.discard()
        return await self._writer.start_task(asked, item, Response(headers={"etag": item.etag}))

    async def delete(self, asked: CosRequest) -> Response:
        """Remove the object. As in COS, it is no error if there is none."""
        # An object may be left from a bucket that the configuration no longer has, and can still be removed.
        removed = await run_in_threadpool(self._objects.delete, asked.place, asked.key)
        if not removed:
            require_bucket(asked)
        return Response(status_code=204)

    async def _copy(self, asked: CosRequest) -> Response:
        item = await run_in_threadpool(self._make_copy, asked)
        answer = answers.copied("CopyObjectResult", item.etag, item.modified)
        # New metadata is no new content, so it starts no task.
        if requests.read_copy_source(asked.headers) == (asked.place, asked.key):
            return answer
        return await self._writer.start_task(asked, item, answer)

    def _make_copy(self, asked: CosRequest) -> StoredObject:
        with pin_source(self._objects, asked) as (source, file):
            replaces = requests.replaces_metadata(asked.headers)
            if not replaces and (source.host, source.key) == (asked.place.host, asked.key):
                raise CosError("InvalidRequest")
            if requests.read_source_range(asked.headers, source) != (0, source.size - 1):
                raise CosError("InvalidArgument", "A range can be copied into a part only.")
            return self._objects.publish(file, source.etag, destination_of(asked, None if replaces else source))


@contextmanager
def pin_source(objects: Objects, asked: CosRequest) -> Iterator[tuple[StoredObject, Path]]:
    """Yield the object that `x-cos-copy-source` names, and a path of its file that no other request removes.

    Raises `CosError` if there is no such object or a precondition does not hold.
    """
    place, key = requests.read_copy_source(asked.headers)
    with objects.pin(place, key) as pinned:
        if pinned is None:
            raise CosError("NoSuchKey" if asked.config.bucket(place) else "NoSuchBucket")
        # A read would answer 304. A copy has no such answer, so it fails.
        if requests.is_unchanged(asked.headers, pinned[0], f"{COPY_SOURCE}-"):
            raise CosError("PreconditionFailed")
        yield pinned


def destination_of(asked: CosRequest, source: StoredObject | None = None) -> Destination:
    """Return the destination of the requested object. Its metadata is the source's for a copy, else the request's."""
    headers = asked.headers
    return Destination(
        place=asked.place,
        key=asked.key,
        content_type=source.content_type if source else headers.get("content-type", ""),
        headers=source.headers if source else requests.read_kept_headers(headers),
        replace=may_replace(asked),
    )


def may_replace(asked: CosRequest) -> bool:
    """Return whether the request may replace an object."""
    return asked.headers.get("x-cos-forbid-overwrite", "").lower() != "true"


def require_bucket(asked: CosRequest) -> Bucket:
    """Return the configured bucket. Raises `CosError` (`NoSuchBucket`)."""
    if asked.bucket is None:
        raise CosError("NoSuchBucket")
    return asked.bucket


def missing(asked: CosRequest) -> CosError:
    """Return the error for an object that does not exist, or for its bucket."""
    return CosError("NoSuchKey" if asked.bucket else "NoSuchBucket")


def _answer_object(asked: CosRequest, item: StoredObject, file: BinaryIO) -> Response:
    headers = answers.object_headers(item)
    if requests.is_unchanged(asked.headers, item):
        file.close()
        return Response(status_code=304, headers={"etag": item.etag, "last-modified": headers["last-modified"]})
    headers |= requests.read_response_headers(asked.query)
    headers["content-type"] = harmless(headers["content-type"])
    wanted = requests.read_range(asked.headers, item)
    if wanted is None:
        return ObjectBody(file, 0, item.size - 1, status=200, headers=headers)
    first, last = wanted
    headers["content-range"] = f"bytes {first}-{last}/{item.size}"
    return ObjectBody(file, first, last, status=206, headers=headers)


def _is_folder(item: StoredObject) -> bool:
    """Return whether an object is a folder: consoles and SDKs create one as an empty object whose key ends in `/`."""
    return item.size == 0 and item.key.endswith("/")
