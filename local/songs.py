"""`make run`: follow a song through a room, from a game server's relay until its lease has expired."""

import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import requests

from local.background import in_background
from local.client import ApiClient, describe_load
from local.console import Screen
from local.deploy import invoke
from local.environment import LocalError

# Milliseconds.
LIFE = 15_000
SWEEP_EVERY = 2.0
MAX_LIFE = 4 * LIFE
EVENT_TYPES = READY, EXPIRING, EXPIRED = tuple(f"mediarelay.song.{name}" for name in ("ready", "expiring", "expired"))
STEPS = ("use", "acquire")
# Seconds. The engine itself waits 30 s for an answer.
TIMEOUT = 40
TRIES = 4


@dataclass
class Song:
    """An observer of one song. It waits until the room has seen every step and every notification has arrived."""

    api_client: ApiClient
    screen: Screen
    room: str
    steps: list[str] = field(default_factory=list)
    received: set[str] = field(default_factory=set)
    swept: "Future[Any]" = field(default_factory=lambda: in_background(lambda: None))
    swept_at: float = -SWEEP_EVERY
    life: int = LIFE

    def begin(self) -> None:
        """Make the engine's game server relay a result and a forged one.

        Raises `LocalError` if Mediarelay refuses the first or accepts the second.
        """
        self.steps, self.received = [], set()
        self.screen.line(f"  a game server relays an accompaniment for {self.room}")
        if self._order(fault="nothing") != [200] or self._order(fault="wrong_signature") != [401]:
            raise LocalError("Mediarelay refused a relay, or accepted a forged one")
        self.check()

    def subjects(self) -> str:
        """Return the prefix of the subjects of the room's notifications."""
        return f"{self.room}/"

    def receive(self, event: dict[str, Any]) -> None:
        """Record a notification. If a slow machine has missed the song's life, relay a longer one."""
        self.received.add(event["type"])
        self.screen.notification(f"song in {self.room}", event)
        if event["type"] == EXPIRED and self._missed() and self.life < MAX_LIFE:
            self.life *= 2
            self.screen.line("  that song expired before this machine could follow it; relaying a longer one")
            self.begin()

    def _missed(self) -> bool:
        """Return whether the song expired before this machine could follow it. It then has no `expiring`."""
        return EXPIRING not in self.received or STEPS[0] not in self.steps

    def check(self) -> None:
        """Print what the room should do, if it has changed."""
        (song,) = self.api_client.get(f"/rooms/{self.room}/songs")["songs"]
        if song["next"] not in self.steps[-1:]:
            self.steps.append(song["next"])
            self.screen.song(self.room, song)
        self._sweep()

    def _sweep(self) -> None:
        """Invoke the sweep in the background: its schedule runs once a minute, which is longer than the song.

        The first invocation, long before the song ends, starts the function.
        """
        if self._silent() and self.swept.done() and time.monotonic() > self.swept_at + SWEEP_EVERY:
            self.swept = in_background(partial(invoke, self.api_client.deployment.env, "Sweep"))
            self.swept_at = time.monotonic()

    def _silent(self) -> list[str]:
        return [f"{name} of the song" for name in EVENT_TYPES if name not in self.received]

    def missing(self) -> list[str]:
        """Return the steps and notifications that have not arrived yet."""
        silent = self._silent()
        return silent if tuple(self.steps) == STEPS else [f"the end of the song in {self.room}", *silent]

    def _order(self, fault: str) -> list[int]:
        """Return the statuses that a relay got. On a busy machine, a relay without an answer is sent again."""
        for _ in range(TRIES - 1):
            statuses = self._relay(fault)
            if statuses and max(statuses) < HTTPStatus.INTERNAL_SERVER_ERROR:
                return statuses
            self.screen.sentence(f"The relay got no answer. {describe_load()}; relaying it again", "  ")
        return self._relay(fault)

    def _relay(self, fault: str) -> list[int]:
        url = f"{self.api_client.deployment.env.engine_url}/_engine/music"
        answer = requests.post(url, json={"room_id": self.room, "ttl": self.life, "fault": fault}, timeout=TIMEOUT)
        statuses: list[int] = answer.json().get("statuses", [])
        return statuses
