"""`python requirements/install.py FOLDER LOCKFILE [SOURCES]`: create an environment and fill it from a lock file.

Each command of the environment can import from the folder SOURCES.

The Makefile runs this file with the Python that it has found, so the file uses the standard library only. pip installs
uv, and uv installs the rest in seconds. Two processes that need the same environment take turns, and the second one
finds it ready. FOLDER may be a symbolic link: a process that reaches the environment by another path waits, too.
"""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# What pip installs: uv, which installs the rest.
BOOTSTRAP = Path(__file__).resolve().with_name("bootstrap.txt")
# Wheels only: a source distribution would run code of its own while it is built.
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:")
# Seconds. A person who sees no line for longer believes that the command hangs.
MAX_SILENCE = 4
HINT = (
    "What it printed says why. Usual reasons: no package index that pip and uv can reach, a Python without its module "
    "venv (on Debian a package of its own), a setting of pip that installs into another folder."
)


def main(folder: Path, lockfile: Path, sources: Path | None = None) -> int:
    """Install the environment unless it is ready. Return the exit code."""
    # The lock file lies beside the environment, because `venv --clear` empties the folder.
    place = folder.resolve()
    with _in_turn(place.with_name(f"{place.name}-lock")):
        return 0 if _is_ready(place, lockfile) else _install(folder, lockfile, sources)


@contextmanager
def _in_turn(file: Path) -> Iterator[None]:
    """Wait until no other process installs this environment. The system releases the lock when its holder ends."""
    with file.open("a") as lock:
        # An installation takes up to a minute, in which this process would be silent.
        with _progress("waiting for another process that installs"):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress(what: str) -> Iterator[None]:
    """Print a line each time another `MAX_SILENCE` seconds have passed."""
    done, began = threading.Event(), time.monotonic()

    def report() -> None:
        while not done.wait(MAX_SILENCE):
            _print(f"  … {what} ({time.monotonic() - began:.0f} s)")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _is_ready(folder: Path, lockfile: Path) -> bool:
    # What has changed since is newer than the mark, which `_run_all` writes last.
    mark, causes = folder / "ready", (lockfile, BOOTSTRAP, Path(__file__))
    return mark.exists() and all(mark.stat().st_mtime >= file.stat().st_mtime for file in causes)


def _install(folder: Path, lockfile: Path, sources: Path | None) -> int:
    """Create the environment. A failure removes it, so that the next attempt starts from the beginning."""
    _print(f"installing {lockfile} with {Path(sys.executable).name} into\n  {folder}")
    # `make run` installs two environments at once.
    with _progress(f"installing {lockfile.name}"):
        return _run_all(_commands(folder.resolve(), lockfile), folder.resolve(), sources)


def _commands(folder: Path, lockfile: Path) -> tuple[tuple[str | Path, ...], ...]:
    python, uv = folder / "bin" / "python", folder / "bin" / "uv"
    return (
        (sys.executable, "-m", "venv", "--clear", folder),
        (python, *PIP, "--requirement", BOOTSTRAP),
        (uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", lockfile),
    )


def _run_all(commands: tuple[tuple[str | Path, ...], ...], folder: Path, sources: Path | None) -> int:
    for command in commands:
        if failure := _run(list(map(os.fspath, command))):
            shutil.rmtree(folder, ignore_errors=True)
            sys.stderr.write(f"`{shlex.join(map(os.fspath, command))}` failed: {failure}\n{HINT}\n")
            return 1
    if sources:
        _add(sources, folder)
    (folder / "ready").touch()
    return 0


def _add(sources: Path, folder: Path) -> None:
    for packages in folder.glob("lib/python*/site-packages"):
        (packages / "sources.pth").write_text(f"{os.path.relpath(sources, packages)}\n")


def _run(command: Sequence[str]) -> str:
    """Run a command. Return the reason if it failed, else an empty text."""
    try:
        code = subprocess.run(command, check=False).returncode  # noqa: S603 - the commands are ours
    except OSError as error:
        return str(error)
    return f"exit code {code}" if code else ""


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
