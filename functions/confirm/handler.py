"""The confirm queues: query the provider about the task of each message."""

import json
from datetime import UTC, datetime

from mediarelay.aws_lambda.batches import SQSRecord, sqs_handler
from mediarelay.domain.tasks.media import Kind
from mediarelay.observability import add_log_keys
from mediarelay.wiring.provider import confirmer

CONFIRMER = confirmer()


def confirm(record: SQSRecord) -> None:
    """Confirm the task that one message names."""
    message = json.loads(record.body)
    add_log_keys(vid=message["vid"])
    # A message may wait in the queue for longer than its task needs it, so its age decides.
    sent = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    CONFIRMER.confirm(message["vid"], Kind(message["kind"]), prompt=message.get("prompt", False), sent=sent)


handler = sqs_handler(confirm)
