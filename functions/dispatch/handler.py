"""The ledger's stream: request queries, submits and deliveries at once, and publish the events of a batch together.

The schedule does the same later, so a change that fails here is late, never lost.
"""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from mediarelay.aws_lambda.batches import DynamoDBRecord, stream_handler
from mediarelay.domain import change as changes
from mediarelay.observability import SUBJECT_KEYS, add_log_keys
from mediarelay.usecases.event_publisher import Prepared
from mediarelay.wiring.events import event_publisher
from mediarelay.wiring.publishers import song_publisher, task_publisher
from mediarelay.wiring.queues import delivery_requester, submit_queue
from mediarelay.wiring.stream import changes_of
from mediarelay.wiring.tasks import confirm_requester

REQUESTER, SUBMITS, TASKS, SONGS = confirm_requester(), submit_queue(), task_publisher(), song_publisher()
DELIVERIES, EVENTS = delivery_requester(), event_publisher()


# Of all changes, only these and those below need an action at once. The filter of the event source drops most others
# before they cost an invocation.
ACTIONS: dict[type[changes.Change], Callable[[Any], object]] = {
    changes.IntentQueued: lambda change: SUBMITS.send(change.identity),
    changes.EventStored: DELIVERIES.fan_out,
    changes.DeliveryStored: DELIVERIES.attempt,
}
# Changes after which something must be published. A whole batch is published together, and so are the `Prompt`s sent,
# after which a provider is queried.
PREPARE: dict[type[changes.Change], Callable[[Any], Prepared | None]] = {
    changes.IntentRefused: lambda change: TASKS.prepare_refusal(change.identity),
    changes.TaskUnpublished: lambda change: TASKS.prepare(change.vid),
    changes.RelayStored: lambda change: SONGS.prepare(change.song),
}


def follow(record: DynamoDBRecord) -> changes.Change | None:
    """Carry out the action of one stream record; return its change if it has one together with others."""
    for change in changes_of(record.raw_event):
        add_log_keys(**change.log_keys)
        if type(change) not in ACTIONS:
            return change
        ACTIONS[type(change)](change)
    return None


def prepare(change: changes.Change) -> Prepared | None:
    """Prepare what must be published after a change, with log lines that name its subject."""
    add_log_keys(**{**dict.fromkeys(SUBJECT_KEYS), **change.log_keys})
    return PREPARE[type(change)](change)


def finish(batch: Collection[changes.Change]) -> dict[changes.Change, Exception]:
    """Request queries and publish; return what failed."""
    # In this order: one call requests ten queries, and a topic that does not answer may take all the time there is.
    failures = REQUESTER.request_all(change for change in batch if isinstance(change, changes.Prompt))
    published = {change: partial(prepare, change) for change in batch if type(change) in PREPARE}
    return failures | EVENTS.publish_all(published)


handler = stream_handler(follow, finish)
