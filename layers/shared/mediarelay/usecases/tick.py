"""One run of a schedule: `Tick` takes the rows that are due, and `FailureBudget` limits what failures may cost.

Polls and the sweep use both.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.batches import MAX_FAILED_BATCHES, is_outage
from mediarelay.domain.due import Duty
from mediarelay.domain.due_item import DueItem
from mediarelay.domain.operations.overdue import OVERDUE_AFTER
from mediarelay.domain.schedule import hide_until
from mediarelay.domain.songs.model import SongKey
from mediarelay.errors import LedgerUnavailable, Undelivered
from mediarelay.observability import count, measure

# Time that failures of one duty may take in one tick. If they take longer, a service that the duty needs is down, and
# the other duties need the rest of the tick.
MAX_FAILURE_TIME = timedelta(seconds=10)
log = logging.getLogger(__name__)


class DueRows(Protocol):
    """Reads and hides rows of the due index."""

    def waiting(self, duty: Duty, now: datetime) -> Iterator[DueItem]:
        """Yield the rows that are due for one duty, oldest first."""

    def hide(self, item: DueItem, until: datetime) -> bool:
        """Hide a row from other ticks; return False if another worker was faster."""

    def unreadable(self, now: datetime) -> Iterator[str | SongKey]:
        """Yield the vids of unreadable task items and the songs of unreadable leases."""


@dataclass(slots=True)
class FailureBudget:
    """The failures of one duty in one tick. A row that fails stays due and does not stop the others.

    Attributes:
        duty: The duty.
        clock: The present (UTC).
        spent: Time that failed rows took.
        failed: How many rows failed.
        failed_batches: Of how many batches in a row a service accepted nothing.
        cause: Why some rows could not be listed or hidden, or which queue did not answer; None if all went well.
    """

    duty: Duty
    clock: Callable[[], datetime]
    spent: timedelta = field(default=timedelta())
    failed: int = 0
    failed_batches: int = 0
    cause: LedgerUnavailable | Undelivered | None = None

    @contextmanager
    def tolerate(self, log_keys: Mapping[str, str]) -> Iterator[None]:
        """Count and log any failure about one subject, which `log_keys` name."""
        begun = self.clock()
        # Any exception, also one of our own mistakes: one row that always fails must not stop the rows behind it.
        try:
            yield
        except Exception as error:  # noqa: BLE001 - `_count` logs it
            self.spent += self.clock() - begun
            self._count(error, log_keys)

    def tolerate_all(self, rows: Sequence[DueItem], failures: Mapping[DueItem, Exception], begun: datetime) -> None:
        """Count and log the failures of a batch of rows, which was taken at a time (UTC)."""
        self.failed_batches = self.failed_batches + 1 if is_outage(failures, rows) else 0
        if failures:
            self.spent += self.clock() - begun
        for row, error in failures.items():
            self._count(error, row.subject.log_keys)

    def _count(self, error: Exception, log_keys: Mapping[str, str]) -> None:
        self.failed += 1
        count("LeftDue", duty=self.duty)
        log.error("left due", exc_info=error, extra={"duty": self.duty, **log_keys})

    @contextmanager
    def scan_guard(self) -> Iterator[None]:
        """Continue with the other duties if the rows of this one cannot be listed, or its queue does not answer."""
        try:
            yield
        except (LedgerUnavailable, Undelivered) as error:
            self.cause = self.cause or error
            log.exception("scan failed", extra={"duty": self.duty})

    @property
    def exhausted(self) -> bool:
        """Whether the rest of the tick belongs to the other duties."""
        return self.spent >= MAX_FAILURE_TIME or self.failed_batches >= MAX_FAILED_BATCHES

    def raise_if_incomplete(self) -> None:
        """Raise an error of the cause's class if any row could not be taken, so that the dead-letter alarm fires."""
        if self.cause:
            raise type(self.cause)(f"{self.duty}: some rows could not be taken ({self.cause})") from self.cause


def _measure(duty: Duty, age: timedelta) -> None:
    """Measure for how long the oldest row of a duty has been due, and by how much that exceeds what is normal."""
    measure("OldestDue", age.total_seconds(), duty=duty)
    # The alarm looks at this one: a batch that waits for the budget for an hour is no reason to wake an operator.
    if age > OVERDUE_AFTER[duty]:
        measure("Overdue", (age - OVERDUE_AFTER[duty]).total_seconds(), duty=duty)


def _any_row(_row: DueItem) -> bool:
    return True


def _at_once(_row: DueItem) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One run of a schedule.

    Attributes:
        rows: The due index.
        clock: The present (UTC).
        time_left: Returns whether there is time for another row.
        visibility_timeout: How long a row that this tick takes stays hidden from other ticks.
        jitter: Returns random numbers in [0, 1).
        record_run: Stores that the run ended, and how many rows of each duty failed.
    """

    rows: DueRows
    clock: Callable[[], datetime]
    time_left: Callable[[], bool]
    visibility_timeout: timedelta
    jitter: Callable[[], float]
    record_run: Callable[[Mapping[str, int]], None]

    def end(self, failures: Iterable[FailureBudget]) -> None:
        """End the run: record it, or raise the error of a duty of which some rows could not be taken."""
        known = tuple(failures)
        # Last, so that a duty whose rows cannot be listed costs no other duty its turn.
        for one in known:
            one.raise_if_incomplete()
        self.record_run({one.duty.value: one.failed for one in known if one.failed})

    def take(
        self,
        failures: FailureBudget,
        wanted: Callable[[DueItem], bool] = _any_row,
        postponed: Callable[[DueItem], datetime | None] = _at_once,
    ) -> Iterator[DueItem]:
        """Hide and yield rows of one duty; rows for which no time is left stay due.

        Args:
            failures: The failures of the duty.
            wanted: Returns whether to take a row. The others stay as they are.
            postponed: Returns until when to hide a row (UTC) without taking it; None for no such row.
        """
        for row in self.due(failures.duty):
            if failures.exhausted:
                return
            if until := postponed(row):
                self._hide(row, until, failures)
            elif wanted(row) and self._hide(row, self._visible_at(row), failures):
                yield row

    def _visible_at(self, row: DueItem) -> datetime:
        return hide_until(row.duty, self.clock(), row.at, self.visibility_timeout, self.jitter())

    def _hide(self, row: DueItem, until: datetime, failures: FailureBudget) -> bool:
        """Hide a row; return False if another worker was faster, or the table did not answer."""
        hidden = list[bool]()
        with failures.tolerate(row.subject.log_keys):
            hidden.append(self.rows.hide(row, until))
        # The write failed, so the row may wait for ever. False would mean that another worker processes it.
        if not hidden:
            failures.cause = failures.cause or LedgerUnavailable("a row could not be hidden")
        return hidden == [True]

    def due(self, duty: Duty) -> Iterator[DueItem]:
        """Yield rows of one duty as long as there is time, without hiding them from other workers."""
        now = self.clock()
        for number, row in enumerate(self.rows.waiting(duty, now)):
            if number == 0:
                _measure(duty, now - row.due_at)
            if not self.time_left():
                return
            yield row

    def unreadable(self) -> Iterator[str | SongKey]:
        """Yield the tasks and songs whose items cannot be read, as long as there is time."""
        for subject in self.rows.unreadable(self.clock()):
            if not self.time_left():
                return
            yield subject
