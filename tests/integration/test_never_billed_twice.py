"""One key, at most one task at MPS, however a client, the provider, the ledger and the clock go on in between.

Seeds decide what happens, in which order. At the end everything works again: each task at the provider has an outcome
in the ledger, and each key leads to its task or to a refusal.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from mediarelay.adapters.dynamodb.list_cursors import ListCursorStore
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.tasks.intent import ClientKey, Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import (
    BudgetSpent,
    CircuitOpen,
    LedgerUnavailable,
    MediarelayError,
    NoAccount,
    ProviderBusy,
    ProviderClosed,
    ProviderRefused,
    ProviderRepeated,
    ProviderUnknown,
)
from mediarelay.providers.mps.callbacks import MPS_CALLBACKS
from mediarelay.providers.port import Listed
from mediarelay.usecases.tasks.reconcile import Reconciler
from mediarelay.wiring.callbacks import callback_endpoint
from tests.integration.doubles import Clock
from tests.integration.task_harness import TOKEN, TaskHarness

DAY = 24 * 3600
# The provider remembers a submission for so long.
MEMORY = timedelta(days=3)
INPUT = {"Type": "COS", "CosInputInfo": {"Bucket": "clips-1250000000", "Region": "ap-shanghai", "Object": "/a.mp4"}}
REQUEST = {"source": {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/a.mp4"}, "outputs": [10]}
KEYS = tuple(ClientKey("client", name) for name in "ab")
FAULTS: tuple[Exception | None, ...] = (
    None,
    ProviderBusy("busy"),
    ProviderClosed("closed"),
    ProviderRefused("the source is gone"),
    BudgetSpent("none left"),
    CircuitOpen("open"),
    NoAccount("no keys"),
)


class ProcessEnd(BaseException):
    """The process ends. No code of ours catches it."""


@dataclass
class Made:
    vid: str
    submission: str
    key: str
    at: datetime


@dataclass
class Mps:
    """MPS as the use cases see it. While it is `odd`, any answer may be an error, or be lost."""

    random: Random
    clock: Clock
    odd: bool = True
    made: list[Made] = field(default_factory=list)

    def submit(self, intent: Intent) -> str:
        if self.odd and (fault := self.random.choice(FAULTS)):
            raise fault
        if any(one.submission == intent.submission and self.clock() - one.at < MEMORY for one in self.made):
            raise ProviderRepeated("provider code InvalidParameterValue.SessionId")
        vid = f"1250000000-WorkflowTask-{len(self.made):032x}t0"
        self.made.append(Made(vid, intent.submission, intent.key, self.clock()))
        if self.odd and (lost := self.random.choice([None, ProviderBusy("lost"), ProcessEnd()])):
            raise lost
        return vid

    def _task(self, made: Made) -> dict[str, Any]:
        result = {"Type": "Transcode", "TranscodeTask": {"Status": "SUCCESS", "Output": {"Path": "/b.mp4"}}}
        done = {"Status": "FINISH", "ErrCode": 0, "InputInfo": INPUT, "MediaProcessResultSet": [result]}
        return {"TaskId": made.vid, **done}

    def query(self, _kind: Kind, vid: str, *, known: bool) -> dict[str, Any]:
        assert isinstance(known, bool)
        if self.odd and (fault := self.random.choice([None, ProviderBusy("busy"), ProviderUnknown("not yet")])):
            raise fault
        made = next(one for one in self.made if one.vid == vid)
        if self.clock() - made.at > timedelta(days=7):
            raise ProviderUnknown("too old")
        task = self._task(made)
        return {"TaskType": "WorkflowTask", "Status": "FINISH", "WorkflowTask": task, "SessionId": made.submission}

    def callback(self, made: Made) -> bytes:
        event = {"EventType": "WorkflowTask", "WorkflowTaskEvent": self._task(made), "SessionId": made.submission}
        return json.dumps(event).encode()

    def tasks_between(self, since: datetime, until: datetime, _wait: object) -> Iterator[Listed]:
        if self.odd and self.random.random() < 0.3:
            raise ProviderBusy("busy")
        listed = [one for one in self.made if since <= one.at <= until]
        if self.odd:
            listed = [one for one in listed if self.clock() - one.at > timedelta(minutes=5)]
        yield Listed(tuple((one.vid, json.dumps({"TaskId": one.vid}).encode()) for one in listed), None)


@contextmanager
def unreliable(random: Random) -> Iterator[None]:
    """Let calls to the table fail, before or after they had their effect, and let processes end there."""

    def spoilt(plain: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **options: Any) -> Any:
            chance = random.random()
            if chance < 0.02:
                raise LedgerUnavailable("down")
            found = plain(*given, **options)
            if chance < 0.04:
                raise LedgerUnavailable("the answer is lost")
            if chance < 0.05:
                raise ProcessEnd
            return found

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "put", "update", "update_and_return", "delete"):
            patch.setattr(Table, name, spoilt(getattr(Table, name)))
        yield


class Run:
    """One sequence of events."""

    def __init__(self, table: str, seed: int, **settings: object) -> None:
        self.random = Random(seed)  # noqa: S311 - a sequence that can be repeated
        self.harness = TaskHarness(table)
        self.mps = Mps(self.random, self.harness.clock)
        self.harness.deployment = replace(self.harness.deployment, api=self.mps)  # type: ignore[arg-type]
        self.harness.configure(provider="mps", **settings)
        with self.harness.building():
            self.endpoint = callback_endpoint(MPS_CALLBACKS)
        self.reconciler = Reconciler(
            lists={"mps": self.mps},
            tasks=self.harness.tasks,
            known=self.harness.stores.tasks,
            cursors=ListCursorStore(self.harness.stores.table),
            adopt=self.harness.submitter.adopt,
            wait=lambda _time_left: False,
            clock=self.harness.clock,
        )
        # The list begins with the first run.
        self.reconciler.cursors.save("mps", self.harness.clock())

    def submit(self) -> None:
        self.harness.submitter.submit(Kind.VIDEO, REQUEST, self.random.choice(KEYS))

    def enqueue(self) -> None:
        self.harness.registry.enqueue(Kind.VIDEO, REQUEST, self.random.choice(KEYS))

    def callback(self) -> None:
        if self.mps.made:
            body = self.mps.callback(self.random.choice(self.mps.made))
            self.endpoint.receive(TOKEN, "192.0.2.1", lambda: body)

    def reconcile(self) -> None:
        self.reconciler.reconcile(lambda: True)

    def poll(self) -> None:
        self.harness.poll()
        for vid, kind in self.harness.take():
            self.harness.confirm(vid, kind)

    def wait(self) -> None:
        self.harness.clock.forward(minutes=self.random.choice([1, 1, 5, 5, 40, 600, 1500]))

    def step(self) -> None:
        events = (self.submit, self.submit, self.enqueue, self.callback, self.reconcile, self.poll, self.wait)
        with suppress(MediarelayError, ProcessEnd):
            self.random.choice((*events, self.harness.sweep, self.harness.sweep, self.wait))()

    def outcome(self, key: ClientKey) -> str | None:
        """Return the task to which a key leads."""
        return self.harness.submitter.submit(Kind.VIDEO, REQUEST, key).vid

    def recover(self) -> None:
        """Everything works: the clock goes on, and schedules run."""
        self.mps.odd = False
        for _ in range(8):
            self.harness.clock.forward(minutes=35)
            for run in (self.reconcile, self.harness.sweep, self.poll, self.harness.sweep):
                run()


SETTINGS = ({"give_up_after": 10}, {"give_up_after": DAY}, {"give_up_after": 600_000})


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("trust", ["confirm", "callback"])
def test_a_key_makes_one_task(make_table: Callable[[], str], settings: dict[str, int], trust: str) -> None:
    for seed in range(8):
        run = Run(make_table(), seed, callback_trust=trust, **settings)
        with unreliable(run.random):
            for _ in range(60):
                run.step()
        run.recover()
        billed = {key: [one.vid for one in run.mps.made if one.key == key.key] for key in KEYS}
        assert all(len(vids) <= 1 for vids in billed.values()), (seed, billed)
        ended = {event["subject"]: event["type"] for event in run.harness.topic.take()}
        assert ended.keys() >= {one.vid for one in run.mps.made}, seed
        found = {one.key: one.vid for one in run.mps.made if ended[one.vid] == "mediarelay.task.succeeded"}
        assert {key.key: run.outcome(key) for key in KEYS if key.key in found} == found, seed
        assert run.harness.due() == {}, seed
