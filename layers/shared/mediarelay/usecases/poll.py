"""Poll: send tasks that are due to the confirm queues. The schedule guarantees an outcome; callbacks speed it up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mediarelay.domain.circuit_breaker import Cause, Circuit, State
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


@dataclass(slots=True)
class Admission:
    """Which rows may get a message, as the circuits of their queries are at the beginning of a tick.

    circuit                         rows
    closed                          all
    half open                       one, whose query tries whether the provider works again
    open, the provider refuses us   none; they are hidden until the break ends, which may last for half an hour
    open, the provider is silent    none; they stay as they are, so that the oldest one comes first after the break

    Attributes:
        kind: The kind of the tasks.
        now: When the tick began (UTC).
        circuits: The circuits of the queries, by their names.
        tried: The half-open circuits whose one message was sent.
    """

    kind: Kind
    now: datetime
    circuits: dict[str, Circuit]
    tried: set[str] = field(default_factory=set)

    @property
    def is_exhausted(self) -> bool:
        """Whether no row can get a message any more."""
        return not any(map(self._admits, self.circuits))

    def wanted(self, row: DueItem) -> bool:
        """Return whether a row may get a message."""
        return self._admits(self._circuit(row))

    def sent(self, row: DueItem) -> None:
        """Note that a row got a message."""
        name = self._circuit(row)
        if self.circuits[name].state(self.now) is State.HALF_OPEN:
            self.tried.add(name)

    def postponed(self, row: DueItem) -> datetime | None:
        """Return until when to hide a row: the end of a break or its deadline. None for no such row."""
        circuit = self.circuits[self._circuit(row)]
        if circuit.cause is not Cause.REFUSED or not circuit.is_open(self.now) or circuit.open_until is None:
            return None
        # The sweep takes a row that is due behind its deadline for one that had its final query.
        until = min(circuit.open_until, row.give_up_at or circuit.open_until)
        return until if until > self.now else None

    def _admits(self, name: str) -> bool:
        state = self.circuits[name].state(self.now)
        return state is State.CLOSED or (state is State.HALF_OPEN and name not in self.tried)

    def _circuit(self, row: DueItem) -> str:
        return query_circuit(_vid(row), self.kind)


def poll(kind: Kind, tick: Tick, queues: Sequence[QueryQueue], find: Callable[[str], Circuit]) -> int:
    """Request confirmations of due tasks of one kind, queue by queue, oldest first; return how many.

    Tasks of a provider whose circuit (`find`) is open get no message, because it would only fail.
    """
    admission = Admission(kind, tick.clock(), {name: find(name) for name in query_circuits(kind)})
    for circuit in admission.circuits.values():
        if circuit.is_open(admission.now):
            count("CircuitOpen")
    # One set for all queues: rows of one task may wait in both classes, and one query answers all of them.
    sent = set[str]()
    failures = [_fill(queue, tick, sent, admission) for queue in queues if not admission.is_exhausted]
    if failures:
        count("Polled", len(sent), kind=kind)
    tick.end(failures)
    return len(sent)


def _fill(queue: QueryQueue, tick: Tick, sent: set[str], admission: Admission) -> FailureBudget:
    """Send the rows that are due for one queue, up to its limit; add their vids to `sent`."""
    # Messages that still wait count against the limit; what another queue of this tick has sent does not.
    limit = len(sent) + queue.limit - queue.queue.backlog()
    failures = FailureBudget(query_duty(admission.kind, known=queue.known), tick.clock)
    for row in tick.take(failures, admission.wanted, admission.postponed) if len(sent) < limit else ():
        vid = _vid(row)
        # A task may have several rows: its own duty, and each claim and replay that waits.
        if vid not in sent:
            queue.queue.send(vid, admission.kind)
            sent.add(vid)
            admission.sent(row)
        # The check follows the send: asking `take` for another row would hide one that then gets no message.
        if len(sent) >= limit or admission.is_exhausted:
            break
    return failures


def _vid(row: DueItem) -> str:
    return row.subject_as(TaskSubject).vid
