"""Lock a file between processes. The system releases the lock when its holder ends, even if it is killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.environment import LocalError


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold a lock. Raises `LocalError`, which names the holder, if another process holds it."""
    with _opened(file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(_busy(lock.read().strip(), file.parent)) from None
        _sign(lock)
        yield


@contextmanager
def in_turn(file: Path) -> Iterator[None]:
    """Hold a lock, after waiting until no other process holds it."""
    with _opened(file) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sign(lock)
        yield


def _opened(file: Path) -> IO[str]:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Opening with "w" would erase the holder's process id.
    return file.open("a+")


def _sign(lock: IO[str]) -> None:
    """Write the process id of the holder into the lock file."""
    # The holder does not remove the file at the end: a third process may have opened it to wait for the lock.
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


def _busy(holder: str, folder: Path) -> str:
    who = f"process {holder}" if holder else "another process"
    return (
        f"{who} is starting a stack in {folder}, or sends media through it. "
        "Wait until it ends, then run this command again; set LOCAL_DIR to use another folder."
    )
