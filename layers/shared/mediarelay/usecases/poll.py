"""Poll: send tasks that are due to the confirm queues. The schedule guarantees an outcome; callbacks speed it up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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


def poll(kind: Kind, tick: Tick, queues: Sequence[QueryQueue], break_end: Callable[[str], datetime | None]) -> int:
    """Request confirmations of due tasks of one kind, queue by queue, oldest first; return how many.

    While a provider refuses us (`break_end` of its circuit), its tasks get no message, because it would only fail. If
    another one serves us, they are hidden until the break ends: each tick would read all of them to find the others.
    """
    circuits = query_circuits(kind)
    refused = {name: end for name in circuits if (end := _refusal_end(name, break_end))}
    if len(refused) == len(circuits):
        tick.end(())
        return 0
    # One set for all queues: rows of one task may wait in both classes, and one query answers all of them.
    sent = set[str]()
    failures = [_fill(queue, kind, tick, sent, refused) for queue in queues]
    count("Polled", len(sent), kind=kind)
    tick.end(failures)
    return len(sent)


def _refusal_end(circuit: str, break_end: Callable[[str], datetime | None]) -> datetime | None:
    end = break_end(circuit)
    if end:
        count("CircuitOpen")
    return end


def _fill(queue: QueryQueue, kind: Kind, tick: Tick, sent: set[str], refused: Mapping[str, datetime]) -> FailureBudget:
    """Send the rows that are due for one queue, up to its limit; add their vids to `sent`."""

    def end_of_refusal(row: DueItem) -> datetime | None:
        return refused.get(query_circuit(_vid(row), kind))

    def postponed(row: DueItem) -> datetime | None:
        # The sweep takes a row that is due behind its deadline for one that had its final query.
        until, deadline = end_of_refusal(row), row.give_up_at
        until = min(until, deadline) if until and deadline else until
        return until if until and until > tick.clock() else None

    # Messages that still wait count against the limit; what another queue of this tick has sent does not.
    limit = len(sent) + queue.limit - queue.queue.backlog()
    failures = FailureBudget(query_duty(kind, known=queue.known), tick.clock)
    rows = tick.take(failures, lambda row: end_of_refusal(row) is None, postponed)
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
