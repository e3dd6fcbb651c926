"""The confirm queues: ask the provider about each task in turn."""

import json
from datetime import UTC, datetime
from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.tasks.media import Kind
from mediarelay.wiring.provider import confirmer

CONFIRMER = confirmer()


def ask(record: Record) -> None:
    """Confirm the task that one message names."""
    message = json.loads(record["body"])
    sent = datetime.fromtimestamp(int(record["attributes"]["SentTimestamp"]) / 1000, UTC)
    CONFIRMER.confirm(message["vid"], Kind(message["kind"]), prompt=message.get("prompt", False), sent=sent)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, ask)
