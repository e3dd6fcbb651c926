"""Record the runs of the scheduled functions, so that an operator sees a schedule that stopped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class RunLog(Protocol):
    """Stores the last run of each scheduled function."""

    def record(self, function: str, at: datetime, failed: Mapping[str, int]) -> None:
        """Store when a run ended, and how many rows of each duty failed in it."""


@dataclass(frozen=True, slots=True)
class RunRecorder:
    """Records the runs of one function, named by its folder."""

    runs: RunLog
    function: str
    clock: Callable[[], datetime]

    def record(self, failed: Mapping[str, int]) -> None:
        """Record that a run ended now; raises `LedgerUnavailable`."""
        self.runs.record(self.function, self.clock(), failed)
