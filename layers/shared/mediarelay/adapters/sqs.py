"""The SQS queues for confirmations, for submits, for deliveries, and for callbacks that the ledger could not store."""

import json
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.adapters.batch_answers import failed_entries
from mediarelay.contracts.backlog import pack
from mediarelay.domain.batches import in_batches
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import ServiceDown, Undelivered

# The callback functions import this module, and read no stream.
if TYPE_CHECKING:
    from mediarelay.domain.change import DeliveryStored, EventStored, IntentQueued, Prompt

# SQS refuses larger messages.
MAX_BYTES = 2**20
WAITING = "ApproximateNumberOfMessages"
# SQS takes no more messages in one call.
SENT_TOGETHER = 10
# What a message is about.
S = TypeVar("S", bound=Hashable)
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConfirmQueue:
    """Queue of tasks to confirm: `{"vid", "kind", "prompt"?}` messages."""

    client: Any
    url: str

    def send(self, vid: str, kind: Kind) -> None:
        """Request a confirmation; raise `Undelivered`."""
        _send(self.client, self.url, _entry({"vid": vid, "kind": kind.value}))

    def send_prompts(self, requests: "Collection[Prompt]") -> "dict[Prompt, Undelivered]":
        """Request a confirmation for each callback or replay that has just arrived; return what was not sent."""
        return _send_all(
            self.client,
            self.url,
            {one: _entry({"vid": one.vid, "kind": one.kind.value, "prompt": True}) for one in requests},
        )

    def backlog(self) -> int:
        """Return SQS's estimate of how many messages wait; raise `Undelivered`."""
        return _backlog(self.client, self.url)


@dataclass(frozen=True, slots=True)
class SubmitQueue:
    """Queue of intents to submit: `{"intent"}` messages."""

    client: Any
    url: str

    def send(self, identity: str) -> None:
        """Request the submit of an intent; raise `Undelivered`."""
        _send(self.client, self.url, _intent(identity))

    def send_queued(self, requests: "Collection[IntentQueued]") -> "dict[IntentQueued, Undelivered]":
        """Request the submits of intents that a batch has just stored; return what was not sent."""
        return _send_all(self.client, self.url, {one: _intent(one.identity) for one in requests})

    def backlog(self) -> int:
        """Return SQS's estimate of how many messages wait; raise `Undelivered`."""
        return _backlog(self.client, self.url)


@dataclass(frozen=True, slots=True)
class DeliveryQueue:
    """Queue of events to fan out, `{"event"}`, and of deliveries to attempt, `{"endpoint", "event_id"}`."""

    client: Any
    url: str

    def send_event(self, position: str) -> None:
        """Request the deliveries of an event; raise `Undelivered`."""
        _send(self.client, self.url, _event(position))

    def send_delivery(self, endpoint: str, event_id: str) -> None:
        """Request an attempt of a delivery; raise `Undelivered`."""
        _send(self.client, self.url, _delivery(endpoint, event_id))

    def send_all(
        self, events: "Collection[EventStored]", deliveries: "Collection[DeliveryStored]"
    ) -> "dict[EventStored | DeliveryStored, Undelivered]":
        """Request both for changes that were just stored; return what was not sent."""
        entries: dict[EventStored | DeliveryStored, Message] = {one: _event(str(one.position)) for one in events}
        entries |= {one: _delivery(one.endpoint, one.event_id) for one in deliveries}
        return _send_all(self.client, self.url, entries)

    def backlog(self) -> int:
        """Return SQS's estimate of how many messages wait; raise `Undelivered`."""
        return _backlog(self.client, self.url)


@dataclass(frozen=True, slots=True)
class CallbackBacklog:
    """Queue of callbacks that arrived while the ledger was unavailable."""

    # The client is created at its first use: it would cost every cold start of a callback function.
    client: Callable[[], Any]
    url: str

    def send(self, route: str, origin: Origin, at: datetime, body: bytes) -> None:
        """Send a callback that arrived at a route; raise `Undelivered`, also if it is too large for a message."""
        _send(self.client(), self.url, _entry(pack(route, origin, at, body)))


def _backlog(client: Any, url: str) -> int:
    try:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING])
    except AWS_ERRORS as error:
        raise Undelivered(type(error).__name__) from error
    return int(answer["Attributes"][WAITING])


def _send(client: Any, url: str, entry: Message) -> None:
    # `json.dumps` writes ASCII, so characters are bytes here.
    if len(entry["MessageBody"]) > MAX_BYTES:
        raise Undelivered("too large for a message")
    try:
        client.send_message(QueueUrl=url, **entry)
    except AWS_ERRORS as error:
        raise Undelivered(type(error).__name__) from error


def _send_all(client: Any, url: str, entries: Mapping[S, Message]) -> dict[S, Undelivered]:
    """Send small messages, as many as possible in a call; return the errors of those that were not sent.

    After a call that fails, send no more: each further call could take as long, and its caller has other work.
    """
    failures: dict[S, Undelivered] = {}
    batches = in_batches(entries, SENT_TOGETHER)
    for batch in batches:
        subjects = {str(number): subject for number, subject in enumerate(batch)}
        numbered = [{"Id": number, **entries[subject]} for number, subject in subjects.items()]
        try:
            answer = client.send_message_batch(QueueUrl=url, Entries=numbered)
        except AWS_ERRORS as error:
            unsent = [subject for some in (batch, *batches) for subject in some]
            failure = ServiceDown(type(error).__name__)
            failure.__cause__ = error
            return failures | dict.fromkeys(unsent, failure)
        failures |= failed_entries(answer, subjects)
    return failures


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _entry(message: Message, **options: str) -> Message:
    return {"MessageBody": json.dumps(message), **options}


def _event(position: str) -> Message:
    return _entry({"event": position})


def _delivery(endpoint: str, event_id: str) -> Message:
    # SQS gives groups their turn by the messages that each has in flight ("fair queues"). So the deliveries of an
    # endpoint that is slow to answer do not hold up those of the others.
    return _entry({"endpoint": endpoint, "event_id": event_id}, MessageGroupId=endpoint)


def _intent(identity: str) -> Message:
    return _entry({"intent": identity})
