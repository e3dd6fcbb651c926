"""Poll: send what is due to the confirm queue. The schedule is the delivery guarantee, callbacks only make it fast."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay import metrics
from mediarelay.domain.entry import Waiting
from mediarelay.domain.media import Kind
from mediarelay.domain.schedule import leased_until


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
        """Yield rows of one duty that are ours alone for a while; what there is no time for stays due."""
        for row in self.due(what):
            if wanted(row) and self.rows.lease(row, leased_until(what, self.clock(), row.at, self.lease, self.luck())):
                yield row

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
    for row in tick.leased(kind.value):
        if row.vid not in sent:
            queue.send(row.vid, kind)
            sent.add(row.vid)
    metrics.count("Polled", len(sent), kind=kind)
    return len(sent)
