"""Poll: send what is due to the confirm queue. The schedule is the delivery guarantee, callbacks only make it fast."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay import metrics
from mediarelay.domain.entry import Waiting
from mediarelay.domain.media import Kind
from mediarelay.domain.schedule import leased_until
from mediarelay.errors import LedgerUnavailable

MOST_LOST = timedelta(seconds=10)
"""What failures may cost one duty in one tick: then what it needs is down, and the others need the rest."""
log = logging.getLogger(__name__)


class DueRows(Protocol):
    """The part of the ledger that ticks need."""

    def waiting(self, what: str, now: datetime) -> Iterator[Waiting]:
        """What is due for one duty."""

    def lease(self, row: Waiting, until: datetime) -> bool:
        """Put a row off unless somebody else did."""


class Queue(Protocol):
    """Where confirmations are asked for."""

    def send(self, vid: str, kind: Kind) -> None:
        """Ask for one confirmation."""


@dataclass(slots=True)
class Losses:
    """The time that failures cost one duty. A row that fails stays due and does not stop the others."""

    what: str
    clock: Callable[[], datetime]
    lost: timedelta = field(default=timedelta())
    last: Exception | None = None

    @contextmanager
    def forgiven(self, row: Waiting) -> Iterator[None]:
        """Count and log whatever goes wrong."""
        begun = self.clock()
        try:
            yield
        except Exception as error:
            self.lost, self.last = self.lost + self.clock() - begun, error
            metrics.count("LeftDue", duty=self.what)
            log.exception("left due", extra={"duty": self.what, "vid": row.vid})

    @property
    def enough(self) -> bool:
        """Whether others should have the rest of the time."""
        return self.lost >= MOST_LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One run of a schedule.

    Attributes:
        time_left: Says whether there is time for another row.
        lease: How long a row that was taken up is left alone.
        luck: Gives random numbers in [0, 1).
    """

    rows: DueRows
    clock: Callable[[], datetime]
    time_left: Callable[[], bool]
    lease: timedelta
    luck: Callable[[], float]

    def leased(self, what: str, wanted: Callable[[Waiting], bool] = lambda _row: True) -> Iterator[Waiting]:
        """Yield rows of one duty that are ours alone for a while; what there is no time for stays due.

        Raises `LedgerUnavailable` in the end if some could not be taken up: nobody would learn of it else.
        """
        losses = Losses(what, self.clock)
        for row in filter(wanted, self.due(what)):
            ours = False
            with losses.forgiven(row):
                ours = self.rows.lease(row, leased_until(what, self.clock(), row.at, self.lease, self.luck()))
            if ours:
                yield row
            if losses.enough:
                break
        if losses.last:
            raise LedgerUnavailable(f"{what}: some rows could not be taken up") from losses.last

    def due(self, what: str) -> Iterator[Waiting]:
        """Yield rows of one duty as long as there is time; others may see them too."""
        for row in self.rows.waiting(what, self.clock()):
            if not self.time_left():
                return
            yield row


def poll(kind: Kind, tick: Tick, queue: Queue, is_open: Callable[[], bool]) -> int:
    """Ask for a confirmation of everything of one kind that is due; returns how many.

    While the provider refuses us (`is_open`) everything stays due.
    """
    if is_open():
        metrics.count("CircuitOpen")
        return 0
    sent: set[str] = set()
    try:
        for row in tick.leased(kind.value):
            if row.vid not in sent:
                queue.send(row.vid, kind)
                sent.add(row.vid)
    finally:
        metrics.count("Polled", len(sent), kind=kind)
    return len(sent)
