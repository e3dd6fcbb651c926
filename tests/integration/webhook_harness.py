"""HTTP delivery as the composition root builds it: publisher, stream, queue, worker and sweep, on a real ledger."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mediarelay.adapters.dynamodb.endpoints import EndpointStore
from mediarelay.adapters.dynamodb.stream import changes_of
from mediarelay.adapters.sqs import DeliveryQueue
from mediarelay.contracts.notification import Notification
from mediarelay.domain import change as changes
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DeliverySubject, EventSubject
from mediarelay.domain.events import read_position
from mediarelay.domain.webhooks.delivery import Answer, Delivery, DeliveryState
from mediarelay.domain.webhooks.egress import WebhookUrl
from mediarelay.errors import RowUnreadable
from mediarelay.usecases.tick import FailureBudget
from mediarelay.wiring.events import event_publisher, event_reader
from mediarelay.wiring.queues import delivery_queue
from mediarelay.wiring.sweep import sweeper
from mediarelay.wiring.ticks import tick
from mediarelay.wiring.webhooks import deliverer, webhook_manager
from tests.integration.deployment import Deployment
from tests.integration.doubles import Clock, FixedRandom, Outbox, Secret, submit_queue, topic
from tests.integration.stores import Stores
from tests.integration.task_harness import Limited

KEYS = ("whsec_ZXhhbXBsZS13ZWJob29rLXNlY3JldC1rZXk=", "whsec_YW5vdGhlci13ZWJob29rLXNlY3JldC1rZXk=")
SHOP = {"name": "shop", "url": "https://shop.example/hook", "secrets": KEYS[0]}
SONGS = {"name": "songs", "url": "https://songs.example/", "secrets": KEYS[0], "types": ["mediarelay.song.*"]}


@dataclass
class Sender:
    """Endpoints by their hosts: the answer of each, and the ids that each has received."""

    answers: dict[str, Answer] = field(default_factory=dict)
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    succeeded: Counter[tuple[str, str]] = field(default_factory=Counter)
    killed: bool = False
    meanwhile: Callable[[], object] | None = None
    """What another worker does during the next request."""

    def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = self.answers.get(url.host, Answer(200))
        self.sent.append((url.host, dict(headers), body))
        if (act := self.meanwhile) is not None:
            self.meanwhile = None
            act()
        if self.killed:
            raise KeyboardInterrupt
        self.succeeded[url.host, headers["webhook-id"]] += answer.is_success
        return answer

    def ids(self, host: str) -> list[str]:
        return [headers["webhook-id"] for to, headers, _ in self.sent if to == host]


def event(number: int, kind: str = "mediarelay.task.succeeded") -> Notification:
    """A notification with an id of its own."""
    identity = f"00000000-0000-5000-8000-{number:012}"
    message = json.dumps({"id": identity, "type": kind, "subject": f"vid{number}", "data": {}})
    return Notification(identity, message, {"type": kind})


class WebhookHarness:
    """Publishes events and delivers them; `sender` is all endpoints."""

    def __init__(
        self, table: str, *endpoints: Mapping[str, Any], random: Random | None = None, **settings: Any
    ) -> None:
        self.clock, self.topic, self.sender = Clock(), topic(), Sender()
        self.secret = Secret({"endpoints": list(endpoints) or [SHOP]})
        self.messages: Outbox[dict[str, str]] = Outbox(dict)
        self.settings = {"table_name": table, "webhook_delivery": "true"} | settings
        self.deployment = Deployment(
            clock=self.clock,
            queues={"Notifications": self.topic, "DeliveryQueue": self.messages, "SubmitQueue": submit_queue()},
            secrets={"WebhookEndpoints": self.secret},
            random=random or FixedRandom(),
        )
        with self.building():
            self.stores, self.publisher, self.reader = Stores(), event_publisher(), event_reader()
            self.health = EndpointStore(self.stores.table)
            self.deliverer, self.manager = deliverer(), webhook_manager()
            queue = delivery_queue()
        assert isinstance(queue, DeliveryQueue)
        self.queue, self.client = queue, self.deliverer.sender
        object.__setattr__(self.deliverer, "sender", self.sender)

    def building(self) -> AbstractContextManager[None]:
        return self.deployment.building(**self.settings)

    def publish(self, *events: Notification) -> None:
        for one in events:
            self.publisher.publish(one)

    def items(self) -> list[dict[str, Any]]:
        """The raw content of the table."""
        found: list[dict[str, Any]] = self.stores.table.client.scan(TableName=self.stores.table.name)["Items"]
        return found

    def stream(self, seen: set[tuple[str, str]]) -> list[changes.Change]:
        """The changes that the stream reports of items that were not seen yet."""
        found: list[changes.Change] = []
        for item in self.items():
            key = (item["pk"]["S"], item["sk"]["S"])
            if key not in seen and item["item"]["S"] in {"event", "delivery"} and "due_shard" in item:
                found += changes_of({"dynamodb": {"NewImage": item}})
            seen.add(key)
        return found

    def dispatch(self, change: changes.Change) -> None:
        """What the dispatch function does."""
        if isinstance(change, changes.EventStored):
            self.queue.send_event(str(change.position))
        elif isinstance(change, changes.DeliveryStored):
            self.queue.send_delivery(change.endpoint, change.event_id)

    def work(self, message: Mapping[str, str]) -> None:
        """What the worker does with a message."""
        if "endpoint" in message:
            self.deliverer.attempt(message["endpoint"], message["event_id"])
        else:
            self.deliverer.fan_out(read_position(message["event"]))

    def drain(self) -> None:
        """Carry out the messages of the queue, and those that follow. A message about a damaged row counts as done."""
        while messages := self.messages.take():
            for message in messages:
                with suppress(RowUnreadable):
                    self.work(message)

    def sweep(self) -> None:
        """Queue what is due, as the sweep does."""
        with self.building():
            run = tick(Limited(None), "sweep")
        for duty in (Duty.FAN_OUT, Duty.DELIVER):
            for row in run.take(FailureBudget(duty, self.clock)):
                subject = row.subject
                if isinstance(subject, EventSubject):
                    self.queue.send_event(str(subject.position))
                elif isinstance(subject, DeliverySubject):
                    self.queue.send_delivery(subject.endpoint, subject.event_id)

    def whole_sweep(self) -> None:
        """Run the sweep itself, with its limits; it leaves the messages in the queue."""
        with self.building():
            sweeper().sweep(tick(Limited(None), "sweep"))

    def minutes(self, number: int, *, every: int = 1) -> None:
        """Let time pass, with a sweep every so many minutes."""
        for _ in range(0, number, every):
            self.clock.forward(minutes=every)
            self.sweep()
            self.drain()

    def deliveries(self, endpoint: str = "shop", state: DeliveryState | None = None) -> list[Delivery]:
        return self.stores.deliveries.page(endpoint, state, None, 1000)
