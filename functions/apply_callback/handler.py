"""The callback backlog: store callbacks that could not be stored when they arrived."""

import json

from mediarelay.aws_lambda.batches import SQSRecord, sqs_handler
from mediarelay.contracts.backlog import unpack
from mediarelay.errors import Rejected
from mediarelay.observability import logger
from mediarelay.wiring.callback_routes import callback_stores

# One queue holds the callbacks of all routes; each message names its own.
STORES = callback_stores()


def store(record: SQSRecord) -> None:
    """Store one callback. A callback that cannot be read goes to the quarantine."""
    route, origin, at, body = unpack(json.loads(record.body))
    try:
        STORES[route].put(body, origin, at)
    # Done: the quarantine has it. Delivered again, the message would end in the dead-letter queue as well.
    except Rejected as error:
        logger.warning("in quarantine", extra={"error": str(error)})


handler = sqs_handler(store)
