"""Publish: announce what subscribers have not heard yet. Called for the stream and for the sweep alike."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay.contracts.notification import refusal_event, task_event
from mediarelay.domain.schedule import Due
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.lifecycle import PUBLISH, unpublished
from mediarelay.domain.tasks.log import Publication, TaskLog
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.task import Task
from mediarelay.observability import count
from mediarelay.usecases.tasks.repository import TaskRepository


class Announcements(Protocol):
    """The topic."""

    def publish(self, message: str, attributes: dict[str, str]) -> None:
        """Publish one message."""


class Published(Protocol):
    """The part of the ledger that notes announcements."""

    def intent(self, identity: str) -> Intent | None:
        """Read an intent."""

    def close_intent(self, seen: Intent) -> None:
        """Mark an intent as done."""

    def published(self, vid: str, announced: Publication, due: Due | None = None) -> bool:
        """Note that a state was announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPublisher:
    """Announces states of tasks. A repeat carries the same id, so subscribers can drop it."""

    tasks: TaskRepository
    ledger: Published
    topic: Announcements
    api_url: str

    def publish(self, vid: str) -> State | None:
        """Announce what is new about a task; returns the state that was announced, None if nothing was.

        An item that is behind its log, or unreadable, is written anew first: else it would be announced for ever.
        """
        record, task = self.tasks.load(vid)
        if task and _is_behind(record, task):
            self.tasks.refresh(vid, record.books.kind if record.books else task.kind)
            record, task = self.tasks.load(vid)
        if task is None or record.books is None or (news := unpublished(task, record.books)) is None:
            return None
        message, attributes = task_event(task, self.api_url, news.replay)
        self.topic.publish(message, attributes)
        self.ledger.published(vid, news, self.tasks.due_after(task, record.books))
        count("Published", state=news.state)
        return news.state

    def refuse(self, identity: str) -> None:
        """Announce that an accepted wish was refused, unless its client was told meanwhile."""
        intent = self.ledger.intent(identity)
        if intent is None or intent.refused is None:
            return
        self.topic.publish(*refusal_event(intent, self.api_url))
        self.ledger.close_intent(intent)
        count("RefusalsPublished", kind=intent.kind)


def _is_behind(record: TaskLog, task: Task) -> bool:
    """Whether the task item, if there is one that can be read, does not say what its log says, or waits for nothing."""
    if record.card is None or record.books is None:
        return True
    waits_in_vain = record.card.unpublished is None and record.card.due is not None and record.card.due.what == PUBLISH
    return waits_in_vain or record.card.unpublished != unpublished(task, record.books)
