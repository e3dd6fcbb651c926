"""What follows from all that is known about a task: its card, its books, its next duty, and what need not be asked.

Pure: the clock and the random number are handed in. Everything that decides when somebody asks, announces or gives up
is here.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mediarelay.domain.schedule import LAST_WAIT, Due, first_wait, next_check, next_wait, query_duty
from mediarelay.domain.tasks.log import Bookkeeping, LoggedObservation, PendingCheck, Publication, TaskLog, TaskSummary
from mediarelay.domain.tasks.media import MAX_URL, OUTCOMES, Kind, State
from mediarelay.domain.tasks.origin import Origin
from mediarelay.domain.tasks.task import Task

PUBLISH_GRACE = timedelta(seconds=30)
"""How long the stream has to announce an outcome before the sweep does."""
REPLAY, PUBLISH = "replay", "publish"
CALLBACKS = frozenset({Origin.CLAIM, Origin.TRUSTED})
STARTED = frozenset({State.PROBED, State.TRANSCODING})
ORDERED = frozenset({Origin.TRACK, Origin.SUBMIT})
HOPEFUL = ORDERED | {Origin.CLAIM}
"""Whoever says this believes that there is such a task."""
PROMPT_QUESTIONS, PAUSE = 5, timedelta(seconds=30)
"""After so many questions in vain, callbacks bring about another one only after a pause: the provider's callbacks are
few, a forger's need not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long to wait for the first question, and for an answer before a task is lost."""

    first_poll_after: timedelta
    give_up_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What has just happened.

    Attributes:
        now: The present (UTC).
        jitter: A random number in [0, 1).
        kind: Of which kind the task was taken to be.
        asked: When the provider was asked for a task of this kind; whether it knew anything does not matter.
        given_up: The task was given up.
        starved: The provider could not be asked, as our own budget was used up.
    """

    now: datetime
    jitter: float
    kind: Kind
    asked: datetime | None = None
    given_up: bool = False
    starved: bool = False

    def asked_for(self, kind: Kind) -> bool:
        """Whether the provider was asked just now for a task of this kind."""
        return self.asked is not None and self.kind is kind


@dataclass(frozen=True, slots=True)
class Step:
    """What to write: the task item, and questions that nobody needs to ask any more."""

    card: TaskSummary
    books: Bookkeeping
    settled: tuple[PendingCheck, ...]


def advance(record: TaskLog, task: Task, rules: Rules, moment: Trigger) -> Step:
    """Say what follows for a task from what the ledger has and what has just happened."""
    books = _books(record, task, rules, moment)
    news = unpublished(task, books)
    due = _announce(record, news, moment) or _look(task, books, rules, moment)
    return Step(_card(task, books, due, news), books, _settled(record, task, books, due, rules, moment))


def unpublished(task: Task, books: Bookkeeping) -> Publication | None:
    """What subscribers should hear next: an outcome once each, and anew after a replay; and that the work started.

    While the provider's own callbacks contradict each other, nothing.
    """
    if task.disputed:
        return None
    if task.state in OUTCOMES:
        outcome = Publication(task.state, books.replayed)
        return None if outcome in books.published else outcome
    began = task.state in STARTED and not {one.state for one in books.published} & STARTED
    return Publication(task.state) if began else None


def needs_query(record: TaskLog, now: datetime) -> bool:
    """Whether what somebody has just said needs a question of its own, now."""
    books = record.books
    if books is None or books.asked_at is None:
        return True
    spoken = [one.at for one in record.entries if one.origin in CALLBACKS]
    spoken += [one.at for one in record.open if one.item == REPLAY]
    if max(spoken, default=now) < books.asked_at:
        return False
    return books.attempts < PROMPT_QUESTIONS or now - books.asked_at >= PAUSE


def is_stale(record: TaskLog, kind: Kind, sent: datetime | None) -> bool:
    """Whether the provider was queried about a task since a message asked for a query (`sent`, UTC).

    A query for the other kind does not count while a claim of this kind, from before the message, still waits for its
    own: callbacks of the other kind, of which a stranger may send any number, would keep it waiting for ever.
    """
    asked_at = record.books.asked_at if record.books else None
    if asked_at is None or sent is None or sent >= asked_at:
        return False
    return not any(one.kind is kind and one.at <= sent for one in record.open)


def due_after(task: Task, books: Bookkeeping, rules: Rules, moment: Trigger) -> Due | None:
    """What is left to do once a task's outcome was announced: what is lost may still be asked about."""
    return _look(task, books, rules, moment)


def _books(record: TaskLog, task: Task, rules: Rules, moment: Trigger) -> Bookkeeping:
    life = timedelta() if moment.given_up else rules.give_up_after
    fresh = Bookkeeping(kind=_first_kind(record, moment), give_up_at=_seconds(moment.now + life))
    books = _extended(_reopened(record.books or fresh, record, task, rules), record, task, rules, moment)
    kind = task.certain_kind or books.kind
    return replace(
        books,
        kind=kind,
        version=books.version + 1,
        attempts=0 if task.settled else books.attempts + moment.asked_for(kind),
        asked_at=moment.asked or books.asked_at,
        replayed=max(books.replayed, _answered(record, moment)),
        conflicts=len(task.conflicts),
    )


def _answered(record: TaskLog, moment: Trigger) -> int:
    """How many replays have had their question: only then there may be something new to announce."""
    return record.replays - sum(one.item == REPLAY and not _asked_since(one, moment) for one in record.open)


def _asked_since(one: PendingCheck, moment: Trigger) -> bool:
    """Whether the provider was asked just now, after this came; what is said to come yet would wait for ever."""
    return moment.asked is not None and not moment.asked < one.at <= moment.now


def _first_kind(record: TaskLog, moment: Trigger) -> Kind:
    """The kind of the first callback, as long as nobody knows better."""
    callbacks = sorted((one.at, one.kind) for one in record.entries if one.origin in CALLBACKS)
    return callbacks[0][1] if callbacks else moment.kind


def _reopened(books: Bookkeeping, record: TaskLog, task: Task, rules: Rules) -> Bookkeeping:
    """Whoever still hopes gives a lost task another lifetime from then: the provider may know it by now.

    An open one is extended by whoever orders it, and by a dispute of trusted callbacks; not by claims, of which a
    stranger may send any number.
    """
    deadline = _seconds(max(_hopes(record, task, rules), default=books.give_up_at))
    if deadline <= books.give_up_at:
        return books
    return replace(books, give_up_at=deadline, attempts=0 if task.outcome is State.LOST else books.attempts)


def _hopes(record: TaskLog, task: Task, rules: Rules) -> list[datetime]:
    """Until when those wait who count on a task."""
    hopeful = HOPEFUL if task.outcome is State.LOST else ORDERED | ({Origin.TRUSTED} if task.disputed else set())
    said = [_end(entry, rules) for entry in record.entries if entry.origin in hopeful]
    return said + [_end(one, rules) for one in record.open if one.item == REPLAY]


def _end(one: LoggedObservation | PendingCheck, rules: Rules) -> datetime:
    return one.give_up_at or one.at + rules.give_up_after


def _extended(books: Bookkeeping, record: TaskLog, task: Task, rules: Rules, moment: Trigger) -> Bookkeeping:
    """If the call budget prevents the last query, postpone the deadline, by at most one more lifetime."""
    first = min((_end(entry, rules) for entry in record.entries), default=moment.now)
    until = max(_hopes(record, task, rules), default=first) + rules.give_up_after
    given_up = task.lost_at is not None and books.give_up_at <= task.lost_at
    if moment.starved and not given_up and books.give_up_at <= moment.now < until:
        return replace(books, give_up_at=_seconds(moment.now + max(_wait(task, books, rules, moment), LAST_WAIT)))
    return books


def _seconds(moment: datetime) -> datetime:
    """Cut to whole seconds, as the ledger keeps it."""
    return moment.replace(microsecond=0)


def _announce(record: TaskLog, news: Publication | None, moment: Trigger) -> Due | None:
    """When the sweep announces an outcome that the stream did not; what waits already does not wait longer."""
    if news is None or news.state not in OUTCOMES:
        return None
    due = record.card.due if record.card and record.card.unpublished == news else None
    return due if due and due.what == PUBLISH else Due(PUBLISH, moment.now + PUBLISH_GRACE)


def _look(task: Task, books: Bookkeeping, rules: Rules, moment: Trigger) -> Due | None:
    """When to ask again; never about an outcome, and about what was lost only if somebody hoped since."""
    if task.settled:
        return None
    duty, wait = query_duty(books.kind, known=task.is_known), _wait(task, books, rules, moment)
    asked = moment.asked_for(books.kind)
    look = next_check(duty, moment.now, wait, asked=asked, give_up=books.give_up_at)
    return None if task.lost_at is not None and books.give_up_at <= task.lost_at else look


def _wait(task: Task, books: Bookkeeping, rules: Rules, moment: Trigger) -> timedelta:
    """How long to leave the provider alone: by the queries so far and, over budget, by the time without one."""
    since = max(books.asked_at or task.heard_at, books.give_up_at - rules.give_up_after)
    starved_for = moment.now - since if moment.starved else timedelta()
    first = first_wait(rules.first_poll_after, task.source.duration)
    return next_wait(first, books.attempts, moment.jitter, known=task.is_known, starved_for=starved_for)


def _card(task: Task, books: Bookkeeping, due: Due | None, news: Publication | None) -> TaskSummary:
    return TaskSummary(
        vid=task.vid,
        kind=books.kind,
        state=task.state,
        url=task.source.url if len(task.source.url or "") <= MAX_URL else None,  # a claim may state a longer one
        created_at=task.created_at,
        updated_at=task.updated_at,
        outcome_at=task.outcome_at,
        due=due,
        unpublished=news,
        is_known=task.is_known,
    )


def _settled(
    record: TaskLog, task: Task, books: Bookkeeping, due: Due | None, rules: Rules, moment: Trigger
) -> tuple[PendingCheck, ...]:
    """Which claims and replays need no look of their own any more.

    The task item asks on behalf of all claims of its kind, and of all claims once its kind is certain. A claim of
    another kind is asked about by itself until it is as old as a task may become. A replay wants one question.
    """
    asking = due is not None and due.what == query_duty(books.kind, known=task.is_known)
    taken_over = set(Kind) if task.certain_kind else {books.kind}

    def ends(one: PendingCheck) -> bool:
        if one.item == REPLAY:
            return _asked_since(one, moment)
        if task.settled or (asking and one.kind in taken_over):
            return True
        return _end(one, rules) < moment.now and (moment.given_up or moment.asked_for(one.kind))

    return tuple(one for one in record.open if ends(one))
