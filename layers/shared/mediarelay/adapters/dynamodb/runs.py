"""The last successful run of each scheduled function. One item per function; each run overwrites it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Row, decoder
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import run_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.operations.facts import LastRun


@dataclass(frozen=True)
class RunStore:
    """Reads and writes the last runs."""

    table: Table

    def record(self, function: str, at: datetime, failed: Mapping[str, int]) -> None:
        """Store when a run ended, and how many rows of each duty failed in it."""
        # Without a condition, so that a damaged item does not stay. Polls may update items, and not put them.
        self.table.update(
            run_key(function),
            "SET #at = :at, #item = :item, failed = :failed",
            {":at": at, ":item": ItemType.RUN, ":failed": dict(failed)},
            None,
            {"#at": "at", "#item": "item"},
        )

    def find(self, function: str) -> LastRun | None:
        """Return the last run; None before the first one, or if it is unreadable. The next run overwrites it."""
        found = self.table.get(run_key(function))
        return next(readable(decode_run, [found] if found else []), None)


@decoder
def decode_run(row: Row) -> LastRun:
    """Decode the last run."""
    failed = row.nested("failed")
    return LastRun(at=row.time("at"), failed=tuple((name, failed.count(name)) for name in sorted(failed.item)))
