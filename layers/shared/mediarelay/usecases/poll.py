"""Poll: send what is due to the confirm queue. The schedule is the delivery guarantee, callbacks only make it fast."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.due import DueItem, Duty, query_duty
from mediarelay.domain.schedule import hide_until
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.observability import count

MAX_FAILURE_TIME = timedelta(seconds=10)
"""What failures may cost one duty in one tick: then what it needs is down, and the others need the rest."""
log = logging.getLogger(__name__)


class DueRows(Protocol):
    """The part of the ledger that ticks need."""

    def waiting(self, what: Duty, now: datetime) -> Iterator[DueItem]:
        """What is due for one duty."""

    def hide(self, row: DueItem, until: datetime) -> bool:
        """Hide a row from other ticks; return False if another one was first."""


class Queue(Protocol):
    """Where confirmations are asked for."""

    def send(self, vid: str, kind: Kind) -> None:
        """Ask for one confirmation."""

    def backlog(self) -> int:
        """How many confirmations wait."""


@dataclass(slots=True)
class FailureBudget:
    """What failures cost one duty in one tick. A row that fails stays due and does not stop the others.

    Attributes:
        what: The duty.
        lost: Time that was spent on what failed.
        untaken: Whether a row could not be taken up, or not even be looked for.
    """

    what: Duty
    clock: Callable[[], datetime]
    lost: timedelta = field(default=timedelta())
    untaken: bool = False

    @contextmanager
    def forgiven(self, vid: str) -> Iterator[None]:
        """Count and log whatever goes wrong."""
        begun = self.clock()
        try:
            yield
        except Exception:
            self.lost += self.clock() - begun
            count("LeftDue", duty=self.what)
            log.exception("left due", extra={"duty": self.what, "vid": vid})

    @contextmanager
    def looked_for(self) -> Iterator[None]:
        """Let the other duties have their turn, too, if the ledger does not say what is due, or its queue is down."""
        try:
            yield
        except (LedgerUnavailable, Undelivered):
            self.untaken = True
            log.exception("not looked for", extra={"duty": self.what})

    @property
    def enough(self) -> bool:
        """Whether others should have the rest of the time."""
        return self.lost >= MAX_FAILURE_TIME

    def tell(self) -> None:
        """Raise `LedgerUnavailable` in the end of a tick that left something untaken: nobody would learn of it else."""
        if self.untaken:
            raise LedgerUnavailable(f"{self.what}: some rows could not be taken up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One run of a schedule.

    Attributes:
        time_left: Says whether there is time for another row.
        visibility_timeout: How long a row that this tick takes stays hidden from other ticks.
        jitter: Gives random numbers in [0, 1).
    """

    rows: DueRows
    clock: Callable[[], datetime]
    time_left: Callable[[], bool]
    visibility_timeout: timedelta
    jitter: Callable[[], float]

    def take(self, losses: FailureBudget, wanted: Callable[[DueItem], bool] = lambda _row: True) -> Iterator[DueItem]:
        """Yield rows of one duty that are ours alone for a while; what there is no time for stays due."""
        for row in filter(wanted, self.due(losses.what)):
            if losses.enough:
                return
            ours = None
            with losses.forgiven(row.vid):
                until = hide_until(losses.what, self.clock(), row.at, self.visibility_timeout, self.jitter())
                ours = self.rows.hide(row, until)
            losses.untaken |= ours is None
            if ours:
                yield row

    def due(self, what: Duty) -> Iterator[DueItem]:
        """Yield rows of one duty as long as there is time; others may see them too."""
        for row in self.rows.waiting(what, self.clock()):
            if not self.time_left():
                return
            yield row


@dataclass(frozen=True, slots=True)
class QueryQueue:
    """One class of queries.

    Attributes:
        known: Whether more than callbacks name their tasks.
        queue: Where they wait.
        limit: How many may wait there: as many as a minute's budget has calls for. What is due beyond that stays due,
            untouched, so neither a queue nor the cost of waiting grows while the provider hangs.
    """

    known: bool
    queue: Queue
    limit: int


def poll(kind: Kind, tick: Tick, lanes: Sequence[QueryQueue], is_open: Callable[[], bool]) -> int:
    """Ask for a confirmation of what is due of one kind, lane by lane, oldest first; returns how many.

    While the provider refuses us (`is_open`) everything stays due.
    """
    if is_open():
        count("CircuitOpen")
        return 0
    sent = set[str]()
    losses = [_poll_lane(kind, tick, lane, sent) for lane in lanes]
    count("Polled", len(sent), kind=kind)
    for lane in losses:
        lane.tell()
    return len(sent)


def _poll_lane(kind: Kind, tick: Tick, lane: QueryQueue, sent: set[str]) -> FailureBudget:
    """Add to `sent` what was handed on: a task that more rows, maybe of both lanes, wait for needs one query."""
    most = len(sent) + lane.limit - lane.queue.backlog()
    losses = FailureBudget(query_duty(kind, known=lane.known), tick.clock)
    for row in tick.take(losses) if len(sent) < most else ():
        if row.vid not in sent:
            lane.queue.send(row.vid, kind)
            sent.add(row.vid)
        if len(sent) >= most:
            break
    return losses
