"""The operations of multipart uploads: begin, write parts in any order, list, complete, abort."""

from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.cos import answers, requests
from engine.cos.answers import Node
from engine.cos.objects import Writer, may_replace, pin_source, require_bucket
from engine.cos.requests import COPY_SOURCE, CosRequest
from engine.objects import Destination, Draft, Objects
from engine.uploads import MAX_PARTS, Part, Upload, Uploads

_CHUNK = 1 << 20


class UploadOperations:
    """The operations of the sub-resources `uploads` and `uploadId` of an object."""

    def __init__(self, objects: Objects, uploads: Uploads, writer: Writer) -> None:
        self._objects = objects
        self._uploads = uploads
        self._writer = writer

    async def begin(self, asked: CosRequest) -> Response:
        """Begin an upload. The object's metadata comes from this request, not from the one that completes it."""
        require_bucket(asked)
        destination = Destination(
            place=asked.place,
            key=asked.key,
            content_type=asked.headers.get("content-type", ""),
            headers=requests.read_kept_headers(asked.headers),
        )
        upload = await run_in_threadpool(self._uploads.begin, destination)
        return answers.document("InitiateMultipartUploadResult", answers.of_upload(asked.place, upload))

    async def write_part(self, asked: CosRequest) -> Response:
        """Store the body, or a range of another object, as a part."""
        upload, number = await self._find(asked), asked.part_number()
        is_copy = COPY_SOURCE in asked.headers
        draft = await (run_in_threadpool(self._copy_range, asked) if is_copy else self._writer.receive(asked))
        try:
            limit = asked.config.max_object_size
            part = await run_in_threadpool(self._uploads.keep_part, upload, number, draft, limit)
        finally:
            draft.discard()
        if is_copy:
            return answers.copied("CopyPartResult", part.etag, part.modified)
        return Response(headers={"etag": part.etag})

    async def list_parts(self, asked: CosRequest) -> Response:
        """List the parts in the order of their numbers."""
        upload = await self._find(asked)
        most = asked.number("max-parts", requests.MAX_LISTED, requests.MAX_LISTED)
        after = asked.number("part-number-marker", 0, MAX_PARTS)
        found = await run_in_threadpool(self._uploads.parts, upload, after, most + 1)
        return answers.document("ListPartsResult", _listed_parts(asked, upload, found[:most], more=len(found) > most))

    async def complete(self, asked: CosRequest) -> Response:
        """Join the parts into the object and start its task."""
        upload = await self._find(asked)
        wanted = await run_in_threadpool(requests.read_parts, await requests.read_xml(asked.http))
        destination = Destination(
            place=asked.place,
            key=asked.key,
            content_type=upload.content_type,
            headers=upload.headers,
            replace=may_replace(asked),
        )
        item = await run_in_threadpool(self._uploads.complete, upload, wanted, destination)
        nodes: list[Node] = [
            ("Location", asked.place.url(f"/{asked.key}")),
            ("Bucket", answers.bucket_name(asked.place)),
            ("Key", asked.key),
            ("ETag", item.etag),
        ]
        return await self._writer.start_task(asked, item, answers.document("CompleteMultipartUploadResult", nodes))

    async def abort(self, asked: CosRequest) -> Response:
        """Remove the upload and its parts."""
        await run_in_threadpool(self._uploads.abort, await self._find(asked))
        return Response(status_code=204)

    async def _find(self, asked: CosRequest) -> Upload:
        require_bucket(asked)
        return await run_in_threadpool(self._uploads.find, asked.place, asked.key, asked.query["uploadId"])

    def _copy_range(self, asked: CosRequest) -> Draft:
        with pin_source(self._objects, asked) as (source, path):
            first, last = requests.read_source_range(asked.headers, source)
            draft = self._objects.draft()
            try:
                with path.open("rb") as file:
                    _copy_bytes(file, first, last - first + 1, draft)
            except BaseException:
                draft.discard()
                raise
        return draft


def _copy_bytes(file: BinaryIO, first: int, size: int, draft: Draft) -> None:
    file.seek(first)
    while draft.size < size:
        draft.write(file.read(min(_CHUNK, size - draft.size)))


def _listed_parts(asked: CosRequest, upload: Upload, parts: list[Part], *, more: bool) -> list[Node]:
    encoding = asked.query.get("encoding-type", "")
    return [
        ("Bucket", answers.bucket_name(asked.place)),
        *answers.optional("EncodingType", encoding),
        ("Key", answers.spelled(upload.key, encoding)),
        ("UploadId", upload.id),
        ("StorageClass", "STANDARD"),
        ("PartNumberMarker", asked.number("part-number-marker", 0, MAX_PARTS)),
        ("MaxParts", asked.number("max-parts", requests.MAX_LISTED, requests.MAX_LISTED)),
        ("IsTruncated", answers.boolean(more)),
        *([("NextPartNumberMarker", parts[-1].number)] if more and parts else []),
        *answers.part_nodes(parts),
    ]
