"""The ledger's stream: claims and replays go to the confirm queues, queued wishes to theirs, news to the topic."""

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from mediarelay.aws_lambda.batches import stream_handler
from mediarelay.domain.due import Change
from mediarelay.domain.tasks.origin import Origin
from mediarelay.observability import add_log_keys
from mediarelay.wiring.base import ledger
from mediarelay.wiring.publishers import task_publisher
from mediarelay.wiring.queues import submit_queue
from mediarelay.wiring.songs import song_publisher
from mediarelay.wiring.tasks import confirm_requester

QUESTIONS = {Origin.CLAIM, Origin.TRUSTED, "replay"}
LEDGER, REQUESTER, SUBMITS = ledger(), confirm_requester(), submit_queue()
TASKS, SONGS = task_publisher(), song_publisher()


def follow(record: DynamoDBRecord) -> None:
    """Do what one change of the ledger asks for; one that cannot be read asks for nothing."""
    for change in LEDGER.changes([record.raw_event["dynamodb"]["NewImage"]]):
        _follow(change)


def _follow(change: Change) -> None:
    add_log_keys(vid=change.vid or None)
    if change.item in QUESTIONS:
        REQUESTER.ask(change.vid, change.kind, vouched=change.item != Origin.CLAIM)
    elif change.item == "relay":
        SONGS.resume(change.pk, change.sk)
    elif change.item == "intent":
        (TASKS.refuse if change.refused else SUBMITS.send)(change.pk.removeprefix("INTENT#"))
    else:
        TASKS.publish(change.vid)


handler = stream_handler(follow)
