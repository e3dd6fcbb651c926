"""The commands as a person runs them: clear messages, exit codes, and no process left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from local.environment import ROOT
from local.processes import free_port
from tests.e2e.deployed import until


def _environment(folder: Path) -> dict[str, str]:
    ports = {"EMULATOR_PORT": str(free_port()), "ENGINE_PORT": str(free_port())}
    return os.environ | ports | {"LOCAL_DIR": str(folder), "PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}"}


def _start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "local", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    with _start(environment, *arguments) as process:
        output, _ = process.communicate(timeout=120)
        return process.returncode, " ".join(output.split())


def _left_behind(folder: Path) -> list[str]:
    commands = (" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
    return [command for command in commands if str(folder) in command]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.mp4", None, "cannot be read: No such file"),
        ("", None, "cannot be read: Is a directory"),
        ("text.mp4", b"not media", "is not media that the engine reads"),
        ("empty.mp4", b"", "is not media that the engine reads"),
    ],
)
def test_file_that_cannot_be_used(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    code, output = _run(_environment(tmp_path / "local"), "run", str(file))
    assert code == 1
    assert message in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["EMULATOR_PORT", "ENGINE_PORT"])
def test_port_that_is_taken(tmp_path: Path, name: str, song: Path) -> None:
    environment = _environment(tmp_path)
    with socket.create_server(("127.0.0.1", int(environment[name]))):
        code, output = _run(environment, "run", str(song))
    assert code == 1
    assert f"port {environment[name]} on 127.0.0.1 is taken" in output
    assert f"{name}=" in output
    assert _left_behind(tmp_path) == []


Condition = Callable[[Path], bool]
INTERRUPTS: dict[str, tuple[Condition, list[signal.Signals]]] = {
    "a closed terminal during the build": (lambda run: (run / "emulator.pid").exists(), [signal.SIGHUP]),
    "an end during the deployment": (lambda run: (run / "packaged.yaml").exists(), [signal.SIGTERM]),
    "an impatient Ctrl-C during the transcoding": (
        lambda run: any((run / "engine/work").glob("*/*")),
        [signal.SIGINT, signal.SIGINT],
    ),
}


@pytest.mark.parametrize("name", INTERRUPTS)
def test_interrupted_run_leaves_nothing_behind(tmp_path: Path, name: str, clip: Path) -> None:
    has_come, numbers = INTERRUPTS[name]
    with _start(_environment(tmp_path), "run", str(clip)) as process:
        until(lambda: has_come(tmp_path / "run"), name)
        family = psutil.Process(process.pid).children(recursive=True)
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.2)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(family, timeout=5)
    assert family, "nothing had been started"
    assert alive == []
    assert _left_behind(tmp_path) == []


def test_help_names_every_command() -> None:
    answer = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for command in ("run", "test", "up", "down"):
        assert f"make {command} " in answer.stdout


def test_two_stacks_wanted_at_once_in_one_folder_are_one(tmp_path: Path) -> None:
    environment = _environment(tmp_path)
    try:
        with _start(environment, "up") as first, _start(environment, "up") as second:
            said = {process.communicate(timeout=120)[0]: process.returncode for process in (first, second)}
        assert sorted(said.values()) == [0, 1], said
        up, refused = sorted(said, key=said.__getitem__)
        assert f"process {(first if first.returncode == 0 else second).pid} is starting" in " ".join(refused.split())
        assert "Traceback" not in refused
        api = next(line for line in up.splitlines() if line.startswith("export API=")).split("'")[1]
        assert requests.get(f"{api}/health", timeout=30).status_code == 200
    finally:
        assert _run(environment, "down")[0] == 0
    assert _left_behind(tmp_path) == []
