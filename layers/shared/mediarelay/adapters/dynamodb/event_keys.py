"""The keys of events and of their deliveries, as `keys` has those of tasks.

pk                      sk              item
EVENTS#{day}#{n}        {time}#{id}     an event, in one of the partitions of its day
ENDPOINT#{name}         ENDPOINT        the state of an endpoint
DELIVERY#{name}         {id}            the delivery of an event to an endpoint
"""

from datetime import date

from mediarelay.adapters.dynamodb.codec import Row
from mediarelay.adapters.dynamodb.keys import Key, after_prefix
from mediarelay.domain.events import Position, read_position, utc_text

# DynamoDB accepts 1,000 writes per second for one partition. To add partitions is safe; never remove one.
EVENT_PARTITIONS = 4
_SEPARATOR = "#"


def event_partitions(day: date) -> list[str]:
    """Return all partitions of the events of one day."""
    return [f"EVENTS#{day}#{number}" for number in range(EVENT_PARTITIONS)]


def event_key(position: Position) -> Key:
    """Return the key of an event."""
    number = sum(position.id.encode()) % EVENT_PARTITIONS
    return Key(event_partitions(position.at.date())[number], f"{utc_text(position.at)}{_SEPARATOR}{position.id}")


def position_of(row: Row) -> Position:
    """Read the position of an event from its key; raise ValueError if it is not such a key."""
    time, _, identity = row.text("sk").partition(_SEPARATOR)
    position = Position(read_position(time).at, identity)
    if Key.of(row) != event_key(position):
        raise ValueError("pk: not that of the position")
    return position


def endpoint_key(name: str) -> Key:
    """Return the key of the state of an endpoint."""
    return Key(f"ENDPOINT#{name}", "ENDPOINT")


def delivery_key(endpoint: str, event_id: str) -> Key:
    """Return the key of the delivery of an event."""
    # The id alone, without a time: an event that is published twice is delivered once.
    return Key(f"DELIVERY#{endpoint}", event_id)


def delivery_list(endpoint: str, state: str) -> str:
    """Return the partition of the index `listing` with the deliveries of an endpoint in one state."""
    return f"delivery#{endpoint}#{state}"


def delivery_of(row: Row) -> tuple[str, str]:
    """Read the endpoint and the event's id of a delivery from its key."""
    return after_prefix(row.text("pk")), row.text("sk")
