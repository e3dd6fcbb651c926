"""Sweep: do what was left undone.

Gives up on tasks without an answer, finishes open submits, publishes the rest, says what becomes of songs, goes on with
replays in bulk, forgets bodies whose time is over.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from mediarelay.domain.entry import Entry, Waiting
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.errors import LedgerUnavailable
from mediarelay.usecases.leases import Leases
from mediarelay.usecases.poll import Losses, Tick
from mediarelay.usecases.publish import Publisher
from mediarelay.usecases.replay import Replayer
from mediarelay.usecases.tasks import Tasks

OVERDUE = timedelta(hours=1)
"""After the deadline; until then the last question is tried every minute."""
TURN = 200
"""Rows of one duty, about ten seconds of a tick, before the others have theirs."""
Duty = Callable[[Waiting], object]
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
        """Do all that is due; what fails stays due and does not stop the rest. Returns counts by duty.

        Raises `LedgerUnavailable` in the end if a duty could not be looked for.
        """
        broken, done = None, Counter[str]()
        for what, duty, rows in self._work(tick):
            try:
                self._do(what, duty, rows, done)
            except LedgerUnavailable as error:
                log.exception("not looked for", extra={"duty": what})
                broken = error
        if broken:
            raise broken
        return dict(done)

    def _work(self, tick: Tick) -> Iterator[tuple[str, Duty, Iterable[Waiting]]]:
        """What there is to do: some of each duty, so that each has its turn, and then the rest."""
        duties: dict[str, Duty] = {
            "publish": self._publish,
            "lost": self._give_up,
            "song": lambda row: self.leases.resume(row.pk, row.sk),
            "replay": lambda row: self.replayer.resume(row.pk.removeprefix("JOB#"), tick.time_left),
        }
        yield "submit", self._send, islice(tick.leased("submit"), self.budget)
        for most in (TURN, None):
            for what, duty in duties.items():
                yield what, duty, islice(tick.leased(what), most)
        for kind in Kind:
            yield "lost", self._give_up, self._overdue(kind, tick)
        yield "expire", self.bodies.forget_body, tick.due("expire")

    def _overdue(self, kind: Kind, tick: Tick) -> Iterator[Waiting]:
        """Tasks that should have been given up: confirmations do that, unless they cannot be carried out at all."""
        latest = self.clock() - OVERDUE
        return tick.leased(kind, lambda row: self._deadline(row) < latest)

    def _deadline(self, row: Waiting) -> datetime:
        """Of a task its own; a callback without a task item waits for a lifetime; a replay has none."""
        if row.give_up_at is not None:
            return row.give_up_at
        return row.at + self.tasks.rules.lifetime if row.at and row.sk.startswith("OBS#") else self.clock()

    def _do(self, what: str, duty: Duty, rows: Iterable[Waiting], done: Counter[str]) -> None:
        losses = Losses(what, self.clock)
        done[what] += 0
        for row in rows:
            with losses.forgiven(row):
                duty(row)
                done[what] += 1
            if losses.enough:
                break

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
