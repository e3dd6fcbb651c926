"""When a row of the due index is overdue, and when a schedule is late.

A row that a worker takes is hidden: its due time moves behind the visibility timeout. So a row whose due time is long
past has been taken by no worker since. That is normal for one run of the schedule, and for queries and submits as long
as the call budget lasts.

duty            overdue after  because
publish         2 min          two runs of the sweep did not take it
song            2 min          as publish; an expired lease that is not published misleads a room
give_up         5 min          the sweep takes at least 200 rows a minute, so a thousand lost at once are done by then
submit          5 min          the queue takes a minute's budget per run; a client of one submit is still waiting
video, audio    10 min         a burst may need the budget of several minutes, and a break of a circuit is no delay
submit_queued   1 h            a batch waits for the budget that other calls leave
unknown_*       1 h            they have a share of the budget, and anybody with the path token can invent them
replay          5 min          a bulk replay takes its part of each minute
fan_out         5 min          the sweep takes events that the stream did not pass on to the webhooks
deliver         5 min          the sweep takes deliveries whose wait is over
unreadable      5 min          the sweep rebuilds what it can; the rest waits for an operator
"""

from datetime import datetime, timedelta

from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import DutyFacts, ScheduleFacts

OVERDUE_AFTER: dict[Duty, timedelta] = {
    Duty.PUBLISH: timedelta(minutes=2),
    Duty.SONG: timedelta(minutes=2),
    Duty.GIVE_UP: timedelta(minutes=5),
    Duty.SUBMIT: timedelta(minutes=5),
    Duty.VIDEO: timedelta(minutes=10),
    Duty.AUDIO: timedelta(minutes=10),
    Duty.SUBMIT_QUEUED: timedelta(hours=1),
    Duty.UNKNOWN_VIDEO: timedelta(hours=1),
    Duty.UNKNOWN_AUDIO: timedelta(hours=1),
    Duty.REPLAY: timedelta(minutes=5),
    Duty.FAN_OUT: timedelta(minutes=5),
    Duty.DELIVER: timedelta(minutes=5),
    Duty.UNREADABLE: timedelta(minutes=5),
}
# The intervals of the schedules in the template, by the folder of the function.
SCHEDULES: dict[str, timedelta] = {
    "poll_video": timedelta(minutes=1),
    "poll_audio": timedelta(minutes=1),
    "sweep": timedelta(minutes=1),
    "reconcile": timedelta(minutes=5),
}
# A run records its end, and may take as long as its interval. Two intervals are normal, three mean that one is missing.
MISSED_INTERVALS = 3
# The schedule that carries out a duty.
SCHEDULE_OF: dict[Duty, str] = dict.fromkeys(Duty, "sweep") | {
    Duty.VIDEO: "poll_video",
    Duty.UNKNOWN_VIDEO: "poll_video",
    Duty.AUDIO: "poll_audio",
    Duty.UNKNOWN_AUDIO: "poll_audio",
}


def is_overdue(duty: DutyFacts, now: datetime) -> bool:
    """Return whether the oldest row of a duty waits for longer than the duty allows."""
    return duty.oldest_due_at is not None and now - duty.oldest_due_at > OVERDUE_AFTER[duty.duty]


def is_late(schedule: ScheduleFacts, now: datetime) -> bool:
    """Return whether a schedule has missed a run, or has never run."""
    return schedule.last is None or now - schedule.last.at > MISSED_INTERVALS * schedule.every
