"""A bulk replay: publishes many tasks again, at a bounded rate."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.tasks.listing import Selection

# Tasks per minute that a bulk replay may take. At a rate of 0 it would never end.
RATES = range(1, 1001)
# A bulk replay can be read for so long after its end.
KEPT_FOR = timedelta(days=30)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


class JobStatus(StrEnum):
    """Whether a bulk replay goes on."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJob:
    """A bulk replay, newest task first.

    Attributes:
        rate: Tasks per minute.
        by: The client that started it.
        at: When it was started (UTC).
        cursor: The position of the last task that it took; None before the first one.
        done: How many tasks it took.
    """

    identity: str
    selection: Selection
    rate: int
    by: str
    at: datetime
    cursor: str | None = None
    done: int = 0
    status: JobStatus = JobStatus.RUNNING


def is_job_id(text: str) -> bool:
    """Return whether a text has the form of a bulk replay's id."""
    return _ID.fullmatch(text) is not None
