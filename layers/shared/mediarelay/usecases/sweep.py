"""Sweep: carry out every duty except queries, and every change that the stream did not carry out.

duty        what the sweep does
publish     publishes an outcome, or the refusal of an intent
give_up     records a task as lost
submit      sends an open intent to the submit queue; queued intents come last
song        publishes the events of a lease that are due
replay      takes the next minute's part of a bulk replay
fan_out     sends an event without deliveries to the delivery queue
deliver     sends a delivery to the delivery queue
unreadable  writes an unreadable task item or lease again from its log

Queries belong to the polls. The sweep takes a task from them only if no poll could carry out its final query.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, islice
from typing import NamedTuple, Protocol

from mediarelay.domain.batches import in_batches
from mediarelay.domain.due import DELIVERIES, Duty, query_duty
from mediarelay.domain.due_item import (
    DeliverySubject,
    DueItem,
    EventSubject,
    IntentSubject,
    ReplayJobSubject,
    TaskSubject,
)
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task
from mediarelay.providers.registry import query_circuit
from mediarelay.usecases.event_publisher import EventPublisher, Prepared
from mediarelay.usecases.songs.publish import SongPublisher
from mediarelay.usecases.tasks.publish import TaskPublisher, is_behind
from mediarelay.usecases.tasks.replay import Replayer
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tick import FailureBudget, Tick

# For this long after the deadline, the polls try the final query every minute, and the sweep leaves the task to them.
OVERDUE_AFTER = timedelta(hours=1)
# Rows of one duty, about ten seconds of a tick, before the other duties have their turn.
ROWS_PER_TURN = 200
# Duties of which the sweep takes some rows each before it takes the rest, most urgent first.
TURNS = (Duty.PUBLISH, Duty.GIVE_UP, Duty.SONG, Duty.REPLAY)
QUERIES = tuple(query_duty(kind, known=known) for kind in Kind for known in (True, False))
# Duties whose rows publish events, and how many of them the sweep publishes together: as many as one call of SNS takes.
PUBLISHING = {Duty.PUBLISH, Duty.SONG}
PUBLISHED_TOGETHER = 10
# Messages that may wait in the delivery queue. The rest stays due, unchanged, so a tick of an outage costs no more.
MAX_DELIVERIES = 500
# Of these, deliveries of one endpoint. An endpoint that is down may have thousands that are older than all others.
MAX_OF_ENDPOINT = 400
# Rows to look at for deliveries of other endpoints, about a second of a tick.
MAX_LOOKED_AT = 5000
SCANNED = (*TURNS, *DELIVERIES, Duty.SUBMIT, Duty.SUBMIT_QUEUED, *QUERIES, Duty.UNREADABLE)
Action = Callable[[DueItem], object]


class SubmitQueue(Protocol):
    """The submit queue."""

    def send(self, identity: str) -> None:
        """Send a message to submit one intent."""

    def backlog(self) -> int:
        """Return how many intents wait."""


class DeliveryQueue(Protocol):
    """The delivery queue."""

    def send_event(self, position: str) -> None:
        """Send a message to store the deliveries of one event."""

    def send_delivery(self, endpoint: str, event_id: str) -> None:
        """Send a message to attempt one delivery."""

    def backlog(self) -> int:
        """Return how many messages wait."""


class Work(NamedTuple):
    """Rows that need one action. `duty` names the action; the rows' own duty may be a query that is overdue."""

    duty: Duty
    rows: Iterator[DueItem]
    failures: FailureBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """Carries out the duties of a tick.

    Attributes:
        max_submits: How many intents may wait in the submit queue: as many as a minute's budget has calls for.
        deliveries: The delivery queue; None if the deployment delivers no events over HTTP.
        is_refused: Returns whether a circuit is open because the provider refuses us.
    """

    tasks: TaskRepository
    events: EventPublisher
    publisher: TaskPublisher
    submits: SubmitQueue
    max_submits: int
    replayer: Replayer
    songs: SongPublisher
    deliveries: DeliveryQueue | None
    is_refused: Callable[[str], bool]
    clock: Callable[[], datetime]

    def sweep(self, tick: Tick) -> dict[str, int]:
        """Carry out everything that is due; return the number of rows by duty. A row that fails stays due.

        Raises, after all duties: `LedgerUnavailable` if the rows of one could not be listed or hidden, `Undelivered` if
        the submit queue did not answer.
        """
        actions = self._actions(tick)
        done = Counter(dict.fromkeys((*actions, *PUBLISHING, Duty.UNREADABLE), 0))
        failures = {duty: FailureBudget(duty, self.clock) for duty in SCANNED}
        for work in self._work(tick, failures):
            with work.failures.scan_guard():
                if work.duty in PUBLISHING:
                    self._publish(work, done)
                else:
                    _carry_out(work, actions[work.duty], done)
        done[Duty.UNREADABLE] = self._rebuild_unreadable(tick, failures[Duty.UNREADABLE])
        tick.end(failures.values())
        return {duty.value: count for duty, count in done.items()}

    # ── the rows to take ──────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self, tick: Tick, failures: dict[Duty, FailureBudget]) -> Iterator[Work]:
        """Yield the work in its order: some rows of each duty, so that each has its turn, and then the rest."""
        waiting = [Work(duty, tick.take(failures[duty]), failures[duty]) for duty in TURNS]
        waiting += [Work(Duty.SUBMIT, self._submits(tick, failures), failures[Duty.SUBMIT])]
        waiting += [
            Work(duty, self._deliveries(tick, failures[duty]), failures[duty]) for duty in self._delivery_duties()
        ]
        waiting += [Work(Duty.GIVE_UP, tick.take(failures[duty], self._is_overdue), failures[duty]) for duty in QUERIES]
        # Both loops advance the same iterators: the second one continues behind the first rows.
        yield from (work._replace(rows=islice(work.rows, ROWS_PER_TURN)) for work in waiting)
        yield from waiting

    def _submits(self, tick: Tick, failures: dict[Duty, FailureBudget]) -> Iterator[DueItem]:
        """Yield as many intents as the submit queue may hold; intents of waiting clients come before queued ones."""
        room = max(0, self.max_submits - self.submits.backlog())
        duties = (Duty.SUBMIT, Duty.SUBMIT_QUEUED)
        yield from islice(chain.from_iterable(tick.take(failures[duty]) for duty in duties), room)

    def _delivery_duties(self) -> tuple[Duty, ...]:
        return DELIVERIES if self.deliveries else ()

    def _deliveries(self, tick: Tick, failures: FailureBudget) -> Iterator[DueItem]:
        """Yield as many rows as the delivery queue may hold."""
        if self.deliveries:
            rows = tick.take(failures, _within_share())
            yield from islice(rows, max(0, MAX_DELIVERIES - self.deliveries.backlog()))

    def _is_overdue(self, row: DueItem) -> bool:
        """Return whether a task must be given up although no poll carried out its final query.

        A row that no poll has taken since its deadline waits for the call budget, or for a provider that does not
        answer, so the sweep leaves it alone for one more `GiveUpAfter`. While the provider refuses us, the task waits
        for neither, so the sweep takes it.
        """
        deadline = self._deadline(row)
        # Polls move the due time of a row behind the deadline only when they take it after the deadline.
        late, was_taken = self.clock() - deadline, row.due_at > deadline
        if late <= OVERDUE_AFTER:
            return False
        # The circuit comes last, because it costs a read of the table.
        task = row.subject_as(TaskSubject)
        return was_taken or late > self.tasks.give_up_after or self.is_refused(query_circuit(task.vid, task.kind))

    def _deadline(self, row: DueItem) -> datetime:
        """Return the deadline of a row: its own, or `GiveUpAfter` after an observation arrived. Replays have none."""
        if row.give_up_at is not None:
            return row.give_up_at
        return row.at + self.tasks.give_up_after if row.at and not row.is_replay else self.clock()

    # ── the actions ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _actions(self, tick: Tick) -> dict[Duty, Action]:
        return self._delivery_actions() | {
            Duty.GIVE_UP: self._give_up,
            Duty.SUBMIT: lambda row: self.submits.send(row.subject_as(IntentSubject).identity),
            Duty.REPLAY: lambda row: self.replayer.resume(row.subject_as(ReplayJobSubject).identity, tick.time_left),
        }

    def _delivery_actions(self) -> dict[Duty, Action]:
        if (queue := self.deliveries) is None:
            return {}
        return {
            Duty.FAN_OUT: lambda row: queue.send_event(str(row.subject_as(EventSubject).position)),
            Duty.DELIVER: lambda row: _send_delivery(queue, row.subject_as(DeliverySubject)),
        }

    def _publish(self, work: Work, done: Counter[Duty]) -> None:
        """Publish the events of rows, some together, and count the rows that succeeded."""
        for rows in _batches(work.rows):
            begun = self.clock()
            failures = self.events.publish_all({row: partial(self._prepare, row) for row in rows})
            done[work.duty] += len(rows) - len(failures)
            work.failures.tolerate_all(rows, failures, begun)
            if work.failures.exhausted:
                break

    def _prepare(self, row: DueItem) -> Prepared | None:
        if isinstance(row.subject, IntentSubject):
            return self.publisher.prepare_refusal(row.subject.identity)
        if isinstance(row.subject, SongKey):
            return self.songs.prepare(row.subject)
        return self.publisher.prepare(row.subject_as(TaskSubject).vid)

    def _give_up(self, row: DueItem) -> None:
        task = row.subject_as(TaskSubject)
        # The deadline makes the body, and with it the observation, the same if the sweep records it twice.
        body = json.dumps({"deadline": self._deadline(row).isoformat()}).encode()
        self.tasks.add(
            LoggedObservation(vid=task.vid, kind=task.kind, origin=Origin.TIMEOUT, at=self.clock(), body=body)
        )

    # ── unreadable items ────────────────────────────────────────────────────────────────────────────────────────────

    def _rebuild_unreadable(self, tick: Tick, failures: FailureBudget) -> int:
        """Write unreadable task items and leases again from their logs; return how many."""
        rebuilt = 0
        with failures.scan_guard():
            for subject in tick.unreadable():
                if failures.exhausted or rebuilt + failures.failed >= ROWS_PER_TURN:
                    break
                with failures.tolerate(_log_keys(subject)):
                    rebuilt += self._rebuild(subject)
        return rebuilt

    def _rebuild(self, subject: str | SongKey) -> bool:
        """Write one item again; return False for a task whose item is as its log says, or whose log is empty."""
        if isinstance(subject, SongKey):
            self.songs.publish_due(subject)
            return True
        log, task = self.tasks.load(subject)
        if task is None or not (is_behind(log, task) or self._lacks_duty(log, task)):
            return False
        self.tasks.refresh(subject, task.kind)
        return True

    def _lacks_duty(self, log: TaskLog, task: Task) -> bool:
        """Return whether a task must be queried, and its item waits for nothing: it was unreadable, and is not now."""
        if log.item is None or log.item.summary.due:
            return False
        return self.tasks.next_check(log, task, log.item.bookkeeping) is not None


def _batches(rows: Iterator[DueItem]) -> Iterator[list[DueItem]]:
    """Yield the oldest row alone, and the others in batches.

    An event that makes SNS fail each call would otherwise meet the same nine others in each tick.
    """
    yield from ([row] for row in islice(rows, 1))
    yield from in_batches(rows, PUBLISHED_TOGETHER)


def _within_share() -> Callable[[DueItem], bool]:
    """Return a rule for one tick that leaves the rows of an endpoint that has had its share."""
    seen = Counter[str]()

    def wanted(row: DueItem) -> bool:
        if not isinstance(row.subject, DeliverySubject):
            return True
        seen[row.subject.endpoint] += 1
        return seen[row.subject.endpoint] <= MAX_OF_ENDPOINT or seen.total() > MAX_LOOKED_AT

    return wanted


def _send_delivery(queue: DeliveryQueue, delivery: DeliverySubject) -> None:
    queue.send_delivery(delivery.endpoint, delivery.event_id)


def _log_keys(subject: str | SongKey) -> dict[str, str]:
    return subject.log_keys if isinstance(subject, SongKey) else {"vid": subject}


def _carry_out(work: Work, action: Action, done: Counter[Duty]) -> None:
    """Carry out an action for each row, and count the rows that succeeded, also if listing the rest fails."""
    for row in work.rows:
        with work.failures.tolerate(row.subject.log_keys):
            action(row)
            done[work.duty] += 1
        if work.failures.exhausted:
            break
