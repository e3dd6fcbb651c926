"""Read a task, its history, and pages of tasks. A task is folded from its log at each read, so it is never behind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from mediarelay.domain.page import Page
from mediarelay.domain.tasks.listing import EVERY_TASK, ListedTask, ListFilter, Order, Selection
from mediarelay.domain.tasks.log import LoggedObservation, TaskLog
from mediarelay.domain.tasks.next_step import NextStep, next_step
from mediarelay.domain.tasks.origin import STORED_APART, Origin
from mediarelay.domain.tasks.task import PROGRESS, Task, fold
from mediarelay.domain.tasks.vid import checked, is_vid
from mediarelay.errors import NotFound
from mediarelay.providers.observation import observe, read_facts
from mediarelay.usecases.cursors import decode_cursor, encode_cursor
from mediarelay.usecases.tasks.repository import TaskRepository

# A history shows the bodies of so many claims and of so many replies: anybody with the path token can send any number.
MAX_SHOWN = 20
# A task is read with the bodies of so many claims only, because each body costs a read of its own.
MAX_FILLING = 3
# A page with a filter reads so many rows of each selection, so many times: half a second at most.
FILTERED_ROWS, MAX_READS = 200, 5


class TaskListing(Protocol):
    """Lists tasks."""

    def page(self, selection: Selection, *, cursor: str | None, limit: int, order: Order) -> list[ListedTask]:
        """Return up to `limit` tasks of a selection that follow the cursor."""


@dataclass(frozen=True, slots=True)
class TaskObservations:
    """A task and its observations, oldest first, each with the names of its fields that could not be read.

    They are read one by one, because they may be large.
    """

    task: Task
    observations: Iterator[tuple[LoggedObservation, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReader:
    """Reads tasks for API clients."""

    tasks: TaskRepository
    listing: TaskListing

    def task(self, vid: str) -> Task:
        """Return one task; raises `NotFound`. Claims fill gaps until the provider states the outcome."""
        return self.with_next(vid)[0]

    def with_next(self, vid: str) -> tuple[Task, NextStep]:
        """Return one task, as `task` does, and what happens next to it; raises `NotFound`."""
        log, task = self._known(vid)
        # Replies state nothing, so their bodies are not read.
        stating = tuple(one for one in log.observations if one.origin is not Origin.REPLY)
        shown = task if task.is_final else fold(observe(self._with_bodies(stating, MAX_FILLING)))
        return shown, next_step(log)

    def history(self, vid: str) -> TaskObservations:
        """Return a task's observations, oldest first; raises `NotFound`. Only the latest claims show their bodies."""
        log, task = self._known(vid)
        shown = self._with_bodies(log.observations, MAX_SHOWN)
        return TaskObservations(task, ((one, read_facts(one).unreadable) for one in shown))

    def _known(self, vid: str) -> tuple[TaskLog, Task]:
        log, task = self.tasks.load(checked(vid))
        if task is None:
            raise NotFound(f"no task {vid}")
        return log, task

    def _with_bodies(self, observations: tuple[LoggedObservation, ...], most: int) -> Iterator[LoggedObservation]:
        """Yield observations, oldest first; the latest `most` claims and `most` replies come with their bodies."""
        ordered = sorted(observations, key=lambda one: (one.at, one.digest))
        latest = [one for origin in STORED_APART for one in [one for one in ordered if one.origin is origin][-most:]]
        return (replace(one, body=self.tasks.read_body(one)) if one in latest else one for one in ordered)

    def page(
        self,
        selections: Sequence[Selection],
        *,
        order: Order,
        limit: int,
        cursor: str | None,
        where: ListFilter = EVERY_TASK,
    ) -> Page[ListedTask]:
        """Return a page of the tasks in some selections that a filter accepts; raises `Malformed` (`cursor`).

        A filter reads at most `MAX_READS` times `FILTERED_ROWS` rows, so its page may be short although others follow.
        """
        found: list[ListedTask] = []
        position, more = decode_cursor(cursor, is_vid), True
        size, reads = (limit, 1) if where.accepts_all else (FILTERED_ROWS, MAX_READS)
        while more and reads and len(found) < limit:
            # One more row than is used shows whether there are others.
            rows = self._listed(selections, order, size + 1, position)
            found += filter(where.accepts, rows[:size])
            position, more, reads = rows[:size][-1].position if rows else None, len(rows) > size, reads - 1
        if len(found) > limit or (more and len(found) == limit):
            position, more = found[limit - 1].position, True
        return Page(tuple(found[:limit]), encode_cursor(position) if more and position else None)

    def _listed(
        self, selections: Sequence[Selection], order: Order, limit: int, position: str | None
    ) -> list[ListedTask]:
        """Return the first tasks behind a position, each once, from each selection at most `limit`.

        A task only ever moves to a later state. The states are read in that order, so a task that moves meanwhile is
        read twice, never missed; its later row counts.
        """
        found: dict[str, ListedTask] = {}
        for chosen in sorted(selections, key=lambda one: PROGRESS[one.state]):
            tasks = self.listing.page(chosen, cursor=position, limit=limit, order=order)
            found |= {task.vid: task for task in tasks}
        return sorted(found.values(), key=lambda task: task.position, reverse=order is Order.DESCENDING)
