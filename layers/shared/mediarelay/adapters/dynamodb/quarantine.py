"""Bodies in the table that could not be read."""

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

QUARANTINE_DAYS = 30


@dataclass(frozen=True)
class QuarantineStore:
    """Keeps bodies that could not be read, by the day on which they arrived."""

    table: Table

    def put(self, body: bytes, reason: str, route: str, now: datetime) -> bool:
        """Keep a body; return False if the same body arrived before on that day."""
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
        """Yield the bodies of one day (`2026-11-21`) behind a digest, in the order of digests."""
        # The parts of the body before `after` sort behind it; `join_parts` drops parts without their item.
        values = {":pk": quarantine_partition(day), ":after": after or "-"}
        found = self.table.query("pk = :pk AND sk > :after", values)
        return readable(decode_quarantined, join_parts(found))

    def delete(self, quarantined: QuarantinedBody) -> None:
        """Delete a body, after it has become a claim."""
        for handle in quarantined.handles:
            self.table.delete(Key(*handle))


@decoder
def decode_quarantined(row: Row) -> QuarantinedBody:
    """Decode a body with its parts."""
    key, body = Key.of(row), remaining_body([row.item])
    if body is None:
        raise ValueError("body: not all of it is there")
    return QuarantinedBody(
        day=after_prefix(key.pk),
        digest=key.sk,
        # The item comes last: while it is there, a delete that was interrupted can be repeated.
        handles=tuple(RowHandle(Key(key.pk, sk)) for sk in (*part_keys(row.item), key.sk)),
        route=row.text("route"),
        reason=row.text("reason"),
        at=row.time("at"),
        body=body,
    )
