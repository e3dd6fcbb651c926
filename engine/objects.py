"""Store the bytes of objects. Each object is a file with a random name, so that no key becomes a path."""

import contextlib
import hashlib
import mimetypes
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeVar

from engine.places import Place
from engine.store import Store, StoredObject

T = TypeVar("T")
_INERT = "application/octet-stream"
# Attempts to open an object that other requests keep replacing between the lookup and the opening of its file.
MAX_LOOKS = 100


@dataclass(slots=True)
class Draft:
    """An object while its bytes arrive. It becomes visible with `Objects.keep`. `size` is in bytes."""

    path: Path
    file: BinaryIO
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def write(self, chunk: bytes) -> None:
        """Append bytes, and add them to the digest."""
        self.file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def discard(self) -> None:
        """Close the draft and delete its file, unless `Objects.keep` has moved it."""
        self.file.close()
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where to store an object, and its metadata.

    `headers` is JSON as in `StoredObject`. Without `replace`, an existing object under the key is an error.
    """

    place: Place
    key: str
    content_type: str = ""
    headers: str = "{}"
    replace: bool = True


class Objects:
    """Objects by bucket host and key, on disk."""

    def __init__(self, directory: Path, store: Store) -> None:
        self._directory = directory
        self._drafts = directory.with_name("drafts")
        self._store = store
        shutil.rmtree(self._drafts, ignore_errors=True)
        for each in (self._directory, self._drafts):
            each.mkdir(parents=True, exist_ok=True)

    def draft(self) -> Draft:
        """Create an empty draft."""
        path = self._drafts / secrets.token_hex(16)
        return Draft(path, path.open("wb"))

    def keep(self, draft: Draft, destination: Destination, etag: str | None = None) -> StoredObject:
        """Make a complete draft the object under its key, in one step, and return it.

        The ETag is the MD5 of the bytes unless given. Raises `ObjectExists` if there is an object that the destination
        does not replace; nothing has changed then.
        """
        draft.file.close()
        return self.publish(draft.path, etag or f'"{draft.digest.hexdigest()}"', destination)

    def adopt(self, file: Path, place: Place, key: str) -> StoredObject:
        """Move a finished file into a bucket and return the object."""
        return self.publish(file, f'"{_md5_of(file)}"', Destination(place=place, key=key))

    def delete(self, place: Place, key: str) -> bool:
        """Remove the object under a key. Return False if there is none."""
        blob = self._store.delete_object(place.host, key)
        if blob:
            self._unlink(blob)
        return blob is not None

    def find(self, place: Place, key: str) -> StoredObject | None:
        """Return the object under a key, None if there is none."""
        return self._store.object(place.host, key)

    def open(self, place: Place, key: str) -> tuple[StoredObject, BinaryIO] | None:
        """Return the object under a key and its open file, None if there is none."""
        return self._reach(place, key, lambda file: file.open("rb"))

    def link(self, place: Place, key: str, target: Path) -> StoredObject | None:
        """Give the file of an object a second name and return the object, None if there is none."""
        found = self._reach(place, key, lambda file: link_or_copy(file, target))
        return found and found[0]

    @contextlib.contextmanager
    def pin(self, place: Place, key: str) -> Iterator[tuple[StoredObject, Path] | None]:
        """Yield an object and a second name of its file, which lasts as long as the context; None if there is none."""
        file = self._drafts / secrets.token_hex(16)
        try:
            item = self.link(place, key, file)
            yield (item, file) if item else None
        finally:
            file.unlink(missing_ok=True)

    def _reach(self, place: Place, key: str, use: Callable[[Path], T]) -> tuple[StoredObject, T] | None:
        """Return the object under a key with the result of `use` on its file, None if there is none.

        If another request replaces the object between lookup and use, try again with the new one.
        """
        for _ in range(MAX_LOOKS):
            item = self.find(place, key)
            if item is None:
                return None
            with contextlib.suppress(FileNotFoundError):
                return item, use(self.path(item))
        return None

    def path(self, item: StoredObject) -> Path:
        """Return the file that holds an object."""
        return self._directory / item.blob[:2] / item.blob

    def publish(self, file: Path, etag: str, destination: Destination) -> StoredObject:
        """Make a finished file the object under its key, in one step, and return it; raises as `keep` does."""
        item = StoredObject(
            host=destination.place.host,
            key=destination.key,
            blob=secrets.token_hex(16),
            size=file.stat().st_size,
            etag=etag,
            content_type=harmless(destination.content_type or _guessed(destination.key) or _INERT),
            modified=time.time(),
            headers=destination.headers,
        )
        self.path(item).parent.mkdir(exist_ok=True)
        # The file moves before the store names it. A crash in between leaves an unused file, never a key without bytes.
        file.replace(self.path(item))
        try:
            old = self._store.put_object(item, replace=destination.replace)
        except BaseException:
            self._unlink(item.blob)
            raise
        if old:
            self._unlink(old)
        return item

    def _unlink(self, blob: str) -> None:
        (self._directory / blob[:2] / blob).unlink(missing_ok=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, so that a running job still has its bytes after the object is replaced."""
    try:
        os.link(source, target)
    # Some file systems have no hard links.
    except OSError:
        shutil.copyfile(source, target)


def clear(directory: Path) -> None:
    """Remove a directory with its content, if it exists."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)


def _md5_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _guessed(key: str) -> str | None:
    """Guess a content type from the extension of a key."""
    # `mimetypes` parses its argument as a URL and fails on some keys, so it gets only the extension.
    return mimetypes.guess_type("_" + PurePosixPath(key).suffix)[0]


def harmless(content_type: str) -> str:
    """Return a content type that a browser does not run: media types stay, all others become `_INERT`."""
    # Uploads share an origin with the console, so a page or a script among them could control the engine. An SVG may
    # contain a script.
    plain = content_type.partition(";")[0].strip().lower()
    media = plain.startswith(("audio/", "video/", "image/")) and "svg" not in plain and plain.isascii()
    return plain if media else _INERT
