"""Sweep: do what was left undone.

Gives up on tasks without an answer, finishes open submits, publishes the rest, says what becomes of songs, goes on with
replays in bulk, forgets bodies whose time is over.
"""

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from mediarelay import metrics
from mediarelay.domain.entry import Entry, Waiting
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.usecases.leases import Leases
from mediarelay.usecases.poll import Tick
from mediarelay.usecases.publish import Publisher
from mediarelay.usecases.replay import Replayer
from mediarelay.usecases.tasks import Tasks

OVERDUE = timedelta(hours=1)
"""After the deadline; until then the last question is tried every minute."""
MOST_FAILURES = 2
"""Of one duty in a row: then what it needs is down for all of them. Each may hang for twelve seconds, and the other
duties need the rest of the time."""
log = logging.getLogger(__name__)


class Submits(Protocol):
    """The queue of wishes."""

    def send(self, identity: str) -> None:
        """Have one wish handed to the provider."""


class Bodies(Protocol):
    """The part of the ledger that keeps bodies."""

    def forget_body(self, row: Waiting) -> None:
        """Drop the body of a claim whose time is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Runs the duties that are not questions about a task. `budget` is how many submits a tick may hand on."""

    tasks: Tasks
    bodies: Bodies
    publisher: Publisher
    submits: Submits
    budget: int
    replayer: Replayer
    leases: Leases
    clock: Callable[[], datetime]

    def sweep(self, tick: Tick) -> dict[str, int]:
        """Do all that is due; one row that fails stays due and does not stop the others. Returns counts by duty."""
        duties: dict[str, Callable[[Waiting], object]] = {
            "lost": self._give_up,
            "publish": self._publish,
            "song": lambda row: self.leases.resume(row.pk, row.sk),
            "replay": lambda row: self.replayer.resume(row.pk.removeprefix("JOB#"), tick.time_left),
        }
        submits = self._do(self._send, islice(tick.leased("submit"), self.budget), "submit")
        done = {what: self._do(duty, tick.leased(what), what) for what, duty in duties.items()}
        overdue = sum(self._do(self._give_up, self._overdue(kind, tick), "lost") for kind in Kind)
        expired = self._do(self.bodies.forget_body, tick.due("expire"), "expire")
        return done | {"lost": done["lost"] + overdue, "submit": submits, "expire": expired}

    def _overdue(self, kind: Kind, tick: Tick) -> Iterator[Waiting]:
        """Tasks that should have been given up: confirmations do that, unless they cannot be carried out at all."""
        latest = self.clock() - OVERDUE
        return tick.leased(kind, lambda row: self._deadline(row) < latest)

    def _deadline(self, row: Waiting) -> datetime:
        """Of a task its own; a callback without a task item waits for a lifetime; a replay has none."""
        if row.give_up_at is not None:
            return row.give_up_at
        return row.at + self.tasks.rules.lifetime if row.at and row.sk.startswith("OBS#") else self.clock()

    def _do(self, duty: Callable[[Waiting], object], rows: Iterable[Waiting], what: str) -> int:
        done = failed = 0
        for row in rows:
            try:
                duty(row)
                done, failed = done + 1, 0
            except Exception:
                failed += 1
                metrics.count("SweepFailures", duty=what)
                log.exception("left due", extra={"duty": what, "vid": row.vid})
            if failed >= MOST_FAILURES:
                break
        return done

    def _publish(self, row: Waiting) -> None:
        if row.vid:
            self.publisher.publish(row.vid)
        else:
            self.publisher.refuse(row.pk.removeprefix("INTENT#"))

    def _send(self, row: Waiting) -> None:
        self.submits.send(row.pk.removeprefix("INTENT#"))

    def _give_up(self, row: Waiting) -> None:
        now = self.clock()
        body = json.dumps({"deadline": self._deadline(row).isoformat()}).encode()
        entry = Entry(vid=row.vid, kind=row.kind, origin=Origin.TIMEOUT, at=now, body=body)
        self.tasks.add(entry)
