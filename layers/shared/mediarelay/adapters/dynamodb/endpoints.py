"""What the attempts of endpoints have shown, in the table. All functions share it."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder
from mediarelay.adapters.dynamodb.event_keys import endpoint_key
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable
from mediarelay.domain.webhooks.endpoint import EndpointHealth
from mediarelay.errors import RowUnreadable

_NAMES = {"#item": "item"}


@dataclass(frozen=True)
class EndpointStore:
    """Reads and writes the health of endpoints, by their names."""

    table: Table

    def find(self, name: str) -> EndpointHealth:
        """Read the health of an endpoint. One without attempts, or an unreadable one, is healthy."""
        found = self.table.get(endpoint_key(name))
        return _health(found) if found else EndpointHealth()

    def record_success(self, name: str, status: int | None, now: datetime) -> None:
        """Record a successful attempt, which ends every pause."""
        change = (
            "SET #item = :item, last_success_at = :now, last_status = :status "
            "REMOVE failures, failing_since, paused_until"
        )
        self._update(name, change, {":now": now, ":status": status})

    def record_failure(self, name: str, status: int | None, now: datetime) -> EndpointHealth:
        """Record a failed attempt; return the health with it."""
        change = (
            "ADD failures :one "
            "SET #item = :item, failing_since = if_not_exists(failing_since, :now), last_status = :status"
        )
        return _health(self._update(name, change, {":one": 1, ":now": now, ":status": status or 0}))

    def pause(self, name: str, until: datetime) -> None:
        """Make no attempt until a time."""
        self._update(name, "SET #item = :item, paused_until = :until", {":until": until})

    def begin_trial(self, name: str, seen: datetime, until: datetime) -> bool:
        """Begin the one attempt after a pause; return False if another worker makes it."""
        values = {":seen": seen, ":until": until}
        return self.table.update(endpoint_key(name), "SET paused_until = :until", values, "paused_until = :seen")

    def disable(self, name: str, reason: str, now: datetime) -> bool:
        """Disable an endpoint; return False if it is disabled already."""
        change = "SET #item = :item, disabled_at = :now, disabled_reason = :reason"
        values = {":now": now, ":reason": reason, ":item": ItemType.ENDPOINT}
        return self.table.update(endpoint_key(name), change, values, "attribute_not_exists(disabled_at)", _NAMES)

    def enable(self, name: str) -> None:
        """Enable an endpoint, and forget its failures."""
        removed = "disabled_at, disabled_reason, failures, failing_since, paused_until"
        self._update(name, f"SET #item = :item REMOVE {removed}", {})

    def _update(self, name: str, change: str, values: dict[str, object]) -> Item:
        values |= {":item": ItemType.ENDPOINT}
        return self.table.update_and_return(endpoint_key(name), change, values, returns="ALL_NEW", names=_NAMES)


def _health(item: Item) -> EndpointHealth:
    try:
        return decode_health(item)
    except RowUnreadable as error:
        note_unreadable(error)
        return EndpointHealth()


@decoder
def decode_health(row: Row) -> EndpointHealth:
    """Decode the health of an endpoint."""
    return EndpointHealth(
        failures=row.count("failures") if "failures" in row else 0,
        failing_since=row.optional_time("failing_since"),
        paused_until=row.optional_time("paused_until"),
        last_success_at=row.optional_time("last_success_at"),
        last_status=(row.count("last_status") or None) if "last_status" in row else None,
        disabled_at=row.optional_time("disabled_at"),
        disabled_reason=row.optional_text("disabled_reason"),
    )
