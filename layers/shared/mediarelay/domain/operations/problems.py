"""The problems of a deployment, computed from its facts.

Each rule looks at one kind of facts. `RULES` is the whole list; an operator reads the result from the top.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import Facts
from mediarelay.domain.operations.overdue import SCHEDULE_OF, is_late, is_overdue
from mediarelay.domain.operations.queues import DEAD_LETTERS
from mediarelay.domain.operations.severity import Severity
from mediarelay.domain.webhooks.endpoint import EndpointState

RUNBOOK = "/docs/runbook#"
_SILENT = {
    "poll_video": "pollvideosilentalarm",
    "poll_audio": "pollaudiosilentalarm",
    "sweep": "sweepsilentalarm",
    "reconcile": "reconcilesilentalarm",
}
_ENDPOINT_SEVERITIES = {EndpointState.FAILING: Severity.WARNING, EndpointState.DISABLED: Severity.ERROR}
# Intents that wait for longer wait for more than the call budget.
OLD_SUBMISSION = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that an operator should know.

    Attributes:
        code: A stable word.
        subject: What it is about: a duty, a queue, a circuit, ...
        detail: A sentence. It contains no part of a secret.
        since: Since when, if that is known.
        section: The anchor in the runbook.
    """

    code: str
    severity: Severity
    subject: str
    detail: str
    since: datetime | None = None
    section: str

    @property
    def runbook(self) -> str:
        """The address of the section of the runbook, relative to the API."""
        return RUNBOOK + self.section


def problems(facts: Facts) -> tuple[Problem, ...]:
    """Return the problems of a deployment, errors first."""
    found = [problem for rule in RULES for problem in rule(facts)]
    return tuple(sorted(found, key=lambda problem: problem.severity is not Severity.ERROR))


def is_healthy(found: tuple[Problem, ...]) -> bool:
    """Return whether no problem is an error."""
    return all(problem.severity is not Severity.ERROR for problem in found)


def _late_schedules(facts: Facts) -> Iterator[Problem]:
    for one in facts.schedules:
        if is_late(one, facts.time):
            # A new stack has no run yet, and its alarm waits for ten minutes, too.
            severity = Severity.ERROR if one.last else Severity.WARNING
            since = one.last.at if one.last else None
            detail = f"{one.function} has not completed a run" + (f" since {_text(since)}" if since else " yet")
            yield Problem(
                code="schedule_late",
                severity=severity,
                subject=one.function,
                detail=detail,
                since=since,
                section=_SILENT.get(one.function, "sweepsilentalarm"),
            )


def _overdue_duties(facts: Facts) -> Iterator[Problem]:
    for one in facts.duties:
        if is_overdue(one, facts.time) and one.duty is not Duty.UNREADABLE:
            yield Problem(
                code="duty_overdue",
                severity=Severity.ERROR,
                subject=one.duty,
                detail=f"{_count(one.due, more=one.more)} due, the oldest since {_text(one.oldest_due_at)}",
                since=one.oldest_due_at,
                section="overduealarm",
            )


def _failing_duties(facts: Facts) -> Iterator[Problem]:
    # A row that fails is hidden until the next run, so its due time is never old.
    for one in facts.duties:
        if one.failed:
            rows, run = _count(one.failed, more=False), f"the last run of {SCHEDULE_OF[one.duty]}"
            yield Problem(
                code="duty_failing",
                severity=Severity.WARNING,
                subject=one.duty,
                detail=f"{rows} failed in {run}; its log says why",
                section="what-no-alarm-watches",
            )


def _unreadable_rows(facts: Facts) -> Iterator[Problem]:
    for one in facts.duties:
        if one.duty is Duty.UNREADABLE and is_overdue(one, facts.time):
            yield Problem(
                code="rows_unreadable",
                severity=Severity.ERROR,
                subject=one.duty,
                detail=f"{_count(one.due, more=one.more)} cannot be read; what they wait for does not happen",
                since=one.oldest_due_at,
                section="rowsunreadablealarm",
            )


def _open_circuits(facts: Facts) -> Iterator[Problem]:
    for one in facts.circuits:
        if one.open_until is not None:
            yield Problem(
                code="circuit_open",
                severity=Severity.ERROR,
                subject=one.circuit,
                detail=f"{one.failures} calls in a row failed; none is made until {_text(one.open_until)}",
                section="providerrefusesalarm",
            )


def _spent_budgets(facts: Facts) -> Iterator[Problem]:
    for one in facts.budget:
        if one.calls >= one.background_limit:
            yield Problem(
                code="budget_spent",
                severity=Severity.WARNING,
                subject=one.provider,
                detail=f"{one.calls} of {one.limit} calls were used at {one.minute}; queries and queued submits wait",
                section="what-no-alarm-watches",
            )


def _dead_letters(facts: Facts) -> Iterator[Problem]:
    for one in facts.dead_letters:
        waiting, queue = one.total, DEAD_LETTERS[one.queue]
        if waiting:
            yield Problem(
                code="dead_letters",
                severity=queue.severity,
                subject=one.queue,
                detail=f"{_count(waiting, more=False, one='message', many='messages')} in {one.queue}",
                section=f"{one.queue.lower()}alarm",
            )


def _unreachable_queues(facts: Facts) -> Iterator[Problem]:
    for name in facts.unavailable:
        yield Problem(
            code="queue_unavailable",
            severity=Severity.ERROR,
            subject=name,
            detail=f"SQS did not answer about {name}",
            section="queueagealarm",
        )


def _unusable_secrets(facts: Facts) -> Iterator[Problem]:
    for one in facts.secrets:
        if not one.readable or not one.usable:
            detail = "no entry can be used" if one.readable else "it cannot be read, or is not a JSON object"
            yield Problem(
                code="secret_unusable",
                severity=Severity.ERROR,
                subject=one.secret,
                detail=f"{one.secret}: {detail}",
                section="secretunusablealarm",
            )
        elif one.unusable:
            yield Problem(
                code="secret_entries_unusable",
                severity=Severity.WARNING,
                subject=one.secret,
                detail=f"{one.secret}: {'; '.join(one.unusable)}",
                section="checking-settings-and-secrets",
            )


def _quarantined_bodies(facts: Facts) -> Iterator[Problem]:
    found = facts.quarantine
    if found.bodies:
        yield Problem(
            code="quarantine",
            severity=Severity.WARNING,
            subject=found.day,
            detail=f"{_count(found.bodies, more=found.more, one='body', many='bodies')} could not be read",
            section="quarantine",
        )


def _failing_endpoints(facts: Facts) -> Iterator[Problem]:
    for one in facts.endpoints:
        state, health = one.health.state, one.health
        if state is not EndpointState.ENABLED:
            yield Problem(
                code=f"endpoint_{state}",
                severity=_ENDPOINT_SEVERITIES[state],
                subject=one.endpoint.name,
                detail=f"the endpoint is {state}; {one.pending} deliveries are pending",
                since=health.disabled_at or health.failing_since,
                section="webhookdisabledalarm",
            )


def _old_submissions(facts: Facts) -> Iterator[Problem]:
    found, oldest = facts.submissions, facts.submissions.oldest_at
    if oldest is not None and facts.time - oldest > OLD_SUBMISSION:
        submits = _count(found.open, more=found.more, one="submit", many="submits")
        yield Problem(
            code="submissions_waiting",
            severity=Severity.WARNING,
            subject="submissions",
            detail=f"{submits} without a task, the oldest of {_text(oldest)}",
            since=oldest,
            section="submitdeadlettersalarm",
        )


def _count(number: int, *, more: bool, one: str = "row", many: str = "rows") -> str:
    return f"{'more than ' if more else ''}{number} {one if number == 1 else many}"


def _text(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else "an unknown time"


RULES: tuple[Callable[[Facts], Iterator[Problem]], ...] = (
    _late_schedules,
    _unusable_secrets,
    _open_circuits,
    _dead_letters,
    _unreachable_queues,
    _overdue_duties,
    _unreadable_rows,
    _failing_duties,
    _failing_endpoints,
    _old_submissions,
    _spent_budgets,
    _quarantined_bodies,
)
