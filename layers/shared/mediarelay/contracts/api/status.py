"""The state of a deployment over HTTP: the status, what is stuck, and the circuits."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from mediarelay import __version__
from mediarelay.contracts.api.base import PageSize, QueryModel, ResponseModel
from mediarelay.contracts.api.webhooks import EndpointItem, endpoint_item
from mediarelay.domain.due import Duty
from mediarelay.domain.operations.facts import CircuitFacts, DutyFacts, Facts, QueueFacts, ScheduleFacts
from mediarelay.domain.operations.overdue import is_late, is_overdue
from mediarelay.domain.operations.problems import is_healthy, problems
from mediarelay.domain.operations.severity import Severity
from mediarelay.domain.operations.stuck import StuckItem
from mediarelay.domain.page import Page


class ProblemDetails(ResponseModel):
    """A problem of the deployment. `runbook` is an address of the stack, relative to the API."""

    code: str
    severity: Severity
    subject: str
    detail: str
    since: datetime | None = None
    runbook: str


class DutyStatus(ResponseModel):
    """The rows that are due for one duty. `due` stops at 1,000; `more` says that there are more.

    `failed` counts the rows that failed in the last run of the schedule.
    """

    duty: Duty
    due: int
    more: bool
    oldest_due_at: datetime | None = None
    overdue: bool
    failed: int


class CircuitStatus(ResponseModel):
    """The circuit of one action of a provider. A closed circuit has no `open_until`."""

    circuit: str
    provider: str
    action: str
    failures: int
    open_until: datetime | None = None


class BudgetStatus(ResponseModel):
    """The calls to a provider in one minute (UTC), such as 2026-11-21T08:00."""

    provider: str
    minute: str
    calls: int
    unknown_calls: int
    limit: int


class QueueStatus(ResponseModel):
    """SQS's estimates of the messages of a queue."""

    queue: str
    messages: int
    in_flight: int
    delayed: int


class DeadLetterStatus(ResponseModel):
    """SQS's estimate of the messages in a dead-letter queue, with those that are hidden because of a look at them."""

    queue: str
    messages: int


class ScheduleStatus(ResponseModel):
    """A scheduled function: when its last successful run ended, and whether it has missed a run."""

    function: str
    last_run_at: datetime | None = None
    every_seconds: int
    late: bool


class SecretStatus(ResponseModel):
    """A secret: how many entries can be used, and the place and reason of each other entry. Never a value."""

    secret: str
    usable: int
    unusable: tuple[str, ...]
    readable: bool


class QuarantineStatus(ResponseModel):
    """The bodies that were quarantined today (UTC)."""

    day: str
    bodies: int
    more: bool


class SubmissionsStatus(ResponseModel):
    """The accepted submits that have no vid yet."""

    open: int
    more: bool
    oldest_at: datetime | None = None


class StatusResponse(ResponseModel):
    """The state of the deployment. It is healthy if no problem is an error."""

    version: str
    time: datetime
    healthy: bool
    problems: list[ProblemDetails]
    duties: list[DutyStatus]
    circuits: list[CircuitStatus]
    budget: list[BudgetStatus]
    queues: list[QueueStatus]
    dead_letters: list[DeadLetterStatus]
    schedules: list[ScheduleStatus]
    secrets: list[SecretStatus]
    quarantine: QuarantineStatus
    submissions: SubmissionsStatus
    endpoints: list[EndpointItem]


CircuitInPath = Annotated[
    str, WithJsonSchema({"type": "string", "description": "The circuit's name", "examples": ["mps:DescribeTaskDetail"]})
]


class CircuitList(ResponseModel):
    """The circuits of all actions of all providers."""

    circuits: list[CircuitStatus]


def _duties(value: object) -> tuple[Duty, ...]:
    """Read comma-separated duties from a query."""
    named = str(value).split(",")
    if not all(one in list(Duty) for one in named):
        raise ValueError("must be one or more of " + ", ".join(Duty))
    return tuple(dict.fromkeys(map(Duty, named)))


DutyText = Annotated[
    tuple[Duty, ...],
    BeforeValidator(_duties),
    WithJsonSchema({"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(Duty)}}),
]


class StuckQuery(QueryModel):
    """`GET /stuck`: the duties to list."""

    duty: DutyText | None = Field(default=None, description="Only rows of these duties, separated by commas")
    limit: PageSize = Field(default=20, description="Items per page")
    cursor: str | None = Field(default=None, description="The `cursor` of the previous page")

    @property
    def duties(self) -> tuple[Duty, ...]:
        """The duties to list, by default all."""
        return self.duty or tuple(Duty)


class StuckItemDetails(ResponseModel):
    """Something that is overdue: why it waits, what will happen next, and what an operator can do.

    `id` is a vid, a submission, a song (`room/song/vendor/type`), a bulk replay or the key of a row, as `type` says.
    """

    type: str
    id: str
    duty: Duty
    due_at: datetime
    overdue_seconds: int
    attempts: int | None = None
    why: str
    next: str
    action: str


class StuckPage(ResponseModel):
    """What is overdue, oldest first. `cursor` leads to the next page and is missing on the last one."""

    items: list[StuckItemDetails]
    cursor: str | None = None


def status_response(facts: Facts) -> dict[str, Any]:
    """Return the status as JSON values."""
    found = problems(facts)
    shown = StatusResponse(
        version=__version__,
        time=facts.time,
        healthy=is_healthy(found),
        problems=[ProblemDetails.model_validate(one) for one in found],
        duties=[_duty(one, facts.time) for one in facts.duties],
        circuits=circuit_list(facts.circuits),
        budget=[BudgetStatus.model_validate(one) for one in facts.budget],
        queues=[QueueStatus.model_validate(one) for one in facts.queues],
        dead_letters=dead_letter_counts(facts.dead_letters),
        schedules=[_schedule(one, facts.time) for one in facts.schedules],
        secrets=[SecretStatus.model_validate(one) for one in facts.secrets],
        quarantine=QuarantineStatus.model_validate(facts.quarantine),
        submissions=SubmissionsStatus.model_validate(facts.submissions),
        endpoints=[endpoint_item(one.endpoint, one.health, one.pending) for one in facts.endpoints],
    )
    return shown.model_dump(mode="json", exclude_none=True)


def dead_letter_counts(queues: Iterable[QueueFacts]) -> list[DeadLetterStatus]:
    """Return how many messages each dead-letter queue holds."""
    return [DeadLetterStatus(queue=one.queue, messages=one.total) for one in queues]


def circuit_list(circuits: Iterable[CircuitFacts]) -> list[CircuitStatus]:
    """Return circuits as models."""
    return [CircuitStatus.model_validate(one) for one in circuits]


def _duty(duty: DutyFacts, now: datetime) -> DutyStatus:
    return DutyStatus(
        duty=duty.duty,
        due=duty.due,
        more=duty.more,
        oldest_due_at=duty.oldest_due_at,
        overdue=is_overdue(duty, now),
        failed=duty.failed,
    )


def _schedule(schedule: ScheduleFacts, now: datetime) -> ScheduleStatus:
    return ScheduleStatus(
        function=schedule.function,
        last_run_at=schedule.last.at if schedule.last else None,
        every_seconds=schedule.every // timedelta(seconds=1),
        late=is_late(schedule, now),
    )


def stuck_page(page: Page[StuckItem]) -> dict[str, Any]:
    """Return a page of what is overdue as JSON values."""
    items = [_stuck_item(one) for one in page.items]
    return StuckPage(items=items, cursor=page.cursor).model_dump(mode="json", exclude_none=True)


def _stuck_item(item: StuckItem) -> StuckItemDetails:
    return StuckItemDetails(
        type=item.row.type,
        id=item.row.id,
        duty=item.row.duty,
        due_at=item.row.due_at,
        overdue_seconds=item.overdue // timedelta(seconds=1),
        attempts=item.row.attempts,
        why=item.explanation.why,
        next=item.explanation.next,
        action=item.explanation.action,
    )
