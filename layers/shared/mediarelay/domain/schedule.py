"""When the next query of a task is due, and how long a due item stays hidden while a worker processes it.

The functions are pure: the caller passes the time and the random number.
"""

from datetime import datetime, timedelta

from mediarelay.domain.due import Due, Duty, query_duty
from mediarelay.domain.tasks.media import Kind

# Doubling would leave longer gaps, in which a finished task without a callback waits for its next query.
BACKOFF_FACTOR = 1.7
# While the call budget suffices, a known task is queried at least this often until it has an outcome.
MAX_WAIT = timedelta(minutes=30)
# The longest wait for a task that only callbacks name. With `MAX_WAIT`, each forged id would cost 50 queries a day.
MAX_UNKNOWN_WAIT = timedelta(hours=2)
# Time between attempts to make the final query, once the deadline has passed.
LAST_CHECK_INTERVAL = timedelta(minutes=1)
# Duties that a tick completes itself. If one fails, the next tick tries again.
PROMPT_DUTIES = frozenset({Duty.PUBLISH, Duty.GIVE_UP, Duty.SONG})
# Just below a minute, so that the next tick finds a row that failed.
PROMPT_VISIBILITY_TIMEOUT = timedelta(seconds=55)
# The part of a source's length that the first wait lasts at least: no transcode is done earlier.
SHARE_OF_DURATION = 0.1
# Tasks of one batch start together. Jitter spreads their queries over time.
JITTER = 0.25
# The back-off reaches its longest wait before so many attempts; a larger exponent would overflow.
_MAX_EXPONENT = 20


def first_check(kind: Kind, created: datetime, first_poll_after: timedelta, *, known: bool) -> Due:
    """Return when a new task, or a claim, is queried if nothing else arrives about it."""
    return Due(query_duty(kind, known=known), created + first_poll_after)


def next_check(duty: Duty, now: datetime, wait: timedelta, *, queried: bool, give_up_at: datetime) -> Due:
    """Return when to query again, or that the task must be given up.

    before the deadline            after the wait, at the deadline at the latest
    past it, just queried          give up now: the final query brought no outcome
    past it, not queried just now  after the wait, within `LAST_CHECK_INTERVAL`: no task is given up unqueried

    Args:
        duty: The duty of a query about the task.
        now: The present (UTC).
        wait: The wait by the back-off.
        queried: Whether the provider has just been queried.
        give_up_at: The deadline.
    """
    if now < give_up_at:
        return Due(duty, min(now + wait, give_up_at))
    # Past the deadline a due query is still carried out, because the provider may know the outcome by now.
    return Due(Duty.GIVE_UP, now) if queried else Due(duty, now + min(wait, LAST_CHECK_INTERVAL))


def next_wait(
    first: timedelta, attempts: int, jitter: float, *, known: bool = True, over_budget_for: timedelta = timedelta()
) -> timedelta:
    """Return how long to wait for the next query: exponential back-off up to a maximum, with jitter.

    Args:
        first: The first wait.
        attempts: How often the provider was queried before.
        jitter: A random number in [0, 1); it moves the wait by up to 25 % either way.
        known: Whether anything but callbacks names the task.
        over_budget_for: How long the call budget has prevented a query. Half of it is the shortest wait, so that a
            longer outage does not cost more attempts.
    """
    factor = 1 + JITTER * (2 * jitter - 1)
    longest = MAX_WAIT if known else MAX_UNKNOWN_WAIT
    wait = min(first * BACKOFF_FACTOR ** min(attempts, _MAX_EXPONENT), longest)
    # The jitter comes after the maximum. Otherwise tasks that an outage has brought together would stay together.
    return max(wait, min(over_budget_for / 2, MAX_WAIT)) * factor


def next_minute(now: datetime) -> datetime:
    """Return when the next minute, and with it a new call budget, begins."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def first_wait(first_poll_after: timedelta, duration: float | None) -> timedelta:
    """Return the first wait; `duration` is the length of the source in seconds, if it is known."""
    return max(first_poll_after, min(timedelta(seconds=(duration or 0) * SHARE_OF_DURATION), MAX_WAIT))


def hide_until(
    duty: Duty, now: datetime, since: datetime | None, visibility_timeout: timedelta, jitter: float
) -> datetime:
    """Return until when a due item that a worker takes now stays hidden from the others.

    Args:
        duty: The duty of the item.
        now: The present (UTC).
        since: When a claim or an intent arrived. The older it is, the longer it stays hidden: half of its age, so that
            one that fails every time costs less and less.
        visibility_timeout: Longer than a confirmation with its retries takes.
        jitter: A random number in [0, 1); it adds up to 25 %.
    """
    if duty in PROMPT_DUTIES:
        return now + min(visibility_timeout, PROMPT_VISIBILITY_TIMEOUT)
    # Without jitter, rows that failed together would come back together.
    age = now - since if since else timedelta()
    return now + max(visibility_timeout, min(age / 2, MAX_WAIT)) * (1 + JITTER * jitter)
