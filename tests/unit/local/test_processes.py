"""Programs of the local stack: what is started is known, and what is stopped is gone with all it started."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local.environment import LocalEnvironment
from local.processes import Program, call, free_port
from local.stack import Stack
from tests.e2e.deployed import until

SLEEPER = "import sys, subprocess as s; s.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])"
BUSY = f"import sys, time; exec({SLEEPER!r}); open(sys.argv[1] + '/up', 'w').close(); time.sleep(600)"
LATE = f"""
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (exec({SLEEPER!r}), sys.exit()))
open(sys.argv[1] + '/up', 'w').close()
time.sleep(600)
"""


SAVER = """
import signal, sys, time
def save(*_):
    time.sleep(1)
    open(sys.argv[1] + '/saved', 'w').close()
    sys.exit()
signal.signal(signal.SIGTERM, save)
open(sys.argv[1] + '/up', 'w').close()
time.sleep(600)
"""


def naming(folder: Path) -> list[int]:
    found = psutil.process_iter(["cmdline"])
    return [one.pid for one in found if str(folder) in (one.info["cmdline"] or ()) and one.pid != os.getpid()]


def started(folder: Path, code: str, nice: int = 0) -> Program:
    program = Program("program", free_port(), folder)
    program.start([sys.executable, "-c", code, str(folder)], os.environ, folder, nice)
    return program


@pytest.mark.parametrize("code", [BUSY, LATE], ids=["before the stop", "while it stops"])
def test_what_a_program_starts_ends_with_it(tmp_path: Path, code: str) -> None:
    program = started(tmp_path, code)
    until((tmp_path / "up").exists, "the program is up")
    assert naming(tmp_path)
    program.stop()
    assert naming(tmp_path) == []
    assert not program.alive()


@pytest.mark.parametrize(("seconds", "saved"), [(0.1, False), (20, True)])
def test_a_program_is_killed_only_after_its_own_time(tmp_path: Path, seconds: float, *, saved: bool) -> None:
    program = replace(started(tmp_path, SAVER), stop_seconds=seconds)
    until((tmp_path / "up").exists, "the program is up")
    program.stop()
    assert not program.alive()
    assert (tmp_path / "saved").exists() is saved


def test_the_emulator_has_minutes_to_save_and_to_load_its_state(tmp_path: Path) -> None:
    """With 22,000 items a busy machine needed 19 s to save; killed meanwhile, the emulator would lose everything."""
    emulator = Stack(LocalEnvironment(tmp_path, 1, 2)).emulator
    assert min(emulator.stop_seconds, emulator.ready_seconds) >= 300


def test_a_program_that_ends_at_once_is_no_error_of_its_start(tmp_path: Path) -> None:
    program = started(tmp_path, "", nice=10)
    until(lambda: not program.alive(), "it has ended")
    program.stop()
    assert not program.pid_file.exists()


def test_an_interrupted_command_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        call([sys.executable, "-c", BUSY, str(tmp_path)], os.environ, tmp_path, seconds=2)
    assert (tmp_path / "up").exists()
    assert naming(tmp_path) == []
