"""Deliver events to endpoints: one delivery for each event and endpoint, and its attempts.

step      begins with                what happens if it fails
fan out   an event in the log        the event stays due, and the sweep repeats the step
attempt   a delivery that is due     its claim ends after a minute, and the sweep repeats the step

A delivery is claimed before it is sent and marked afterwards, so it is sent again only if its worker is lost in
between, or the endpoint refuses it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from mediarelay.domain.circuit_breaker import FIRST_BREAK
from mediarelay.domain.events import LoggedEvent, Position, matches
from mediarelay.domain.webhooks.delivery import (
    CLAIM_TIME,
    GONE,
    Answer,
    Delivery,
    DeliveryState,
    new_delivery,
    next_attempt,
)
from mediarelay.domain.webhooks.egress import WebhookUrl, read_webhook_url
from mediarelay.domain.webhooks.endpoint import Endpoint, EndpointHealth
from mediarelay.observability import count
from mediarelay.signing.standard_webhooks import headers
from mediarelay.usecases.webhooks.configured import ConfiguredEndpoints

# What CloudEvents requires of an event that is a whole body ("structured mode").
CONTENT_TYPE = "application/cloudevents+json"
DISABLED, NOT_CONFIGURED = "the endpoint is disabled", "the endpoint is not configured"
UNUSABLE = "the entry of the endpoint in the secret cannot be used"
# How soon a corrected entry gets what waits for it.
UNUSABLE_WAIT = timedelta(minutes=5)
log = logging.getLogger(__name__)


class DeliverableEvents(Protocol):
    """Reads events that wait for their deliveries."""

    def find(self, position: Position) -> LoggedEvent | None:
        """Read an event; return None if it has expired."""

    def complete(self, position: Position) -> None:
        """Take an event out of the due index."""


class PendingDeliveries(Protocol):
    """Stores deliveries and claims them."""

    def create(self, delivery: Delivery) -> bool:
        """Store a delivery; return False if the endpoint has one of this event already."""

    def find(self, endpoint: str, event_id: str) -> Delivery | None:
        """Read a delivery."""

    def claim(self, seen: Delivery, until: datetime) -> bool:
        """Count an attempt, and keep others from making one; return False if another worker was faster."""

    def postpone(self, claimed: Delivery, until: datetime, answer: Answer | None = None) -> bool:
        """Store when the next attempt is due."""

    def fail(self, claimed: Delivery, answer: Answer) -> bool:
        """End a delivery without success."""

    def complete(self, claimed: Delivery, answer: Answer, now: datetime) -> None:
        """Record that an event arrived."""


class EndpointHealthStore(Protocol):
    """Stores what the attempts of endpoints have shown."""

    def find(self, name: str) -> EndpointHealth:
        """Read the health of an endpoint."""

    def record_success(self, name: str, status: int | None, now: datetime) -> None:
        """Record a successful attempt."""

    def record_failure(self, name: str, status: int | None, now: datetime) -> EndpointHealth:
        """Record a failed attempt; return the health with it."""

    def pause(self, name: str, until: datetime) -> None:
        """Make no attempt until a time."""

    def begin_trial(self, name: str, seen: datetime, until: datetime) -> bool:
        """Begin the one attempt after a pause; return False if another worker makes it."""

    def disable(self, name: str, reason: str, now: datetime) -> bool:
        """Disable an endpoint; return False if it is disabled already."""

    def enable(self, name: str) -> None:
        """Enable an endpoint, and forget its failures."""


class WebhookSender(Protocol):
    """Posts events."""

    def post(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post a body and return the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Delivers events.

    Attributes:
        days: How long the log keeps events, in days. No attempt is made afterwards.
        user_agent: The header `User-Agent`.
        jitter: Returns random numbers in [0, 1).
    """

    events: DeliverableEvents
    deliveries: PendingDeliveries
    health: EndpointHealthStore
    endpoints: ConfiguredEndpoints
    sender: WebhookSender
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    days: int
    user_agent: str

    def fan_out(self, position: Position) -> None:
        """Store a delivery of an event for each endpoint that receives its type; raises `SecretUnavailable`."""
        event = self.events.find(position)
        if event is None:
            return
        for name, types in self.endpoints.types().items():
            if matches(event.type, types):
                self.deliveries.create(self._new(name, event))
        self.events.complete(position)

    def _new(self, name: str, event: LoggedEvent) -> Delivery:
        delivery = new_delivery(name, event, self.clock())
        if not self.health.find(name).is_disabled:
            return delivery
        return replace(delivery, state=DeliveryState.FAILED, next_attempt_at=None, last_error=DISABLED)

    def attempt(self, name: str, event_id: str) -> None:
        """Attempt a delivery, unless it has ended or is not due yet; raises `SecretUnavailable`."""
        delivery = self.deliveries.find(name, event_id)
        if delivery is None or delivery.next_attempt_at is None or delivery.next_attempt_at > self.clock():
            return
        endpoint, health = self.endpoints.find(name), self.health.find(name)
        if health.is_disabled:
            self.deliveries.fail(delivery, Answer(error=DISABLED))
        elif endpoint is None:
            self._without_endpoint(delivery)
        elif self._is_paused(name, health):
            self.deliveries.postpone(delivery, self._after_pause(health))
        else:
            self._send(endpoint, delivery)

    def _without_endpoint(self, delivery: Delivery) -> None:
        """End a delivery whose endpoint was removed. While the entry has a mistake, the delivery waits."""
        if delivery.endpoint in self.endpoints.types():
            self.deliveries.postpone(delivery, self.clock() + UNUSABLE_WAIT, Answer(error=UNUSABLE))
        else:
            # An endpoint that gets this name later must not be disabled for these failures.
            self.health.enable(delivery.endpoint)
            self.deliveries.fail(delivery, Answer(error=NOT_CONFIGURED))

    def _is_paused(self, name: str, health: EndpointHealth) -> bool:
        """Return whether a pause prevents an attempt. After a pause, the first worker makes an attempt alone."""
        now, until = self.clock(), health.paused_until
        if until is None:
            return False
        return now < until or not self.health.begin_trial(name, until, now + FIRST_BREAK)

    def _after_pause(self, health: EndpointHealth) -> datetime:
        # Without jitter, all deliveries of the endpoint would come back in one moment.
        end = max(health.paused_until or self.clock(), self.clock())
        return end + FIRST_BREAK * (1 + self.jitter())

    def _send(self, endpoint: Endpoint, delivery: Delivery) -> None:
        now = self.clock()
        if not self.deliveries.claim(delivery, now + CLAIM_TIME):
            return
        claimed = replace(delivery, attempts=delivery.attempts + 1, next_attempt_at=now + CLAIM_TIME)
        event = self.events.find(delivery.event)
        if event is None:
            self.deliveries.fail(claimed, Answer(error="the event has expired"))
            return
        answer = self._post(endpoint, event)
        if answer.is_success:
            self.deliveries.complete(claimed, answer, self.clock())
            self.health.record_success(endpoint.name, answer.status, self.clock())
            count("WebhookDelivered", endpoint=endpoint.name)
        else:
            self._record_failure(claimed, answer)

    def _post(self, endpoint: Endpoint, event: LoggedEvent) -> Answer:
        body, timestamp = event.message.encode(), int(self.clock().timestamp())
        signed = headers(endpoint.secrets, event.position.id, timestamp, body)
        fixed = {"content-type": CONTENT_TYPE, "user-agent": self.user_agent}
        return self.sender.post(read_webhook_url(endpoint.url), {**signed, **fixed}, body)

    def _record_failure(self, claimed: Delivery, answer: Answer) -> None:
        now, name = self.clock(), claimed.endpoint
        count("WebhookAttemptFailed", endpoint=name)
        log.warning("attempt failed", extra={"reason": answer.reason, "attempt": claimed.attempts})
        health = self.health.record_failure(name, answer.status, now)
        upcoming = next_attempt(claimed.attempts, now, self.jitter(), answer.retry_after)
        if self._disable(name, health, answer, now):
            upcoming = None
        elif pause := health.pause(now):
            self.health.pause(name, pause)
        if upcoming and upcoming < claimed.event.at + timedelta(days=self.days):
            self.deliveries.postpone(claimed, upcoming, answer)
        else:
            self.deliveries.fail(claimed, answer)
            count("WebhookFailed", endpoint=name)

    def _disable(self, name: str, health: EndpointHealth, answer: Answer, now: datetime) -> bool:
        """Disable an endpoint that is gone, or has failed for too long; return whether it is disabled."""
        if answer.status != GONE and not health.is_exhausted(now):
            return False
        if self.health.disable(name, answer.reason, now):
            count("WebhookDisabled", endpoint=name)
            log.error("endpoint disabled", extra={"reason": answer.reason, "failures": health.failures})
        return True
