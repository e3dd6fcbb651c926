"""Read the answers of calls that take several messages, of SQS and of SNS."""

from collections.abc import Hashable, Mapping
from typing import Any, TypeVar

from mediarelay.errors import ServiceDown, Undelivered

S = TypeVar("S", bound=Hashable)


def failed_entries(answer: Mapping[str, Any], subjects: Mapping[str, S]) -> dict[S, Undelivered]:
    """Return the errors of what was not accepted, by subject. `subjects` has those by the ids of their entries."""
    accepted = {entry["Id"] for entry in answer.get("Successful", ())}
    failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
    return {subject: _error(failed.get(number)) for number, subject in subjects.items() if number not in accepted}


def _error(entry: Mapping[str, Any] | None) -> Undelivered:
    if entry is None:
        return Undelivered("no answer about a message")
    return Undelivered(entry["Code"]) if entry.get("SenderFault") else ServiceDown(entry["Code"])
