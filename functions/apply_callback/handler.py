"""The callback backlog: store callbacks that the ledger did not take when they came."""

import json

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mediarelay.aws_lambda.batches import sqs_handler
from mediarelay.contracts.retry import unpack
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Rejected
from mediarelay.observability import logger
from mediarelay.wiring.callbacks import callback_store

STORES = {kind: callback_store(kind) for kind in Kind}


def store(record: SQSRecord) -> None:
    """Store one callback; one that cannot be read is in quarantine then."""
    kind, origin, at, body = unpack(json.loads(record.body))
    try:
        STORES[kind].take(body, origin, at)
    except Rejected as error:
        logger.warning("in quarantine", extra={"error": str(error)})


handler = sqs_handler(store)
