"""Doubles of what lies outside of the process: the clock, randomness, secrets, SQS, SNS and the provider."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Generic, TypeVar

from botocore.exceptions import ClientError

from mediarelay.contracts.backlog import unpack
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Malformed, ProviderUnknown, ProviderUnreadable, Undelivered
from mediarelay.providers.cts.parse import parse_reply

T = TypeVar("T")
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


class FixedRandom(Random):
    """Random numbers that a test knows beforehand: fractions are one half, and integers count up."""

    def __init__(self) -> None:
        super().__init__(0)
        self.numbers = count(1)

    def random(self) -> float:
        return 0.5

    def getrandbits(self, _count: int, /) -> int:
        return next(self.numbers)


class Secret:
    """A secret without a cache."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)

    def value(self) -> dict[str, Any]:
        return self.content

    def recheck(self) -> dict[str, Any]:
        return self.value()


def decoded(body: bytes) -> Mapping[str, Any]:
    """Decode an answer as the adapter does."""
    try:
        return parse_reply(body)
    except Malformed as error:
        raise ProviderUnreadable(str(error), body) from None


class Provider:
    """Gives the answers that a test puts in, and notes what it was asked. Unknown tasks are unknown."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Exception] = {}
        self.vids: list[str | Exception] = []
        self.asked: list[tuple[Kind, str]] = []
        self.taken: list[dict[str, Any]] = []
        self.known: dict[str, bool] = {}
        self.queued: list[bool] = []

    def query(self, kind: Kind, vid: str, *, known: bool) -> Mapping[str, Any]:
        self.asked.append((kind, vid))
        self.known[vid] = known
        said = self.answers.get(vid, ProviderUnknown("provider code 5000", 5000))
        if isinstance(said, Exception):
            raise said
        return decoded(said)

    def submit(self, intent: Intent) -> str:
        self.taken.append(dict(intent.request))
        self.queued.append(intent.queued)
        said = self.vids.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


class Outbox(Generic[T]):
    """A queue or a topic: keeps what `read` makes of each message that is sent, unless it is down."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self.read = read
        self.messages: list[T] = []
        self.down = False
        self.waiting = 0

    def publish(self, message: str, _attributes: Mapping[str, str]) -> None:
        self._answer()
        self.messages.append(self.read(json.loads(message)))

    def backlog(self) -> int:
        self._answer()
        return self.waiting

    def take(self) -> list[T]:
        """Receive and delete all messages."""
        found, self.messages = self.messages, []
        return found

    def _answer(self) -> None:
        if self.down:
            raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "SendMessage")


class Messaging:
    """The client of SQS and of SNS. Its queues and topics are outboxes, by URL and ARN."""

    def __init__(self, outboxes: Mapping[str, Outbox[Any]]) -> None:
        self.outboxes = outboxes

    def send_message(self, **request: Any) -> None:
        self.outboxes[request["QueueUrl"]].publish(request["MessageBody"], {})

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        for entry in request["Entries"]:
            self.outboxes[request["QueueUrl"]].publish(entry["MessageBody"], {})
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        (name,) = request["AttributeNames"]
        return {"Attributes": {name: str(self.outboxes[request["QueueUrl"]].backlog())}}

    def publish_batch(self, **request: Any) -> dict[str, Any]:
        found: dict[str, list[dict[str, Any]]] = {"Successful": [], "Failed": []}
        for entry in request["PublishBatchRequestEntries"]:
            attributes = {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}
            try:
                self.outboxes[request["TopicArn"]].publish(entry["Message"], attributes)
            except Undelivered as error:
                found["Failed"].append({"Id": entry["Id"], "Code": str(error), "SenderFault": True})
            else:
                found["Successful"].append({"Id": entry["Id"]})
        return found


def topic() -> Outbox[dict[str, Any]]:
    """The topic of the notifications."""
    return Outbox(dict)


def confirm_queue() -> Outbox[tuple[str, Kind]]:
    """One of the queues of queries."""
    return Outbox(lambda message: (message["vid"], Kind(message["kind"])))


def submit_queue() -> Outbox[str]:
    """The queue of the ids of intents."""
    return Outbox(lambda message: str(message["intent"]))


def callback_backlog() -> Outbox[tuple[str, Origin, datetime, bytes]]:
    """The queue of the callbacks that could not be stored."""
    return Outbox(unpack)
