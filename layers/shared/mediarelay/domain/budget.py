"""How many calls per minute the provider takes from us, and what part of them each class of calls may use. Pure.

class of calls                        may use                              so that
submit while its client waits         the whole budget                     a person never waits for a batch
queued submit, query of a known task  80 %                                 submits always find some of it
query of an unknown task              a share of the 80 %, counted apart   a forger cannot starve the others
"""

from dataclasses import dataclass

BACKGROUND_PERCENT = 80
"""The part of the budget that calls may use for which no client waits."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one call may use of its minute.

    Attributes:
        limit: Calls of the minute, all classes together, up to which this one is admitted.
        unknown_limit: Of a query of an unknown task: the same for such queries alone.
    """

    limit: int
    unknown_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """The parameters `CallsPerMinute` and `UnknownTaskShare` (percent of the queries)."""

    calls_per_minute: int
    unknown_task_share: int = 50

    @property
    def submit(self) -> Allowance:
        """A submit whose client waits."""
        return Allowance(self.calls_per_minute)

    @property
    def background(self) -> Allowance:
        """A queued submit, or a query of a known task."""
        return Allowance(_percent(self.calls_per_minute, BACKGROUND_PERCENT))

    @property
    def unknown(self) -> Allowance:
        """A query of a task that only callbacks name."""
        limit = self.background.limit
        return Allowance(limit, _percent(limit, self.unknown_task_share))

    def query(self, *, known: bool) -> Allowance:
        """A query of a task."""
        return self.background if known else self.unknown

    def queries(self, *, known: bool) -> int:
        """How many queries of one class a minute has calls for."""
        allowance = self.query(known=known)
        return allowance.limit if allowance.unknown_limit is None else allowance.unknown_limit


def _percent(whole: int, percent: int) -> int:
    """A part of a number of calls, at least one."""
    return max(1, whole * percent // 100)
