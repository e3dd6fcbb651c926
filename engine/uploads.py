"""Store unfinished multipart uploads: their parts on disk, the room that they may take, and their completion.

Parts outlive the process. While one request completes or aborts an upload, `UploadBusy` refuses every other one that
would complete it, abort it or add a part.
"""

import contextlib
import hashlib
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.decode import encode
from engine.objects import Destination, Draft, Objects
from engine.places import Place
from engine.store import LAST_KEY, Store, StoredObject

MAX_UPLOADS = 1000
# Seconds. Clients rarely abort an upload that they abandon, so the engine removes it after a week.
MAX_UPLOAD_AGE = 7 * 86_400.0
MAX_PARTS = 10_000
# Bytes that each part but the last must have at least. It is the limit of COS.
MIN_PART_SIZE = 1 << 20
# All parts together may have this many times `max_object_size`. Abandoned uploads would otherwise fill the disk.
MAX_OBJECTS_IN_PARTS = 4


class NoSuchUpload(Exception):
    """The key has no such upload: it never began, was completed or aborted, or is too old."""


class UploadBusy(Exception):
    """Another request is completing or aborting the upload."""


class TooManyUploads(Exception):
    """The unfinished uploads are too many, or their parts take too much room."""


class PartsTooLarge(Exception):
    """The parts of one upload together exceed the maximum size of an object."""


class WrongPart(Exception):
    """A completion lists a part that no client uploaded, or that has another ETag."""


class PartTooSmall(Exception):
    """A part that is not the last one is smaller than `MIN_PART_SIZE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One unfinished upload. `created` is in UNIX seconds, `headers` is JSON as in `StoredObject`."""

    id: str
    host: str
    key: str
    content_type: str
    headers: str
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part. `blob` is the name of its file, `size` is in bytes, `modified` is in UNIX seconds."""

    upload: str
    number: int
    blob: str
    size: int
    md5: str
    modified: float

    @property
    def etag(self) -> str:
        """The ETag in the answer to the part's upload."""
        return f'"{self.md5}"'


class Uploads:
    """The unfinished uploads of all buckets."""

    def __init__(self, directory: Path, store: Store, objects: Objects) -> None:
        self._directory = directory
        self._store = store
        self._objects = objects
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True)
        self._remove_old()
        self._remove_strays()

    def begin(self, destination: Destination) -> Upload:
        """Begin an upload and return it. Raises `TooManyUploads`."""
        self._remove_old()
        upload = Upload(
            id=f"{int(time.time())}{secrets.token_hex(28)}",
            host=destination.place.host,
            key=destination.key,
            content_type=destination.content_type,
            headers=destination.headers,
            created=time.time(),
        )
        with self._store.transaction() as db:
            if _scalar(db, "SELECT COUNT(*) FROM uploads") >= MAX_UPLOADS:
                raise TooManyUploads(f"there are {MAX_UPLOADS} unfinished uploads")
            db.execute(
                "INSERT INTO uploads VALUES (:id, :host, :key, :content_type, :headers, :created)", encode(upload)
            )
        return upload

    def find(self, place: Place, key: str, upload_id: str) -> Upload:
        """Return an upload of a key. Raises `NoSuchUpload`."""
        query = "SELECT * FROM uploads WHERE id = ? AND host = ? AND key = ?"
        with self._store.transaction() as db:
            row = db.execute(query, (upload_id, place.host, key)).fetchone()
        if row is None:
            raise NoSuchUpload(upload_id)
        return Upload(**row)

    def of_bucket(self, place: Place, prefix: str, after: tuple[str, str], limit: int) -> list[Upload]:
        """Return uploads in the order of key and id, whose keys begin with `prefix`.

        `after` is the key and id of the last upload of the page before. The page has at most `limit` uploads.
        """
        query = """SELECT * FROM uploads WHERE host = ? AND key >= ? AND key < ? AND (key, id) > (?, ?)
            ORDER BY key, id LIMIT ?"""
        with self._store.transaction() as db:
            rows = db.execute(query, (place.host, prefix, prefix + LAST_KEY, *after, limit))
            return [Upload(**row) for row in rows]

    def parts(self, upload: Upload, after: int = 0, limit: int = MAX_PARTS) -> list[Part]:
        """Return at most `limit` parts in the order of their numbers, from the first one above `after`."""
        query = "SELECT * FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?"
        with self._store.transaction() as db:
            return [Part(**row) for row in db.execute(query, (upload.id, after, limit))]

    def keep_part(self, upload: Upload, number: int, draft: Draft, max_object_size: int) -> Part:
        """Make a complete draft a part, which replaces the part of the same number.

        Raises `NoSuchUpload`, `UploadBusy`, `PartsTooLarge` or `TooManyUploads`; nothing has changed then.
        """
        draft.file.close()
        part = Part(
            upload=upload.id,
            number=number,
            blob=secrets.token_hex(16),
            size=draft.size,
            md5=draft.digest.hexdigest(),
            modified=time.time(),
        )
        with self._lock:
            if upload.id in self._busy:
                raise UploadBusy(upload.id)
            draft.path.replace(self._path(part.blob))
            self._insert_part(part, max_object_size)
        return part

    def complete(self, upload: Upload, wanted: Sequence[tuple[int, str]], destination: Destination) -> StoredObject:
        """Join parts into the object and return it. `wanted` has their numbers and MD5s, in ascending order.

        Raises `NoSuchUpload`, `UploadBusy`, `WrongPart`, `PartTooSmall` or `ObjectExists`; the upload stays open then.
        """
        with self._alone(upload):
            parts = self._chosen(upload, wanted)
            draft = self._objects.draft()
            try:
                self._join(parts, draft)
                item = self._objects.keep(draft, destination, etag=joint_etag([part.md5 for part in parts]))
            finally:
                draft.discard()
            # The object exists before the parts go, so that a crash in between loses nothing.
            self._remove(upload.id)
        return item

    def abort(self, upload: Upload) -> None:
        """Remove an upload and its parts. Raises `NoSuchUpload` or `UploadBusy`."""
        with self._alone(upload):
            self._remove(upload.id)

    @contextlib.contextmanager
    def _alone(self, upload: Upload) -> Iterator[None]:
        with self._lock:
            if upload.id in self._busy:
                raise UploadBusy(upload.id)
            self._busy.add(upload.id)
        try:
            with self._store.transaction() as db:
                _require_upload(db, upload.id)
            yield
        finally:
            with self._lock:
                self._busy.discard(upload.id)

    def _insert_part(self, part: Part, max_object_size: int) -> None:
        try:
            with self._store.transaction() as db:
                _require_upload(db, part.upload)
                same = (part.upload, part.number)
                old = db.execute("SELECT blob FROM parts WHERE upload = ? AND number = ?", same).fetchone()
                db.execute(
                    "INSERT OR REPLACE INTO parts VALUES (:upload, :number, :blob, :size, :md5, :modified)",
                    encode(part),
                )
                # The check follows the insert, since a part that replaces a larger one needs no room. An exception
                # rolls the transaction back.
                _require_room(db, part.upload, max_object_size)
        except BaseException:
            self._path(part.blob).unlink(missing_ok=True)
            raise
        if old:
            self._path(old["blob"]).unlink(missing_ok=True)

    def _chosen(self, upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Part]:
        known = {(part.number, part.md5): part for part in self.parts(upload)}
        try:
            parts = [known[each] for each in wanted]
        except KeyError as error:
            raise WrongPart(upload.id) from error
        if any(part.size < MIN_PART_SIZE for part in parts[:-1]):
            raise PartTooSmall(upload.id)
        return parts

    def _join(self, parts: Sequence[Part], draft: Draft) -> None:
        for part in parts:
            try:
                with self._path(part.blob).open("rb") as source:
                    shutil.copyfileobj(source, draft.file, 1 << 20)
            except FileNotFoundError as error:
                raise WrongPart(part.upload) from error

    def _remove(self, upload_id: str) -> None:
        with self._store.transaction() as db:
            db.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
            gone = db.execute("DELETE FROM parts WHERE upload = ? RETURNING blob", (upload_id,)).fetchall()
        for row in gone:
            self._path(row["blob"]).unlink(missing_ok=True)

    def _remove_old(self) -> None:
        with self._store.transaction() as db:
            rows = db.execute("SELECT * FROM uploads WHERE created < ?", (time.time() - MAX_UPLOAD_AGE,)).fetchall()
        for row in rows:
            with contextlib.suppress(UploadBusy, NoSuchUpload):
                self.abort(Upload(**row))

    def _remove_strays(self) -> None:
        """Remove part files without an entry, which an earlier process left when it was killed."""
        with self._store.transaction() as db:
            known = {row["blob"] for row in db.execute("SELECT blob FROM parts")}
        for file in self._directory.iterdir():
            if file.name not in known:
                file.unlink()

    def _path(self, blob: str) -> Path:
        return self._directory / blob


def joint_etag(digests: Sequence[str]) -> str:
    """Return the ETag of an object of several parts: the MD5 of their MD5s, a hyphen, their number."""
    joint = hashlib.md5(bytes.fromhex("".join(digests)), usedforsecurity=False).hexdigest()
    return f'"{joint}-{len(digests)}"'


def _scalar(db: sqlite3.Connection, query: str, *values: str) -> int:
    return int(db.execute(query, values).fetchone()[0])


def _require_upload(db: sqlite3.Connection, upload_id: str) -> None:
    if not _scalar(db, "SELECT COUNT(*) FROM uploads WHERE id = ?", upload_id):
        raise NoSuchUpload(upload_id)


def _require_room(db: sqlite3.Connection, upload_id: str, max_object_size: int) -> None:
    if _scalar(db, "SELECT SUM(size) FROM parts WHERE upload = ?", upload_id) > max_object_size:
        raise PartsTooLarge(upload_id)
    if _scalar(db, "SELECT SUM(size) FROM parts") > MAX_OBJECTS_IN_PARTS * max_object_size:
        raise TooManyUploads("the parts of unfinished uploads take too much room")
