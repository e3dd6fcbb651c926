"""The bytes of the buckets. A blob is a file with a random name, so no key ever becomes a path."""

import contextlib
import hashlib
import mimetypes
import os
import secrets
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.places import Place
from engine.store import Store, StoredObject

_INERT = "application/octet-stream"
_CHUNK = 1 << 20


@dataclass(slots=True)
class Draft:
    """An object while its bytes arrive; nothing is visible before `Objects.keep`."""

    path: Path
    file: BinaryIO
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=lambda: hashlib.md5(usedforsecurity=False))

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self.file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def discard(self) -> None:
        """Forget it, unless it was kept."""
        self.file.close()
        self.path.unlink(missing_ok=True)


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
        """Begin a new object."""
        path = self._drafts / secrets.token_hex(16)
        return Draft(path, path.open("wb"))

    def keep(self, draft: Draft, place: Place, key: str, content_type: str = "") -> StoredObject:
        """Make a complete draft the object under its key, at once; returns it."""
        draft.file.close()
        return self._publish(draft.path, draft.digest.hexdigest(), (place, key, content_type))

    def adopt(self, file: Path, place: Place, key: str) -> StoredObject:
        """Move a finished file into a bucket; returns the object."""
        return self._publish(file, _md5_of(file), (place, key, ""))

    def find(self, place: Place, key: str) -> StoredObject | None:
        """Return the object under a key."""
        return self._store.object(place.host, key)

    def path(self, item: StoredObject) -> Path:
        """Return the file that holds an object."""
        return self._directory / item.blob[:2] / item.blob

    def _publish(self, file: Path, md5: str, where: tuple[Place, str, str]) -> StoredObject:
        place, key, content_type = where
        item = StoredObject(
            host=place.host,
            key=key,
            blob=secrets.token_hex(16),
            size=file.stat().st_size,
            etag=f'"{md5}"',
            content_type=_harmless(content_type or _guessed(key) or _INERT),
            modified=time.time(),
        )
        self.path(item).parent.mkdir(exist_ok=True)
        file.replace(self.path(item))
        if old := self._store.put_object(item):
            (self._directory / old[:2] / old).unlink(missing_ok=True)
        return item


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, so that replacing the object does not pull it away from a running job."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def clear(directory: Path) -> None:
    """Remove a directory and what is in it."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)


def _md5_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _guessed(key: str) -> str | None:
    """Guess a content type from the extension: `mimetypes` would take a whole key for a URL, and some are broken."""
    return mimetypes.guess_type("_" + PurePosixPath(key).suffix)[0]


def _harmless(content_type: str) -> str:
    """Keep the type of media only: uploads share an origin with the console, where a browser would run others."""
    plain = content_type.partition(";")[0].strip().lower()
    media = plain.startswith(("audio/", "video/", "image/")) and "svg" not in plain and plain.isascii()
    return plain if media else _INERT
