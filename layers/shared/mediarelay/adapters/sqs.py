"""The SQS queues for confirmations, for submits, for deliveries, and for callbacks that the ledger could not store."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.contracts.backlog import pack
from mediarelay.domain.batches import in_batches
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Undelivered

# The callback functions import this module, and read no stream.
if TYPE_CHECKING:
    from mediarelay.domain.change import Prompt

# SQS refuses larger messages.
MAX_BYTES = 2**20
WAITING = "ApproximateNumberOfMessages"
# SQS takes no more messages in one call.
SENT_TOGETHER = 10


@dataclass(frozen=True, slots=True)
class ConfirmQueue:
    """Queue of tasks to confirm: `{"vid", "kind", "prompt"?}` messages."""

    client: Any
    url: str

    def send(self, vid: str, kind: Kind) -> None:
        """Request a confirmation; raise `Undelivered`."""
        _send(self.client, self.url, {"vid": vid, "kind": kind.value})

    def send_prompts(self, requests: "Collection[Prompt]") -> "dict[Prompt, Undelivered]":
        """Request a confirmation for each callback or replay that has just arrived; return what was not sent."""
        failures: dict[Prompt, Undelivered] = {}
        for some in in_batches(requests, SENT_TOGETHER):
            messages = [{"vid": one.vid, "kind": one.kind.value, "prompt": True} for one in some]
            failed = _send_batch(self.client, self.url, messages)
            failures |= {some[number]: error for number, error in failed.items()}
        return failures

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
        _send(self.client, self.url, {"intent": identity})

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
        _send(self.client, self.url, {"event": position})

    def send_delivery(self, endpoint: str, event_id: str) -> None:
        """Request an attempt of a delivery; raise `Undelivered`."""
        # SQS gives groups their turn by the messages that each has in flight ("fair queues"). So the deliveries of an
        # endpoint that is slow to answer do not hold up those of the others.
        _send(self.client, self.url, {"endpoint": endpoint, "event_id": event_id}, MessageGroupId=endpoint)

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
        _send(self.client(), self.url, pack(route, origin, at, body))


def _send_batch(client: Any, url: str, messages: Sequence[Mapping[str, Any]]) -> dict[int, Undelivered]:
    """Send up to `SENT_TOGETHER` messages; return the errors of those that were not sent, by their index."""
    entries = [{"Id": str(number), "MessageBody": json.dumps(message)} for number, message in enumerate(messages)]
    try:
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
    except AWS_ERRORS as error:
        return dict.fromkeys(range(len(messages)), Undelivered(type(error).__name__))
    return {int(one["Id"]): Undelivered(one["Code"]) for one in answer.get("Failed", ())}


def _backlog(client: Any, url: str) -> int:
    try:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING])
    except AWS_ERRORS as error:
        raise Undelivered(type(error).__name__) from error
    return int(answer["Attributes"][WAITING])


def _send(client: Any, url: str, message: Mapping[str, Any], **options: str) -> None:
    # `json.dumps` writes ASCII, so characters are bytes here.
    text = json.dumps(message)
    if len(text) > MAX_BYTES:
        raise Undelivered("too large for a message")
    try:
        client.send_message(QueueUrl=url, MessageBody=text, **options)
    except AWS_ERRORS as error:
        raise Undelivered(type(error).__name__) from error
