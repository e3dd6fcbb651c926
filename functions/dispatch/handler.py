"""The ledger's stream: request the queries, submits and deliveries of a batch, and then publish its events.

The schedule does the same later, so a change that fails here is late, never lost.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from mediarelay.aws_lambda.batches import DynamoDBRecord, stream_handler
from mediarelay.domain import change as changes
from mediarelay.observability import SUBJECT_KEYS, add_log_keys
from mediarelay.usecases.event_publisher import Prepared
from mediarelay.usecases.failures import noting_all
from mediarelay.wiring.events import event_publisher
from mediarelay.wiring.publishers import song_publisher, task_publisher
from mediarelay.wiring.queues import delivery_requester, submit_queue
from mediarelay.wiring.stream import changes_of
from mediarelay.wiring.tasks import confirm_requester

REQUESTER, SUBMITS, TASKS, SONGS = confirm_requester(), submit_queue(), task_publisher(), song_publisher()
DELIVERIES, EVENTS = delivery_requester(), event_publisher()


# What asks a queue to do the work of some changes, and returns the errors of those for which it failed. In this order:
# one call sends ten messages, and a topic that does not answer may take all the time there is.
REQUESTS: dict[Any, Callable[[Any], Mapping[Any, Exception]]] = {
    changes.Prompt: REQUESTER.request_all,
    changes.IntentQueued: SUBMITS.send_queued,
    changes.EventStored | changes.DeliveryStored: DELIVERIES.request_all,
}
# What must be published after the other changes.
PREPARE: dict[type[changes.Change], Callable[[Any], Prepared | None]] = {
    changes.IntentRefused: lambda change: TASKS.prepare_refusal(change.identity),
    changes.TaskUnpublished: lambda change: TASKS.prepare(change.vid),
    changes.RelayStored: lambda change: SONGS.prepare(change.song),
}


def read(record: DynamoDBRecord) -> changes.Change | None:
    """Return the change that a stream record reports; the filter of the event source drops most others."""
    return next(changes_of(record.raw_event), None)


def prepare(change: changes.Change) -> Prepared | None:
    """Prepare what must be published after a change, with log lines that name its subject."""
    add_log_keys(**{**dict.fromkeys(SUBJECT_KEYS), **change.log_keys})
    return PREPARE[type(change)](change)


def act(batch: Collection[changes.Change]) -> dict[changes.Change, Exception]:
    """Send the messages of a batch, then publish its events; return what failed."""
    failures: dict[changes.Change, Exception] = {}
    for kinds, request in REQUESTS.items():
        if some := [change for change in batch if isinstance(change, kinds)]:
            with noting_all(failures, some):
                failures |= request(some)
    published = {change: partial(prepare, change) for change in batch if type(change) in PREPARE}
    return failures | EVENTS.publish_all(published)


handler = stream_handler(read, act)
