"""The ledger's stream: claims go to the confirm queue, outcomes to the topic."""

from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.media import Kind
from mediarelay.domain.origin import Origin
from mediarelay.root import confirm_queue, publisher

CALLBACKS = {Origin.CLAIM, Origin.TRUSTED}
QUEUE, PUBLISHER = confirm_queue(), publisher()


def follow(record: Record) -> None:
    """Do what one change of the ledger asks for."""
    image = record["dynamodb"]["NewImage"]
    if image["item"]["S"] in CALLBACKS:
        QUEUE.send(image["vid"]["S"], Kind(image["kind"]["S"]))
    else:
        PUBLISHER.publish(image["vid"]["S"])


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
