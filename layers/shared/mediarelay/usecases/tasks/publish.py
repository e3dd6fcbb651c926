"""Publish outcomes, starts and refusals. The stream and the sweep both call it."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay.contracts.notification import refusal_event, task_event
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.guard import relies_on_guards
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Publication, TaskItem
from mediarelay.domain.tasks.lifecycle import next_publication
from mediarelay.domain.tasks.log import TaskLog
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.task import Task
from mediarelay.observability import count
from mediarelay.usecases.event_publisher import EventPublisher
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.request_form import stated_place


class PublicationStore(Protocol):
    """Stores which states of tasks are published."""

    def mark_published(self, vid: str, publication: Publication, due: Due | None = None) -> bool:
        """Store that a state was published; return False if the item waits for another publication by now."""


class RefusedIntents(Protocol):
    """Reads refused intents, and ends their wait."""

    def find(self, identity: str) -> Intent | None:
        """Read an intent."""

    def complete(self, seen: Intent) -> None:
        """Take an intent out of the due index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPublisher:
    """Publishes states of tasks. A repeat has the same event id, so subscribers can drop it."""

    tasks: TaskRepository
    publications: PublicationStore
    intents: RefusedIntents
    events: EventPublisher
    api_url: str

    def publish(self, vid: str) -> State | None:
        """Publish the next publication of a task; return the published state, or None if there was none.

        An item that is behind its log, or unreadable, is written again first. Otherwise `mark_published` would never
        match it, and each tick would publish the same state again.
        """
        log, task = self.tasks.load(vid)
        if task and _is_behind(log, task):
            self.tasks.refresh(vid, log.item.bookkeeping.kind if log.item else task.kind)
            log, task = self.tasks.load(vid)
        publication = next_publication(task, log.item.bookkeeping) if task and log.item else None
        if task is None or log.item is None or publication is None:
            return None
        # In this order, because a repeat has the same event id. Marked first, an event could be lost for ever.
        self.events.publish(task_event(task, self.api_url, publication.replay))
        self._complete(log, log.item, task, publication)
        count("Published", state=publication.state)
        return publication.state

    def _complete(self, log: TaskLog, item: TaskItem, task: Task, publication: Publication) -> None:
        """Record that a publication was sent: on the task item, or by removing its guards from the due index."""
        if relies_on_guards(item):
            self.tasks.settle(log, [one for one in log.pending if not one.is_replay])
        else:
            next_check = self.tasks.next_check(log, task, item.bookkeeping)
            self.publications.mark_published(task.vid, publication, next_check)

    def refuse(self, identity: str) -> None:
        """Publish that an accepted intent was refused. A deleted intent needs no event: its client got the refusal."""
        intent = self.intents.find(identity)
        if intent is None or intent.refused is None:
            return
        # The task of a submit that was given up has been found meanwhile: the outcome of the task is published.
        if intent.vid is None:
            # The same order as in `publish`, for the same reason.
            self.events.publish(refusal_event(intent, stated_place(intent), self.api_url))
            count("RefusalsPublished", kind=intent.kind)
        self.intents.complete(intent)


def _is_behind(log: TaskLog, task: Task) -> bool:
    """Return whether the task item is missing, unreadable, or differs from its log in what must be published."""
    if log.item is None:
        return True
    summary, publication = log.item.summary, next_publication(task, log.item.bookkeeping)
    # An item that is due for `publish` without anything to publish would come back with every tick.
    waits_in_vain = summary.unpublished is None and summary.due is not None and summary.due.duty is Duty.PUBLISH
    return waits_in_vain or summary.unpublished != publication
