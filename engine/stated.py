"""Read how many bytes a file should have by its own header, because ffmpeg corrects some stated lengths silently.

RIFF (wave, AVI), FORM, FRM8, W64, CAF and ASF state their size. The values 0 and all ones mean that the writer did not
know it, as in a recording that was written into a pipe.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

_SEARCH = 65_536
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1


def missing_part(path: Path) -> float:
    """Return the part of the stated bytes that is missing, from 0 to 1; 0 also if the header states no size."""
    head = _head(path)
    stated = next((read(head) for mark, read in _READERS if head.startswith(mark)), 0)
    if stated and head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        stated = _end_of_avi(path, stated)
    size = path.stat().st_size
    return 1 - size / stated if stated > size else 0.0


def is_open_ended(path: Path) -> bool:
    """Return whether the writer of a RIFF file (AVI, wave) did not know its size, and so no length in it counts."""
    head = _head(path)
    return head.startswith(b"RIFF") and not _chunk(head, "little", 4)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SEARCH)


def _end_of_avi(path: Path, end: int) -> int:
    """Return the end of the last part of an AVI. A long AVI has further parts, each with its own header."""
    with path.open("rb") as file:
        while file.seek(end) and len(head := file.read(12)) == 12 and head[:4] + head[8:] == b"RIFFAVIX":  # noqa: PLR2004
            end += 8 + int.from_bytes(head[4:8], "little")
    return end


def _chunk(head: bytes, order: Literal["big", "little"], width: int) -> int:
    size = int.from_bytes(head[4 : 4 + width], order)
    # The size does not include its own field and the mark in front of it.
    return 0 if size in {0, 2 ** (8 * width) - 1} else size + 4 + width


def _asf(head: bytes) -> int:
    # The offsets are those of the File Properties Object. A broadcast has a size that means nothing.
    at = head.find(_ASF_FILE)
    flags = int.from_bytes(head[at + 88 : at + 92], "little")
    return 0 if at < 0 or flags & _ASF_BROADCAST else int.from_bytes(head[at + 40 : at + 48], "little")


def _caf(head: bytes) -> int:
    """Return the end of the data chunk, which follows chunks of any number."""
    at = 8
    while at + 12 <= len(head) and head[at : at + 4] != b"data":
        at += 12 + int.from_bytes(head[at + 4 : at + 12], "big")
    size = int.from_bytes(head[at + 4 : at + 12], "big", signed=True)
    return at + 12 + size if size > 0 else 0


_READERS: tuple[tuple[bytes, Callable[[bytes], int]], ...] = (
    (b"RIFF", lambda head: _chunk(head, "little", 4)),
    (b"RIFX", lambda head: _chunk(head, "big", 4)),
    (b"FORM", lambda head: _chunk(head, "big", 4)),
    (b"FRM8", lambda head: _chunk(head, "big", 8)),
    (_W64, lambda head: int.from_bytes(head[16:24], "little")),
    (bytes.fromhex("3026b2758e66cf11"), _asf),
    (b"caff", _caf),
)
