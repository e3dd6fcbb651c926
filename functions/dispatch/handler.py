"""The ledger's stream: request queries, submits and deliveries at once, and publish events.

The schedule does the same later, so a change that fails here is late, never lost.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mediarelay.aws_lambda.batches import DynamoDBRecord, stream_handler
from mediarelay.domain import change as changes
from mediarelay.errors import Undelivered
from mediarelay.observability import add_log_keys
from mediarelay.wiring.publishers import song_publisher, task_publisher
from mediarelay.wiring.queues import delivery_queue, submit_queue
from mediarelay.wiring.stream import changes_of
from mediarelay.wiring.tasks import confirm_requester

REQUESTER, SUBMITS, TASKS, SONGS = confirm_requester(), submit_queue(), task_publisher(), song_publisher()
DELIVERIES = delivery_queue()
log = logging.getLogger(__name__)


@contextmanager
def left_to_sweep() -> Iterator[None]:
    """Leave a delivery to the sweep if its queue does not answer: a retry would hold up the outcomes of its shard."""
    try:
        yield
    except Undelivered:
        log.warning("delivery left to the sweep", exc_info=True)


def fan_out(change: changes.EventStored) -> None:
    """Request the deliveries of an event, in a deployment that delivers over HTTP."""
    if DELIVERIES:
        with left_to_sweep():
            DELIVERIES.send_event(str(change.position))


def attempt(change: changes.DeliveryStored) -> None:
    """Request the first attempt of a delivery."""
    if DELIVERIES:
        with left_to_sweep():
            DELIVERIES.send_delivery(change.endpoint, change.event_id)


# Only changes that need an action at once are listed. The filter of the event source drops most others before they
# cost an invocation.
ACTIONS: dict[type[changes.Change], Callable[[Any], object]] = {
    changes.CallbackStored: lambda change: REQUESTER.request(change.vid, change.kind, known=change.is_trusted),
    changes.ReplayRequested: lambda change: REQUESTER.request(change.vid, change.kind, known=True),
    changes.IntentQueued: lambda change: SUBMITS.send(change.identity),
    changes.IntentRefused: lambda change: TASKS.refuse(change.identity),
    changes.TaskUnpublished: lambda change: TASKS.publish(change.vid),
    changes.RelayStored: lambda change: SONGS.publish_due(change.song),
    changes.EventStored: fan_out,
    changes.DeliveryStored: attempt,
}


def follow(record: DynamoDBRecord) -> None:
    """Carry out the actions of one stream record; most records need none."""
    for change in changes_of(record.raw_event):
        add_log_keys(**change.log_keys)
        ACTIONS[type(change)](change)


handler = stream_handler(follow)
