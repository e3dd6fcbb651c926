"""List the objects and the unfinished uploads of a bucket."""

from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.cos import answers
from engine.cos.answers import CosError, Node
from engine.cos.objects import require_bucket
from engine.cos.requests import MAX_LISTED, CosRequest
from engine.store import LAST_KEY, Store, StoredObject
from engine.uploads import Upload, Uploads


@dataclass(slots=True)
class Page:
    """One page of a list: its objects, the common prefixes that stand for other objects, and the next page's marker."""

    objects: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_marker: str = ""
    is_truncated: bool = False

    @property
    def size(self) -> int:
        """The number of entries. A common prefix counts as one."""
        return len(self.objects) + len(self.prefixes)


class BucketOperations:
    """The operations GET and HEAD of a bucket."""

    def __init__(self, store: Store, uploads: Uploads) -> None:
        self._store = store
        self._uploads = uploads

    async def list_objects(self, asked: CosRequest) -> Response:
        """List objects in the order of their keys."""
        require_bucket(asked)
        page = await run_in_threadpool(self._page, asked)
        return answers.document("ListBucketResult", _listed_objects(asked, page))

    async def list_uploads(self, asked: CosRequest) -> Response:
        """List unfinished uploads in the order of key and upload id."""
        require_bucket(asked)
        if asked.query.get("delimiter"):
            raise CosError("NotImplemented", "The engine does not implement a delimiter in a list of uploads.")
        most = asked.number("max-uploads", MAX_LISTED, MAX_LISTED)
        marker = asked.query.get("key-marker", "")
        # Without an upload id, the list continues after all uploads of the key.
        after = (marker, asked.query.get("upload-id-marker") or (LAST_KEY if marker else ""))
        prefix = asked.query.get("prefix", "")
        # One more than requested, to learn whether a next page exists.
        found = await run_in_threadpool(self._uploads.of_bucket, asked.place, prefix, after, most + 1)
        nodes = _listed_uploads(asked, found[:most], more=len(found) > most)
        return answers.document("ListMultipartUploadsResult", nodes)

    def _page(self, asked: CosRequest) -> Page:
        prefix, delimiter = asked.query.get("prefix", ""), asked.query.get("delimiter", "")
        page, most = Page(), asked.number("max-keys", MAX_LISTED, MAX_LISTED)
        after = _behind(asked.query.get("marker", ""), prefix, delimiter)
        while rows := self._store.objects(asked.place.host, prefix, after, most - page.size + 1):
            for row in rows:
                if page.size == most:
                    page.is_truncated = most > 0
                    return page
                common = _common_prefix(row.key, prefix, delimiter)
                page.next_marker = common or row.key
                if common:
                    # The next query skips all keys of the prefix, so a folder of a million keys costs one query.
                    page.prefixes.append(common)
                    break
                page.objects.append(row)
            after = _behind(page.next_marker, prefix, delimiter)
        return page


def _behind(marker: str, prefix: str, delimiter: str) -> str:
    """Return the last key that a page after this marker omits."""
    # A common prefix stands for all keys that begin with it.
    return marker + LAST_KEY if marker and _common_prefix(marker, prefix, delimiter) == marker else marker


def _common_prefix(key: str, prefix: str, delimiter: str) -> str:
    """Return the key up to and with the first delimiter after the prefix, empty if there is none."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return "" if end < 0 else key[: end + len(delimiter)]


def _listed_objects(asked: CosRequest, page: Page) -> list[Node]:
    encoding = asked.query.get("encoding-type", "")
    following = [("NextMarker", answers.spelled(page.next_marker, encoding))] if page.is_truncated else []
    return [
        ("Name", answers.bucket_name(asked.place)),
        *answers.optional("EncodingType", encoding),
        ("Prefix", answers.spelled(asked.query.get("prefix", ""), encoding)),
        ("Marker", answers.spelled(asked.query.get("marker", ""), encoding)),
        ("MaxKeys", asked.number("max-keys", MAX_LISTED, MAX_LISTED)),
        *answers.optional("Delimiter", asked.query.get("delimiter", "")),
        ("IsTruncated", answers.boolean(page.is_truncated)),
        *following,
        *[("CommonPrefixes", [("Prefix", answers.spelled(each, encoding))]) for each in page.prefixes],
        *[("Contents", _content(each, encoding)) for each in page.objects],
    ]


def _content(item: StoredObject, encoding: str) -> list[Node]:
    return [
        ("Key", answers.spelled(item.key, encoding)),
        ("LastModified", answers.iso(item.modified)),
        ("ETag", item.etag),
        ("Size", item.size),
        ("StorageClass", "STANDARD"),
    ]


def _listed_uploads(asked: CosRequest, uploads: list[Upload], *, more: bool) -> list[Node]:
    encoding = asked.query.get("encoding-type", "")
    last = uploads[-1] if more and uploads else None
    following: list[Node] = (
        [("NextKeyMarker", answers.spelled(last.key, encoding)), ("NextUploadIdMarker", last.id)] if last else []
    )
    return [
        ("Bucket", answers.bucket_name(asked.place)),
        *answers.optional("EncodingType", encoding),
        ("KeyMarker", answers.spelled(asked.query.get("key-marker", ""), encoding)),
        ("UploadIdMarker", asked.query.get("upload-id-marker", "")),
        *following,
        ("MaxUploads", asked.number("max-uploads", MAX_LISTED, MAX_LISTED)),
        ("IsTruncated", answers.boolean(bool(last))),
        ("Prefix", answers.spelled(asked.query.get("prefix", ""), encoding)),
        *[("Upload", _listed_upload(each, encoding)) for each in uploads],
    ]


def _listed_upload(upload: Upload, encoding: str) -> list[Node]:
    return [
        ("Key", answers.spelled(upload.key, encoding)),
        ("UploadId", upload.id),
        ("StorageClass", "STANDARD"),
        ("Initiated", answers.iso(upload.created)),
    ]
