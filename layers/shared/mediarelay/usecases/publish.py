"""Publish: announce what subscribers have not heard yet. Called for the stream and for the sweep alike."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay import metrics
from mediarelay.contracts.notification import notify
from mediarelay.domain.media import State
from mediarelay.usecases.tasks import Tasks, unpublished


class Announcements(Protocol):
    """The topic."""

    def publish(self, message: str, attributes: dict[str, str]) -> None:
        """Publish one message."""


class Published(Protocol):
    """The part of the ledger that notes announcements."""

    def published(self, vid: str, state: State) -> bool:
        """Note that a state was announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Announces states of tasks. A repeat carries the same id, so subscribers can drop it."""

    tasks: Tasks
    ledger: Published
    topic: Announcements
    api_url: str

    def publish(self, vid: str) -> State | None:
        """Announce what is new about a task; returns the state that was announced, None if nothing was."""
        record, task = self.tasks.load(vid)
        state = unpublished(task, record.books) if task and record.books else None
        if task is None or state is None:
            return None
        message, attributes = notify(task, self.api_url)
        self.topic.publish(message, attributes)
        self.ledger.published(vid, state)
        metrics.count("Published", state=state)
        return state
