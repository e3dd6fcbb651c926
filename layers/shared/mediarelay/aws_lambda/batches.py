"""Batches from SQS and DynamoDB Streams: a record that fails neither delays nor loses the other records."""

from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mediarelay.aws_lambda.observability import Handler, observed
from mediarelay.errors import RowUnreadable
from mediarelay.observability import SUBJECT_KEYS, logger

__all__ = ["DynamoDBRecord", "SQSRecord", "sqs_handler", "stream_handler"]

Record = TypeVar("Record", SQSRecord, DynamoDBRecord)
Response = dict[str, Any]


def sqs_handler(handle: Callable[[SQSRecord], object]) -> Handler[Response]:
    """Return the handler of a queue. SQS delivers only the messages that failed again."""
    return _handler(EventType.SQS, lambda record: _run(handle, record, record.message_id, record.message_id))


def stream_handler(handle: Callable[[DynamoDBRecord], object]) -> Handler[Response]:
    """Return the handler of a table's stream. Lambda delivers the first change that failed, and all after it, again."""

    def run(record: DynamoDBRecord) -> None:
        number = record.dynamodb.sequence_number if record.dynamodb else None
        _run(handle, record, record.event_id, number)

    return _handler(EventType.DynamoDBStreams, run)


def _handler(event_type: EventType, run: Callable[[Any], None]) -> Handler[Response]:
    # A batch that fails as a whole is also answered record by record. Raising would count every outage as an error of
    # the function, and put the traces of all records into one message.
    processor = BatchProcessor(event_type=event_type, raise_on_entire_batch_failure=False)

    @observed
    def handler(event: Any, context: Any) -> Response:
        response = process_partial_response(event=event, record_handler=run, processor=processor, context=context)
        return {**response}

    return handler


def _run(handle: Callable[[Record], object], record: Record, correlation_id: str | None, shown: str | None) -> None:
    """Handle a record with its own log keys. A record about an unreadable row counts as done.

    The adapter has already recorded the row. A retry would repair nothing and delay the later changes of a shard.
    """
    # None removes the keys of the record before, which may be about another task.
    with logger.append_context_keys(correlation_id=correlation_id, **dict.fromkeys(SUBJECT_KEYS)):
        try:
            handle(record)
        except RowUnreadable:
            return
        except Exception:
            logger.exception("record failed", extra={"record": shown})
            raise
