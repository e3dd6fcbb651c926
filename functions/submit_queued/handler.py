"""The submit queue: submit each intent to the provider."""

import json

from mediarelay.aws_lambda.batches import SQSRecord, sqs_handler
from mediarelay.observability import add_log_keys
from mediarelay.wiring.provider import submitter

SUBMITTER = submitter()


def submit(record: SQSRecord) -> None:
    """Submit the intent that one message names. If the call budget is used up, the intent stays due."""
    intent = json.loads(record.body)["intent"]
    add_log_keys(intent=intent)
    # A refusal or a missing intent is no error: a repeated message could not change it.
    SUBMITTER.resume(intent)


handler = sqs_handler(submit)
