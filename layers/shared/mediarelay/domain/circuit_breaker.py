"""When to stop calling a provider that refuses or answers no call. The functions are pure: the caller passes the time.

cause       counts                                               longest break  because
refused     every refusal of our account                         30 minutes     only an operator can repair it
unanswered  calls without an answer, of which none began before  5 minutes      tasks wait for their outcomes meanwhile
            the one before it was recorded
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Failures in a row that open a circuit. A single failure may be about one request or one moment.
THRESHOLD = 5
FIRST_BREAK = timedelta(minutes=1)
# The break doubles with each failure up to its maximum, so an account that is unlocked is noticed within half an hour.
MAX_BREAK = timedelta(minutes=30)
# The break reaches its maximum before so many doublings; a larger exponent would overflow.
_MAX_EXPONENT = 10


class Cause(StrEnum):
    """Why calls of an action fail."""

    REFUSED = "refused"
    UNANSWERED = "unanswered"


MAX_BREAKS = {Cause.REFUSED: MAX_BREAK, Cause.UNANSWERED: timedelta(minutes=5)}


class State(StrEnum):
    """Which calls a circuit admits."""

    CLOSED = "closed"  # all
    OPEN = "open"  # none
    HALF_OPEN = "half_open"  # one, which tries whether the provider works again


@dataclass(frozen=True, slots=True)
class Circuit:
    """The circuit of one action of a provider.

    Attributes:
        failures: Failures in a row.
        open_until: When the last break ends or ended; None while the circuit is closed.
        cause: The cause of the last failure.
    """

    failures: int = 0
    open_until: datetime | None = None
    cause: Cause = Cause.REFUSED

    def state(self, now: datetime) -> State:
        """Return which calls the circuit admits."""
        if self.open_until is None:
            return State.CLOSED
        # If a clock that was ahead stored `open_until`, it may lie further in the future than any break. One call then
        # tries, because the circuit would block calls for too long.
        return State.OPEN if now < self.open_until <= now + 2 * MAX_BREAK else State.HALF_OPEN

    def is_open(self, now: datetime) -> bool:
        """Return whether the circuit is open."""
        return self.state(now) is State.OPEN


def circuit_name(provider: str, action: str) -> str:
    """Return the name of the circuit of one action."""
    return f"{provider}:{action}"


def next_break(failures: int, now: datetime, max_break: timedelta = MAX_BREAK) -> datetime | None:
    """Return the end of the break after so many failures in a row; None if they are fewer than `THRESHOLD`."""
    if failures < THRESHOLD:
        return None
    longer: int = 2 ** min(failures - THRESHOLD, _MAX_EXPONENT)
    return now + min(FIRST_BREAK * longer, max_break)
