"""The call budget in the table: one counter per provider and minute that all functions share."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.adapters.dynamodb.codec import Row, decoder, epoch
from mediarelay.adapters.dynamodb.keys import budget_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.budget import Allowance, minute_of

# Only the status reads the counter of a past minute, the previous one. DynamoDB may delete it late, which is harmless.
EXPIRES_AFTER = timedelta(hours=2)


@dataclass(frozen=True)
class BudgetStore:
    """Counts calls to the providers."""

    table: Table

    def spend(self, provider: str, now: datetime, allowance: Allowance) -> bool:
        """Take one call from a provider's budget of this minute; return False if none is left for its class."""
        # One conditional write checks and counts, so the budget is exact however many functions call at once.
        counters, condition = "calls :one", "(attribute_not_exists(calls) OR calls < :limit)"
        values = {":one": 1, ":limit": allowance.limit, ":end": epoch(now + EXPIRES_AFTER)}
        if allowance.unknown_limit is not None:
            counters += ", unknown_calls :one"
            condition += " AND (attribute_not_exists(unknown_calls) OR unknown_calls < :unknown)"
            values |= {":unknown": allowance.unknown_limit}
        key = budget_key(provider, minute_of(now))
        return self.table.update(key, f"ADD {counters} SET expires_at = :end", values, condition)

    def spent(self, provider: str, minute: str) -> tuple[int, int]:
        """Return the calls of a minute (`2026-11-21T08:00`), and how many of them were queries of unknown tasks."""
        found = self.table.get(budget_key(provider, minute))
        return next(readable(decode_spent, [found] if found else []), (0, 0))


@decoder
def decode_spent(row: Row) -> tuple[int, int]:
    """Decode the two counters of a minute."""
    return row.count("calls"), row.count("unknown_calls") if "unknown_calls" in row else 0
