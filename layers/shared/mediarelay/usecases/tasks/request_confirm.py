"""Request queries about tasks at once, through the queues of their classes."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.change import Prompt
from mediarelay.errors import Undelivered
from mediarelay.usecases.failures import noting, noting_all


class KnownTasks(Protocol):
    """Looks tasks up in the ledger."""

    def is_known(self, vid: str) -> bool:
        """Return whether more than callbacks name a task."""


class PromptQueue(Protocol):
    """A confirm queue."""

    def send_prompts(self, requests: Collection[Prompt]) -> Mapping[Prompt, Undelivered]:
        """Send messages that each request one query; return the errors of those that were not sent."""


@dataclass(frozen=True, slots=True)
class ConfirmRequester:
    """Requests queries when callbacks and replays have just arrived.

    Few queries run at a time, and each takes long while the provider is slow. So queries about tasks that only
    callbacks name have a queue of their own: anybody with the path token can invent such tasks.
    """

    tasks: KnownTasks
    queue: PromptQueue
    unknown_queue: PromptQueue

    def request_all(self, requests: Iterable[Prompt]) -> dict[Prompt, Exception]:
        """Request a query for each callback and replay; return what failed. The tasks of those stay due."""
        failures: dict[Prompt, Exception] = {}
        chosen: dict[bool, list[Prompt]] = defaultdict(list)
        for request in requests:
            with noting(failures, request):
                chosen[request.is_known or self.tasks.is_known(request.vid)].append(request)
        for is_known, some in chosen.items():
            queue = self.queue if is_known else self.unknown_queue
            with noting_all(failures, some):
                failures |= queue.send_prompts(some)
        return failures
