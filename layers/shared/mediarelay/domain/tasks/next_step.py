"""What happens next to a task, and when: what an operator or a waiting client asks about it."""

from dataclasses import dataclass, replace
from datetime import datetime

from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.guard import relies_on_guards
from mediarelay.domain.tasks.item import Publication
from mediarelay.domain.tasks.log import TaskLog

# All duties of queries are one to a reader: the kind is a field of the task.
NAMES = {Duty.GIVE_UP: "give_up", Duty.PUBLISH: "publish"}
QUERY = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The next step of a task.

    Attributes:
        duty: `query`, `give_up` or `publish`; None if nothing is due.
        at: From when it is due (UTC).
        attempts: Queries so far that brought no outcome.
        give_up_at: When the task becomes lost unless it has an outcome; None before the item of the task is written.
        published: What was published.
    """

    duty: str | None = None
    at: datetime | None = None
    attempts: int = 0
    give_up_at: datetime | None = None
    published: tuple[Publication, ...] = ()


def next_step(log: TaskLog) -> NextStep:
    """Return the next step of a task.

    A callback or a replay waits with a row of its own, also before the task has an item. The earliest row counts.
    """
    waiting = [_waits_for(one.due, log) for one in log.pending if one.due]
    if log.item is None:
        deadlines = [one.give_up_at for one in log.pending if one.give_up_at]
        return _step(waiting, give_up_at=max(deadlines, default=None))
    bookkeeping = log.item.bookkeeping
    return _step(
        [*waiting, *([log.item.summary.due] if log.item.summary.due else [])],
        attempts=bookkeeping.attempts,
        give_up_at=bookkeeping.give_up_at,
        published=tuple(sorted(bookkeeping.published, key=lambda one: (one.replay, one.state))),
    )


def _waits_for(due: Due, log: TaskLog) -> Due:
    """Return what the row of a callback or a replay waits for: the rows of guards wait for a publication."""
    return replace(due, duty=Duty.PUBLISH) if relies_on_guards(log.item) else due


def _step(
    waiting: list[Due],
    *,
    attempts: int = 0,
    give_up_at: datetime | None = None,
    published: tuple[Publication, ...] = (),
) -> NextStep:
    due = min(waiting, key=lambda one: one.at, default=None)
    return NextStep(
        duty=NAMES.get(due.duty, QUERY) if due else None,
        at=due.at if due else None,
        attempts=attempts,
        give_up_at=give_up_at,
        published=published,
    )
