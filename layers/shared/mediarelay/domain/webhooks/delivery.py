"""Deliveries: one event for one endpoint, attempted until it arrives or the schedule ends.

pending ──2xx──▶ delivered
   │  ▲
   │  └── replay ──┐
   └── schedule over, or endpoint disabled ──▶ failed
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.events import LoggedEvent, Position

# The waits after the first, second, ... attempt, as Standard Webhooks recommends them: about three days in all.
RETRY_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MAX_ATTEMPTS = len(RETRY_WAITS) + 1
# Up to so much of a wait is added at random, so that events that failed together do not return together.
JITTER = 0.1
# A receiver may ask for a longer wait than the schedule has, up to this one.
MAX_RETRY_AFTER = timedelta(hours=1)
# An attempt ends well within this time, so that a delivery that is claimed for longer lost its worker.
CLAIM_TIME = timedelta(minutes=1)
OK, MULTIPLE_CHOICES, GONE = 200, 300, 410


class DeliveryState(StrEnum):
    """The states of a delivery."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The delivery of one event to one endpoint.

    Attributes:
        endpoint: The name of the endpoint.
        event: The place of the event in the log.
        type: The event's type.
        subject: The event's subject.
        created_at: When the delivery was stored (UTC).
        state: Its state.
        attempts: How often it was attempted, in the present schedule.
        next_attempt_at: When it may be attempted next (UTC); None unless it is pending.
        last_status: The HTTP status of the last answer.
        last_error: Why the last attempt failed.
        delivered_at: When it arrived (UTC).
    """

    endpoint: str
    event: Position
    type: str
    subject: str
    created_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an attempt: the status of the answer, or the error if there was none.

    Attributes:
        status: The HTTP status.
        error: Why there is no usable answer, without any part of it.
        retry_after: The wait that the receiver asked for.
    """

    status: int | None = None
    error: str = ""
    retry_after: timedelta | None = None

    @property
    def is_success(self) -> bool:
        """Whether the event arrived."""
        return self.status is not None and OK <= self.status < MULTIPLE_CHOICES

    @property
    def reason(self) -> str:
        """Why the attempt failed."""
        return self.error or f"status {self.status}"


def new_delivery(endpoint: str, event: LoggedEvent, now: datetime) -> Delivery:
    """Return a delivery that is due at once."""
    subject = str(json.loads(event.message)["subject"])
    return Delivery(
        endpoint=endpoint,
        event=event.position,
        type=event.type,
        subject=subject,
        created_at=now,
        next_attempt_at=now,
    )


def next_attempt(attempts: int, now: datetime, jitter: float, retry_after: timedelta | None) -> datetime | None:
    """Return when to attempt a delivery again after so many attempts; None if the schedule is over.

    `jitter` is a random number in [0, 1).
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    wait = RETRY_WAITS[max(attempts, 1) - 1] * (1 + JITTER * jitter)
    return now + max(wait, min(retry_after or timedelta(), MAX_RETRY_AFTER))
