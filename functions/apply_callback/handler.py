"""The callback backlog: store callbacks that could not be stored when they arrived."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mediarelay.aws_lambda.batches import sqs_handler
from mediarelay.contracts.backlog import unpack
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Rejected
from mediarelay.observability import logger
from mediarelay.wiring.callbacks import callback_store

# One queue holds the callbacks of both kinds; each message names its own.
STORES = {kind: callback_store(kind) for kind in Kind}


def store(record: SQSRecord) -> None:
    """Store one callback. A callback that cannot be read goes to the quarantine."""
    kind, origin, at, body = unpack(json.loads(record.body))
    try:
        STORES[kind].put(body, origin, at)
    # Done: the quarantine has it. Delivered again, the message would end in the dead-letter queue as well.
    except Rejected as error:
        logger.warning("in quarantine", extra={"error": str(error)})


handler = sqs_handler(store)
