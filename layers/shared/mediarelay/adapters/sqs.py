"""The queues: queries to make, intents to submit, and callbacks that the ledger did not store."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.contracts.retry import pack
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Undelivered

# SQS's limit for one message.
MAX_BYTES = 2**20
WAITING = "ApproximateNumberOfMessages"


@dataclass(frozen=True, slots=True)
class ConfirmQueue:
    """Sends `{"vid", "kind", "prompt"?}` messages."""

    client: Any
    url: str

    def send(self, vid: str, kind: Kind, *, prompt: bool = False) -> None:
        """Request one confirmation; `prompt` if a callback or a replay has just arrived. Raises `Undelivered`."""
        _send(self.client, self.url, {"vid": vid, "kind": kind.value} | ({"prompt": True} if prompt else {}))

    def backlog(self) -> int:
        """How many messages wait, by the queue's own estimate; raises `Undelivered`."""
        return _backlog(self.client, self.url)


@dataclass(frozen=True, slots=True)
class SubmitQueue:
    """Sends `{"intent"}` messages."""

    client: Any
    url: str

    def send(self, identity: str) -> None:
        """Request the submit of one intent; raises `Undelivered`."""
        _send(self.client, self.url, {"intent": identity})

    def backlog(self) -> int:
        """How many messages wait, by the queue's own estimate; raises `Undelivered`."""
        return _backlog(self.client, self.url)


@dataclass(frozen=True, slots=True)
class CallbackBacklog:
    """Keeps callbacks while the ledger does not take them. The client is made when needed, which is hardly ever."""

    client: Callable[[], Any]
    url: str

    def send(self, kind: Kind, origin: Origin, at: datetime, body: bytes) -> None:
        """Keep a callback as it came; raises `Undelivered`, also if it is too large for a message."""
        _send(self.client(), self.url, pack(kind, origin, at, body))


def _backlog(client: Any, url: str) -> int:
    try:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[WAITING])
    except (ClientError, BotoCoreError) as error:
        raise Undelivered(type(error).__name__) from error
    return int(answer["Attributes"][WAITING])


def _send(client: Any, url: str, message: Mapping[str, Any]) -> None:
    text = json.dumps(message)
    if len(text) > MAX_BYTES:
        raise Undelivered("too large for a message")
    try:
        client.send_message(QueueUrl=url, MessageBody=text)
    except (ClientError, BotoCoreError) as error:
        raise Undelivered(type(error).__name__) from error
