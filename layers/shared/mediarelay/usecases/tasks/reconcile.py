"""Reconcile: list the tasks that a provider knows, and add those that the ledger does not know.

A callback may be lost before it reaches us, and the answer to a submit may be lost with it. Then only the provider's
list names the task. Each run lists what was made since the last one, so its work grows with what is new.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import NoAccount, ProviderError, SecretUnavailable
from mediarelay.observability import count
from mediarelay.providers.port import Listed
from mediarelay.providers.registry import provider_named
from mediarelay.usecases.tasks.adoption import Adopt, adopt_by_callback
from mediarelay.usecases.tasks.repository import TaskRepository
from mediarelay.usecases.tasks.request_confirm import KnownTasks

# A provider's list may be behind, and its clock may differ from ours. So much time before the last run is listed again.
OVERLAP = timedelta(minutes=10)
# One step of a run. A run that the call budget or its time ends keeps the steps that it has finished.
STEP = timedelta(hours=1)
# A list that begins before the provider's horizon may be refused. Its clock and the time until the call count, too.
HORIZON_MARGIN = timedelta(minutes=10)
log = logging.getLogger(__name__)


class TaskList(Protocol):
    """A provider's list of tasks."""

    def tasks_between(self, since: datetime, until: datetime, wait: Callable[[], bool]) -> Iterator[Listed]:
        """Yield the pages that list all tasks made between two times (UTC); raises `ProviderError`.

        `wait` waits for the next minute's budget, and returns False if there is no time for that.
        """


class ListCursors(Protocol):
    """Stores until when each provider's tasks were listed."""

    def find(self, provider: str) -> datetime | None:
        """Return the time; None before the first run."""

    def save(self, provider: str, until: datetime) -> None:
        """Store the time."""


def steps(
    listed_until: datetime | None, now: datetime, horizon: timedelta | None
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times (UTC) between which to list, one step after the other, up to the present.

    Args:
        listed_until: Until when tasks were listed. None: the list begins now, because earlier tasks are not ours.
        now: The present (UTC).
        horizon: For how long the provider lists a task.
    """
    earliest = now - horizon + HORIZON_MARGIN if horizon else datetime.min.replace(tzinfo=now.tzinfo)
    since = max((listed_until or now) - OVERLAP, earliest)
    while since < now:
        until = min(since + STEP, now)
        yield since, until
        since = until


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Adds the tasks that providers list and that the ledger does not know.

    Attributes:
        lists: The list of each provider.
        adopt: Takes a submission and its task to the intent.
        wait: Waits for the next minute while there is time left; returns whether there still is.
    """

    lists: Mapping[str, TaskList]
    tasks: TaskRepository
    known: KnownTasks
    cursors: ListCursors
    adopt: Adopt
    wait: Callable[[Callable[[], bool]], bool]
    clock: Callable[[], datetime]

    def reconcile(self, time_left: Callable[[], bool]) -> int:
        """List what is new at each provider; return how many tasks were added.

        A provider that does not answer is listed from the same time by the next run.

        Raises `LedgerUnavailable`.
        """
        return sum(self._reconcile(name, time_left) for name in self.lists)

    def _reconcile(self, provider: str, time_left: Callable[[], bool]) -> int:
        added, horizon = 0, provider_named(provider).query_horizon
        try:
            for since, until in steps(self.cursors.find(provider), self.clock(), horizon):
                if not time_left():
                    break
                for page in self.lists[provider].tasks_between(since, until, lambda: self.wait(time_left)):
                    # The next run lists this step again.
                    if not time_left():
                        return added
                    added += sum(self._add(vid, row) for vid, row in page.rows)
                self.cursors.save(provider, until)
        except NoAccount:
            log.info("no account", extra={"provider": provider})
        except (ProviderError, SecretUnavailable) as error:
            count("ListIncomplete", provider=provider)
            log.warning("list incomplete", extra={"provider": provider, "error": str(error)})
        return added

    def _add(self, vid: str, row: bytes) -> bool:
        """Add a task unless it is known; return whether it was added."""
        if self.known.is_known(vid):
            return False
        # The item of a task with an outcome is written at once, and then no query follows.
        if (task := self.tasks.load(vid)[1]) is not None:
            adopt_by_callback(task, self.adopt)
        # The list names no kind. A query does, and it is the same for both kinds.
        self.tasks.add(LoggedObservation(vid=vid, kind=Kind.VIDEO, origin=Origin.LISTED, at=self.clock(), body=row))
        count("TasksFound")
        log.info("task found in the list", extra={"vid": vid})
        return True
