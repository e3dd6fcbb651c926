"""When a task must be looked at again. Pure: the clock and the random number are handed in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.tasks.media import Kind

BACKOFF_FACTOR = 1.7
MAX_WAIT = timedelta(minutes=30)
MAX_UNKNOWN_WAIT = timedelta(hours=2)
"""The longest wait of a task that only callbacks name: each forged id would cost 50 queries a day otherwise."""
LAST_WAIT = timedelta(minutes=1)
"""Between attempts to ask the last question, once the deadline has passed."""
PROMPT_DUTIES = frozenset({"publish", "lost", "song"})
"""Duties that are done on the spot: when one fails, the next tick is to try again."""
PROMPT_VISIBILITY_TIMEOUT = timedelta(seconds=55)
SHARE_OF_DURATION = 0.1
"""Of a source's length, the least time after which to ask again: transcoding takes a part of it."""
JITTER = 0.25
SHARDS = 4
_ENOUGH = 20
"""Attempts after which the longest wait is reached from any first one; more would overflow."""


@dataclass(frozen=True, slots=True)
class Due:
    """What must happen to an item, and when.

    `what` names the duty: video, audio, unknown_video, unknown_audio, submit, queued, lost, publish, song, replay,
    expire or unreadable.
    """

    what: str
    at: datetime


def query_duty(kind: Kind, *, known: bool) -> str:
    """The duty to query the provider about a task. Tasks that only callbacks name wait apart from all others."""
    return kind.value if known else f"unknown_{kind}"


def first_check(kind: Kind, created: datetime, after: timedelta, *, known: bool) -> Due:
    """When to ask about a task, or a claim, of which nothing more was heard."""
    return Due(query_duty(kind, known=known), created + after)


def next_check(duty: str, now: datetime, wait: timedelta, *, asked: bool, give_up: datetime) -> Due:
    """When to query again: after a wait, a last time at the deadline, and then the duty to give up.

    Nothing is given up without that last query; as long as it cannot be made, the next attempt is a minute away.

    Args:
        duty: That of a query about the task.
        now: The present (UTC).
        wait: By the back-off.
        asked: Whether the provider was queried just now.
        give_up: When the task counts as lost, if a query then brings no outcome.
    """
    if asked and now >= give_up:
        return Due("lost", now)
    return Due(duty, now + min(wait, LAST_WAIT) if now >= give_up else min(now + wait, give_up))


def next_wait(
    first: timedelta, attempts: int, jitter: float, *, known: bool = True, starved_for: timedelta = timedelta()
) -> timedelta:
    """How long to wait for the next query: exponential back-off with jitter.

    Args:
        first: The first wait.
        attempts: How often the provider was queried before.
        jitter: A random number in [0, 1); spreads the wait by ±25 %.
        known: Whether more than callbacks name the task.
        starved_for: How long the task has waited for a call of our own budget: half of that is the shortest wait, so
            that the cost of waiting does not grow with the time.
    """
    wait = min(first * BACKOFF_FACTOR ** min(attempts, _ENOUGH), MAX_WAIT if known else MAX_UNKNOWN_WAIT)
    return max(wait, min(starved_for / 2, MAX_WAIT)) * (1 + JITTER * (2 * jitter - 1))


def next_minute(now: datetime) -> datetime:
    """When the budget of calls begins anew."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def first_wait(configured: timedelta, duration: float | None) -> timedelta:
    """How long to wait first, once the source's length (seconds) is known."""
    return max(configured, min(timedelta(seconds=(duration or 0) * SHARE_OF_DURATION), MAX_WAIT))


def hide_until(
    what: str, now: datetime, since: datetime | None, visibility_timeout: timedelta, jitter: float
) -> datetime:
    """Until when a row is left alone that is taken up now.

    Args:
        what: Its duty.
        now: The present (UTC).
        since: When it began to wait, if it waits in its own right: the older it is, the less often it is taken up.
        visibility_timeout: Longer than a confirmation with its retries takes.
        jitter: A random number in [0, 1); makes it up to 25 % longer.
    """
    if what in PROMPT_DUTIES:
        return now + min(visibility_timeout, PROMPT_VISIBILITY_TIMEOUT)
    age = now - since if since else timedelta()
    return now + max(visibility_timeout, min(age / 2, MAX_WAIT)) * (1 + JITTER * jitter)


def shard_of(what: str, identity: str) -> str:
    """The partition of the `due` index in which an item waits for its duty."""
    return f"{what}#{sum(identity.encode()) % SHARDS}"


def shards(what: str) -> list[str]:
    """All partitions of one duty."""
    return [f"{what}#{number}" for number in range(SHARDS)]
