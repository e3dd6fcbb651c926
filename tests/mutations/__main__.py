"""`make mutate`: break the code on purpose, one way at a time, and see a test fail each time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from local.environment import ROOT

PACKAGE = "layers/shared/mediarelay"
NEEDED = (
    "benchmarks",
    "layers",
    "functions",
    "mediarelay_cli",
    "tests",
    "local",
    "engine",
    "events",
    "docs",
    "template.yaml",
    "pyproject.toml",
)
SECONDS = 600
# Exit codes of pytest.
PASSED, FAILED = 0, 1
Given = TypeVar("Given")
LIST = Path(__file__).with_name("mutations.json")


@dataclass(frozen=True)
class Mutation:
    """One way to break the code: in a file of the package or the engine, some text becomes another; which tests notice.

    `file` is relative to the package, or begins with `engine/`.
    """

    name: str
    file: str
    old: str
    new: str
    tests: list[str]

    @property
    def path(self) -> str:
        """The file within the project."""
        return self.file if self.file.startswith("engine/") else f"{PACKAGE}/{self.file}"

    def apply(self, root: Path) -> None:
        """Break a copy of the project; raises ValueError if the text is not there exactly once."""
        file = root / self.path
        text = file.read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: the text is there {text.count(self.old)} times in {self.path}")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


def mutations() -> list[Mutation]:
    """The list."""
    return [Mutation(**each) for each in json.loads(LIST.read_text(encoding="utf-8"))]


def survives(mutation: Mutation) -> str | None:
    """Break a fresh copy and run the tests there; returns None if they fail, else what they said."""
    with _copy() as root:
        mutation.apply(root)
        code, said = _run(mutation.tests, root)
        return None if code == FAILED else said


def fails_unbroken(test: str) -> str | None:
    """Run tests in a copy that nothing has broken; returns None if they pass, else what they said."""
    with _copy() as root:
        code, said = _run([test], root)
        return None if code == PASSED else said


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in NEEDED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / name)
        yield root


def _run(tests: list[str], root: Path) -> tuple[int | None, str]:
    """Return pytest's exit code and what it said; no code if it did not end."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    environment = os.environ | {"PYTHONPATH": f"{root}/layers/shared:{root}"}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return None, f"the tests did not end within {SECONDS} s"
    return done.returncode, f"exit code {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"


def main() -> int:
    """Return 0 if the tests pass as long as nothing is broken, and every mutation was noticed."""
    tests = sorted({test for mutation in mutations() for test in mutation.tests})
    names = [mutation.name for mutation in mutations()]
    failures = _report("passes  ", "FAILS UNBROKEN", tests, fails_unbroken, tests)
    return 1 if failures + _report("noticed ", "SURVIVES", names, survives, mutations()) else 0


def _report(good: str, bad: str, names: list[str], check: Callable[[Given], str | None], given: list[Given]) -> int:
    """Check everything, as many at a time as there are cores, and return how many are bad."""
    count = 0
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for name, said in zip(names, workers.map(check, given), strict=True):
            count += said is not None
            sys.stdout.write(f"{bad if said else good}  {name}{f': {said}' if said else ''}\n")
            sys.stdout.flush()
    return count


if __name__ == "__main__":
    sys.exit(main())
