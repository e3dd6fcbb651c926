"""`requirements/install.py` with stand-ins for venv, pip and uv: what is left behind, who waits, what is said."""

import os
import runpy
import site
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "requirements" / "install.py"
STEPS = ("venv", "pip", "uv")
SLOW = """
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

made_by = sys.argv.pop()

def run(command, check):
    if "venv" in command:
        Path(command[-1]).mkdir(exist_ok=True)
        with open(made_by, "a") as made:
            made.write("made\\n")
        time.sleep(0.5)
    return SimpleNamespace(returncode=0)

subprocess.run = run
runpy.run_path(%r, run_name="__main__")
"""


@pytest.fixture
def lockfile(tmp_path: Path) -> Path:
    file = tmp_path / "dev.txt"
    file.touch()
    return file


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, lockfile: Path) -> Callable[..., tuple[int, list[str]]]:
    """Install into a folder; returns the exit code and the steps that were taken."""

    def installed(
        folder: Path, failing: str = "", error: OSError | None = None, sources: Path | None = None
    ) -> tuple[int, list[str]]:
        taken: list[str] = []

        def run(command: Sequence[str], **_: Any) -> SimpleNamespace:
            (step,) = (name for name in STEPS if name == Path(command[0]).name or command[1:3] == ["-m", name])
            taken.append(step)
            if step == "venv":
                (Path(command[-1]) / "bin").mkdir(parents=True, exist_ok=True)
            if step == failing and error:
                raise error
            return SimpleNamespace(returncode=int(step == failing))

        monkeypatch.setattr(subprocess, "run", run)
        return runpy.run_path(str(SCRIPT))["main"](folder, lockfile, sources), taken

    return installed


def test_it_installs_once(install: Any, tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    assert install(folder) == (0, list(STEPS))
    assert (folder / "ready").exists()
    assert install(folder) == (0, [])


def test_commands_import_from_the_sources_wherever_they_are_called(
    install: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "venv/lib/python3.13/site-packages"
    packages.mkdir(parents=True)
    sources = tmp_path / "sources"
    sources.mkdir()
    monkeypatch.chdir(tmp_path)
    assert install(tmp_path / "venv", sources=Path("sources")) == (0, list(STEPS))
    monkeypatch.setattr(sys, "path", [])
    site.addsitedir(str(packages))
    assert list(map(os.path.normpath, sys.path)) == [str(packages), str(sources)]


def test_a_newer_installer_installs_again(install: Any, tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    install(folder)
    earlier = SCRIPT.stat().st_mtime - 60
    os.utime(folder / "ready", (earlier, earlier))
    os.utime(tmp_path / "dev.txt", (earlier, earlier))
    assert install(folder) == (0, list(STEPS))


def test_a_newer_lock_file_is_installed(install: Any, tmp_path: Path, lockfile: Path) -> None:
    folder = tmp_path / "venv"
    install(folder)
    later = time.time() + 60
    os.utime(lockfile, (later, later))
    assert install(folder)[1] == list(STEPS)


@pytest.mark.parametrize("error", [None, FileNotFoundError(2, "No such file or directory", "bin/uv")])
@pytest.mark.parametrize("failing", STEPS)
def test_a_failure_leaves_nothing_and_names_the_command(
    install: Any, tmp_path: Path, capfd: Any, failing: str, error: OSError | None
) -> None:
    folder = tmp_path / "venv"
    assert install(folder, failing, error) == (1, list(STEPS[: STEPS.index(failing) + 1]))
    assert not folder.exists()
    said = capfd.readouterr().err
    assert failing in said.splitlines()[0]
    assert ("No such file" if error else "exit code 1") in said
    assert "Traceback" not in said
    assert install(folder) == (0, list(STEPS))


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_filled_and_stays(install: Any, tmp_path: Path, *, there: bool) -> None:
    real, link = tmp_path / "elsewhere" / "venv", tmp_path / "venv"
    (real if there else real.parent).mkdir(parents=True)
    link.symlink_to(real)
    assert install(link, "uv")[0] == 1
    assert not real.exists()
    assert install(link) == (0, list(STEPS))
    assert link.is_symlink()
    assert (real / "ready").exists()
    assert install(real) == (0, []), "the same environment, by its own path"


def test_two_at_once_install_once(tmp_path: Path, lockfile: Path) -> None:
    real, link, made = tmp_path / "venv", tmp_path / "link", tmp_path / "made"
    link.symlink_to(real)
    command = [sys.executable, "-c", SLOW % str(SCRIPT)]
    both = [subprocess.Popen([*command, str(path), str(lockfile), str(made)]) for path in (real, link)]
    assert [one.wait(30) for one in both] == [0, 0]
    assert made.read_text() == "made\n"


def test_it_is_never_silent_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = runpy.run_path(str(SCRIPT))
    assert program["MAX_SILENCE"] < 5
    lines: list[str] = []
    monkeypatch.setitem(program["main"].__globals__, "MAX_SILENCE", 0.05)
    monkeypatch.setitem(program["main"].__globals__, "_print", lines.append)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: slow())

    def slow() -> SimpleNamespace:
        (tmp_path / "venv").mkdir(exist_ok=True)
        end = time.monotonic() + 10
        while len(lines) < 5 and time.monotonic() < end:
            time.sleep(0.01)
        return SimpleNamespace(returncode=0)

    (tmp_path / "dev.txt").touch()
    assert program["main"](tmp_path / "venv", tmp_path / "dev.txt") == 0
    first, *beats = lines
    assert "dev.txt" in first
    assert f"\n  {tmp_path / 'venv'}" in first, "the path is alone on its line"
    assert len(beats) >= 3
    assert all("installing" in line for line in beats)
