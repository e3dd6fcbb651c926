"""When to stop calling a provider that refuses every call. The functions are pure: the caller passes the time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Refusals in a row that open a circuit. A single refusal may be about one request or one moment.
THRESHOLD = 5
# The break doubles with each refusal up to its maximum, so an account that is unlocked is noticed within half an hour.
FIRST_BREAK = timedelta(minutes=1)
MAX_BREAK = timedelta(minutes=30)
# The break reaches its maximum before so many doublings; a larger exponent would overflow.
_MAX_EXPONENT = 10


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of one action of a provider.

    Attributes:
        failures: Refusals in a row.
        open_until: Until when no call is made; None while the circuit is closed.
    """

    failures: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether the circuit is open."""
        # If a clock that was ahead stored `open_until`, it may lie further in the future than any break. It then counts
        # as closed, because it would block calls for too long.
        return self.open_until is not None and now < self.open_until <= now + 2 * MAX_BREAK


def circuit_name(provider: str, action: str) -> str:
    """Return the name of the circuit of one action."""
    return f"{provider}:{action}"


def next_break(failures: int, now: datetime) -> datetime | None:
    """Return the end of the break after so many refusals in a row; None if they are fewer than `THRESHOLD`."""
    if failures < THRESHOLD:
        return None
    longer: int = 2 ** min(failures - THRESHOLD, _MAX_EXPONENT)
    return now + min(FIRST_BREAK * longer, MAX_BREAK)
