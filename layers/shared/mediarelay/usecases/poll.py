"""Poll: send tasks that are due to the confirm queues. The schedule guarantees an outcome; callbacks speed it up."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.due import query_duty
from mediarelay.domain.due_item import DueItem, TaskSubject
from mediarelay.domain.tasks.media import Kind
from mediarelay.observability import count
from mediarelay.providers.registry import query_circuit, query_circuits
from mediarelay.usecases.tick import FailureBudget, Tick


class Queue(Protocol):
    """A confirm queue."""

    def send(self, vid: str, kind: Kind) -> None:
        """Request one confirmation."""

    def backlog(self) -> int:
        """Return how many confirmations wait."""


@dataclass(frozen=True, slots=True)
class QueryQueue:
    """The queue of one class of queries.

    Attributes:
        known: Whether the class is that of known tasks, or of tasks that only callbacks name.
        queue: The queue.
        limit: How many messages may wait in it: as many as the call budget of a minute allows. Further rows stay due,
            untouched, so neither the queue nor the cost of waiting grows while the provider hangs.
    """

    known: bool
    queue: Queue
    limit: int


def poll(kind: Kind, tick: Tick, queues: Sequence[QueryQueue], is_open: Callable[[str], bool]) -> int:
    """Request confirmations of due tasks of one kind, queue by queue, oldest first; return how many.

    While a provider refuses us (`is_open` of its circuit), its tasks stay due: each message would only fail.
    """
    served = {name for name in query_circuits(kind) if not _refuses(name, is_open)}
    if not served:
        return 0
    # One set for all queues: rows of one task may wait in both classes, and one query answers all of them.
    sent = set[str]()
    failures = [_fill(queue, kind, tick, sent, served) for queue in queues]
    count("Polled", len(sent), kind=kind)
    for one in failures:
        one.raise_if_incomplete()
    return len(sent)


def _refuses(circuit: str, is_open: Callable[[str], bool]) -> bool:
    refused = is_open(circuit)
    if refused:
        count("CircuitOpen")
    return refused


def _fill(queue: QueryQueue, kind: Kind, tick: Tick, sent: set[str], served: AbstractSet[str]) -> FailureBudget:
    """Send the rows that are due for one queue, up to its limit; add their vids to `sent`."""
    # Messages that still wait count against the limit; what another queue of this tick has sent does not.
    limit = len(sent) + queue.limit - queue.queue.backlog()
    failures = FailureBudget(query_duty(kind, known=queue.known), tick.clock)
    rows = tick.take(failures, lambda row: query_circuit(_vid(row), kind) in served)
    for row in rows if len(sent) < limit else ():
        vid = _vid(row)
        # A task may have several rows: its own duty, and each claim and replay that waits.
        if vid not in sent:
            queue.queue.send(vid, kind)
            sent.add(vid)
        # The check follows the send: asking `take` for another row would hide one that then gets no message.
        if len(sent) >= limit:
            break
    return failures


def _vid(row: DueItem) -> str:
    return row.subject_as(TaskSubject).vid
