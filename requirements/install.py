"""`python requirements/install.py FOLDER LOCKFILE`: make a virtual environment and fill it from a lock file.

The Makefile calls it with whatever Python it found, so this file uses the standard library only. uv fills the
environment in seconds, and is itself only a wheel. Two processes that want the same environment take turns: the second
one finds it ready.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:")


def main(folder: Path, lockfile: Path) -> int:
    """Install unless it is done; returns the exit code."""
    with _in_turn(folder.with_name(f"{folder.name}-lock")):
        return 0 if _is_ready(folder, lockfile) else _install(folder, lockfile)


@contextmanager
def _in_turn(file: Path) -> Iterator[None]:
    """Wait until no other process installs this environment. The system frees the lock when its holder ends."""
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_ready(folder: Path, lockfile: Path) -> bool:
    mark = folder / "ready"
    return mark.exists() and mark.stat().st_mtime >= lockfile.stat().st_mtime


def _install(folder: Path, lockfile: Path) -> int:
    """Make the environment anew; whatever fails leaves none, so that the next try begins at the beginning."""
    sys.stdout.write(f"installing {lockfile} into {folder} ({Path(sys.executable).name}) …\n")
    sys.stdout.flush()
    python, uv = folder / "bin" / "python", folder / "bin" / "uv"
    commands = (
        (sys.executable, "-m", "venv", "--clear", folder),
        (python, *PIP, "--requirement", HERE / "bootstrap.txt"),
        (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", lockfile),
    )
    for command in commands:
        if subprocess.run(list(map(os.fspath, command)), check=False).returncode:  # noqa: S603 - the commands are ours
            shutil.rmtree(folder, ignore_errors=True)
            sys.stderr.write("the first installation needs the network: a package index that pip can reach\n")
            return 1
    (folder / "ready").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
