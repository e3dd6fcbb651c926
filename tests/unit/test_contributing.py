"""CONTRIBUTING.md names every place of a change: its list for a new route is applied to a copy of the repository.

With all files of the list the named tests pass; without any one of them the test named beside it fails.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTION, CASE = "read_ledger", "ping"
# A name such as `x.pyc.140234` is a file that another process of the tests is writing; it is gone in a moment.
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".local", ".aws-sam", ".*_cache", ".hypothesis", "*.pyc.*")
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
SECTION = re.compile(r"^## Add a route\n(.*?)^If it applies", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| .* \| `([^`]+)` \|$", re.MULTILINE)


def checklist() -> list[tuple[str, str]]:
    """Each file of the list for a route, with the test that fails without it."""
    section = SECTION.search((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert section
    rows = ROW.findall(section[1])
    return [(name.replace("<name>", FUNCTION).replace("<case>", CASE), test) for name, test in rows]


NAMES = {"health": "ping", "Health": "Ping", "PingResponse": "HealthResponse", "ALL": '"admin"'}
NAMES |= {"scope=None": 'scope="admin"'}
CONTEXT = '"requestContext": {"authorizer": {"lambda": {"client": "c", "scopes": "admin"}},'


def repeat(text: str, block: str) -> str:
    """Insert a copy of the block about `/health` below it, about `/ping` and for clients with a bearer token."""
    found = re.search(block, text, re.MULTILINE | re.DOTALL)
    assert found, block
    copy = re.sub(r", Auth: \{[^}]*\}|\n +Auth:\n.*", "", found[0])
    for old, new in NAMES.items():
        copy = copy.replace(old, new)
    return text[: found.end()] + copy + text[found.end() :]


EDITS: dict[str, Callable[[str], str]] = {
    f"functions/{FUNCTION}/handler.py": lambda text: repeat(text, r'^@app\.get\(\n    "/health".*?\n\n\n'),
    "template.yaml": lambda text: repeat(text, r"^ {8}Health:\n(?: {10}[^\n]*\n)+ {8}HealthHead:[^\n]*\n"),
    "tests/template/test_routes.py": lambda text: repeat(text, r'^    "GET /health": ALL,\n'),
    "docs/api.md": lambda text: repeat(text, r"^\| `GET /health`[^\n]*\n"),
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    environment = ENVIRONMENT | {"PYTHONPATH": f"{folder / 'layers/shared'}{os.pathsep}{folder}"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def passes(folder: Path, *tests: str) -> bool:
    done = run(folder, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.returncode == 0


@pytest.fixture(scope="module")
def with_route(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a new route, made by the list."""
    folder = tmp_path_factory.mktemp("route") / "repository"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for name, edit in EDITS.items():
        (folder / name).write_text(edit((folder / name).read_text("utf-8")), "utf-8")
    sample = (folder / "events" / f"{FUNCTION}_health.json").read_text("utf-8")
    (folder / "events" / f"{FUNCTION}_{CASE}.json").write_text(
        sample.replace("health", CASE).replace('"requestContext": {', CONTEXT), "utf-8"
    )
    generated = run(folder, "docs.generate")
    assert generated.returncode == 0, generated.stderr
    return folder


def changed(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        before = ROOT / path.relative_to(folder)
        if "__pycache__" in path.parts or not path.is_file():
            continue
        if not before.exists() or before.read_bytes() != path.read_bytes():
            yield path.relative_to(folder).as_posix()


class TestRoute:
    def test_the_list_names_the_files_that_a_route_changes(self, with_route: Path) -> None:
        assert set(changed(with_route)) == {name for name, _ in checklist()}

    def test_with_all_of_them_its_tests_pass(self, with_route: Path) -> None:
        sample = f"tests/integration/test_events.py::test_event[{FUNCTION}_{CASE}]"
        assert passes(with_route, *{test for _, test in checklist()}, sample, "tests/unit/test_docs.py::TestOpenApi")

    @pytest.mark.parametrize(("name", "test"), checklist())
    def test_without_one_of_them_the_named_test_fails(self, with_route: Path, name: str, test: str) -> None:
        file, original = with_route / name, ROOT / name
        edited = file.read_bytes()
        try:
            if original.exists():
                shutil.copyfile(original, file)
            else:
                file.unlink()
            assert not passes(with_route, test)
        finally:
            file.write_bytes(edited)
