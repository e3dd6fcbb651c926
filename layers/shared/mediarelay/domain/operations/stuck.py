"""Why an item of the due index is overdue, what will happen to it, and what an operator can do.

The first cause in the table that applies is the reason.

cause            applies if                                 what ends it
unreadable       the row cannot be decoded                  an operator; the sweep rebuilds tasks and leases
late schedule    the schedule of the duty missed a run      the schedule
open circuit     five calls of its provider failed in a row the break ends, or an operator closes the circuit
failing rows     rows of the duty failed in the last run    the next run, once the cause in the log is gone
spent budget     the calls of the minute were used up       the next minute
full queue       messages of the duty's queue wait          the queue
unknown task     only callbacks name the task               its part of the budget
waiting          none of these                              the next run
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import Facts
from mediarelay.domain.operations.overdue import SCHEDULE_OF, is_late
from mediarelay.domain.operations.queues import CONFIRM, CONFIRM_UNKNOWN, DELIVERY, SUBMIT

# The queue that a duty's messages wait in.
QUEUE_OF: dict[Duty, str] = {
    Duty.VIDEO: CONFIRM,
    Duty.AUDIO: CONFIRM,
    Duty.UNKNOWN_VIDEO: CONFIRM_UNKNOWN,
    Duty.UNKNOWN_AUDIO: CONFIRM_UNKNOWN,
    Duty.SUBMIT: SUBMIT,
    Duty.SUBMIT_QUEUED: SUBMIT,
    Duty.DELIVER: DELIVERY,
}
# The duties that end in a call of a provider.
CALLS = QUEUE_OF.keys() - {Duty.DELIVER}
UNKNOWN = frozenset({Duty.UNKNOWN_VIDEO, Duty.UNKNOWN_AUDIO})
# What a run of the schedule does with a row.
_DEED: dict[Duty, str] = {
    Duty.PUBLISH: "publishes it",
    Duty.GIVE_UP: "records it as lost",
    Duty.SUBMIT: "sends it to the submit queue",
    Duty.SUBMIT_QUEUED: "sends it to the submit queue",
    Duty.SONG: "publishes the events of the song",
    Duty.REPLAY: "takes the next part of the bulk replay",
    Duty.FAN_OUT: "passes the event on to the webhooks",
    Duty.DELIVER: "delivers it",
    Duty.UNREADABLE: "writes it again, if it is a task or a lease",
} | dict.fromkeys((Duty.VIDEO, Duty.AUDIO, *sorted(UNKNOWN)), "sends it to the confirm queue")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueRow:
    """One overdue row.

    Attributes:
        type: `task`, `submission`, `song`, `replay`, `event`, `delivery`, or `row` for one that cannot be read.
        id: The vid, the submission, the song (`room/song/vendor/type`), the job, the event, the delivery
            (`endpoint/event`), or the key of the row.
        circuit: The circuit of the call that the row waits for.
        provider: The provider of that call.
        attempts: How often the provider was queried without an outcome, if that is known.
        last_error: What was stored about the last attempt, if anything was.
    """

    type: str
    id: str
    duty: Duty
    due_at: datetime
    circuit: str | None = None
    provider: str | None = None
    attempts: int | None = None
    last_error: str | None = None


class Explanation(NamedTuple):
    """Why a row waits, what will happen next, and what an operator can do."""

    why: str
    next: str
    action: str


class StuckItem(NamedTuple):
    """An overdue row, for how long it is overdue, and why."""

    row: OverdueRow
    overdue: timedelta
    explanation: Explanation


def explain(row: OverdueRow, facts: Facts) -> Explanation:
    """Return the first cause that applies to a row."""
    found = next(found for cause in CAUSES if (found := cause(row, facts)) is not None)
    return found._replace(why=f"{found.why}; {row.last_error}") if row.last_error else found


def _unreadable(row: OverdueRow, _facts: Facts) -> Explanation | None:
    if row.type != "row":
        return None
    return Explanation(
        "the row cannot be read",
        "the sweep rebuilds tasks and leases of songs; any other row waits for an operator",
        "mediarelay status, then the section RowsUnreadableAlarm of the runbook",
    )


def _late_schedule(row: OverdueRow, facts: Facts) -> Explanation | None:
    late = {one.function: one for one in facts.schedules if is_late(one, facts.time)}
    found = late.get(SCHEDULE_OF[row.duty])
    if found is None:
        return None
    since = f" since {_text(found.last.at)}" if found.last else ""
    why = f"{found.function} has not completed a run{since}"
    return Explanation(
        why, f"the next run of {found.function} {_DEED[row.duty]}", "mediarelay dlq show ScheduleDeadLetters"
    )


def _open_circuit(row: OverdueRow, facts: Facts) -> Explanation | None:
    circuits = {one.circuit: one for one in facts.circuits if one.open_until}
    found = circuits.get(row.circuit or "")
    if found is None:
        return None
    return Explanation(
        f"{found.failures} calls of {found.action} of {found.provider} failed in a row",
        f"one call tries again after {_text(found.open_until)}",
        f"mediarelay circuits close {found.circuit}",
    )


def _failing(row: OverdueRow, facts: Facts) -> Explanation | None:
    failed = {one.duty: one.failed for one in facts.duties if one.failed}
    if row.duty not in failed:
        return None
    schedule = SCHEDULE_OF[row.duty]
    why = (
        f"{failed[row.duty]} rows of this duty failed in the last run of {schedule}; its log has the cause (`left due`)"
    )
    return Explanation(why, f"the next run of {schedule} {_DEED[row.duty]}", "mediarelay doctor")


def _spent_budget(row: OverdueRow, facts: Facts) -> Explanation | None:
    spent = [one for one in facts.budget if one.provider == row.provider and one.calls >= one.background_limit]
    if not spent or row.duty not in CALLS:
        return None
    why = f"{row.provider} got all {spent[0].background_limit} calls that a minute has for queries and queued submits"
    return Explanation(why, "it is taken in its turn, oldest first, when a minute has calls left", "mediarelay status")


def _full_queue(row: OverdueRow, facts: Facts) -> Explanation | None:
    waiting = {one.queue: one.messages + one.in_flight for one in facts.queues}
    name = QUEUE_OF.get(row.duty, "")
    if not waiting.get(name):
        return None
    why = f"{waiting[name]} messages wait in {name}"
    return Explanation(why, f"the next run of {SCHEDULE_OF[row.duty]} {_DEED[row.duty]}", "mediarelay status")


def _unknown_task(row: OverdueRow, _facts: Facts) -> Explanation | None:
    if row.duty not in UNKNOWN:
        return None
    return Explanation(
        "only callbacks name this task; such tasks share a part of the call budget",
        f"the next run of {SCHEDULE_OF[row.duty]} {_DEED[row.duty]}, if that part is not used up",
        f"mediarelay task {row.id}",
    )


def _waiting(row: OverdueRow, _facts: Facts) -> Explanation:
    schedule = SCHEDULE_OF[row.duty]
    action = f"mediarelay task {row.id}" if row.type == "task" else "mediarelay status"
    return Explanation(f"it waits for {schedule}", f"the next run of {schedule} {_DEED[row.duty]}", action)


def _text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else "an unknown time"


CAUSES: tuple[Callable[[OverdueRow, Facts], Explanation | None], ...] = (
    _unreadable,
    _late_schedule,
    _open_circuit,
    _failing,
    _spent_budget,
    _full_queue,
    _unknown_task,
    _waiting,
)
