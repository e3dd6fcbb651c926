"""`python -m local run [FILE] | up | down`: the commands behind `make run`, `make up` and `make down`."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import psutil

from local.background import in_background
from local.console import Screen
from local.deploy import Deployment
from local.environment import ACCOUNT, REGION, ROOT, SECRET_ACCESS_KEY, STACK, LocalEnvironment, LocalError
from local.lock import only_one
from local.run import run
from local.samples import Media, own_media, samples
from local.stack import Stack, stopped_at_the_end, stopped_unless_up
from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay_cli.profiles import LOCAL, LOCAL_PROFILE, Profile, save_profile

HOME = Path(os.environ.get("LOCAL_DIR") or ROOT / ".local").absolute()
KEPT, FRESH, MEDIA = HOME / "up", HOME / "run", HOME / "media"
# Previous runs, until they are removed.
OLD = HOME / "old"
# The command line looks for its profile `local` there.
LOCAL_FILE = HOME / LOCAL_PROFILE
# The one command that starts a stack in this folder, or sends media through it, holds this lock.
LOCK = HOME / "lock"
INTERRUPTED = 130
PORTS = {"EMULATOR_PORT": "emulator_port", "ENGINE_PORT": "engine_port"}


def up(_: argparse.Namespace, screen: Screen) -> None:
    """Start the stack, with the state that an earlier `down` saved, and leave it running."""
    with only_one(LOCK):
        stack = _kept()
        # A stack that is half up would confuse the next command, so an error stops what this command has started.
        with stopped_unless_up(stack):
            deployed = stack.up(screen.stage)
    save_profile(LOCAL_FILE, profile(deployed))
    screen.line(f"export API='{deployed.api_url}' BEARER={stack.env.keys.bearer}")
    screen.line(f"Console {deployed.api_url}/console")
    screen.line(f"Engine  {stack.env.engine_url}/_engine/tasks")
    screen.line(f"AWS     {stack.env.emulator_url}")
    screen.line("Look at it with `mediarelay -p local status` in this folder (`make cli` installs the command).")
    screen.line("Send media through it with `make run`, your own with `make run FILE=…`.\nStop it with `make down`.")


def profile(deployed: Deployment) -> Profile:
    """Return the profile with which the command line finds the stack."""
    env = deployed.env
    return Profile(
        name=LOCAL,
        api_url=deployed.api_url,
        token=env.keys.bearer,
        stack=STACK,
        region=REGION,
        endpoint_url=env.emulator_url,
        cos_endpoint=env.engine_url,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET_ACCESS_KEY,
    )


def _kept() -> Stack:
    """Return the stack of an earlier `make up`, running or saved, else a new one on the requested ports.

    Raises `LocalError` if the saved stack has other ports. A saved state works on its own ports only, because the
    addresses of its queues contain the emulator's port.
    """
    wanted, stack = LocalEnvironment(KEPT), LocalEnvironment.saved(KEPT)
    if _differ(stack, wanted):
        raise LocalError(
            f"the stack in {KEPT} has the ports {stack.emulator_port} and {stack.engine_port}. Use it without "
            "EMULATOR_PORT and ENGINE_PORT, name another folder (LOCAL_DIR=…), or `make down` and remove this one."
        )
    return Stack(stack)


def _differ(known: LocalEnvironment, wanted: LocalEnvironment) -> bool:
    """Return whether the environment requests another port than the stack has."""
    asked = [port for name, port in PORTS.items() if name in os.environ]
    return any(getattr(known, port) != getattr(wanted, port) for port in asked)


def down(_: argparse.Namespace, screen: Screen) -> None:
    """Stop the stack, save its state, and stop the programs of an interrupted run."""
    # This command takes no lock: it must be able to stop a run that hangs.
    with screen.stage("stop and save the state"):
        # A command must not look for a stack that has stopped.
        LOCAL_FILE.unlink(missing_ok=True)
        for folder in (KEPT, FRESH):
            Stack(LocalEnvironment(folder)).down()


def run_once(options: argparse.Namespace, screen: Screen) -> None:
    """Send media through the running stack, or through a fresh one that is stopped afterwards."""
    screen.activity(f"reading {options.file}" if options.file else "encoding a sample video and a sample song")
    # The samples take seconds, which the stack takes to start, too. A wrong file is an error before anything starts.
    own = [own_media(options.file)] if options.file else None
    media = in_background(lambda: own or samples(MEDIA))
    with _finished(media), only_one(LOCK):
        # A running stack needs the lock, too: two runs would receive each other's notifications from one queue.
        kept = Stack(LocalEnvironment.saved(KEPT))
        if kept.running():
            run(kept.deployment(), media.result(), screen, KEPT / "outputs", song=not options.file, stays=True)
        else:
            _run_fresh(Stack(LocalEnvironment(FRESH)), media, screen, song=not options.file)


@contextmanager
def _finished(work: "Future[Any]") -> Iterator[None]:
    """Wait for a background call at the end, so that an interrupted command leaves no ffmpeg behind."""
    try:
        yield
    finally:
        wait([work])


def _run_fresh(stack: Stack, media: "Future[list[Media]]", screen: Screen, *, song: bool) -> None:
    stack.require_unused()
    _remove(FRESH)
    with stopped_at_the_end(stack, lambda: screen.activity("stopping the stack")):
        run(stack.up(screen.stage), media.result(), screen, FRESH / "outputs", song=song, stays=False)


def _remove(folder: Path) -> None:
    """Move a folder away and remove it while the command continues. The next run removes what is left of it."""
    OLD.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        folder.rename(Path(tempfile.mkdtemp(dir=OLD)) / folder.name)
    in_background(partial(shutil.rmtree, OLD, ignore_errors=True))


COMMANDS: dict[str, Callable[[argparse.Namespace, Screen], None]] = {"run": run_once, "up": up, "down": down}


def main() -> int:
    """Run a command and return the exit code: 0 on success, 1 after an error, 130 after an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Mediarelay on this machine.")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("file", nargs="?", help="media of your own")
    options = parser.parse_args()
    # Like SIGINT, both signals raise KeyboardInterrupt. The clean-up then runs, and no program outlives its terminal.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    screen = Screen()
    screen.line(f"make {options.command}: logs, state and outputs are in")
    screen.path(HOME)
    try:
        with screen.progress():
            COMMANDS[options.command](options, screen)
    except LocalError as error:
        screen.error(str(error))
        return 1
    except (OSError, ValueError, subprocess.SubprocessError, psutil.Error, *AWS_ERRORS) as error:
        screen.error(f"{type(error).__name__}: {error}\nThe logs may say more. They are in")
        screen.path(HOME)
        return 1
    except KeyboardInterrupt:
        screen.error("interrupted; everything that this command started is stopped")
        return INTERRUPTED
    return 0


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
