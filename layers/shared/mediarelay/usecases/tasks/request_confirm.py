"""Request a confirmation of a task at once, in the queue of its class."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.tasks.media import Kind


class KnownTasks(Protocol):
    """Which tasks are known."""

    def is_known(self, vid: str) -> bool:
        """Whether more than callbacks name a task."""


class PromptQueue(Protocol):
    """A confirm queue."""

    def send(self, vid: str, kind: Kind, *, prompt: bool = False) -> None:
        """Ask for one confirmation."""


@dataclass(frozen=True, slots=True)
class ConfirmRequester:
    """Requests a query when a callback or a replay has just arrived.

    Queries take long, above all while the provider is slow, and few run at a time. So queries about tasks that only
    callbacks name have a queue of their own: anybody with the path token can invent such tasks.
    """

    tasks: KnownTasks
    queue: PromptQueue
    unknown_queue: PromptQueue

    def ask(self, vid: str, kind: Kind, *, vouched: bool) -> None:
        """Request one query.

        Args:
            vid: The task.
            kind: The kind that the caller takes it to be.
            vouched: Whether a trusted sender names the task: a client, or the CDN if callbacks are trusted.

        Raises:
            LedgerUnavailable, Undelivered: Nothing was sent; the task stays due.
        """
        queue = self.queue if vouched or self.tasks.is_known(vid) else self.unknown_queue
        queue.send(vid, kind, prompt=True)
