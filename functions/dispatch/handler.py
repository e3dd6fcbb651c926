"""The ledger's stream: claims and replays go to the confirm queues, queued wishes to theirs, news to the topic."""

from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.root import asker, leases, publisher, submit_queue

CALLBACKS = {Origin.CLAIM, Origin.TRUSTED}
ASKER, SUBMITS, PUBLISHER, LEASES = asker(), submit_queue(), publisher(), leases()


def follow(record: Record) -> None:
    """Do what one change of the ledger asks for."""
    image = record["dynamodb"]["NewImage"]
    if image["item"]["S"] in CALLBACKS:
        ASKER.after_callback(image["vid"]["S"], Kind(image["kind"]["S"]))
    elif image["item"]["S"] == "replay":
        ASKER.after_replay(image["vid"]["S"], Kind(image["kind"]["S"]))
    elif image["item"]["S"] == "relay":
        LEASES.resume(image["pk"]["S"], image["sk"]["S"])
    elif image["item"]["S"] == "intent":
        (PUBLISHER.refuse if "refused" in image else SUBMITS.send)(image["pk"]["S"].removeprefix("INTENT#"))
    else:
        PUBLISHER.publish(image["vid"]["S"])


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
