"""`python requirements/install.py FOLDER LOCKFILE`: make a virtual environment and fill it from a lock file.

The Makefile calls it with whatever Python it found, so this file uses the standard library only. uv fills the
environment in seconds, and is itself only a wheel. Two processes that want the same environment take turns: the second
one finds it ready. FOLDER may be a symbolic link: whoever reaches the environment by another path waits, too.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:")
HINT = (
    "What it printed says why. Usual reasons: no package index that pip and uv can reach, a Python without its module "
    "venv (on Debian a package of its own), a setting of pip that installs into another folder."
)


def main(folder: Path, lockfile: Path) -> int:
    """Install unless it is done; returns the exit code."""
    place = folder.resolve()
    with _in_turn(place.with_name(f"{place.name}-lock")):
        return 0 if _is_ready(place, lockfile) else _install(place, lockfile)


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
        if failure := _run(list(map(os.fspath, command))):
            shutil.rmtree(folder, ignore_errors=True)
            sys.stderr.write(f"`{shlex.join(map(os.fspath, command))}` failed: {failure}\n{HINT}\n")
            return 1
    (folder / "ready").touch()
    return 0


def _run(command: Sequence[str]) -> str:
    """Run a command; returns why it failed, or nothing."""
    try:
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - the commands are ours
    except OSError as error:
        return str(error)
    return f"exit code {code}" if code else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
