"""When a task must be looked at again. Pure: the clock and the random number are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.media import Kind

BACKOFF_FACTOR = 1.7
LONGEST_WAIT = timedelta(minutes=30)
LAST_WAIT = timedelta(minutes=1)
"""Between attempts to ask the last question, once the deadline has passed."""
SWIFT = frozenset({"publish", "lost", "song"})
"""Duties that are done on the spot: when one fails, the next tick is to try again."""
SWIFT_LEASE = timedelta(seconds=55)
SHARE_OF_DURATION = 0.1
"""Of a source's length, the least time after which to ask again: transcoding takes a part of it."""
JITTER = 0.25
SHARDS = 4
_ENOUGH = 20
"""Attempts after which the longest wait is reached from any first one; more would overflow."""


@dataclass(frozen=True, slots=True)
class Due:
    """What must happen to an item, and when.

    `what` names the duty: video, audio, submit, lost, publish, song, replay or expire.
    """

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


def first_wait(configured: timedelta, duration: float | None) -> timedelta:
    """How long to wait first, once the source's length (seconds) is known."""
    return max(configured, min(timedelta(seconds=(duration or 0) * SHARE_OF_DURATION), LONGEST_WAIT))


def leased_until(what: str, now: datetime, since: datetime | None, lease: timedelta, luck: float) -> datetime:
    """Until when a row is left alone that is taken up now.

    Args:
        what: Its duty.
        now: The present (UTC).
        since: When it began to wait, if it waits in its own right: the older it is, the less often it is taken up.
        lease: Longer than a confirmation with its retries takes.
        luck: A random number in [0, 1); makes it up to 25 % longer.
    """
    if what in SWIFT:
        return now + min(lease, SWIFT_LEASE)
    age = now - since if since else timedelta()
    return now + max(lease, min(age / 2, LONGEST_WAIT)) * (1 + JITTER * luck)


def shard_of(what: str, identity: str) -> str:
    """The partition of the `due` index in which an item waits for its duty."""
    return f"{what}#{sum(identity.encode()) % SHARDS}"


def shards(what: str) -> list[str]:
    """All partitions of one duty."""
    return [f"{what}#{number}" for number in range(SHARDS)]
