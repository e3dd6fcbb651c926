"""Request deliveries as soon as the stream reports what must be delivered. The sweep requests those that fail here."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.change import DeliveryStored, EventStored
from mediarelay.errors import Undelivered

log = logging.getLogger(__name__)


class RequestQueue(Protocol):
    """The delivery queue."""

    def send_event(self, position: str) -> None:
        """Send a message to store the deliveries of one event; raises `Undelivered`."""

    def send_delivery(self, endpoint: str, event_id: str) -> None:
        """Send a message to attempt one delivery; raises `Undelivered`."""


@dataclass(frozen=True, slots=True)
class DeliveryRequester:
    """Requests deliveries. `queue` is None in a deployment that delivers no events over HTTP."""

    queue: RequestQueue | None

    def fan_out(self, change: EventStored) -> None:
        """Request the deliveries of an event."""
        if self.queue:
            with _left_to_sweep():
                self.queue.send_event(str(change.position))

    def attempt(self, change: DeliveryStored) -> None:
        """Request the first attempt of a delivery."""
        if self.queue:
            with _left_to_sweep():
                self.queue.send_delivery(change.endpoint, change.event_id)


@contextmanager
def _left_to_sweep() -> Iterator[None]:
    """Leave a delivery to the sweep if its queue does not answer: a retry would hold up the outcomes of its shard."""
    try:
        yield
    except Undelivered:
        log.warning("delivery left to the sweep", exc_info=True)
