"""The confirm queue: ask the provider about each task in turn."""

import json
from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.media import Kind
from mediarelay.root import confirmer

CONFIRMER = confirmer()


def ask(record: Record) -> None:
    """Confirm the task that one message names."""
    message = json.loads(record["body"])
    CONFIRMER.confirm(message["vid"], Kind(message["kind"]), prompt=message.get("prompt", False))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, ask)
