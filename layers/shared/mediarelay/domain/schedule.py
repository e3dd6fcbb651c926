"""When a task must be looked at again. Pure: the clock and the random number are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.media import Kind

BACKOFF_FACTOR = 1.7
LONGEST_WAIT = timedelta(minutes=30)
LAST_WAIT = timedelta(minutes=1)
"""Between attempts to ask the last question, once the deadline has passed."""
LEASE = timedelta(minutes=3)
"""How long a row that somebody works on is left alone: longer than a confirmation with its retries takes."""
JITTER = 0.25
SHARDS = 4
_ENOUGH = 20
"""Attempts after which the longest wait is reached from any first one; more would overflow."""


@dataclass(frozen=True, slots=True)
class Due:
    """What must happen to an item, and when. `what` names the duty: video, audio, submit, lost, publish or expire."""

    what: str
    at: datetime


def first_look(kind: Kind, created: datetime, after: timedelta) -> Due:
    """When to ask about a task, or a claim, of which nothing more was heard."""
    return Due(kind.value, created + after)


def next_look(  # noqa: PLR0913 - the clock and the random number are handed in
    kind: Kind, now: datetime, *, attempts: int, asked: bool, first: timedelta, give_up: datetime, luck: float
) -> Due:
    """When to ask again: exponential back-off with jitter, a last time at the deadline, and then the duty to give up.

    Nothing is given up without that last question; as long as it cannot be asked, the next attempt is a minute away.

    Args:
        kind: Video or audio.
        now: The present (UTC).
        attempts: How often it was asked before.
        asked: Whether it was asked just now.
        first: The first wait.
        give_up: When the task counts as lost, if a question then brings no outcome.
        luck: A random number in [0, 1); spreads the wait by ±25 %.
    """
    if asked and now >= give_up:
        return Due("lost", now)
    wait = min(first * BACKOFF_FACTOR ** min(attempts, _ENOUGH), LONGEST_WAIT) * (1 + JITTER * (2 * luck - 1))
    return Due(kind.value, now + min(wait, LAST_WAIT) if now >= give_up else min(now + wait, give_up))


def leased_until(now: datetime, since: datetime | None, luck: float) -> datetime:
    """Until when a row is left alone that was taken up now and has waited `since` then; the older, the longer."""
    age = now - since if since else timedelta()
    return now + max(LEASE, min(age / 2, LONGEST_WAIT)) * (1 + JITTER * luck)


def shard_of(what: str, identity: str) -> str:
    """The partition of the `due` index in which an item waits for its duty."""
    return f"{what}#{sum(identity.encode()) % SHARDS}"


def shards(what: str) -> list[str]:
    """All partitions of one duty."""
    return [f"{what}#{number}" for number in range(SHARDS)]
