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
from itertools import chain, islice
from typing import Protocol

from mediarelay.domain.due import DueItem, Duty, query_duty
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.usecases.poll import FailureBudget, Tick
from mediarelay.usecases.songs.leases import SongPublisher
from mediarelay.usecases.tasks.publish import TaskPublisher
from mediarelay.usecases.tasks.replay import Replayer
from mediarelay.usecases.tasks.repository import TaskRepository

OVERDUE = timedelta(hours=1)
"""After the deadline; until then the last question is tried every minute."""
TURNS = (Duty.PUBLISH, Duty.GIVE_UP, Duty.SONG, Duty.REPLAY)
QUERIES = [query_duty(kind, known=known) for kind in Kind for known in (True, False)]
TURN = 200
"""Rows of one duty, about ten seconds of a tick, before the others have theirs."""
Action = Callable[[DueItem], object]
log = logging.getLogger(__name__)


class Submits(Protocol):
    """The queue of wishes."""

    def send(self, identity: str) -> None:
        """Have one wish handed to the provider."""

    def backlog(self) -> int:
        """How many wishes wait."""


class Bodies(Protocol):
    """The part of the ledger that keeps bodies, and rows that cannot be read."""

    def delete_body(self, row: DueItem) -> None:
        """Drop the body of a claim whose time is over."""

    def parked(self, now: datetime) -> Iterator[tuple[str, str]]:
        """The keys of task items, and of leases of songs, that no tick can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Runs the duties that are not questions about a task.

    Attributes:
        budget: How many submits may wait in their queue.
        refuses_us: Whether the provider refuses all queries about a kind.
    """

    tasks: TaskRepository
    bodies: Bodies
    publisher: TaskPublisher
    submits: Submits
    budget: int
    replayer: Replayer
    leases: SongPublisher
    refuses_us: Callable[[Kind], bool]
    clock: Callable[[], datetime]

    def sweep(self, tick: Tick) -> dict[str, int]:
        """Do all that is due; what fails stays due and does not stop the rest. Returns counts by duty.

        Raises `LedgerUnavailable` in the end if a duty could not be looked for.
        """
        duties = self._duties(tick)
        done = Counter(dict.fromkeys(duties, 0))
        losses = {
            what: FailureBudget(what, self.clock) for what in (*duties, Duty.SUBMIT_QUEUED, *QUERIES, Duty.UNREADABLE)
        }
        for what, rows, loss in self._work(tick, losses):
            with loss.looked_for():
                self._do(what, duties[what], rows, loss, done)
        done[Duty.UNREADABLE] = self._mend(losses[Duty.UNREADABLE], tick)
        for loss in losses.values():
            loss.tell()
        return {duty.value: count for duty, count in done.items()}

    def _duties(self, tick: Tick) -> dict[Duty, Action]:
        return {
            Duty.PUBLISH: self._publish,
            Duty.GIVE_UP: self._give_up,
            Duty.SUBMIT: self._send,
            Duty.SONG: lambda row: self.leases.resume(row.pk, row.sk),
            Duty.REPLAY: lambda row: self.replayer.resume(row.pk.removeprefix("JOB#"), tick.time_left),
            Duty.DELETE_BODY: self.bodies.delete_body,
        }

    def _work(
        self, tick: Tick, losses: dict[Duty, FailureBudget]
    ) -> Iterator[tuple[Duty, Iterable[DueItem], FailureBudget]]:
        """What there is to do: some of each duty, so that each has its turn, and then the rest."""
        waiting = [(what, tick.take(losses[what]), losses[what]) for what in TURNS]
        waiting += [(Duty.SUBMIT, self._submits(losses, tick), losses[Duty.SUBMIT])]
        waiting += [(Duty.GIVE_UP, self._overdue(losses[what], tick), losses[what]) for what in QUERIES]
        for most in (TURN, None):
            yield from ((what, islice(rows, most), loss) for what, rows, loss in waiting)
        yield Duty.DELETE_BODY, tick.due(Duty.DELETE_BODY), losses[Duty.DELETE_BODY]

    def _submits(self, losses: dict[Duty, FailureBudget], tick: Tick) -> Iterator[DueItem]:
        """Wishes, as many as the budget has calls; first those whose client was told to wait, then the queued ones."""
        room = max(0, self.budget - self.submits.backlog())
        rows = chain.from_iterable(tick.take(losses[what]) for what in (Duty.SUBMIT, Duty.SUBMIT_QUEUED))
        yield from islice(rows, room)

    def _overdue(self, losses: FailureBudget, tick: Tick) -> Iterator[DueItem]:
        """Tasks that should have been given up: confirmations do that, unless they cannot be carried out at all."""
        return tick.take(losses, self._is_overdue)

    def _is_overdue(self, row: DueItem) -> bool:
        """Whether a task is long past its deadline. What no poll took up since waits for the budget: a lifetime more.

        Unless the provider refuses us: then the budget is not what it waits for.
        """
        deadline = self._deadline(row)
        late, was_taken_up = self.clock() - deadline, row.due_at > deadline.timestamp()
        return late > OVERDUE and (was_taken_up or late > self.tasks.rules.give_up_after or self.refuses_us(row.kind))

    def _deadline(self, row: DueItem) -> datetime:
        """Of a task its own; a callback without a task item waits for a lifetime; a replay has none."""
        if row.give_up_at is not None:
            return row.give_up_at
        return row.at + self.tasks.rules.give_up_after if row.at and row.sk.startswith("OBS#") else self.clock()

    @staticmethod
    def _do(what: Duty, action: Action, rows: Iterable[DueItem], losses: FailureBudget, done: Counter[Duty]) -> None:
        for row in rows:
            with losses.forgiven(row.vid):
                action(row)
                done[what] += 1
            if losses.enough:
                break

    def _publish(self, row: DueItem) -> None:
        if row.vid:
            self.publisher.publish(row.vid)
        else:
            self.publisher.refuse(row.pk.removeprefix("INTENT#"))

    def _send(self, row: DueItem) -> None:
        self.submits.send(row.pk.removeprefix("INTENT#"))

    def _mend(self, losses: FailureBudget, tick: Tick) -> int:
        """Write unreadable task items and leases anew from their logs, as long as there is time; returns how many."""
        mended = 0
        with losses.looked_for():
            for pk, sk in islice(self.bodies.parked(self.clock()), TURN):
                if losses.enough or not tick.time_left():
                    break
                with losses.forgiven(pk):
                    mended += self._write_anew(pk, sk)
        return mended

    def _write_anew(self, pk: str, sk: str) -> bool:
        """Write one item as its log says; return False for a task of which nothing is known."""
        if sk != "TASK":
            self.leases.resume(pk, sk)
            return True
        vid = pk.removeprefix("TASK#")
        _, task = self.tasks.load(vid)
        if task is not None:
            self.tasks.refresh(vid, task.kind)
        return task is not None

    def _give_up(self, row: DueItem) -> None:
        now = self.clock()
        body = json.dumps({"deadline": self._deadline(row).isoformat()}).encode()
        entry = LoggedObservation(vid=row.vid, kind=row.kind, origin=Origin.TIMEOUT, at=now, body=body)
        self.tasks.add(entry)
