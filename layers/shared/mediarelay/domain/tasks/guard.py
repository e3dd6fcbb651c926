"""Guards: callbacks that wait in the due index until the outcome that they brought is published.

A callback arrives, and the query that it causes brings the outcome. The row of the callback is in the due index then.
It stays there until the outcome is published, so the item needs no duty, and no write has to record the publication:
the rows that leave the index record it. If no worker publishes the outcome, a poll takes the row of the callback, and
the item gets its duty.

Only the first publication of a task may rely on guards. Otherwise a worker that publishes an earlier state could remove
rows that guarantee a later one. Trusted callbacks are left out, because two that contradict each other can take back a
publication that no worker has carried out. So are callbacks that an earlier write of the item has settled: its writer
may be slow, and remove their rows only now. An item of version 1.0.0, or one that cannot be read, does not state
which ones, so it has no guards. And a row that a poll has hidden, or that is due much later, would delay the
publication if the stream does not carry it out.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from mediarelay.domain.due import BEGINNING

if TYPE_CHECKING:
    from mediarelay.domain.due import Due
    from mediarelay.domain.tasks.item import TaskItem
    from mediarelay.domain.tasks.log import TaskLog


def has_guard(log: "TaskLog", outcome_at: datetime | None) -> bool:
    """Return whether a callback that arrived before an outcome (UTC) still waits in the due index."""
    return any(_guards(log, outcome_at))


def has_guard_due_by(log: "TaskLog", outcome_at: datetime | None, end: datetime) -> bool:
    """Return whether such a callback is due before a time (UTC)."""
    return any(due.at <= end for due in _guards(log, outcome_at))


def _guards(log: "TaskLog", outcome_at: datetime | None) -> "Iterator[Due]":
    """Yield the due time of each guard of an outcome."""
    settled_until = log.item.bookkeeping.settled_until if log.item else BEGINNING
    if settled_until is None or outcome_at is None or log.has_unreadable_item:
        return
    for check in log.pending:
        if settled_until < check.at <= outcome_at and check.due and not check.is_replay:
            yield check.due


def is_first_publication(item: "TaskItem | None") -> bool:
    """Return whether no state of a task was published, or waits to be published."""
    return item is None or not (item.bookkeeping.published or item.summary.unpublished)


def relies_on_guards(item: "TaskItem | None") -> bool:
    """Return whether an outcome is not published yet, and only callbacks that wait guarantee it."""
    return item is not None and item.bookkeeping.guarded and item.summary.unpublished is not None


def without_guards(item: "TaskItem") -> "TaskItem":
    """Return an item that relies on no guard, because a row that cannot be read may be one."""
    return replace(item, bookkeeping=replace(item.bookkeeping, guarded=False))


def with_publication(log: "TaskLog") -> "TaskLog":
    """Return a log whose item states the outcome as published if its guards have left the due index."""
    item = log.item
    if item is None or not relies_on_guards(item) or has_guard(log, item.summary.outcome_at):
        return log
    published = item.bookkeeping.published | {one for one in [item.summary.unpublished] if one}
    bookkeeping = replace(item.bookkeeping, published=published)
    return replace(log, item=replace(item, summary=replace(item.summary, unpublished=None), bookkeeping=bookkeeping))
