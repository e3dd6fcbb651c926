"""Request deliveries as soon as the stream reports what must be delivered. The sweep requests those that fail here."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.change import DeliveryStored, EventStored
from mediarelay.errors import Undelivered

log = logging.getLogger(__name__)


class RequestQueue(Protocol):
    """The delivery queue. Both methods return the errors of what was not sent."""

    def send_events(self, changes: Collection[EventStored]) -> Mapping[EventStored, Undelivered]:
        """Send messages that each store the deliveries of one event."""

    def send_deliveries(self, changes: Collection[DeliveryStored]) -> Mapping[DeliveryStored, Undelivered]:
        """Send messages that each attempt one delivery."""


@dataclass(frozen=True, slots=True)
class DeliveryRequester:
    """Requests deliveries. `queue` is None in a deployment that delivers no events over HTTP.

    What the queue does not take is left to the sweep. To report it would make Lambda repeat the records behind it, and
    so hold up the outcomes of the shard. Each method therefore returns no failures.
    """

    queue: RequestQueue | None

    def fan_out(self, changes: Collection[EventStored]) -> dict[EventStored, Exception]:
        """Request the deliveries of events."""
        if self.queue:
            _leave_to_sweep(self.queue.send_events(changes))
        return {}

    def attempt(self, changes: Collection[DeliveryStored]) -> dict[DeliveryStored, Exception]:
        """Request the first attempts of deliveries."""
        if self.queue:
            _leave_to_sweep(self.queue.send_deliveries(changes))
        return {}


def _leave_to_sweep(failures: Mapping[EventStored, Undelivered] | Mapping[DeliveryStored, Undelivered]) -> None:
    for change, error in failures.items():
        log.warning("delivery left to the sweep", exc_info=error, extra=change.log_keys)
