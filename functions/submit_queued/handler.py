"""The submit queue: hand each wish to the provider."""

import json
from typing import Any

from mediarelay.batch import Record, each
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()


def send(record: Record) -> None:
    """Hand over the wish that one message names; while the budget is used up it stays due."""
    SUBMITTER.resume(json.loads(record["body"])["intent"])


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, send)
