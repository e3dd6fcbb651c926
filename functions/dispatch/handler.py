"""The ledger's stream: callbacks and replays go to a confirm queue, queued intents to theirs, events to the topic."""

from collections.abc import Callable
from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.change import (
    CallbackStored,
    Change,
    IntentQueued,
    IntentRefused,
    RelayStored,
    ReplayRequested,
    TaskUnpublished,
)
from mediarelay.root import asker, changes, publisher, song_publisher, submit_queue

ASKER, SUBMITS, PUBLISHER, SONGS = asker(), submit_queue(), publisher(), song_publisher()
ACTIONS: dict[type[Change], Callable[[Any], object]] = {
    CallbackStored: lambda change: ASKER.ask(change.vid, change.kind, vouched=change.is_trusted),
    ReplayRequested: lambda change: ASKER.ask(change.vid, change.kind, vouched=True),
    IntentQueued: lambda change: SUBMITS.send(change.identity),
    IntentRefused: lambda change: PUBLISHER.refuse(change.identity),
    TaskUnpublished: lambda change: PUBLISHER.publish(change.vid),
    RelayStored: lambda change: SONGS.follow(change.song),
}


def follow(record: Record) -> None:
    """Carry out what one change of the ledger needs; a record that cannot be read needs nothing."""
    for change in changes(record):
        ACTIONS[type(change)](change)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
