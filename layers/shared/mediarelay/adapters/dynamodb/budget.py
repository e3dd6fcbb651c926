"""The call budget in the table: one counter per provider and minute that all functions share."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mediarelay.adapters.dynamodb.codec import epoch
from mediarelay.adapters.dynamodb.keys import budget_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.domain.budget import Allowance

# The counter of a past minute is never read. DynamoDB may delete it late, which is harmless.
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
        key = budget_key(provider, now.strftime("%Y-%m-%dT%H:%M"))
        return self.table.update(key, f"ADD {counters} SET expires_at = :end", values, condition)
