"""The use cases about tasks as the composition root builds them, on a real ledger (moto)."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.domain.change import CallbackStored
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem
from mediarelay.domain.tasks.listing import ListedTask, Selection
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.providers.cts.callbacks import AUDIO_CALLBACKS, VIDEO_CALLBACKS
from mediarelay.usecases.poll import poll
from mediarelay.usecases.tasks.receive import CallbackEndpoint, CallbackStore
from mediarelay.usecases.tick import Tick
from mediarelay.wiring.callbacks import callback_endpoint, callback_store
from mediarelay.wiring.circuit import budget, circuit_breaker
from mediarelay.wiring.clients import batch_submitter, quarantine, task_reader
from mediarelay.wiring.events import event_publisher
from mediarelay.wiring.intents import intent_registry
from mediarelay.wiring.provider import confirmer, submitter
from mediarelay.wiring.publishers import task_publisher
from mediarelay.wiring.submissions import submissions
from mediarelay.wiring.sweep import sweeper
from mediarelay.wiring.tasks import confirm_requester, replay_jobs, replayer, task_repository
from mediarelay.wiring.ticks import RESERVE_MS, query_queues, tick
from tests.integration.deployment import Deployment
from tests.integration.doubles import (
    START,
    Clock,
    Provider,
    Secret,
    callback_backlog,
    confirm_queue,
    submit_queue,
    topic,
)
from tests.integration.stores import Stores
from tests.integration.views import Publications, TaskViews
from tests.lambda_context import Context

T = TypeVar("T")
PAYLOADS = Path(__file__).parents[1] / "contract/payloads"
VID = "963f1d40dfdfadfdd9b94e922d5696"
TOKEN = "callback-token-1"
API = "https://api.example.com"
FORMATS = {Kind.VIDEO: VIDEO_CALLBACKS, Kind.AUDIO: AUDIO_CALLBACKS}
"""The callbacks of each kind."""
DUTIES = [duty for duty in Duty if duty not in {Duty.SONG, Duty.UNREADABLE}]
STATUS = {"pending": 1, "probed": 2, "transcoding": 3, "failed": 4, "succeeded": 5}


def payload(name: str) -> dict[str, Any]:
    """A documented payload."""
    value: dict[str, Any] = json.loads((PAYLOADS / name).read_text("utf-8"))
    return value


QUERIES = {kind: payload(f"{kind}_query.json")["data"] for kind in Kind}
CLAIMS = {kind: {ok: payload(f"{kind}_callback_{ok}.json") for ok in ("success", "failure")} for kind in Kind}
OWNED = ("app_id", "bucket_name", "bucket_region", "name", "url", "url_f0")


def answer(vid: str = VID, state: str = "succeeded", kind: Kind = Kind.VIDEO, **changes: Any) -> bytes:
    """The data of a documented query answer about `vid`."""
    return json.dumps(deepcopy(QUERIES[kind]) | {"vid": vid, "status": STATUS[state]} | changes).encode()


def callback(vid: str = VID, result: str = "success", kind: Kind = Kind.VIDEO, **changes: Any) -> bytes:
    """A documented callback about `vid`, for the same file as `answer`."""
    own = {name: QUERIES[kind][name] for name in OWNED}
    return json.dumps(deepcopy(CLAIMS[kind][result]) | own | {"vid": vid} | changes).encode()


def together(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """Run jobs in threads that start at the same moment."""
    waiting = list(jobs)
    barrier = Barrier(len(waiting))

    def start(job: Callable[[], T]) -> T:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(waiting)) as pool:
        return list(pool.map(start, waiting))


def waiting(due_index: DueIndex) -> dict[str, list[DueItem]]:
    """The whole due index, by duty."""
    rows = {duty.value: list(due_index.waiting(duty, START + timedelta(days=10_000))) for duty in DUTIES}
    return {duty: found for duty, found in rows.items() if found}


def listed(harness: "TaskHarness", kind: Kind, state: State) -> list[ListedTask]:
    """The first rows of the listing of one kind and state."""
    return harness.stores.tasks.page(Selection(kind=kind, state=state), cursor=None, limit=9)


class Limited(Context):
    """A context that has time for so many rows."""

    def __init__(self, rows: int | None) -> None:
        self.left = iter(range(rows)) if rows is not None else iter(int, 1)

    def get_remaining_time_in_millis(self) -> int:
        return RESERVE_MS + (next(self.left, None) is not None)


class TaskHarness:
    """The use cases about tasks as the composition root builds them; settings by their names, such as `give_up_after`.

    The clock, the provider, the queues and the topic are doubles.
    """

    def __init__(self, table: str, **settings: object) -> None:
        self.table, self.clock, self.provider, self.topic = table, Clock(), Provider(), topic()
        self.tokens = Secret({"tokens": f"{TOKEN} other"})
        self.queue, self.unknown_queue = confirm_queue(), confirm_queue()
        self.submits, self.backlog = submit_queue(), callback_backlog()
        self.settings: dict[str, object] = {"table_name": table, "api_url": API}
        self.deployment = Deployment(
            clock=self.clock,
            queues={
                "ConfirmQueue": self.queue,
                "ConfirmUnknownQueue": self.unknown_queue,
                "SubmitQueue": self.submits,
                "CallbackBacklog": self.backlog,
                "Notifications": self.topic,
            },
            secrets={"CallbackTokens": self.tokens},
            api=self.provider,
        )
        self.configure(**settings)

    def configure(self, **settings: object) -> None:
        """Deploy with other settings; those that are not named stay."""
        self.settings |= settings
        with self.building():
            self.stores = Stores()
            self.tasks = task_repository()
            self.registry = intent_registry()
            self.submitter = submitter()
            self.batch_submitter = batch_submitter()
            self.confirmer = confirmer()
            self.requester = confirm_requester()
            self.breaker = circuit_breaker()
            self.budget = budget()
            self.query_queues = query_queues()
            self.replayer = replayer()
            self.replay_jobs = replay_jobs()
            self.submissions = submissions()
            self.events = event_publisher()
            self.publisher = Publications(self.events, task_publisher())
            self.reader = TaskViews(task_reader())
            self.quarantine = quarantine()
            self.sweeper = sweeper()
            self.callback_stores = {kind: callback_store(FORMATS[kind]) for kind in Kind}
            self.receivers = {kind: callback_endpoint(FORMATS[kind]) for kind in Kind}

    def building(self) -> AbstractContextManager[None]:
        """Let the composition root build for this harness."""
        return self.deployment.building(**self.settings)

    def callback_store(self, kind: Kind = Kind.VIDEO) -> CallbackStore:
        return self.callback_stores[kind]

    def receiver(self, kind: Kind = Kind.VIDEO) -> CallbackEndpoint:
        return self.receivers[kind]

    def entries(self, vid: str = VID) -> tuple[LoggedObservation, ...]:
        """The log, claims with their bodies."""
        found = self.stores.tasks.load(vid).observations
        return tuple(
            replace(one, body=self.stores.tasks.read_body(one)) if one.origin is Origin.CLAIM else one for one in found
        )

    def tick(self, rows: int | None = None, function: str = "sweep") -> Tick:
        """A run of a schedule, with time for so many rows."""
        with self.building():
            return tick(Limited(rows), function)

    def claim(self, body: bytes, kind: Kind = Kind.VIDEO) -> bool:
        """Receive a callback; says whether it was new."""
        return not self.receiver(kind).receive(TOKEN, "192.0.2.1", lambda: body).duplicate

    def track(self, vid: str = VID, kind: Kind = Kind.VIDEO, **request: str) -> Task:
        """Expect a task."""
        origin = {Kind.VIDEO: Origin.TRACK, Kind.AUDIO: Origin.SUBMIT}[kind]
        body = json.dumps(request).encode()
        return self.tasks.add(LoggedObservation(vid=vid, kind=kind, origin=origin, at=self.clock(), body=body))

    def request(self, vid: str = VID, *, known: bool = False) -> None:
        """Request a query as the stream does after a callback; `known` if it is trusted. Raises what failed."""
        for error in self.requester.request_all([CallbackStored(vid, Kind.VIDEO, known)]).values():
            raise error

    def confirm(self, vid: str = VID, kind: Kind = Kind.VIDEO) -> Task | None:
        return self.confirmer.confirm(vid, kind)

    def poll(self, kind: Kind = Kind.VIDEO) -> int:
        return poll(kind, self.tick(function=f"poll_{kind}"), self.query_queues, self.breaker.find)

    def take(self) -> list[tuple[str, Kind]]:
        """Take what waits in the confirm queues."""
        return self.queue.take() + self.unknown_queue.take()

    def sweep(self) -> dict[str, int]:
        """Sweep; the submit queue delivers at once."""
        done = self.sweeper.sweep(self.tick())
        self.send_submits()
        return done

    def send_submits(self) -> None:
        """Carry out what the submit queue holds."""
        for identity in self.submits.take():
            self.submitter.resume(identity)

    def due(self) -> dict[str, list[DueItem]]:
        """Everything that waits for something, ever, by duty."""
        return waiting(self.stores.due_index)

    def items(self) -> list[dict[str, Any]]:
        """The raw content of the table."""
        found: list[dict[str, Any]] = client("dynamodb").scan(TableName=self.table)["Items"]
        return found
