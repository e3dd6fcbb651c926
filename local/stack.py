"""Start and stop a local stack: the emulated AWS with Mediarelay, and the engine. A folder has one stack at a time."""

import contextlib
import json
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from local.deploy import Deployment, build, deploy, outputs
from local.emulators import MINISTACK, Emulator
from local.environment import ROOT, Keys, LocalEnvironment, LocalError
from local.processes import Program
from local.stored_secrets import put_secrets

APP_ID = 1250000000
# Buckets of videos for CTS and for MPS, and of audio files.
CLIPS, FILMS, MUSIC = "clips", "films", "music"
BUCKET_REGION = "sh"
TIMEOUT = 10
# Seconds. The emulator saves its state when it stops and loads it when it starts. Killed earlier, it would lose it.
# 22,000 items took 19 s on a busy machine.
STATE_SECONDS = 300.0
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Transcoding uses every free core. Callbacks and queries must not wait for it, so the engine has a lower priority.
ENGINE_NICE = 10
# Parameters of the template. Times are shorter than on AWS, so that a person sees each step within a run.
PARAMETERS = {
    "FirstPollAfter": "20",
    "SecretCacheSeconds": "5",
    "SongSafetySeconds": "1",
    "SongNoticeSeconds": "5",
    # Endpoints of this machine, such as a receiver that is being developed.
    "WebhookDelivery": "true",
    "WebhookNetworks": "127.0.0.0/8",
}
# A function that shows one stage of the set-up, by its name, while the context lasts.
Stage = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Stack:
    """A local stack in its folder.

    `extra` is added to the environment of the emulator, from which the functions inherit it.
    """

    env: LocalEnvironment
    extra: Mapping[str, str] = field(default_factory=dict)
    emulated_by: Emulator = MINISTACK

    @property
    def emulator(self) -> Program:
        """The program that emulates AWS."""
        port, folder = self.env.emulator_port, self.env.folder
        return Program("emulator", port, folder, ready_seconds=STATE_SECONDS, stop_seconds=STATE_SECONDS)

    @property
    def engine(self) -> Program:
        """The engine, which stands in for the providers."""
        return Program("engine", self.env.engine_port, self.env.folder)

    def alive(self) -> bool:
        """Return whether at least one program runs."""
        return self.emulator.alive() or self.engine.alive()

    def require_running(self) -> None:
        """Raise `LocalError` with the last lines of the log if a program has ended."""
        for program in (self.emulator, self.engine):
            if not program.alive():
                raise LocalError(
                    f"the {program.name} has ended; its last words ({program.log}):\n{program.last_words()}"
                )

    def running(self) -> bool:
        """Return whether both programs run."""
        return self.emulator.alive() and self.engine.alive()

    def deployment(self) -> Deployment:
        """Return the deployment of the running stack."""
        made = outputs(self.env)
        return Deployment(self.env, made, self.emulated_by.api_url(self.env, made))

    def up(self, stage: Stage, parameters: dict[str, str] | None = None) -> Deployment:
        """Start the programs that do not run, and deploy the template or update its deployment.

        `parameters` override those of the local stack. Raises `LocalError` if a port is in use or a step fails.
        """
        self._require_ports()
        loading = " and its saved state" if self.env.folder.joinpath("state").exists() else ""
        with stage(f"emulated AWS{loading}"):
            self._start_emulator()
        # From here on, a saved state exists, which works on these ports only.
        self.env.save_ports()
        with stage("sam build"):
            build(self.env)
        with stage("deploy"):
            wanted = self._parameters() | (parameters or {})
            deployed = deploy(self.env, self.emulated_by, wanted, self.emulator.started())
            keys = put_secrets(deployed)
        with stage("engine"):
            self._start_engine(deployed, keys)
        # `make down` takes no lock, so it may have stopped the emulator meanwhile.
        self.require_running()
        return deployed

    def require_unused(self) -> None:
        """Raise `LocalError` if another stack uses this folder or these ports."""
        if self.alive():
            raise LocalError(f"another run is going on in {self.env.folder}: wait for it, or end it with `make down`")
        self._require_ports()

    def _require_ports(self) -> None:
        for program in (self.emulator, self.engine):
            program.require_port()

    def down(self) -> None:
        """Stop both programs. They save their state in the folder."""
        # The engine stops first, because it sends callbacks to the emulator.
        self.engine.stop()
        self.emulator.stop()

    def _parameters(self) -> dict[str, str]:
        urls = {"ProviderEndpoint": f"{self.env.engine_url}/v2/index.php", "MpsEndpoint": self.env.engine_url}
        return urls | PARAMETERS

    def _start_emulator(self) -> None:
        if self.emulator.alive():
            return
        if not Path(self.emulated_by.command[0]).exists():
            raise LocalError("the emulator is not installed: run `make up` or `make run`, they install it")
        # A killed emulator leaves its temporary files there.
        shutil.rmtree(self.env.path("tmp"), ignore_errors=True)
        environment = {**self.env.variables(), **self.emulated_by.environment(self.env), **self.extra}
        self.emulator.start(self.emulated_by.command, environment, self.env.folder)
        self.emulator.wait_ready(lambda: answers(self.env.emulator_url + self.emulated_by.health))

    def _start_engine(self, deployed: Deployment, keys: Keys) -> None:
        config = self._engine_config(deployed, keys)
        if self.engine.alive():
            requests.put(f"{self.env.engine_url}/_engine/config", json=config, timeout=TIMEOUT).raise_for_status()
        else:
            file = self.env.path("engine.json")
            # The file contains secrets, so it has its mode before its content.
            file.touch(mode=0o600)
            file.write_text(json.dumps(config, indent=2))
            command = [sys.executable, "-m", "engine", "--port", str(self.env.engine_port)]
            command += ["--data", str(self.env.path("engine")), "--config", str(file)]
            environment = self.env.variables() | {"PYTHONPATH": f"{ROOT}/layers/shared:{ROOT}"}
            self.engine.start(command, environment, ROOT, nice=ENGINE_NICE)
            self.engine.wait_ready(lambda: answers(f"{self.env.engine_url}/_engine/health"))

    def _engine_config(self, deployed: Deployment, keys: Keys) -> dict[str, object]:
        callbacks = f"{deployed.api_url}/callbacks"
        return {
            "credentials": {"secret_id": keys.secret_id, "secret_key": keys.secret_key},
            "app_id": APP_ID,
            "buckets": [
                {
                    "name": CLIPS,
                    "region": BUCKET_REGION,
                    "video": True,
                    "covers": [{"spec": "s_270", "count": 3}],
                    "gifs": ["w_320"],
                },
                {"name": MUSIC, "region": BUCKET_REGION},
                {"name": FILMS, "region": BUCKET_REGION},
            ],
            "audio_specs": ["128000_mp3", "48000_m4a", "0_flac"],
            "video_callback_url": f"{callbacks}/video/{keys.callback_token}",
            "audio_callback_url": f"{callbacks}/audio/{keys.callback_token}",
            "music": {"url": f"{callbacks}/music", "secret": keys.music},
            "trans_basic": True,
        }


def answers(url: str) -> bool:
    """Return whether a URL answers with success within a second."""
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=1).ok
    return False


@contextlib.contextmanager
def stopped_at_the_end(stack: Stack, stopping: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Stop the stack when the context ends, after calling `stopping`."""
    try:
        yield
    finally:
        stopping()
        with uninterrupted():
            stack.down()


@contextlib.contextmanager
def stopped_unless_up(stack: Stack) -> Iterator[None]:
    """Stop the stack if the context fails, unless a program of it ran before."""
    before = stack.alive()
    try:
        yield
    except BaseException:
        if not before:
            with uninterrupted():
                stack.down()
        raise


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore signals while the context lasts, so that a second Ctrl-C does not interrupt the clean-up."""
    # Python allows only the main thread to set signal handlers.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
