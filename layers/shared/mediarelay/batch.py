"""Batches from SQS and from a DynamoDB stream: one bad record must not hold up, or lose, the others."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from mediarelay.errors import RowUnreadable

Record = Mapping[str, Any]
log = logging.getLogger(__name__)


def each(event: Mapping[str, Any], do: Callable[[Record], object]) -> dict[str, list[dict[str, str]]]:
    """Do something with every record; returns the failed ones as Lambda's partial batch response.

    A failed record is logged and comes back by itself (SQS), or with all later ones of its shard (stream). One that is
    about an unreadable row, which the ledger has noted, does not: that would hold up the others and mend nothing.
    """
    failed = [record for record in event["Records"] if not _done(record, do)]
    return {"batchItemFailures": [{"itemIdentifier": _identifier(record)} for record in failed]}


def _done(record: Record, do: Callable[[Record], object]) -> bool:
    try:
        do(record)
    except RowUnreadable:
        return True
    except Exception:
        log.exception("record failed", extra={"record": _identifier(record)})
        return False
    return True


def _identifier(record: Record) -> str:
    """Return what Lambda calls the record in a partial batch response."""
    return str(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["messageId"])
