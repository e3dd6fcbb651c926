"""The delivery queue: store the deliveries of an event, or attempt one of them."""

import json

from mediarelay.aws_lambda.batches import SQSRecord, sqs_handler
from mediarelay.domain.events import read_position
from mediarelay.observability import add_log_keys
from mediarelay.wiring.webhooks import deliverer

DELIVERER = deliverer()


def deliver(record: SQSRecord) -> None:
    """Carry out one message: `{"event"}` or `{"endpoint", "event_id"}`."""
    message = json.loads(record.body)
    if "endpoint" in message:
        add_log_keys(event=message["event_id"], endpoint=message["endpoint"])
        DELIVERER.attempt(message["endpoint"], message["event_id"])
    else:
        position = read_position(message["event"])
        add_log_keys(event=position.id)
        DELIVERER.fan_out(position)


handler = sqs_handler(deliver)
