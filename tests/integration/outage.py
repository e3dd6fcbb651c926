"""A provider that fails for a while, in virtual time: the real polls, workers and client of the provider's API.

Each worker is a thread. Only one of them runs at a time, and `Timeline` decides which, so a run is the same each time.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from io import BytesIO
from itertools import count
from json import dumps, loads
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from mediarelay.adapters.provider_api import ProviderApi, ProviderApis
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.provider import CTS
from mediarelay.providers.port import Account
from tests.integration.doubles import Clock
from tests.integration.task_harness import TaskHarness, answer

HANG_SECONDS, ANSWER_SECONDS = 12.0, 0.2
SWEEP_MINUTES = 5
"""Rarer than in production, because a sweep of moto's table takes long."""
WORKERS = 4
"""The default of `ConfirmConcurrency`."""


class Timeline:
    """Runs one thread at a time: the one that wakes up first. The clock shows when."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.numbers = clock, count()
        self.sleeping: list[tuple[datetime, int, Event]] = []

    def sleep(self, seconds: float) -> None:
        woken = Event()
        self.enter(woken, seconds)
        self.leave()
        woken.wait()

    def enter(self, woken: Event, seconds: float = 0.0) -> None:
        heappush(self.sleeping, (self.clock.now + timedelta(seconds=seconds), next(self.numbers), woken))

    def leave(self) -> None:
        """Let the next thread run."""
        if self.sleeping:
            self.clock.now, _, woken = heappop(self.sleeping)
            woken.set()


class Line(BaseAdapter):
    """The connection to the provider. `state` says how each call ends: `ok`, `hang`, `refused`, or an HTTP status."""

    def __init__(self, timeline: Timeline, state: Callable[[str], str]) -> None:
        super().__init__()
        self.timeline, self.state, self.called = timeline, state, list[str]()

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        vid = dict(parse_qsl(str(request.body)))["vid"]
        self.called.append(vid)
        state = self.state(vid)
        self.timeline.sleep(HANG_SECONDS if state == "hang" else ANSWER_SECONDS)
        if state == "hang":
            raise requests.ReadTimeout
        if state == "refused":
            raise requests.ConnectionError
        said = dumps({"code": 0, "message": "", "codeDesc": "", "data": loads(answer(vid))}).encode()
        return _response(200, said) if state == "ok" else _response(int(state), b"<html>Bad gateway</html>")

    def close(self) -> None:
        """Nothing is open."""


def _response(status: int, body: bytes) -> requests.Response:
    found = requests.Response()
    found.status_code = status
    found.raw = HTTPResponse(BytesIO(body), status=status, preload_content=False)
    return found


class Outage:
    """A stack with open tasks, whose provider behaves as `state` says for each call."""

    def __init__(self, harness: TaskHarness, state: Callable[[str], str]) -> None:
        self.harness, self.timeline, self.messages = harness, Timeline(harness.clock), Counter[str]()
        self.line, self.closed, self.errors = Line(self.timeline, state), False, list[Exception]()
        self.queue: list[tuple[str, Kind, datetime]] = []
        for outbox in (harness.queue, harness.unknown_queue):
            outbox.read = self._received
        session = requests.Session()
        session.mount("https://", self.line)
        api = ProviderApi(
            provider=CTS,
            url="https://cts.example.com/v2/index.php",
            region="",
            account=lambda: Account("id", "key"),
            spend=partial(harness.stores.budget.spend, "cts"),
            budget=harness.budget,
            guard=harness.breaker,
            clock=harness.clock,
            nonce=count(1).__next__,
            session=session,
        )
        harness.confirmer = replace(harness.confirmer, providers=ProviderApis({"cts": api}))

    def _received(self, message: dict[str, Any]) -> tuple[str, Kind]:
        vid, kind = message["vid"], Kind(message["kind"])
        self.messages[vid] += 1
        self.queue.append((vid, kind, self.harness.clock()))
        return vid, kind

    def run(self, minutes: int) -> None:
        """Let time pass: polls run once a minute, sweeps less often, and the workers take messages."""
        self.closed = False
        starts = [Event() for _ in range(WORKERS)]
        threads = [Thread(target=self._work, args=(start,)) for start in starts]
        for thread, start in zip(threads, starts, strict=True):
            thread.start()
            self.timeline.enter(start)
        for minute in range(minutes):
            self.harness.queue.waiting = len(self.queue)
            self.harness.poll()
            if minute % SWEEP_MINUTES == 0:
                self.harness.sweep()
            self.timeline.sleep(60)
        self.closed = True
        self.timeline.leave()
        for thread in threads:
            thread.join()
        assert self.errors == []

    def _work(self, start: Event) -> None:
        start.wait()
        while not self.closed:
            if self.queue:
                self._confirm(*self.queue.pop(0))
            else:
                self.timeline.sleep(5)
        self.timeline.leave()

    def _confirm(self, vid: str, kind: Kind, sent: datetime) -> None:
        try:
            self.harness.confirmer.confirm(vid, kind, sent=sent)
        except Exception as error:  # noqa: BLE001 - a thread reports nothing itself
            self.errors.append(error)
