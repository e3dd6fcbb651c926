"""A command line whose stack is a fake API."""

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mediarelay_cli import app as cli
from mediarelay_cli.api import Api
from tests.unit.cli.fake_api import FakeApi, serving

ROOT = Path(__file__).parents[3]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as fake:
        yield fake


@pytest.fixture
def environment(api: FakeApi, tmp_path: Path) -> dict[str, str]:
    """The variables of a process whose default profile is the fake API."""
    shown = {
        "COLUMNS": "100",
        "TERM": "xterm",
        "PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}",
        "PATH": os.environ["PATH"],
    }
    stack = {"MEDIARELAY_API_URL": api.url, "MEDIARELAY_TOKEN": "token-of-a-test"}
    files = {"MEDIARELAY_CONFIG": str(tmp_path / "none.ini"), "LOCAL_DIR": str(tmp_path), "HOME": str(tmp_path)}
    return shown | stack | files | {"LANG": "C.UTF-8"}


class Runner:
    """Runs the command line in this process. `waits` holds the seconds it would have waited between repeats."""

    def __init__(self, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits: list[float] = []
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(
            "mediarelay_cli.session.Api", functools.partial(Api, wait=self.waits.append, jitter=lambda: 0.0)
        )
        cli.load()

    def __call__(self, *arguments: str, text: str | None = None) -> Result:
        result = CliRunner().invoke(cli.app, list(arguments), input=text, prog_name="mediarelay")
        # Errors that a person can cause end in an exit code, never in an exception.
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "unexpected: " not in result.stderr, result.stderr
        return result


@pytest.fixture
def run(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(environment, monkeypatch)


COMMAND = [sys.executable, "-m", "mediarelay_cli"]
