"""A bulk replay: publishes many tasks again, at a bounded rate."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.domain.tasks.listing import Selection

# Tasks per minute that a bulk replay may take. At a rate of 0 it would never end.
RATES = range(1, 1001)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJob:
    """A bulk replay, newest task first.

    Attributes:
        rate: Tasks per minute.
        by: The client that started it.
        at: When it was started (UTC).
        cursor: The position of the last task that it took; None before the first one.
    """

    identity: str
    selection: Selection
    rate: int
    by: str
    at: datetime
    cursor: str | None = None
