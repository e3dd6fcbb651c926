"""When to stop calling a provider that refuses us. Pure: the clock is handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.tasks.media import Kind

QUERY_ACTIONS = {Kind.VIDEO: "GetCtsInfo", Kind.AUDIO: "GetCtsaudioInfo"}
"""The provider's action that tells about a task of each kind."""
THRESHOLD = 5
"""Refusals in a row that open a circuit."""
FIRST_BREAK = timedelta(minutes=1)
MAX_BREAK = timedelta(minutes=30)
_ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Circuit:
    """Of one action of the provider: refusals in a row, and until when nobody calls (None: closed)."""

    failures: int = 0
    until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Whether calls are pointless now. An end that no break can have, by any clock, keeps nobody from calling."""
        return self.until is not None and now < self.until <= now + 2 * MAX_BREAK


def next_break(failures: int, now: datetime) -> datetime | None:
    """Until when nobody should call after so many refusals in a row; each break is twice as long as the one before."""
    if failures < THRESHOLD:
        return None
    longer: int = 2 ** min(failures - THRESHOLD, _ENOUGH)
    return now + min(FIRST_BREAK * longer, MAX_BREAK)
