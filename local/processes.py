"""Start and stop the programs of a local stack. Each is known by its pid file; nothing else is ever signalled."""

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
    """A program of the stack: its name, what it listens on, and where its log and pid are kept."""

    name: str
    port: int
    folder: Path
    children: ClassVar[dict[int, "subprocess.Popen[bytes]"]] = {}
    """What this very process has started and must wait for in the end."""

    @property
    def log(self) -> Path:
        """Everything it prints."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Its process id and start time, so that a reused id is not taken for it."""
        return self.folder / f"{self.name}.pid"

    def require_port(self) -> None:
        """Raise `LocalError` if another program listens on its port."""
        if not self.alive():
            require_free(self.port, self.name)

    def start(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, nice: int = 0) -> None:
        """Start it in a process group of its own, with a lower priority if `nice` is above 0."""
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
            with contextlib.suppress(psutil.Error):  # a courtesy, and the process may have ended
                started.nice(nice)

    def wait_ready(self, ready: Callable[[], bool]) -> None:
        """Wait until it answers; raises `LocalError` with its last words if it ended or takes too long."""
        end = time.monotonic() + READY_SECONDS
        while not ready():
            if not self.alive() or time.monotonic() > end:
                raise LocalError(f"{self.name} did not start; its last words ({self.log}):\n{self.last_words()}")
            time.sleep(TICK)

    def process(self) -> psutil.Process | None:
        """The running process, None if it does not run (or its id now belongs to another one)."""
        try:
            pid, created = self.pid_file.read_text().split()
            process = psutil.Process(int(pid))
            running = process.create_time() == float(created) and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None
        return process if running else None

    def started(self) -> int:
        """When it was started (UNIX seconds); 0 if it does not run."""
        process = self.process()
        return int(process.create_time()) if process else 0

    def alive(self) -> bool:
        """Whether it is running."""
        return self.process() is not None

    def stop(self) -> None:
        """End it: SIGTERM so that it saves its state, then SIGKILL for what is left of its session."""
        process = self.process()
        if process is not None:
            children = _end(process)
            kill_session(process.pid, children)
            if child := self.children.pop(process.pid, None):
                child.wait(STOP_SECONDS)
        self.pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]) if self.log.exists() else ""


def _end(process: psutil.Process) -> list[psutil.Process]:
    """Have a program end itself; returns what it had started, also what has left its session."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = process.children(recursive=True)
        process.terminate()
        psutil.wait_procs([process], timeout=STOP_SECONDS)
        return children
    return []


def kill_session(leader: int, known: Sequence[psutil.Process] = ()) -> None:
    """End a program with all it started, also what it started while it ended itself."""
    end = time.monotonic() + STOP_SECONDS
    while (alive := [*_session(leader), *filter(_lives, known)]) and time.monotonic() < end:
        for one in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        time.sleep(TICK)


def _session(leader: int) -> list[psutil.Process]:
    """Find the living processes of a session; unlike a parent, it is not lost when the process between them ends."""
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
    """Run a command to its end; returns exit code and output. Interrupted, it leaves none of its children behind."""
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
    """Find a free port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
