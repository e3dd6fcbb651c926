"""Circuits in the table. All functions share them, so one function's refusals protect the others."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Row, decoder, epoch
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import THERE, circuit_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import note_unreadable
from mediarelay.domain.circuit_breaker import Circuit
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
            # A few refusals bring the circuit back. Poll functions lack the permission to delete; others do it.
            with suppress(LedgerUnavailable):
                self.reset(circuit)
            return Circuit()

    def record_failure(self, circuit: str) -> int:
        """Count a refusal and return how many there are in a row."""
        found = self.table.update_and_return(
            circuit_key(circuit),
            "ADD failures :one SET #item = :item",
            {":one": 1, ":item": ItemType.CIRCUIT},
            returns="UPDATED_NEW",
            names={"#item": "item"},
        )
        return Row(found).number("failures")

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


@decoder
def decode_circuit(row: Row) -> Circuit:
    """Decode a circuit."""
    return Circuit(row.number("failures"), row.optional_seconds("open_until"))
