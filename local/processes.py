"""Start and stop the programs of a local stack.

A pid file identifies each program. This module signals only these programs and the processes that they have started.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil

from local.environment import HOST, LocalError

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
TICK = 0.05
LAST_LINES = 8


@dataclass(frozen=True)
class Program:
    """A program of the stack: its name, its port, and the folder of its log and pid file.

    It has `ready_seconds` to start, and `stop_seconds` to end before it is killed.
    """

    name: str
    port: int
    folder: Path
    ready_seconds: float = READY_SECONDS
    stop_seconds: float = STOP_SECONDS
    # Processes that this process has started. It must wait for them, or they stay as zombies.
    children: ClassVar[dict[int, "subprocess.Popen[bytes]"]] = {}

    @property
    def log(self) -> Path:
        """The file with everything that the program prints."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """The file with its process id and start time, which together identify it although systems reuse ids."""
        return self.folder / f"{self.name}.pid"

    def require_port(self) -> None:
        """Raise `LocalError` if another program listens on the port."""
        if not self.alive():
            require_free(self.port, self.name)

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, nice: int = 0) -> None:
        """Start the program in a session of its own, with a lower priority if `nice` is above 0.

        A Ctrl-C in the terminal then does not reach it, so that it stops in order.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                env=dict(environment),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.children[process.pid] = process
        started = psutil.Process(process.pid)
        self.pid_file.write_text(f"{process.pid} {started.create_time()!r}")
        if nice:
            # The priority is optional, and the process may have ended already.
            with contextlib.suppress(psutil.Error):
                started.nice(nice)

    def wait_ready(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready` returns True. Raises `LocalError` with the end of its log if it ends or takes too long."""
        end = time.monotonic() + self.ready_seconds
        while not ready():
            if not self.alive() or time.monotonic() > end:
                raise LocalError(f"{self.name} did not start; its last words ({self.log}):\n{self.last_words()}")
            time.sleep(TICK)

    def process(self) -> psutil.Process | None:
        """Return the running process, None if the program has ended or its id now belongs to another process."""
        try:
            pid, created = self.pid_file.read_text().split()
            process = psutil.Process(int(pid))
            running = process.create_time() == float(created) and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        return process if running else None

    def started(self) -> int:
        """Return the start time of the program in UNIX seconds, 0 if it does not run."""
        process = self.process()
        return int(process.create_time()) if process else 0

    def alive(self) -> bool:
        """Return whether the program runs."""
        return self.process() is not None

    def stop(self) -> None:
        """Stop the program: SIGTERM so that it saves its state, then SIGKILL for the rest of its session."""
        process = self.process()
        if process is not None:
            children = _end(process, self.stop_seconds)
            kill_session(process.pid, children)
            if child := self.children.pop(process.pid, None):
                child.wait(STOP_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if self.log.exists() else ""


def _end(process: psutil.Process, seconds: float) -> list[psutil.Process]:
    """Ask a program to end, wait for `seconds`, and return the processes that it had started."""
    # The children are listed before the end of their parent, which is the only link to those outside its session.
    with contextlib.suppress(psutil.NoSuchProcess):
        children = process.children(recursive=True)
        process.terminate()
        psutil.wait_procs([process], timeout=seconds)
        return children
    return []


def kill_session(leader: int, known: Sequence[psutil.Process] = ()) -> None:
    """Kill the processes of a session and the `known` ones, for at most `STOP_SECONDS`."""
    # A process may start another one while it ends, so one pass is not enough.
    end = time.monotonic() + STOP_SECONDS
    while (alive := [*_session(leader), *filter(_lives, known)]) and time.monotonic() < end:
        for one in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        time.sleep(TICK)


def _session(leader: int) -> list[psutil.Process]:
    """Return the living processes of a session."""
    # A process keeps its session when its parent ends, unlike its place in the tree of processes.
    return [one for one in psutil.process_iter(["status"]) if _in_session(one, leader)]


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _in_session(process: psutil.Process, leader: int) -> bool:
    try:
        return os.getsid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError):
        return False


def call(command: Sequence[str], environment: Mapping[str, str], cwd: Path, seconds: float) -> tuple[int, str]:
    """Run a command for at most `seconds`. Return its exit code and output; an interrupt kills all its processes."""
    with subprocess.Popen(  # noqa: S603 - the command is ours
        command,
        env=dict(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except BaseException:
            kill_session(process.pid)
            raise
    return process.returncode, output


def require_free(port: int, name: str) -> None:
    """Raise `LocalError` if a program listens on the port."""
    with socket.socket() as probe:
        # Without the option, connections of a stopped stack would block the port for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            variable = f"{name.upper()}_PORT"
            raise LocalError(
                f"port {port} on {HOST} is taken, the {name} needs it: stop what listens there (`make down` if it is "
                f"an earlier stack) or choose another port with {variable}=..."
            ) from error


def free_port() -> int:
    """Return a port on which no program listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
