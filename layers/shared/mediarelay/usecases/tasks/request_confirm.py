"""Request a query about a task at once, through the queue of its class."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.tasks.media import Kind


class KnownTasks(Protocol):
    """Looks tasks up in the ledger."""

    def is_known(self, vid: str) -> bool:
        """Return whether more than callbacks name a task."""


class PromptQueue(Protocol):
    """A confirm queue."""

    def send(self, vid: str, kind: Kind, *, prompt: bool = False) -> None:
        """Send a message that requests one query; raises `Undelivered`."""


@dataclass(frozen=True, slots=True)
class ConfirmRequester:
    """Requests a query when a callback or a replay has just arrived.

    Few queries run at a time, and each takes long while the provider is slow. So queries about tasks that only
    callbacks name have a queue of their own: anybody with the path token can invent such tasks.
    """

    tasks: KnownTasks
    queue: PromptQueue
    unknown_queue: PromptQueue

    def request(self, vid: str, kind: Kind, *, known: bool) -> None:
        """Request one query.

        Args:
            vid: The task.
            kind: The kind that the caller takes it to be.
            known: Whether a client or a trusted callback names the task. Otherwise the task item is read.

        Raises:
            LedgerUnavailable, Undelivered: Nothing was sent; the task stays due.
        """
        queue = self.queue if known or self.tasks.is_known(vid) else self.unknown_queue
        queue.send(vid, kind, prompt=True)
