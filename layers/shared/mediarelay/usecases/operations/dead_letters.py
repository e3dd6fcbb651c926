"""Look into dead-letter queues, move their messages back to the queues that they come from, or delete them.

The redrive is a loop of our own, because emulators lack SQS's. A message is sent to its source before it is deleted, so
a failure in between leaves it in both queues, and never in none. All messages may be processed twice.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mediarelay.contracts.backlog import unpack
from mediarelay.domain.operations.dead_letters import DeadLetter, ShownLetter
from mediarelay.domain.operations.facts import QueueFacts
from mediarelay.domain.operations.queues import DEAD_LETTERS, DeadLetterQueue
from mediarelay.errors import Malformed, NotFound, NotRedrivable, OnlyCopy
from mediarelay.providers.scrub import scrub

# A message that is looked at is hidden for so long. Longer, and a redrive right after the look would miss it.
LOOK_SECONDS = 2
# One batch is moved within this time. A batch that fails is visible again after it.
MOVE_SECONDS = 30
# One request moves at most so many messages, so that messages that come back at once do not keep it busy.
MAX_MOVED = 1000
MAX_SHOWN = 4096
MAX_ATTRIBUTE = 256
log = logging.getLogger(__name__)


class Queues(Protocol):
    """The queues of the deployment, by their names in the template."""

    @property
    def names(self) -> frozenset[str]:
        """The queues that this deployment has."""

    def count(self, queue: str) -> QueueFacts:
        """Return estimates of the messages of a queue."""

    def receive(self, queue: str, most: int, hidden_seconds: int) -> list[DeadLetter]:
        """Receive some messages, and hide them for some seconds."""

    def send(self, queue: str, message: DeadLetter) -> None:
        """Send a received message to a queue."""

    def delete(self, queue: str, message: DeadLetter) -> None:
        """Delete a received message."""

    def purge(self, queue: str) -> None:
        """Delete all messages of a queue."""


class Redriven(NamedTuple):
    """How many messages were moved, and SQS's estimate of how many are still in the queue."""

    moved: int
    remaining: int


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead-letter queues. Every method raises `Undelivered` if SQS does not answer."""

    queues: Queues

    def counts(self) -> tuple[QueueFacts, ...]:
        """Return how many messages wait in each dead-letter queue."""
        return tuple(self.queues.count(name) for name in DEAD_LETTERS if name in self.queues.names)

    def messages(self, name: str, limit: int) -> list[ShownLetter]:
        """Return up to `limit` messages of a queue without removing them; raises `NotFound`."""
        queue, found = self._named(name), dict[str, ShownLetter]()
        while len(found) < limit:
            batch = self.queues.receive(queue.name, limit - len(found), LOOK_SECONDS)
            if not batch or all(one.id in found for one in batch):
                break
            found |= {one.id: _shown(one) for one in batch}
        return list(found.values())[:limit]

    def redrive(self, name: str, client: str, time_left: Callable[[], bool]) -> Redriven:
        """Move messages to the queues that they come from, while there is time.

        Raises `NotFound`, `NotRedrivable`.
        """
        queue, moved = self._named(name), 0
        if not queue.sources:
            raise NotRedrivable(f"the messages of {name} cannot be processed again")
        for message in self._batches(queue, time_left):
            self.queues.send(_source(queue, message), message)
            self.queues.delete(queue.name, message)
            moved += 1
            if moved == MAX_MOVED:
                break
        log.warning("dead letters moved", extra={"queue": name, "client": client, "moved": moved})
        return Redriven(moved, self.queues.count(name).total)

    def purge(self, name: str, confirm: str, client: str) -> int:
        """Delete the messages of a queue; return how many SQS counted before.

        Raises `NotFound`, `Malformed` unless `confirm` repeats the name, `OnlyCopy`.
        """
        queue = self._named(name)
        if confirm != name:
            raise Malformed("confirm", f"must be {name}, to confirm that its messages are deleted")
        count = self.queues.count(name).total
        # Callbacks that the ledger never stored are nowhere else. An operator who wants to lose them uses AWS itself.
        if queue.is_only_copy and count:
            raise OnlyCopy(f"{name} holds the only copy of {count} callbacks; redrive them instead")
        self.queues.purge(name)
        log.warning("dead letters purged", extra={"queue": name, "client": client, "purged": count})
        return count

    def _named(self, name: str) -> DeadLetterQueue:
        known = [one for one in DEAD_LETTERS if one in self.queues.names]
        if name not in known:
            raise NotFound(f"no such queue; there are {', '.join(known)}")
        return DEAD_LETTERS[name]

    def _batches(self, queue: DeadLetterQueue, time_left: Callable[[], bool]) -> Iterator[DeadLetter]:
        """Yield messages, one batch after the other, until the queue is empty or the time is over."""
        while time_left() and (batch := self.queues.receive(queue.name, MAX_MOVED, MOVE_SECONDS)):
            yield from batch


def _source(queue: DeadLetterQueue, message: DeadLetter) -> str:
    return message.source if message.source in queue.sources else queue.sources[0]


# ── what an operator sees ────────────────────────────────────────────────────────────────────────────────────────────


def _shown(message: DeadLetter) -> ShownLetter:
    body, attributes = _unpacked(message.body)
    # Bodies come from outside, and the provider repeats credentials in them.
    text = scrub(body).decode("utf-8", "replace")
    return ShownLetter(
        id=message.id,
        sent_at=message.sent_at,
        received=message.received,
        body=text[:MAX_SHOWN],
        truncated=len(text) > MAX_SHOWN,
        attributes={name: value[:MAX_ATTRIBUTE] for name, value in {**message.attributes, **attributes}.items()},
    )


def _unpacked(text: str) -> tuple[bytes, Mapping[str, str]]:
    """Return the body of a callback, with what the backlog stores beside it, or any other message as it is."""
    try:
        route, origin, at, body = unpack(json.loads(text))
    except (ValueError, TypeError, RecursionError, Malformed):
        return text.encode("utf-8", "surrogatepass"), {}
    return body, {"route": route, "origin": origin.value, "at": at.isoformat()}
