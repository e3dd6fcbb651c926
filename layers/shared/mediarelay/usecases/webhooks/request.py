"""Request deliveries as soon as the stream reports what must be delivered. The sweep requests those that fail here."""

import logging
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Protocol

from mediarelay.domain.change import DeliveryStored, EventStored
from mediarelay.errors import Undelivered

log = logging.getLogger(__name__)


class RequestQueue(Protocol):
    """The delivery queue."""

    def send_all(
        self, events: Collection[EventStored], deliveries: Collection[DeliveryStored]
    ) -> Mapping[EventStored | DeliveryStored, Undelivered]:
        """Send messages that each store the deliveries of an event, or attempt a delivery; return what was not sent."""


@dataclass(frozen=True, slots=True)
class DeliveryRequester:
    """Requests deliveries. `queue` is None in a deployment that delivers no events over HTTP."""

    queue: RequestQueue | None

    def request_all(self, changes: Collection[EventStored | DeliveryStored]) -> dict[Hashable, Exception]:
        """Request what events and deliveries wait for. Report nothing that the queue does not take.

        Lambda would repeat the records behind it, and so hold up the outcomes of the shard. The sweep sends it.
        """
        events = [change for change in changes if isinstance(change, EventStored)]
        deliveries = [change for change in changes if isinstance(change, DeliveryStored)]
        failures = self.queue.send_all(events, deliveries) if self.queue else {}
        for change, error in failures.items():
            log.warning("delivery left to the sweep", exc_info=error, extra=change.log_keys)
        return {}
