"""When to stop calling a provider that refuses us. Pure: the clock is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.tasks.media import Kind

# The provider's action that tells about a task of each kind.
QUERY_ACTIONS = {Kind.VIDEO: "GetCtsInfo", Kind.AUDIO: "GetCtsaudioInfo"}
# Refusals in a row that open a circuit.
THRESHOLD = 5
FIRST_BREAK = timedelta(minutes=1)
MAX_BREAK = timedelta(minutes=30)
_ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of one action of the provider.

    Attributes:
        failures: Refusals in a row.
        open_until: Until when no call is made; None while the circuit is closed.
    """

    failures: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether calls are refused anyway. An end that no break can have, by any clock, prevents no call."""
        return self.open_until is not None and now < self.open_until <= now + 2 * MAX_BREAK


def next_break(failures: int, now: datetime) -> datetime | None:
    """Return until when no call is made after so many refusals in a row; each break is twice as long as the last."""
    if failures < THRESHOLD:
        return None
    longer: int = 2 ** min(failures - THRESHOLD, _ENOUGH)
    return now + min(FIRST_BREAK * longer, MAX_BREAK)
