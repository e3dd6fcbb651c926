"""The ledger's stream: claims and replays go to the confirm queues, queued wishes to theirs, news to the topic."""

from typing import Any

from mediarelay.batch import Record, each
from mediarelay.domain.tasks.log import Change
from mediarelay.domain.tasks.origin import Origin
from mediarelay.wiring.base import ledger
from mediarelay.wiring.queues import submit_queue
from mediarelay.wiring.songs import song_publisher
from mediarelay.wiring.tasks import confirm_requester, task_publisher

QUESTIONS = {Origin.CLAIM, Origin.TRUSTED, "replay"}
LEDGER, REQUESTER, SUBMITS = ledger(), confirm_requester(), submit_queue()
TASKS, SONGS = task_publisher(), song_publisher()


def follow(record: Record) -> None:
    """Do what one change of the ledger asks for; one that cannot be read asks for nothing."""
    for change in LEDGER.changes([record["dynamodb"]["NewImage"]]):
        _follow(change)


def _follow(change: Change) -> None:
    if change.item in QUESTIONS:
        REQUESTER.ask(change.vid, change.kind, vouched=change.item != Origin.CLAIM)
    elif change.item == "relay":
        SONGS.resume(change.pk, change.sk)
    elif change.item == "intent":
        (TASKS.refuse if change.refused else SUBMITS.send)(change.pk.removeprefix("INTENT#"))
    else:
        TASKS.publish(change.vid)


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer `{"batchItemFailures"}`."""
    return each(event, follow)
