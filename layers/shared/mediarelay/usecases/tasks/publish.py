"""Publish outcomes, starts and refusals. The stream and the sweep both call it."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mediarelay.contracts.notification import refusal_event, task_event
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.guard import relies_on_guards
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.item import Publication, TaskItem
from mediarelay.domain.tasks.lifecycle import next_publication
from mediarelay.domain.tasks.log import TaskLog
from mediarelay.domain.tasks.media import OUTCOMES
from mediarelay.domain.tasks.task import Task
from mediarelay.observability import count
from mediarelay.usecases.event_publisher import Prepared
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


@dataclass(frozen=True, slots=True)
class DuePublication:
    """A publication of a task, and what it was derived from."""

    log: TaskLog
    item: TaskItem
    task: Task
    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPublisher:
    """Prepares and completes publications of tasks. A repeat has the same event id, so subscribers can drop it."""

    tasks: TaskRepository
    publications: PublicationStore
    intents: RefusedIntents
    api_url: str

    def prepare(self, vid: str) -> Prepared | None:
        """Return the next publication of a task; None if there is none."""
        due = self._due_publication(vid)
        if due is None:
            return None
        event = task_event(due.task, self.api_url, due.publication.replay)
        return Prepared((event,), partial(self.complete, due), partial(self.keep_due, due))

    def complete(self, due: DuePublication) -> None:
        """Record that a publication was sent: on the task item, or by removing its guards from the due index."""
        # Last, because a repeat has the same event id. Marked first, an event could be lost for ever.
        if relies_on_guards(due.item):
            self.tasks.settle(due.log, [one for one in due.log.pending if not one.is_replay])
        else:
            next_check = self.tasks.next_check(due.log, due.task, due.item.bookkeeping)
            self.publications.mark_published(due.task.vid, due.publication, next_check)
        count("Published", state=due.publication.state)

    def keep_due(self, due: DuePublication) -> None:
        """Give an outcome that was not sent a duty of its own, because the poll of a guard waits for the provider."""
        if relies_on_guards(due.item):
            self.tasks.refresh(due.task.vid, due.item.bookkeeping.kind)

    def prepare_refusal(self, identity: str) -> Prepared | None:
        """Return the publication that an accepted intent was refused; None if there is none.

        A deleted intent needs no event: its client got the refusal.
        """
        intent = self.intents.find(identity)
        if intent is None or intent.refused is None:
            return None
        # The task of a submit that was given up has been found meanwhile: the outcome of the task is published.
        if intent.vid is not None:
            self.intents.complete(intent)
            return None
        event = refusal_event(intent, stated_place(intent), self.api_url)
        return Prepared((event,), partial(self.complete_refusal, intent))

    def complete_refusal(self, intent: Intent) -> None:
        """Record that the refusal of an intent was published."""
        self.intents.complete(intent)
        count("RefusalsPublished", kind=intent.kind)

    def _due_publication(self, vid: str) -> DuePublication | None:
        """Load a task and derive its next publication.

        An item that is behind its log, or unreadable, is written again first. Otherwise `mark_published` would never
        match it, and each tick would publish the same state again.
        """
        log, task = self.tasks.load(vid)
        if task and is_behind(log, task):
            self.tasks.refresh(vid, log.item.bookkeeping.kind if log.item else task.kind)
            log, task = self.tasks.load(vid)
        if task is None or log.item is None:
            return None
        publication = next_publication(task, log.item.bookkeeping)
        return DuePublication(log.without_bodies(), log.item, task, publication) if publication else None


def is_behind(log: TaskLog, task: Task) -> bool:
    """Return whether the task item is missing, unreadable, or differs from its log in what must be published."""
    if log.item is None:
        return True
    summary, publication = log.item.summary, next_publication(task, log.item.bookkeeping)
    # An item that is due for `publish` without anything to publish would come back with every tick.
    waits_in_vain = summary.unpublished is None and summary.due is not None and summary.due.duty is Duty.PUBLISH
    # A guard that cannot be read has left its place in the due index.
    is_outcome = publication is not None and publication.state in OUTCOMES
    lost_its_guard = is_outcome and summary.due is None and not relies_on_guards(log.item)
    return waits_in_vain or lost_its_guard or summary.unpublished != publication
