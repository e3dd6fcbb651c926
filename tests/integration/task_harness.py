"""Use cases on a real ledger (moto); the clock, the provider, the queue and the topic are doubles."""

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any, Generic, TypeVar

from mediarelay.adapters.aws import client
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.contracts.cts.parse import parse_reply
from mediarelay.domain.budget import Budget
from mediarelay.domain.circuit_breaker import QUERY_ACTIONS
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem
from mediarelay.domain.songs.events import Margins
from mediarelay.domain.tasks.lifecycle import Rules
from mediarelay.domain.tasks.listing import ListedTask, Selection
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.errors import Malformed, ProviderUnknown, ProviderUnreadable, Undelivered
from mediarelay.usecases.circuit_breaker import CircuitBreaker
from mediarelay.usecases.poll import QueryQueue, Tick, poll
from mediarelay.usecases.songs.publish import SongPublisher
from mediarelay.usecases.sweep import Sweeper
from mediarelay.usecases.tasks.confirm import Confirmer
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.usecases.tasks.read import TaskReader
from mediarelay.usecases.tasks.receive import CallbackEndpoint, CallbackStore
from mediarelay.usecases.tasks.replay import Replayer
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.submit import IntentRegistry, Submitter
from tests.integration.stores import Stores
from tests.integration.views import TaskViews

T = TypeVar("T")
PAYLOADS = Path(__file__).parents[1] / "contract/payloads"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VID = "963f1d40dfdfadfdd9b94e922d5696"
TOKEN = "callback-token-1"
API = "https://api.example.com"
DUTIES = [duty for duty in Duty if duty not in {Duty.SONG, Duty.DELETE_BODY, Duty.UNREADABLE}]
VISIBILITY_TIMEOUT = timedelta(minutes=3)
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


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class Secret:
    """A secret without a cache."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)

    def value(self) -> dict[str, Any]:
        return self.content

    recheck = value


def decoded(body: bytes) -> Mapping[str, object]:
    """Decode an answer as the adapter does."""
    try:
        return parse_reply(body)
    except Malformed as error:
        raise ProviderUnreadable(str(error), body) from None


class Provider:
    """Answers as it is reported to, and notes what it was asked. Unknown tasks are unknown."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Exception] = {}
        self.vids: list[str | Exception] = []
        self.asked: list[tuple[Kind, str]] = []
        self.taken: list[dict[str, str]] = []
        self.known: dict[str, bool] = {}
        self.queued: list[bool] = []

    def query(self, kind: Kind, vid: str, *, known: bool) -> Mapping[str, object]:
        self.asked.append((kind, vid))
        self.known[vid] = known
        said = self.answers.get(vid, ProviderUnknown("provider code 5000", 5000))
        if isinstance(said, Exception):
            raise said
        return decoded(said)

    def send(self, request: Mapping[str, str], *, queued: bool = False) -> str:
        self.taken.append(dict(request))
        self.queued.append(queued)
        said = self.vids.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


class Outbox(Generic[T]):
    """A queue or a topic: keeps what `read` makes of each message that is sent, unless it is down."""

    def __init__(self, read: Callable[..., T]) -> None:
        self.read = read
        self.messages: list[T] = []
        self.down = False
        self.waiting = 0

    def send(self, *message: Any, **how: Any) -> None:
        self._answer()
        self.messages.append(self.read(*message, **how))

    publish = send

    def backlog(self) -> int:
        self._answer()
        return self.waiting

    def take(self) -> list[T]:
        """Receive and delete all messages."""
        found, self.messages = self.messages, []
        return found

    def _answer(self) -> None:
        if self.down:
            raise Undelivered("ClientError")


def topic() -> Outbox[dict[str, Any]]:
    """The topic of the notifications."""
    return Outbox(lambda message, _attributes: dict(json.loads(message)))


def confirm_queue() -> Outbox[tuple[str, Kind]]:
    """One of the queues of queries."""
    return Outbox(lambda vid, kind, **_how: (vid, kind))


def submit_queue() -> Outbox[str]:
    """The queue of the ids of intents."""
    return Outbox(str)


def callback_backlog() -> Outbox[tuple[Kind, Origin, datetime, bytes]]:
    """The queue of the callbacks that could not be stored."""
    return Outbox(lambda kind, origin, at, body: (kind, origin, at, body))


class TaskHarness:
    """The use cases as the composition root builds them."""

    def __init__(
        self,
        table: str,
        *,
        trusted: bool = False,
        cidrs: str = "0.0.0.0/0",
        hours: float = 24,
        raw_body_days: int = 90,
    ) -> None:
        self.clock, self.provider, self.topic, self.queue = Clock(), Provider(), topic(), confirm_queue()
        self.unknown_queue, self.budget = confirm_queue(), Budget(100)
        self.tokens, self.table, self.cidrs, self.trusted = Secret({"tokens": f"{TOKEN} other"}), table, cidrs, trusted
        self.stores = Stores(table, raw_body_days=raw_body_days)
        self.tasks = TaskRepository(
            store=self.stores.tasks,
            rules=Rules(first_poll_after=timedelta(seconds=60), give_up_after=timedelta(hours=hours)),
            clock=self.clock,
            jitter=lambda: 0.5,
        )
        self.confirmer = Confirmer(tasks=self.tasks, provider=self.provider, clock=self.clock)
        send = dict.fromkeys(Kind, self.provider.send)
        self.registry = IntentRegistry(
            intents=self.stores.intents, tasks=self.tasks, clock=self.clock, default_key_hours=24
        )
        self.submitter = Submitter(
            registry=self.registry, intents=self.stores.intents, tasks=self.tasks, send=send, clock=self.clock
        )
        self.submits, self.backlog, self.identities = submit_queue(), callback_backlog(), count(1)
        self.breaker = CircuitBreaker(self.stores.circuits, self.clock)
        self.replayer = Replayer(
            tasks=self.tasks,
            listing=self.stores.tasks,
            replays=self.stores.replays,
            clock=self.clock,
            identity=lambda: f"{next(self.identities):032x}",
        )
        self.publisher = TaskPublisher(
            tasks=self.tasks,
            publications=self.stores.tasks,
            intents=self.stores.intents,
            topic=self.topic,
            api_url=API,
        )
        self.reader = TaskViews(TaskReader(tasks=self.tasks, listing=self.stores.tasks, bodies=self.stores.tasks))
        self.sweeper = Sweeper(
            tasks=self.tasks,
            bodies=self.stores.tasks,
            publisher=self.publisher,
            submits=self.submits,
            max_submits=self.budget.background.limit,
            replayer=self.replayer,
            songs=SongPublisher(
                songs=self.stores.songs,
                topic=self.topic,
                api_url=API,
                margins=Margins(timedelta(), timedelta()),
                clock=self.clock,
            ),
            is_circuit_open=lambda kind: self.breaker.is_open(QUERY_ACTIONS[kind]),
            clock=self.clock,
        )

    @property
    def query_queues(self) -> list[QueryQueue]:
        """The classes of queries."""
        queues = {True: self.queue, False: self.unknown_queue}
        return [QueryQueue(known, queue, self.budget.queries(known=known)) for known, queue in queues.items()]

    def callback_store(self, kind: Kind = Kind.VIDEO, limit: int = 5 * 2**20) -> CallbackStore:
        return CallbackStore(
            kind=kind,
            observations=self.stores.tasks,
            quarantine=self.stores.quarantine,
            limit=limit,
            first_poll_after=timedelta(seconds=60),
            give_up_after=self.tasks.rules.give_up_after,
            clock=self.clock,
        )

    def receiver(self, kind: Kind = Kind.VIDEO, limit: int = 5 * 2**20) -> CallbackEndpoint:
        return CallbackEndpoint(
            store=self.callback_store(kind, limit),
            backlog=self.backlog,
            tokens=self.tokens,
            networks=tuple(map(ip_network, self.cidrs.replace(" ", "").split(","))),
            origin=Origin.TRUSTED if self.trusted else Origin.CLAIM,
            clock=self.clock,
        )

    def entries(self, vid: str = VID) -> tuple[LoggedObservation, ...]:
        """The log, claims with their bodies."""
        found = self.stores.tasks.load(vid).observations
        return tuple(
            replace(one, body=self.stores.tasks.read_body(one)) if one.origin is Origin.CLAIM else one for one in found
        )

    def tick(self, rows: int | None = None) -> Tick:
        """A run of a schedule, with time for so many rows."""
        left = iter(range(rows)) if rows is not None else iter(int, 1)
        return Tick(
            rows=self.stores.due_index,
            clock=self.clock,
            time_left=lambda: next(left, None) is not None,
            visibility_timeout=VISIBILITY_TIMEOUT,
            jitter=lambda: 0.0,
        )

    def claim(self, body: bytes, kind: Kind = Kind.VIDEO) -> bool:
        """Receive a callback; says whether it was new."""
        return not self.receiver(kind).receive(TOKEN, "192.0.2.1", lambda: body).duplicate

    def track(self, vid: str = VID, kind: Kind = Kind.VIDEO, **request: str) -> Task:
        """Expect a task."""
        origin = {Kind.VIDEO: Origin.TRACK, Kind.AUDIO: Origin.SUBMIT}[kind]
        body = json.dumps(request).encode()
        return self.tasks.add(LoggedObservation(vid=vid, kind=kind, origin=origin, at=self.clock(), body=body))

    def confirm(self, vid: str = VID, kind: Kind = Kind.VIDEO) -> Task | None:
        return self.confirmer.confirm(vid, kind)

    def poll(self, kind: Kind = Kind.VIDEO) -> int:
        return poll(kind, self.tick(), self.query_queues, lambda kind: self.breaker.is_open(QUERY_ACTIONS[kind]))

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
