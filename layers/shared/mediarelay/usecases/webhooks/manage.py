"""Operate endpoints: see their state, enable, disable and test them, list their deliveries, and replay events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Protocol

from mediarelay.contracts.notification import client_test
from mediarelay.domain.events import LoggedEvent, Position, days_between, matches
from mediarelay.domain.page import Page
from mediarelay.domain.webhooks.delivery import Delivery, DeliveryState, new_delivery
from mediarelay.domain.webhooks.endpoint import Endpoint, EndpointHealth
from mediarelay.errors import Conflict, NotFound
from mediarelay.usecases.webhooks.configured import ConfiguredEndpoints

# Deliveries that are counted. An operator who sees so many needs no exact number.
MAX_COUNTED = 1000
# Events of one replay. Each costs some writes, and API Gateway waits 30 seconds.
MAX_REPLAYED = 500
# The clocks of two functions differ by less.
CLOCK_DIFFERENCE = timedelta(minutes=1)


class LoggedEvents(Protocol):
    """Reads the event log, and writes test events."""

    def append(self, event: LoggedEvent, *, deliver: bool = True) -> None:
        """Store an event."""

    def events(self, day: date, after: Position, until: datetime) -> Iterator[LoggedEvent]:
        """Yield the events of one day behind a position and before a time, oldest first."""


class DeliveryHistory(Protocol):
    """Lists deliveries and begins them again."""

    def create(self, delivery: Delivery) -> bool:
        """Store a delivery; return False if the endpoint has one of this event already."""

    def find(self, endpoint: str, event_id: str) -> Delivery | None:
        """Read a delivery."""

    def requeue(self, seen: Delivery, now: datetime) -> bool:
        """Begin the schedule of a delivery again; return False if it is pending."""

    def page(self, endpoint: str, state: DeliveryState | None, before: Position | None, limit: int) -> list[Delivery]:
        """Return deliveries of an endpoint, newest first."""

    def failed(self, endpoint: str, since: datetime, until: datetime, limit: int) -> Iterator[Delivery]:
        """Yield the failed deliveries of an endpoint, oldest first."""

    def pending(self, endpoint: str, limit: int) -> int:
        """Return how many deliveries are pending, at most `limit`."""


class EndpointSwitches(Protocol):
    """Enables and disables endpoints."""

    def find(self, name: str) -> EndpointHealth:
        """Read the health of an endpoint."""

    def disable(self, name: str, reason: str, now: datetime) -> bool:
        """Disable an endpoint."""

    def enable(self, name: str) -> None:
        """Enable an endpoint."""


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """An endpoint, what its attempts have shown, and how many deliveries are pending (at most `MAX_COUNTED`)."""

    endpoint: Endpoint
    health: EndpointHealth
    pending: int


@dataclass(frozen=True, slots=True)
class ReplayedEvents:
    """How many events a replay queued, and where the next one continues (None: all are queued)."""

    queued: int
    next_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookManager:
    """Operates endpoints. Methods with a name raise `NotFound` for an endpoint that is not configured.

    Attributes:
        days: How long the log keeps events, in days.
    """

    endpoints: ConfiguredEndpoints
    health: EndpointSwitches
    deliveries: DeliveryHistory
    events: LoggedEvents
    clock: Callable[[], datetime]
    days: int

    def all(self) -> list[EndpointStatus]:
        """Return the status of every configured endpoint."""
        return [self._status(endpoint) for endpoint in self.endpoints.all()]

    def enable(self, name: str) -> EndpointStatus:
        """Enable an endpoint. Its failed deliveries stay failed until they are replayed."""
        endpoint = self._endpoint(name)
        self.health.enable(name)
        return self._status(endpoint)

    def disable(self, name: str, client: str) -> EndpointStatus:
        """Disable an endpoint for a client."""
        endpoint = self._endpoint(name)
        self.health.disable(name, f"disabled by {client}", self.clock())
        return self._status(endpoint)

    def test(self, name: str, message: str, client: str, api_url: str) -> str:
        """Send a test event to one endpoint, whatever types it receives; return the event's id.

        Raises `Conflict` if the endpoint is disabled.
        """
        endpoint = self._enabled(name)
        notification = client_test(message, client, self.clock(), api_url)
        event = LoggedEvent(Position(self.clock(), notification.id), notification.type, notification.message)
        self.events.append(event, deliver=False)
        self.deliveries.create(new_delivery(endpoint.name, event, self.clock()))
        return notification.id

    def page(self, name: str, state: DeliveryState | None, before: Position | None, limit: int) -> Page[Delivery]:
        """Return a page of an endpoint's deliveries, newest first."""
        found = self.deliveries.page(self._endpoint(name).name, state, before, limit + 1)
        shown, last = tuple(found[:limit]), found[limit - 1 : limit]
        more = len(found) > limit
        return Page(shown, str(Position(last[0].created_at, last[0].event.id)) if more else None)

    def replay(self, name: str, since: datetime, until: datetime, *, failed_only: bool) -> ReplayedEvents:
        """Deliver events of a period again: those whose delivery failed, or all that the endpoint receives.

        Raises `Conflict` if the endpoint is disabled: all of these deliveries would fail again.
        """
        endpoint, now = self._enabled(name), self.clock()
        # Each day costs queries, and the log is empty outside of this period.
        since, until = max(since, now - timedelta(days=self.days)), min(until, now + CLOCK_DIFFERENCE)
        if since > until:
            return ReplayedEvents(0, None)
        times = self._failed(endpoint, since, until) if failed_only else self._all(endpoint, since, until)
        done = list(islice(times, MAX_REPLAYED))
        return ReplayedEvents(sum(queued for _, queued in done), done[-1][0] if len(done) == MAX_REPLAYED else None)

    def _failed(self, endpoint: Endpoint, since: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
        for delivery in self.deliveries.failed(endpoint.name, since, until, MAX_REPLAYED):
            yield delivery.created_at, self.deliveries.requeue(delivery, self.clock())

    def _all(self, endpoint: Endpoint, since: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
        for day in days_between(since, until):
            for event in self.events.events(day, Position(since), until):
                if matches(event.type, endpoint.types):
                    yield event.position.at, self._queue(endpoint.name, event)

    def _queue(self, name: str, event: LoggedEvent) -> bool:
        """Queue an event; return False if its delivery is pending already."""
        if self.deliveries.create(new_delivery(name, event, self.clock())):
            return True
        stored = self.deliveries.find(name, event.position.id)
        return stored is not None and self.deliveries.requeue(stored, self.clock())

    def _enabled(self, name: str) -> Endpoint:
        endpoint = self._endpoint(name)
        if self.health.find(name).is_disabled:
            raise Conflict(f"the endpoint {name} is disabled; enable it first")
        return endpoint

    def _endpoint(self, name: str) -> Endpoint:
        found = self.endpoints.find(name)
        if found is None:
            raise NotFound(f"no endpoint {name[:64]}")
        return found

    def _status(self, endpoint: Endpoint) -> EndpointStatus:
        pending = self.deliveries.pending(endpoint.name, MAX_COUNTED)
        return EndpointStatus(endpoint, self.health.find(endpoint.name), pending)
