"""The ledger's stream: claims and replays go to the confirm queues, queued wishes to theirs, news to the topic."""

from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.due import Change
from mediarelay.domain.tasks.origin import Origin
from mediarelay.root import asker, leases, ledger, publisher, submit_queue

QUESTIONS = {Origin.CLAIM, Origin.TRUSTED, "replay"}
LEDGER, ASKER, SUBMITS, PUBLISHER, LEASES = ledger(), asker(), submit_queue(), publisher(), leases()


def follow(record: Record) -> None:
    """Do what one change of the ledger asks for; one that cannot be read asks for nothing."""
    for change in LEDGER.changes([record["dynamodb"]["NewImage"]]):
        _follow(change)


def _follow(change: Change) -> None:
    if change.item in QUESTIONS:
        ASKER.ask(change.vid, change.kind, vouched=change.item != Origin.CLAIM)
    elif change.item == "relay":
        LEASES.resume(change.pk, change.sk)
    elif change.item == "intent":
        (PUBLISHER.refuse if change.refused else SUBMITS.send)(change.pk.removeprefix("INTENT#"))
    else:
        PUBLISHER.publish(change.vid)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
