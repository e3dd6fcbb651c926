"""Send tasks through the deployed stack while something goes wrong, and compare the end with what the engine knows."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import requests

from local.aws import client
from local.client import ApiClient
from local.deploy import Deployment, function_name
from local.environment import LocalEnvironment, LocalError
from local.notifications import Subscriber
from local.processes import free_port
from local.stack import Stack, stopped_at_the_end
from mediarelay.adapters.sqs import WAITING
from tests.chaos.clients import AGAIN, BATCH, BROKEN, CLIENTS, LONGEST, PASSING, Clients, Json, Submission, patiently
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.proxy import Proxy

LOOK = 2.0
OUTCOMES = {"succeeded", "failed", "superseded", "lost"}
RECONCILE_EVERY = 5
"""The schedule of `Reconcile` has so many times the period of the other ones."""
MAX_ROWS = 1000
"""The engine's console lists at most so many tasks or callbacks."""
PARAMETERS = {"FirstPollAfter": "2", "VisibilityTimeout": "30", "CallsPerMinute": "10000"}


@dataclass(frozen=True)
class Row:
    """What came of one fault; a wrong or a missing one breaks the promise."""

    fault: str
    tasks: int
    right: int
    wrong: int
    without_outcome: int
    without_notification: int
    notifications: int
    repeated_ids: int
    seconds: float = 0.0
    undisturbed: float | None = None
    queue_peak: int | None = None
    billed_twice: int | None = None
    partial: int = 0
    callbacks: Counter[int] | None = None
    callback_status: int | None = None

    @property
    def kept(self) -> bool:
        """Whether every task has the right outcome and a notification of it, within a fair time, and is billed once."""
        fair = self.undisturbed is None or self.seconds <= 2 * self.undisturbed
        missing = self.wrong or self.without_outcome or self.without_notification or self.billed_twice
        refused = self.callbacks is None or self.callbacks.keys() == {self.callback_status}
        return self.right == self.tasks and fair and refused and not missing

    @property
    def remark(self) -> str:
        """What the columns of all rows do not say."""
        said = {
            "{:.0f} s undisturbed": self.undisturbed,
            "at most {} messages in the confirm queues": self.queue_peak,
            "billed twice {}": self.billed_twice,
            "{} partial": self.partial or None,
            "callbacks by status of their answer: {}": self.callbacks and dict(self.callbacks),
        }
        return "".join(f", {text.format(value)}" for text, value in said.items() if value is not None)


@dataclass(frozen=True)
class Pace:
    """How much goes on at once.

    Attributes:
        senders: Clients that send and read at the same time.
        tick: Seconds between two runs of a function that a schedule calls.
    """

    senders: int = 8
    tick: float = 1.0


@dataclass
class ChaosRun:
    """A deployed stack with a proxy before its services."""

    stack: Stack
    proxy: Proxy
    provider: Proxy
    deployment: Deployment
    received: list[dict[str, Any]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    names: dict[str, str] = field(default_factory=dict)
    fault: Fault = FAULTS[0]
    folder: str = ""
    peak: int = 0
    watch: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = Pace()

    @property
    def api_client(self) -> ApiClient:
        return ApiClient(self.deployment)

    @property
    def clients(self) -> Clients:
        return CLIENTS[self.fault.clients](self.deployment)

    def run(self, fault: Fault, count: int, max_wait: float = LONGEST) -> Row:
        """Send `count` tasks under a fault and wait for their outcomes, at most `max_wait` seconds."""
        undisturbed = self.run(replace(fault, forged=0), count, max_wait).seconds if fault.forged else None
        self.fault = fault
        self._forge(fault.forged)
        self.received.clear()
        self.peak, self.watch = 0, fault.watch_queue
        self.folder = uuid4().hex
        begun = time.monotonic()
        self._console("faults", dict(fault.engine))
        self.proxy.trouble, self.provider.trouble = fault.trouble, fault.provider_trouble
        self._stream(enabled=fault.stream)
        healing = threading.Timer(fault.seconds, self._heal)
        if fault.outage:
            healing.start()
        submissions = self._send(count, fault.keys)
        if fault.restart:
            self._restart()
        if fault.until_well:
            vids = self._until_well(submissions, begun + max_wait)
            self._heal()
        else:
            if not fault.outage:
                healing.start()
            healing.join()
            vids = self._until_well(submissions, begun + max_wait)
        self._stream(enabled=True)
        row = self._judge(submissions, vids, time.monotonic() - begun)
        peak = self.peak if fault.watch_queue else None
        return replace(row, undisturbed=undisturbed, queue_peak=peak, callback_status=fault.callback_status)

    def _heal(self) -> None:
        self.proxy.trouble = self.provider.trouble = None
        self._console("faults", {})

    def _forge(self, count: int) -> None:
        """Post callbacks with a valid token about ids that do not exist."""
        with ThreadPoolExecutor(self.pace.senders) as pool:
            list(pool.map(lambda _: patiently(self._forge_one), range(count)))

    def _forge_one(self) -> None:
        route, body = self.clients.forged()
        url = f"{self.deployment.api_url}/callbacks/{route}/{self.stack.env.keys.callback_token}"
        requests.post(url, json=body, timeout=60).raise_for_status()

    # ── sending ──

    def _send(self, count: int, endings: Sequence[str]) -> list[Submission]:
        """Send `count` tasks; a video and a sound after each other have keys with the same ending."""
        keys = [f"{self.folder}/{number}{endings[number // 2 % len(endings)]}" for number in range(count)]
        with ThreadPoolExecutor(self.pace.senders) as pool:
            started = list(pool.map(lambda number: patiently(partial(self._start, number, keys[number])), range(count)))
        self._submit_unnamed(started)
        return started

    def _start(self, number: int, key: str) -> Submission:
        return self.clients.start(number, key)

    def _submit_unnamed(self, submissions: list[Submission]) -> bool:
        """Submit those without a vid once more, to learn it; returns whether there were any."""
        unnamed = [submission for submission in submissions if submission.vid is None]
        for start in range(0, len(unnamed), BATCH):
            self._submit(unnamed[start : start + BATCH])
        return bool(unnamed)

    def _submit(self, submissions: list[Submission]) -> None:
        """Submit as a client does, and repeat refused submissions; raises LocalError if that never ends."""
        end = time.monotonic() + LONGEST
        while left := patiently(partial(self.clients.submit, submissions)):
            if time.monotonic() > end:
                raise LocalError(f"{len(left)} submissions are refused")
            submissions = left
            time.sleep(AGAIN)

    # ── converging ──

    def _until_well(self, submissions: list[Submission], end: float) -> set[str]:
        """Wait for every outcome and its notification; returns the vids of all tasks that are known."""
        while True:
            has_unnamed = self._submit_unnamed(submissions)
            states, vids = self._states(), {submission.vid for submission in submissions if submission.vid}
            is_well = not has_unnamed and self._well(vids, states)
            if is_well:
                vids |= states.keys() & self._truth().keys()
            if (is_well and self._well(vids, states)) or time.monotonic() > end:
                return vids
            time.sleep(LOOK)

    def _well(self, vids: set[str], states: dict[str, str]) -> bool:
        """Whether each task has an outcome and a notification of it."""
        published = {(event["subject"], event["type"].rpartition(".")[2]) for event in list(self.received)}
        return all((vid, states.get(vid)) in published and states[vid] in OUTCOMES for vid in vids)

    def _states(self) -> dict[str, str]:
        """What the ledger says of each task, straight from the table."""
        table = client(self.stack.env, "dynamodb")
        pages = table.get_paginator("scan").paginate(
            TableName=self.deployment.outputs["TableName"],
            FilterExpression="sk = :sk",
            ExpressionAttributeValues={":sk": {"S": "TASK"}},
        )
        return {item["vid"]["S"]: item["state"]["S"] for page in pages for item in page["Items"]}

    def _truth(self) -> dict[str, Json]:
        """What the engine knows of each task of this run."""
        return {task["vid"]: task for task in self._listed("tasks") if self.folder in task["url"]}

    def _listed(self, name: str) -> list[Json]:
        answer = requests.get(f"{self.stack.env.engine_url}/_engine/{name}?limit={MAX_ROWS}", timeout=60)
        found: list[Json] = answer.json()[name]
        return found

    def _judge(self, submissions: list[Submission], vids: set[str], seconds: float) -> Row:
        """Compare what clients read and subscribers received with what the engine knows."""
        truth, shown = self._truth(), self._read(vids & self._states().keys())
        ended = {vid: task for vid, task in shown.items() if task["state"] in OUTCOMES}
        right = {vid for vid, task in ended.items() if self.clients.is_right(task, truth[vid])}
        published = self._published(truth)
        right -= {vid for vid, states in published.items() if states - {shown[vid]["state"]}}
        mine = [submission.vid for submission in submissions if submission.vid]
        ids = Counter(event["id"] for event in self.received)
        return Row(
            fault=self.fault.name,
            tasks=len(submissions),
            right=sum(vid in right for vid in mine),
            wrong=len(ended.keys() - right),
            without_outcome=len(submissions) - len(mine) + len(vids - ended.keys()),
            without_notification=sum(task["state"] not in published.get(vid, ()) for vid, task in ended.items()),
            notifications=sum(event["subject"] in vids for event in self.received),
            repeated_ids=sum(count - 1 for count in ids.values()),
            seconds=round(seconds, 1),
            billed_twice=self.clients.billed_twice(truth.values()),
            partial=sum(bool(task.get("partial")) for task in ended.values()),
            callbacks=self._callback_answers(truth) if self.fault.callback_status else None,
        )

    def _published(self, truth: Mapping[str, Json]) -> dict[str, set[str]]:
        """The outcomes that notifications state for each task. One whose content is wrong counts as another outcome."""
        found: dict[str, set[str]] = {}
        for event in list(self.received):
            vid, state = event["subject"], event["type"].rpartition(".")[2]
            if vid in truth and state in OUTCOMES:
                is_right = self.clients.is_right(event["data"], truth[vid])
                found.setdefault(vid, set()).add(state if is_right else f"{state}, wrong")
        return found

    def _callback_answers(self, truth: Mapping[str, Json]) -> Counter[int]:
        """The statuses with which the callbacks of this run were answered."""
        mine = (callback for callback in self._listed("callbacks") if callback["vid"] in truth)
        answers = (attempt["http_status"] for callback in mine for attempt in callback["attempts"])
        return Counter(status for status in answers if status)

    def _read(self, vids: Iterable[str]) -> dict[str, Json]:
        """What the API says of each task."""
        with ThreadPoolExecutor(self.pace.senders) as pool:
            return dict(pool.map(lambda vid: (vid, patiently(lambda: self.api_client.task(vid))), vids))

    # ── what goes on meanwhile ──

    @contextmanager
    def weather(self) -> Iterator[None]:
        """Tick faster than the schedules do, and listen to the topic."""
        jobs: list[Callable[[], None]] = [
            self._listen,
            self._watch,
            *(partial(self._tick, name) for name in self.names.values()),
        ]
        threads = [threading.Thread(target=self._repeat, args=(job,), daemon=True) for job in jobs]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.ended.set()
            for thread in threads:
                thread.join(60)

    def _repeat(self, job: Callable[[], None]) -> None:
        while not self.ended.wait(0.1):
            with suppress(*PASSING):
                job()

    def _tick(self, name: str) -> None:
        client(self.stack.env, "lambda").invoke(FunctionName=name, Payload=b"{}")
        self.ended.wait(self.pace.tick * (RECONCILE_EVERY if name == self.names["Reconcile"] else 1))

    def _watch(self) -> None:
        """Note how long the confirm queues become, if the row says it."""
        self.ended.wait(AGAIN)
        if not self.watch:
            return
        sqs = client(self.stack.env, "sqs")
        urls = [url for url in sqs.list_queues()["QueueUrls"] if "-Confirm" in url and "DeadLetters" not in url]
        asked = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING])["Attributes"] for url in urls]
        self.peak = max(self.peak, sum(int(one[WAITING]) for one in asked))

    def _listen(self) -> None:
        subscriber = Subscriber.join(self.deployment)
        while not self.ended.is_set():
            found = list(subscriber.events())
            self.received += found
            if not found:
                self.ended.wait(0.2)

    def _stream(self, *, enabled: bool) -> None:
        functions = client(self.stack.env, "lambda")
        for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
            if ":dynamodb:" in mapping["EventSourceArn"]:
                functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)

    def _console(self, name: str, body: dict[str, Any]) -> None:
        url = f"{self.stack.env.engine_url}/_engine/{name}"
        requests.put(url, json=body, timeout=30).raise_for_status()

    def _restart(self) -> None:
        """Kill functions and engine, stop the emulator (it would lose its state otherwise), and start all of it."""
        emulator = self.stack.emulator.process()
        engine = self.stack.engine.process()
        for process in [*(emulator.children(recursive=True) if emulator else []), *([engine] if engine else [])]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.stack.down()
        self.deployment = self.stack.up(lambda _name: nullcontext(), dict(self.parameters))
        self.names |= function_names(self.stack)


def function_names(stack: Stack) -> dict[str, str]:
    """The deployed names of the functions that schedules call."""
    return {tick: function_name(stack.env, tick) for tick in ("PollVideo", "PollAudio", "Sweep", "Reconcile")}


@contextmanager
def chaos_run(folder: Path, others: Mapping[str, str] | None = None, pace: Pace = Pace()) -> Iterator[ChaosRun]:
    """Bring a stack up behind a proxy, and stop it in the end.

    Args:
        folder: Where the stack has its files.
        others: Parameters of the template that differ from `PARAMETERS`.
        pace: How much goes on at once.
    """
    env = LocalEnvironment(folder, free_port(), free_port())
    proxy, provider = Proxy(free_port(), env.emulator_url), Proxy(free_port(), env.engine_url)
    parameters = PARAMETERS | {"ProviderEndpoint": f"{provider.url}/v2/index.php", "MpsEndpoint": provider.url}
    parameters |= dict(others or {})
    stack = Stack(env, proxy.environment)
    with ExitStack() as ends:
        ends.enter_context(proxy.running())
        ends.enter_context(provider.running())
        ends.enter_context(stopped_at_the_end(stack))
        deployment = stack.up(lambda _name: nullcontext(), parameters)
        found = ChaosRun(stack, proxy, provider, deployment, parameters=parameters, pace=pace)
        found.names |= function_names(stack)
        found._console("config", _engine_config(found))
        ends.enter_context(found.weather())
        yield found


def _engine_config(chaos_run: ChaosRun) -> dict[str, Any]:
    config = requests.get(f"{chaos_run.stack.env.engine_url}/_engine/config", timeout=30).json()
    buckets = [bucket | {"covers": [], "gifs": [], "video_specs": ["f10"]} for bucket in config["buckets"]]
    broken = buckets[0] | {"name": BROKEN, "video_specs": ["f99"], "video": True}
    return {
        "transcoder": "stub",
        "buckets": [*buckets, broken],
        "audio_specs": ["128000_mp3"],
        "callbacks": {"tries": 3, "timeout": 20, "backoff": 0.5},
    }
