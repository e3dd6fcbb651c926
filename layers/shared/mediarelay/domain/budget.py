"""The call budget: how many calls per minute go to the provider, and what part of them each class of calls may use.

class of calls                        may use                              so that
submit while its client waits         the whole budget                     no client waits for a batch
queued submit, query of a known task  80 %                                 submits always have a part of it
query of an unknown task              a share of the 80 %, counted apart   forged callbacks cannot use it up
"""

from dataclasses import dataclass
from datetime import datetime

# The percentage of the budget for calls for which no client waits. The rest keeps waiting clients from a full budget.
BACKGROUND_PERCENT = 80


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits for one call within its minute.

    Attributes:
        limit: The call is refused once this many calls of any class were made.
        unknown_limit: For queries of unknown tasks only: the call is refused once this many such queries were made.
    """

    limit: int
    unknown_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The settings `CallsPerMinute` and `UnknownTaskShare` (percent of the background calls)."""

    calls_per_minute: int
    unknown_task_share: int = 50

    @property
    def submit(self) -> Allowance:
        """The limits for a submit whose client waits."""
        return Allowance(self.calls_per_minute)

    @property
    def background(self) -> Allowance:
        """The limits for a queued submit, or a query of a known task."""
        return Allowance(_percent(self.calls_per_minute, BACKGROUND_PERCENT))

    @property
    def unknown(self) -> Allowance:
        """The limits for a query of a task that only callbacks name."""
        limit = self.background.limit
        return Allowance(limit, _percent(limit, self.unknown_task_share))

    def query(self, *, known: bool) -> Allowance:
        """Return the limits for a query of a task."""
        return self.background if known else self.unknown

    def queries(self, *, known: bool) -> int:
        """Return how many queries of one class fit into a minute."""
        allowance = self.query(known=known)
        return allowance.limit if allowance.unknown_limit is None else allowance.unknown_limit


def minute_of(now: datetime) -> str:
    """Return the minute that a call at a time (UTC) counts in, such as `2026-11-21T08:00`."""
    return now.strftime("%Y-%m-%dT%H:%M")


def _percent(whole: int, percent: int) -> int:
    """Return a percentage of a number of calls, at least one."""
    # With 0 calls a class would wait for ever, however small the budget is.
    return max(1, whole * percent // 100)
