"""The ledger's stream: claims and replays go to the confirm queue, queued wishes to theirs, news to the topic."""

from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.root import confirm_queue, leases, publisher, submit_queue

QUESTIONS = {Origin.CLAIM, Origin.TRUSTED, "replay"}
QUEUE, SUBMITS, PUBLISHER, LEASES = confirm_queue(), submit_queue(), publisher(), leases()


def follow(record: Record) -> None:
    """Do what one change of the ledger asks for."""
    image = record["dynamodb"]["NewImage"]
    if image["item"]["S"] in QUESTIONS:
        QUEUE.send(image["vid"]["S"], Kind(image["kind"]["S"]), prompt=True)
    elif image["item"]["S"] == "relay":
        LEASES.resume(image["pk"]["S"], image["sk"]["S"])
    elif image["item"]["S"] == "intent":
        (PUBLISHER.refuse if "refused" in image else SUBMITS.send)(image["pk"]["S"].removeprefix("INTENT#"))
    else:
        PUBLISHER.publish(image["vid"]["S"])


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
