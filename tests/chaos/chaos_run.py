"""Send tasks through the deployed stack while something goes wrong, and compare the end with what the engine knows."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import requests
from botocore.exceptions import BotoCoreError, ClientError

from local.aws import client
from local.client import ApiClient, Upload, file_in
from local.deploy import Deployment, function_name
from local.environment import ROOT, LocalEnvironment, LocalError
from local.notifications import Subscriber
from local.processes import free_port
from local.stack import BUCKET_REGION, CLIPS, MUSIC, Stack, stopped_at_the_end
from mediarelay.adapters.sqs import WAITING
from tests.chaos.faults import Fault
from tests.chaos.proxy import Proxy

BROKEN = "broken"
BATCH = 20
AGAIN, LOOK = 1.0, 2.0
LONGEST = 1200.0
OUTCOMES = {"succeeded", "failed", "superseded", "lost"}
MISSING_EVERY = 5
"""One in so many tasks is bound to fail."""
TRUTH = {5: "succeeded", 4: "failed"}
PASSING = (requests.RequestException, BotoCoreError, ClientError, LocalError, KeyError, ValueError)
"""What a client sees of a stack that is going wrong: it tries again."""
TAKEN = {200, 201, 202}
DOCUMENTED = ROOT / "tests" / "contract" / "payloads" / "video_callback_success.json"
"""What a forged callback says, about ever another id."""
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
    seconds: float
    undisturbed: float | None = None
    queue_peak: int | None = None

    @property
    def kept(self) -> bool:
        """Whether every task has the right outcome and a notification of it, and that within a fair time."""
        fair = self.undisturbed is None or self.seconds <= 2 * self.undisturbed
        missing = self.wrong or self.without_outcome or self.without_notification
        return self.right == self.tasks and fair and not missing

    @property
    def remark(self) -> str:
        """What the columns of all rows do not say."""
        peak = [f"at most {self.queue_peak} messages in the confirm queues"] if self.queue_peak is not None else []
        calm = [f"{self.undisturbed:.0f} s undisturbed"] if self.undisturbed is not None else []
        return "".join(f", {one}" for one in calm + peak)


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
    folder: str = ""
    peak: int = 0
    watch: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    pace: Pace = Pace()

    @property
    def api_client(self) -> ApiClient:
        return ApiClient(self.deployment)

    def run(self, fault: Fault, count: int, max_wait: float = LONGEST) -> Row:
        """Send `count` tasks under a fault and wait for their outcomes, at most `max_wait` seconds."""
        undisturbed = self.run(replace(fault, forged=0), count, max_wait).seconds if fault.forged else None
        self._forge(fault.forged)
        self.received.clear()
        self.peak, self.watch = 0, fault.watch_queue
        self.folder = uuid4().hex
        begun = time.monotonic()
        self._console("faults", dict(fault.engine))
        self.proxy.trouble, self.provider.trouble = fault.trouble, fault.provider
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
        row = self._judge(fault.name, submissions, vids, time.monotonic() - begun)
        return replace(row, undisturbed=undisturbed, queue_peak=self.peak if fault.watch_queue else None)

    def _heal(self) -> None:
        self.proxy.trouble = self.provider.trouble = None
        self._console("faults", {})

    def _forge(self, count: int) -> None:
        """Post callbacks with a valid token about ids that do not exist."""
        url = f"{self.deployment.api_url}/callbacks/video/{self.stack.env.keys.callback_token}"
        documented = json.loads(DOCUMENTED.read_text(encoding="utf-8"))

        def post(vid: str) -> None:
            patiently(lambda: requests.post(url, json=documented | {"vid": vid}, timeout=60).raise_for_status())

        with ThreadPoolExecutor(self.pace.senders) as pool:
            list(pool.map(post, [uuid4().hex[:30] for _ in range(count)]))

    # ── sending ──

    def _send(self, count: int, endings: Sequence[str]) -> list["Submission"]:
        """Send `count` tasks; a video and a sound after each other have keys with the same ending."""
        makers = [self._video, self._audio]
        keys = [f"{self.folder}/{number}{endings[number // 2 % len(endings)]}" for number in range(count)]
        with ThreadPoolExecutor(self.pace.senders) as pool:
            submissions = list(pool.map(lambda number: makers[number % 2](number, keys[number]), range(count)))
        audio = [submission for submission in submissions if submission.kind == "audio"]
        for start in range(0, len(audio), BATCH):
            self._submit(audio[start : start + BATCH])
        return submissions

    def _submit(self, submissions: list["Submission"]) -> None:
        """Submit as a client does, and repeat refused submissions; raises LocalError if that never ends."""
        end = time.monotonic() + LONGEST
        while left := patiently(partial(self._batch, submissions)):
            if time.monotonic() > end:
                raise LocalError(f"{len(left)} submissions are refused")
            submissions = left
            time.sleep(AGAIN)

    def _video(self, number: int, key: str) -> "Submission":
        bucket = BROKEN if number % MISSING_EVERY == 0 else CLIPS
        upload = self._upload(bucket, f"{key}.mp4")
        created = patiently(lambda: self.api_client.track_video(upload))
        return Submission("video", upload.url, created["vid"])

    def _audio(self, number: int, key: str) -> "Submission":
        if number % MISSING_EVERY:
            return Submission("audio", self._upload(MUSIC, f"{key}.mp3").url)
        return Submission("audio", file_in(MUSIC, f"{key}.mp3").url)

    def _upload(self, bucket: str, key: str) -> Upload:
        file = self.stack.env.path("source")
        if not file.exists():
            file.write_bytes(b"any bytes will do for the stub")
        return patiently(lambda: self.api_client.upload(bucket, key, file))

    def _batch(self, submissions: list["Submission"]) -> list["Submission"]:
        """Submit, or learn the vids of earlier submissions; returns the refused ones."""
        tasks = [
            {"provider": "cts", "url": one.url, "bucketName": MUSIC, "bucketRegion": BUCKET_REGION}
            for one in submissions
        ]
        url = f"{self.deployment.api_url}/tasks/audio/batch"
        answer = requests.post(url, json={"tasks": tasks}, headers=self.api_client.headers, timeout=60)
        if not answer.ok:
            raise LocalError(answer.text)
        results = answer.json()["results"]
        for submission, result in zip(submissions, results, strict=True):
            submission.vid = result.get("vid") or submission.vid
        return [
            submission for submission, result in zip(submissions, results, strict=True) if result["status"] not in TAKEN
        ]

    # ── converging ──

    def _until_well(self, submissions: list["Submission"], end: float) -> set[str]:
        """Wait for every outcome and its notification; returns the vids of all tasks that are known."""
        while True:
            unnamed = [submission for submission in submissions if submission.vid is None]
            for start in range(0, len(unnamed), BATCH):
                self._submit(unnamed[start : start + BATCH])
            states, vids = self._states(), {submission.vid for submission in submissions if submission.vid}
            if not unnamed and self._well(vids, states):
                vids |= states.keys() & self._truth().keys()
            if (not unnamed and self._well(vids, states)) or time.monotonic() > end:
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

    def _truth(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each task of this run."""
        answer = requests.get(f"{self.stack.env.engine_url}/_engine/tasks?limit=1000", timeout=60)
        return {task["vid"]: task for task in answer.json()["tasks"] if self.folder in task["url"]}

    def _judge(self, name: str, submissions: list["Submission"], vids: set[str], seconds: float) -> Row:
        truth, found = self._truth(), self._read(vids)
        outcomes = {vid: task["state"] for vid, task in found.items()}
        published = {(event["subject"], event["type"].rpartition(".")[2]) for event in self.received}
        ids = Counter(event["id"] for event in self.received)
        done = {vid: state for vid, state in outcomes.items() if state in OUTCOMES}
        right = {vid for vid, state in done.items() if state in _true_states(truth[vid])}
        mine = [submission.vid for submission in submissions if submission.vid]
        return Row(
            fault=name,
            tasks=len(submissions),
            right=sum(vid in right for vid in mine),
            wrong=len(done.keys() - right),
            without_outcome=len(submissions) - len(mine) + len(vids - done.keys()),
            without_notification=sum((vid, state) not in published for vid, state in done.items()),
            notifications=sum(event["subject"] in vids for event in self.received),
            repeated_ids=sum(count - 1 for count in ids.values()),
            seconds=round(seconds, 1),
        )

    def _read(self, vids: set[str]) -> dict[str, dict[str, Any]]:
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
        self.ended.wait(self.pace.tick)

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


@dataclass
class Submission:
    """What one client wanted; the vid of an audio task is known later."""

    kind: str
    url: str
    vid: str | None = None


def _true_states(task: dict[str, Any]) -> set[str]:
    """What may be recorded: the engine's own state, and that it was superseded, if it was."""
    own = {TRUTH[task["status"]]} if task["status"] in TRUTH else set()
    return own | ({"superseded"} if task["deleted"] else set())


def patiently(job: Callable[[], Any]) -> Any:
    """Do something as a client would: again, if the stack does not take it."""
    end = time.monotonic() + LONGEST
    while True:
        try:
            return job()
        except PASSING:
            if time.monotonic() > end:
                raise
            time.sleep(AGAIN)


def function_names(stack: Stack) -> dict[str, str]:
    """The deployed names of the functions that schedules call."""
    return {tick: function_name(stack.env, tick) for tick in ("PollVideo", "PollAudio", "Sweep")}


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
    parameters = PARAMETERS | {"ProviderEndpoint": f"{provider.url}/v2/index.php"} | dict(others or {})
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
