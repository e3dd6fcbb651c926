"""How many bytes a file should have, by its own header: ffmpeg corrects the length of some formats without a word.

Wave, AVI and their kind (RIFF, FORM, FRM8, W64, CAF) state their size, ASF too. 0 and all ones mean that the writer did
not know, as in a recording that was piped.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

_SEARCH = 65_536
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1


def missing_part(path: Path) -> float:
    """Return which part of the stated bytes is missing, from 0 (none, or nothing is stated) to 1."""
    head = _head(path)
    stated = next((read(head) for mark, read in _READERS if head.startswith(mark)), 0)
    if stated and head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        stated = _end_of_avi(path, stated)
    size = path.stat().st_size
    return 1 - size / stated if stated > size else 0.0


def is_open_ended(path: Path) -> bool:
    """Tell whether the writer of a RIFF file (AVI, wave) did not know its end; then it did not know any length."""
    head = _head(path)
    return head.startswith(b"RIFF") and not _chunk(head, "little", 4)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SEARCH)


def _end_of_avi(path: Path, end: int) -> int:
    """Walk over the parts that follow the first gigabyte of a long AVI."""
    with path.open("rb") as file:
        while file.seek(end) and len(head := file.read(12)) == 12 and head[:4] + head[8:] == b"RIFFAVIX":  # noqa: PLR2004
            end += 8 + int.from_bytes(head[4:8], "little")
    return end


def _chunk(head: bytes, order: Literal["big", "little"], width: int) -> int:
    size = int.from_bytes(head[4 : 4 + width], order)
    return 0 if size in {0, 2 ** (8 * width) - 1} else size + 4 + width


def _asf(head: bytes) -> int:
    at = head.find(_ASF_FILE)
    flags = int.from_bytes(head[at + 88 : at + 92], "little")
    return 0 if at < 0 or flags & _ASF_BROADCAST else int.from_bytes(head[at + 40 : at + 48], "little")


def _caf(head: bytes) -> int:
    """Walk over the chunks in front of the sound."""
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
