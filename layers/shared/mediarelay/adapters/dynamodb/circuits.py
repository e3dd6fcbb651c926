"""Circuits in the table. All functions share them, so one function's failures protect the others."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Row, decoder, epoch
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import THERE, circuit_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable
from mediarelay.domain.circuit_breaker import Cause, Circuit
from mediarelay.errors import LedgerUnavailable, RowUnreadable


@dataclass(frozen=True)
class CircuitStore:
    """Reads and writes the circuits, by their names (`circuit_name`)."""

    table: Table

    def find(self, circuit: str) -> Circuit:
        """Read a circuit. An unreadable one counts as closed and is deleted."""
        found = self.table.get(circuit_key(circuit))
        try:
            return decode_circuit(found) if found else Circuit()
        except RowUnreadable as error:
            note_unreadable(error)
            # A few failures bring the circuit back. Poll functions lack the permission to delete; others do it.
            with suppress(LedgerUnavailable):
                self.reset(circuit)
            return Circuit()

    def record_failure(self, circuit: str, cause: Cause = Cause.REFUSED, seen: int | None = None) -> int:
        """Count a failure and return how many there are in a row.

        If there are no longer as many as were `seen` (None: do not compare), count nothing and return 0.
        """
        condition, values = _still(seen)
        found = self.table.update_and_return(
            circuit_key(circuit),
            "ADD failures :one SET #item = :item, cause = :cause",
            {":one": 1, ":item": ItemType.CIRCUIT, ":cause": cause.value} | values,
            returns="UPDATED_NEW",
            condition=condition,
            names={"#item": "item"},
        )
        return Row(found).number("failures") if found else 0

    def open_until(self, circuit: str, seen: datetime | None, until: datetime) -> bool:
        """Open a circuit; return False if its end is no longer the one that was `seen` (None: do not compare)."""
        condition, values = THERE, {":until": epoch(until)}
        if seen is not None:
            # After a break, the worker that moves the end makes the trial call. The condition admits one worker.
            condition, values = "open_until = :seen", values | {":seen": epoch(seen)}
        return self.table.update(circuit_key(circuit), "SET open_until = :until", values, condition)

    def reset(self, circuit: str) -> None:
        """Delete a circuit, so that it is closed and has no failures."""
        self.table.delete(circuit_key(circuit))


def _still(seen: int | None) -> tuple[str | None, dict[str, object]]:
    """Return the condition that a circuit has as many failures as were seen, and its values."""
    if seen is None:
        return None, {}
    # A circuit without failures has no item.
    return ("failures = :seen", {":seen": seen}) if seen else ("attribute_not_exists(failures)", {})


@decoder
def decode_circuit(row: Row) -> Circuit:
    """Decode a circuit. One of an earlier version states no cause: the provider refused us."""
    cause = Cause(row.optional_text("cause") or Cause.REFUSED)
    return Circuit(row.number("failures"), row.optional_seconds("open_until"), cause)
