"""The quarantine in the table: bodies that could not be read."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from mediarelay.adapters.dynamodb.codec import Row, decoder, encode
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import Key, after_prefix, expires_at, quarantine_partition
from mediarelay.adapters.dynamodb.parts import BODY, join_parts, part_keys, put_with_parts, remaining_body, split
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.unreadable import readable
from mediarelay.domain.quarantine import QuarantinedBody
from mediarelay.domain.row_handle import RowHandle

# Time for the operator to notice a new form of callback, deploy a reader for it and replay the bodies.
QUARANTINE_DAYS = 30


@dataclass(frozen=True)
class QuarantineStore:
    """Stores bodies that could not be read, by the day (UTC) on which they arrived."""

    table: Table

    def put(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Store a body; return False if the same body already arrived on that day."""
        attributes = {
            "item": ItemType.QUARANTINE,
            BODY: zlib.compress(body),
            "reason": reason,
            "route": route,
            "at": now,
            **expires_at(now + timedelta(days=QUARANTINE_DAYS)),
        }
        key = Key(quarantine_partition(f"{now:%Y-%m-%d}"), sha256(body).hexdigest())
        return put_with_parts(self.table, *split(key.item | encode(attributes)))

    def bodies(self, day: str, after: str) -> Iterator[QuarantinedBody]:
        """Yield the bodies of one day (`2026-11-21`) whose digests sort behind `after`, in the order of digests."""
        # The parts of the body before `after` sort behind it; `join_parts` drops parts without their item.
        values = {":pk": quarantine_partition(day), ":after": after or "-"}
        found = self.table.query("pk = :pk AND sk > :after", values)
        return readable(decode_quarantined, join_parts(found))

    def count(self, day: str, limit: int) -> tuple[int, bool]:
        """Return how many bodies of one day there are, and whether there are more than one page of a query shows."""
        # Parts of large bodies are items, too. They count against `limit`, which bounds what a query reads.
        pages = self.table.query_pages(
            "pk = :pk",
            {":pk": quarantine_partition(day), ":type": ItemType.QUARANTINE},
            FilterExpression="#item = :type",
            ExpressionAttributeNames={"#item": "item"},
            Select="COUNT",
            Limit=limit,
        )
        page = next(pages)
        return page["Count"], "LastEvaluatedKey" in page

    def delete(self, quarantined: QuarantinedBody) -> None:
        """Delete a body, with all its parts, after it was stored as a claim."""
        for handle in quarantined.handles:
            self.table.delete(Key(*handle))


@decoder
def decode_quarantined(row: Row) -> QuarantinedBody:
    """Decode a body with its parts."""
    key, body = Key.of(row), remaining_body([row.item])
    if body is None:
        raise ValueError("body: a part of it is missing")
    return QuarantinedBody(
        day=after_prefix(key.pk),
        digest=key.sk,
        # The item comes last: while it exists, an interrupted delete can be repeated.
        handles=tuple(RowHandle(Key(key.pk, sk)) for sk in (*part_keys(row.item), key.sk)),
        route=row.text("route"),
        reason=row.text("reason"),
        at=row.time("at"),
        body=body,
    )
