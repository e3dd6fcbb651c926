import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.environment import LocalError
from local.lock import in_turn, only_one

HOLDER = """
import sys, time
from pathlib import Path
from local.lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "lock"


@pytest.fixture
def holder(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True, env=os.environ | _path()
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def _path() -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_the_second_process_names_the_holder_and_what_to_do(holder: subprocess.Popen[str], lock: Path) -> None:
    with pytest.raises(LocalError) as caught, only_one(lock):
        pytest.fail("two processes hold one lock")
    assert f"process {holder.pid} is starting" in str(caught.value)
    assert f"{lock.parent}" in str(caught.value)
    assert "LOCAL_DIR" in str(caught.value)


def test_a_process_that_was_killed_holds_nothing(holder: subprocess.Popen[str], lock: Path) -> None:
    holder.kill()
    holder.wait()
    with only_one(lock):
        assert lock.read_text() == str(os.getpid())


def test_the_lock_is_free_again_after_its_use(lock: Path) -> None:
    for _ in range(2):
        with only_one(lock):
            assert lock.read_text() == str(os.getpid())


def test_waits_for_its_turn(holder: subprocess.Popen[str], lock: Path) -> None:
    waiter = HOLDER.replace("only_one", "in_turn").replace("time.sleep(60)", "pass")
    with subprocess.Popen(
        [sys.executable, "-c", waiter, str(lock)], stdout=subprocess.PIPE, text=True, env=os.environ | _path()
    ) as process:
        time.sleep(0.5)
        assert process.poll() is None, "it did not wait"
        holder.kill()
        assert process.communicate(timeout=30)[0] == "held\n"
    with in_turn(lock):
        assert lock.read_text() == str(os.getpid())
