"""The lifecycle of a task: what to write to its item, which duty comes next, and which queries are no longer needed.

Everything that decides when the provider is queried, when an outcome is published and when a task is given up is here.

                          ┌── query without outcome: wait longer (jitter) ──┐
                          ▼                                                 │
    first observation ─▶ query due ─▶ queried ─┬─ no outcome, before the deadline
                          ▲                    ├─ no outcome, at the deadline ─▶ give up due ─▶ lost ─▶ publish due
                          │                    └─ outcome ────────────────────────────────────────────▶ publish due
                          └── a claim, a submit or a replay of a lost task: a new deadline

    publish due ─▶ published ─▶ nothing is due, or the query of a lost task that got a new deadline

An outcome that guards guarantee (see `guard`) needs no `publish due`.
The functions are pure: the caller passes the time and the random number.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mediarelay.domain.due import BEGINNING, Due, Duty, query_duty
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.schedule import LAST_CHECK_INTERVAL, first_wait, next_check, next_wait
from mediarelay.domain.tasks.guard import has_guard_due_by, is_first_publication, relies_on_guards
from mediarelay.domain.tasks.item import Bookkeeping, Publication, TaskItem, TaskSummary
from mediarelay.domain.tasks.log import LoggedObservation, PendingCheck, TaskLog
from mediarelay.domain.tasks.media import MAX_URL, OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import CALLBACKS, Origin
from mediarelay.domain.tasks.task import Task

# The sweep leaves an outcome to the stream for this long, so that the two do not publish it at the same time.
PUBLISH_GRACE = timedelta(seconds=30)
STARTED = frozenset({State.PROBED, State.TRANSCODING})
# Observations that a client's request causes.
REQUESTED = frozenset({Origin.TRACK, Origin.SUBMIT})
# Observations that make a task of an id.
STARTING = REQUESTED | {Origin.LISTED}
# Observations that give a lost task a new deadline: their sender expects that the task exists.
REOPENING = REQUESTED | {Origin.CLAIM}
# After so many queries without outcome, a callback triggers the next one only after this interval. The provider sends
# few callbacks per task; whoever has the path token could send any number.
MAX_PROMPT_QUERIES, PROMPT_QUERY_INTERVAL = 5, timedelta(seconds=30)
# Settled claims of one task that its log keeps, so that the cost of reading a task has a limit.
MAX_CLAIMS = 100
# Checks that may wait if guards guarantee a publication. The worker that publishes settles them one by one, for a whole
# batch of tasks. `confirm` settles more of them, for one task.
MAX_GUARDS = 10
# How long an outcome may wait for the poll of its guard if the stream does not publish it.
MAX_GUARD_WAIT = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The settings `FirstPollAfter` and `GiveUpAfter`."""

    first_poll_after: timedelta
    give_up_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Why the task item is written now.

    Attributes:
        now: The present (UTC).
        jitter: A random number in [0, 1).
        kind: The kind that the caller takes the task to be.
        queried_at: When the query of the provider began that has just ended, whatever came of it.
        gave_up: The sweep has just logged a timeout.
        over_budget: The call budget has just prevented a query.
    """

    now: datetime
    jitter: float
    kind: Kind
    queried_at: datetime | None = None
    gave_up: bool = False
    over_budget: bool = False

    def queried(self, kind: Kind) -> bool:
        """Return whether the provider has just been queried for a task of this kind."""
        return self.queried_at is not None and self.kind is kind


@dataclass(frozen=True, slots=True)
class Step:
    """What to write: the task item, and the checks that are settled."""

    item: TaskItem
    settled: tuple[PendingCheck, ...]


def surplus(log: TaskLog, settled: Iterable[PendingCheck]) -> frozenset[RowHandle]:
    """Return the rows of settled claims that a log need not keep: it keeps the first `MAX_CLAIMS` of a task."""
    # Anybody with the path token can send any number of claims about one task.
    claims = sorted((one for one in settled if one.origin is Origin.CLAIM), key=lambda one: one.at)
    waiting = sum(one.origin is Origin.CLAIM for one in log.pending)
    kept = sum(one.origin is Origin.CLAIM for one in log.observations) - waiting
    return frozenset(one.handle for one in claims[max(0, MAX_CLAIMS - kept) :])


def next_publication(task: Task, bookkeeping: Bookkeeping) -> Publication | None:
    """Return what subscribers must learn next; None if there is nothing.

    task                                               publication
    trusted callbacks contradict each other            none until an answer or the deadline decides
    outcome that was not published since the last      the outcome
    replay with a query
    work has started, and neither that nor an outcome  the started state
    was published
    any other                                          none
    """
    if task.disputed:
        return None
    if task.state in OUTCOMES:
        outcome = Publication(task.state, bookkeeping.replayed)
        return None if outcome in bookkeeping.published else outcome
    started = task.state in STARTED and not {one.state for one in bookkeeping.published} & STARTED
    return Publication(task.state) if started else None


def needs_query(log: TaskLog, now: datetime) -> bool:
    """Return whether the callback or replay that has just arrived needs a query now.

    Many that arrive together share one query: everything that arrived before the last query began is covered by it.
    """
    if log.item is None or log.item.bookkeeping.queried_at is None:
        return True
    bookkeeping, queried_at = log.item.bookkeeping, log.item.bookkeeping.queried_at
    arrived = [one.at for one in log.observations if one.origin in CALLBACKS]
    arrived += [one.at for one in log.pending if one.is_replay]
    if max(arrived, default=now) < queried_at:
        return False
    return bookkeeping.attempts < MAX_PROMPT_QUERIES or now - queried_at >= PROMPT_QUERY_INTERVAL


def is_stale(log: TaskLog, kind: Kind, sent: datetime | None) -> bool:
    """Return whether the provider was queried after a message (`sent`, UTC) asked for a query.

    A query for the other kind does not count while a claim of this kind, older than the message, still waits. Otherwise
    callbacks of the other kind, of which anybody with the path token can send any number, would delay it for ever.
    """
    queried_at = log.item.bookkeeping.queried_at if log.item else None
    if queried_at is None or sent is None or sent >= queried_at:
        return False
    return not any(one.kind is kind and one.at <= sent for one in log.pending)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """One task at one moment."""

    log: TaskLog
    task: Task
    rules: Rules
    trigger: Trigger

    def step(self) -> Step:
        """Return what to write."""
        bookkeeping = self._bookkeeping()
        publication = next_publication(self.task, bookkeeping)
        due, settled = None, tuple[PendingCheck, ...]()
        if publication is not None and self._is_guarded():
            bookkeeping = replace(bookkeeping, guarded=True)
        else:
            # An item has one duty. `mark_published` writes the next check once the outcome is published.
            due = self._publish_due(publication) or self.next_check(bookkeeping)
            settled = self._settled(bookkeeping, due)
        bookkeeping = replace(bookkeeping, settled_until=self._settled_until(bookkeeping.settled_until, settled))
        return Step(TaskItem(self._summary(bookkeeping, due, publication), bookkeeping), settled)

    def next_check(self, bookkeeping: Bookkeeping) -> Due | None:
        """Return when to query again, or to give up; None if there is nothing left to query.

        A lost task is queried again only after its deadline was moved behind the time at which it was given up.
        """
        if self.task.is_final or self._is_given_up(bookkeeping):
            return None
        duty = query_duty(bookkeeping.kind, known=self.task.is_known)
        wait, queried = self._wait(bookkeeping), self.trigger.queried(bookkeeping.kind)
        return next_check(duty, self.trigger.now, wait, queried=queried, give_up_at=bookkeeping.give_up_at)

    # ── bookkeeping ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _bookkeeping(self) -> Bookkeeping:
        before = self._postponed(self._reopened(self._stored()))
        kind = self.task.certain_kind or before.kind
        return replace(
            before,
            kind=kind,
            version=before.version + 1,
            attempts=0 if self.task.is_final else before.attempts + self.trigger.queried(kind),
            queried_at=self.trigger.queried_at or before.queried_at,
            replayed=max(before.replayed, self._replays_with_query()),
            conflicts=len(self.task.conflicts),
            guarded=False,
        )

    def _stored(self) -> Bookkeeping:
        """Return the stored bookkeeping, or that of a new task."""
        if self.log.item:
            return self.log.item.bookkeeping
        # A timeout without an item: the sweep gave up a claim that never became a task, so its deadline is now.
        give_up_after = timedelta() if self.trigger.gave_up else self.rules.give_up_after
        return Bookkeeping(kind=self._first_kind(), give_up_at=_whole_seconds(self.trigger.now + give_up_after))

    def _first_kind(self) -> Kind:
        """Return the kind of the first callback, which counts until an observation makes the kind certain."""
        callbacks = sorted((one.at, one.kind) for one in self.log.observations if one.origin in CALLBACKS)
        return callbacks[0][1] if callbacks else self.trigger.kind

    def _replays_with_query(self) -> int:
        """Return how many replays have had their query. Only after it there may be something new to publish."""
        waiting = sum(one.is_replay and not self._queried_since(one) for one in self.log.pending)
        return self.log.replays - waiting

    def _queried_since(self, check: PendingCheck) -> bool:
        """Return whether the query that has just ended began after a check arrived.

        A check whose time lies in the future (another clock is ahead) counts as queried; it would wait for ever.
        """
        queried_at = self.trigger.queried_at
        return queried_at is not None and not queried_at < check.at <= self.trigger.now

    # ── the deadline ────────────────────────────────────────────────────────────────────────────────────────────────

    def _reopened(self, bookkeeping: Bookkeeping) -> Bookkeeping:
        """Move the deadline to the latest one that an observation or a replay asks for; never to an earlier time."""
        deadline = _whole_seconds(max(self._deadlines(), default=bookkeeping.give_up_at))
        if deadline <= bookkeeping.give_up_at:
            return bookkeeping
        # A lost task starts polling anew, so its waits begin at FirstPollAfter again.
        attempts = 0 if self.task.outcome is State.LOST else bookkeeping.attempts
        return replace(bookkeeping, give_up_at=deadline, attempts=attempts)

    def _deadlines(self) -> list[datetime]:
        """Return the deadlines that observations and replays ask for.

        task     extended by
        lost     submits, tracked uploads, claims, replays
        disputed submits, tracked uploads, trusted callbacks, replays
        other    submits, tracked uploads, replays

        Claims do not extend an open task: anybody with the path token can send any number of them.
        """
        disputing = {Origin.TRUSTED} if self.task.disputed else set()
        extending = REOPENING if self.task.outcome is State.LOST else REQUESTED | disputing
        observations = [self._end(one) for one in self.log.observations if one.origin in extending]
        return observations + [self._end(one) for one in self.log.pending if one.is_replay]

    def _end(self, one: LoggedObservation | PendingCheck) -> datetime:
        return one.give_up_at or one.at + self.rules.give_up_after

    def _postponed(self, bookkeeping: Bookkeeping) -> Bookkeeping:
        """If the call budget prevents the final query, postpone the deadline, by at most one more `GiveUpAfter`."""
        at_deadline = bookkeeping.give_up_at <= self.trigger.now < self._last_deadline()
        if not self.trigger.over_budget or self._is_given_up(bookkeeping) or not at_deadline:
            return bookkeeping
        wait = max(self._wait(bookkeeping), LAST_CHECK_INTERVAL)
        return replace(bookkeeping, give_up_at=_whole_seconds(self.trigger.now + wait))

    def _is_given_up(self, bookkeeping: Bookkeeping) -> bool:
        """Return whether the task was given up, and nothing has moved its deadline since."""
        return self.task.lost_at is not None and bookkeeping.give_up_at <= self.task.lost_at

    def _last_deadline(self) -> datetime:
        first = min(map(self._end, self.log.observations), default=self.trigger.now)
        return max(self._deadlines(), default=first) + self.rules.give_up_after

    def _is_guarded(self) -> bool:
        """Return whether the rows of callbacks guarantee the publication, so that the item needs no duty."""
        is_first = is_first_publication(self.log.item) and Origin.TRUSTED not in self.task.best
        are_few, end = len(self.log.pending) <= MAX_GUARDS, self.trigger.now + MAX_GUARD_WAIT
        return is_first and are_few and self.task.is_final and has_guard_due_by(self.log, self.task.outcome_at, end)

    # ── the next duty ────────────────────────────────────────────────────────────────────────────────────────────────

    def _publish_due(self, publication: Publication | None) -> Due | None:
        """Return when the sweep publishes an outcome that the stream did not publish.

        A publication that already waits keeps its time, so that further observations cannot delay it. The start of the
        work has no duty: only the stream publishes it, and the outcome follows anyway.
        """
        if publication is None or publication.state not in OUTCOMES:
            return None
        stored = self.log.item.summary if self.log.item else None
        if stored and stored.unpublished == publication and stored.due and stored.due.duty is Duty.PUBLISH:
            return stored.due
        # The guards of an outcome were due later than this, so the stream has had its time.
        since = self.task.outcome_at if relies_on_guards(self.log.item) else None
        return Due(Duty.PUBLISH, (since or self.trigger.now) + PUBLISH_GRACE)

    def _wait(self, bookkeeping: Bookkeeping) -> timedelta:
        """Return how long to wait for the next query."""
        polling_since = bookkeeping.give_up_at - self.rules.give_up_after
        since = max(bookkeeping.queried_at or self.task.first_observed_at, polling_since)
        return next_wait(
            first_wait(self.rules.first_poll_after, self.task.source.duration),
            bookkeeping.attempts,
            self.trigger.jitter,
            known=self.task.is_known,
            over_budget_for=self.trigger.now - since if self.trigger.over_budget else timedelta(),
        )

    def _summary(self, bookkeeping: Bookkeeping, due: Due | None, publication: Publication | None) -> TaskSummary:
        url = self.task.source.url
        return TaskSummary(
            vid=self.task.vid,
            kind=bookkeeping.kind,
            state=self.task.state,
            url=url if len(url or "") <= MAX_URL else None,  # a claim may state a longer one
            created_at=self.task.created_at,
            updated_at=self.task.updated_at,
            outcome_at=self.task.outcome_at,
            due=due,
            unpublished=publication,
            is_known=self.task.is_known,
        )

    # ── checks that are settled ─────────────────────────────────────────────────────────────────────────────────────

    def _settled_until(self, before: datetime | None, settled: Iterable[PendingCheck]) -> datetime:
        """Return when the latest check arrived that writes of this item have settled, or may settle only now."""
        # Version 1.0.0 does not state which ones, and an unreadable item may have stated any.
        is_unstated = self.log.has_unreadable_item or (before is None and self.log.item is not None)
        return max([before or BEGINNING, *(one.at for one in (self.log.pending if is_unstated else settled))])

    def _settled(self, bookkeeping: Bookkeeping, due: Due | None) -> tuple[PendingCheck, ...]:
        """Return the checks that need no query of their own any more."""
        is_settled = self._settles(bookkeeping, due)
        return tuple(one for one in self.log.pending if is_settled(one))

    def _settles(self, bookkeeping: Bookkeeping, due: Due | None) -> Callable[[PendingCheck], bool]:
        """Return the rule that says which checks are settled.

        check                                             settled
        replay                                            once a query began after it
        observation of a task with the provider's outcome at once
        observation of the kind that the item queries     at once: the item's own duty queries on its behalf
        callback of the other kind                        after a query for its kind, or the timeout, past its deadline
        """
        queries = due is not None and due.duty is query_duty(bookkeeping.kind, known=self.task.is_known)
        covered: Iterable[Kind] = set(Kind) if self.task.certain_kind else {bookkeeping.kind}

        def is_settled(one: PendingCheck) -> bool:
            if one.is_replay:
                return self._queried_since(one)
            if self.task.is_final or (queries and one.kind in covered):
                return True
            return self._end(one) < self.trigger.now and (self.trigger.gave_up or self.trigger.queried(one.kind))

        return is_settled


def _whole_seconds(moment: datetime) -> datetime:
    """Drop the fraction of a second, which the ledger does not store."""
    return moment.replace(microsecond=0)
