"""The retry queue: store callbacks that the ledger did not take when they came."""

import json
import logging
from typing import Any

from mediarelay.batch import Record, each
from mediarelay.contracts.retry import unpack
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Rejected
from mediarelay.wiring.callbacks import callback_store

STORES = {kind: callback_store(kind) for kind in Kind}
log = logging.getLogger(__name__)


def store(record: Record) -> None:
    """Store one callback; one that cannot be read is in quarantine then."""
    kind, origin, at, body = unpack(json.loads(record["body"]))
    try:
        STORES[kind].take(body, origin, at)
    except Rejected as error:
        log.warning("in quarantine", extra={"error": str(error)})


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, store)
