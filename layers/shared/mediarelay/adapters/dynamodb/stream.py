"""Decodes the records of the table's stream into changes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, type_of
from mediarelay.adapters.dynamodb.event_keys import delivery_of, position_of
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import HIDDEN_UNTIL, after_prefix, vid_of
from mediarelay.adapters.dynamodb.song_keys import song_of_key
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.change import (
    CallbackStored,
    Change,
    DeliveryStored,
    EventStored,
    IntentQueued,
    IntentRefused,
    RelayStored,
    ReplayRequested,
    TaskUnpublished,
)
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.origin import Origin


def changes_of(record: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the change that a stream record reports, or nothing if its row cannot be read or was only hidden."""
    image = record["dynamodb"]["NewImage"]
    # The sweep hides a row before it publishes, and the row passes the filter again. Each attempt of the sweep would
    # cause one of the stream.
    rows = [] if _is_hidden(image) else [image]
    # Raising would make Lambda deliver the record again, which would block all later records of its shard.
    return readable(decode_change, rows)


def _is_hidden(image: Item) -> bool:
    return HIDDEN_UNTIL in image and image[HIDDEN_UNTIL] == image.get("due_at")


@decoder
def decode_change(row: Row) -> Change:
    """Decode the new image of a record that passed the filter of `Dispatch` in the template."""
    return _DECODERS[type_of(row.item)](row)


def _intent(row: Row) -> Change:
    identity = after_prefix(row.text("pk"))
    return IntentRefused(identity) if "refused" in row else IntentQueued(identity)


_DECODERS: dict[str, Callable[[Row], Change]] = {
    Origin.CLAIM: lambda row: CallbackStored(vid_of(row), Kind(row.text("kind")), is_trusted=False),
    Origin.TRUSTED: lambda row: CallbackStored(vid_of(row), Kind(row.text("kind")), is_trusted=True),
    ItemType.REPLAY: lambda row: ReplayRequested(vid_of(row), Kind(row.text("kind"))),
    ItemType.TASK: lambda row: TaskUnpublished(vid_of(row)),
    ItemType.INTENT: _intent,
    ItemType.RELAY: lambda row: RelayStored(song_of_key(row)),
    ItemType.EVENT: lambda row: EventStored(position_of(row)),
    ItemType.DELIVERY: lambda row: DeliveryStored(*delivery_of(row)),
}
