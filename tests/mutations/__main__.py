"""`make mutate`: break the code on purpose, one way at a time, and see a test fail each time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.environment import ROOT

PACKAGE = "layers/shared/mediarelay"
NEEDED = (
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
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in NEEDED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / name)
        mutation.apply(root)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            *mutation.tests,
        ]
        return _passes(command, root)


def _passes(command: list[str], root: Path) -> str | None:
    """Run tests in a copy; returns what they said if they pass, or that they did not end, and None if one fails."""
    environment = os.environ | {"PYTHONPATH": f"{root}/layers/shared:{root}"}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no test failed within {SECONDS} s"
    return None if done.returncode == 1 else f"exit code {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"


def main() -> int:
    """Return 0 if every mutation was noticed."""
    survivors = 0
    for mutation in mutations():
        said = survives(mutation)
        survivors += said is not None
        sys.stdout.write(f"{'SURVIVES' if said else 'noticed '}  {mutation.name}{f': {said}' if said else ''}\n")
        sys.stdout.flush()
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
