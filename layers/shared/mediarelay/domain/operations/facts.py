"""The facts about a deployment that `problems` and the status are made of. Times are in UTC."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.domain.due import Duty
from mediarelay.domain.webhooks.endpoint import Endpoint, EndpointHealth

# Counts stop here: a count of a million rows would cost a read of all of them.
MAX_COUNT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyFacts:
    """The rows that are due for one duty.

    Attributes:
        due: How many, at most `MAX_COUNT`.
        more: Whether there are more.
        oldest_due_at: From when the oldest one is due; None if there is none.
        failed: How many rows failed in the last run of the schedule that carries out the duty.
    """

    duty: Duty
    due: int = 0
    more: bool = False
    oldest_due_at: datetime | None = None
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitFacts:
    """The circuit of one action of a provider; `open_until` is None while it is closed."""

    circuit: str
    provider: str
    action: str
    failures: int = 0
    open_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetFacts:
    """The calls to a provider in one minute (`2026-11-21T08:00`).

    Attributes:
        calls: Calls of all classes.
        unknown_calls: Queries about tasks that only callbacks name.
        limit: `CallsPerMinute`.
        background_limit: How many of them queries and queued submits may use.
    """

    provider: str
    minute: str
    calls: int = 0
    unknown_calls: int = 0
    limit: int
    background_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """SQS's estimates of the messages of a queue: visible, received but not deleted, and delayed."""

    queue: str
    messages: int = 0
    in_flight: int = 0
    delayed: int = 0

    @property
    def total(self) -> int:
        """All messages of the queue. One that was just looked at is hidden, and is still there."""
        return self.messages + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last successful run of a schedule: when it ended, and how many rows of each duty failed in it."""

    at: datetime
    failed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFacts:
    """A scheduled function. `last` is None before its first run."""

    function: str
    every: timedelta
    last: LastRun | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFacts:
    """A secret, without any part of its value.

    Attributes:
        usable: How many entries can be used.
        unusable: The place and the reason of each other entry (`clients.2: ...`).
        readable: Whether Secrets Manager returned a JSON object.
    """

    secret: str
    usable: int = 0
    unusable: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineFacts:
    """The bodies that were quarantined on one day (`2026-11-21`)."""

    day: str
    bodies: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionFacts:
    """The accepted submits that have no vid yet, at most `MAX_COUNT`, and when the oldest one of them arrived."""

    open: int = 0
    more: bool = False
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """An endpoint of HTTP delivery, what its attempts have shown, and how many deliveries are pending."""

    endpoint: Endpoint
    health: EndpointHealth
    pending: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the status states about a deployment at one time.

    Attributes:
        unavailable: The queues whose attributes could not be read.
    """

    time: datetime
    duties: tuple[DutyFacts, ...] = ()
    circuits: tuple[CircuitFacts, ...] = ()
    budget: tuple[BudgetFacts, ...] = ()
    queues: tuple[QueueFacts, ...] = ()
    dead_letters: tuple[QueueFacts, ...] = ()
    schedules: tuple[ScheduleFacts, ...] = ()
    secrets: tuple[SecretFacts, ...] = ()
    quarantine: QuarantineFacts
    submissions: SubmissionFacts = SubmissionFacts()
    endpoints: tuple[EndpointFacts, ...] = ()
    unavailable: tuple[str, ...] = ()
