"""Ask: send for a query about a task, to the queue of its class."""

from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.media import Kind


class KnownTasks(Protocol):
    """The part of the ledger that tells orders from rumours."""

    def is_known(self, vid: str) -> bool:
        """Whether more than callbacks name a task."""


class PromptQueue(Protocol):
    """A confirm queue."""

    def send(self, vid: str, kind: Kind, *, prompt: bool = False) -> None:
        """Ask for one confirmation."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Sends for a query at once, as somebody has just spoken about a task.

    Queries take long, above all while the provider is slow, and few run at a time. So the queries about tasks that
    only callbacks name wait in a queue of their own: anybody with the path token can make those up.
    """

    ledger: KnownTasks
    queue: PromptQueue
    unknown_queue: PromptQueue

    def after_callback(self, vid: str, kind: Kind) -> None:
        """A callback came. Raises `LedgerUnavailable`, `Undelivered`."""
        queue = self.queue if self.ledger.is_known(vid) else self.unknown_queue
        queue.send(vid, kind, prompt=True)

    def after_replay(self, vid: str, kind: Kind) -> None:
        """A client ordered a replay. Raises `Undelivered`."""
        self.queue.send(vid, kind, prompt=True)
