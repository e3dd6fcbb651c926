"""Batches from SQS and DynamoDB Streams: a record that fails neither delays nor loses the other records."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from mediarelay.aws_lambda.observability import Handler, observed
from mediarelay.errors import RowUnreadable
from mediarelay.observability import SUBJECT_KEYS, add_log_keys, logger

__all__ = ["DynamoDBRecord", "SQSRecord", "sqs_handler", "stream_handler"]

Record = TypeVar("Record", SQSRecord, DynamoDBRecord)
Result = TypeVar("Result")
Response = dict[str, Any]


class Work(Protocol):
    """What a record leaves to do, with equality by value."""

    @property
    def log_keys(self) -> Mapping[str, str]:
        """The log keys that name its subject."""

    def __hash__(self) -> int: ...


Handle = Callable[[DynamoDBRecord], Work | None]
Finish = Callable[[Collection[Any]], Mapping[Any, Exception]]


class StreamProcessor(BatchProcessor):
    """Handles the records of a stream one by one, then finishes together what they left to do."""

    def __init__(self, finish: Finish) -> None:
        # A batch that fails as a whole is also answered record by record: see `_handler`.
        super().__init__(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
        self.finish = finish

    def process(self) -> list[tuple[Any, ...]]:
        """Handle all records. What several of them left to do is done once; if it fails, all of them fail."""
        entries = super().process()
        # Powertools keeps a record that succeeded as it came, and one that failed as an object.
        left = [
            (DynamoDBRecord(raw), work) for status, work, raw in entries if status == "success" and work is not None
        ]
        failures = self.finish(list(dict.fromkeys(work for _, work in left))) if left else {}
        for record, work in left:
            if work in failures:
                self._process_failure(record, work, failures[work])
        return entries

    def _process_failure(self, record: DynamoDBRecord, work: Work, error: Exception) -> None:
        with _log_keys(record.event_id):
            add_log_keys(**work.log_keys)
            # Raising would add to the trace of an error that many records share.
            if not _counts_as_done(error):
                _log_failure(error, _sequence_number(record))
                self.failure_handler(record, (type(error), error, error.__traceback__))


def sqs_handler(handle: Callable[[SQSRecord], object]) -> Handler[Response]:
    """Return the handler of a queue. SQS delivers only the messages that failed again."""
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return _handler(processor, lambda record: _run(handle, record, record.message_id, record.message_id))


def stream_handler(handle: Handle, finish: Finish) -> Handler[Response]:
    """Return the handler of a table's stream. Lambda delivers the first change that failed, and all after it, again.

    `handle` returns what its record leaves to do. `finish` gets the distinct works of a whole batch, in the order of
    the stream, and returns the errors of those that failed.
    """
    return _handler(StreamProcessor(finish), lambda record: _run_change(handle, record))


def _handler(processor: BatchProcessor, run: Callable[[Any], object]) -> Handler[Response]:
    # The processors do not raise if all records of a batch fail. Raising would count every outage as an error of the
    # function, and put the traces of all records into one message.
    @observed
    def handler(event: Any, context: Any) -> Response:
        response = process_partial_response(event=event, record_handler=run, processor=processor, context=context)
        return {**response}

    return handler


def _run_change(handle: Callable[[DynamoDBRecord], Result], record: DynamoDBRecord) -> Result | None:
    return _run(handle, record, record.event_id, _sequence_number(record))


def _run(
    handle: Callable[[Record], Result], record: Record, correlation_id: str | None, shown: str | None
) -> Result | None:
    """Handle a record with its own log keys."""
    with _log_keys(correlation_id):
        try:
            return handle(record)
        except Exception as error:
            if _counts_as_done(error):
                return None
            _log_failure(error, shown)
            raise


def _log_keys(correlation_id: str | None) -> AbstractContextManager[None]:
    # None removes the keys of the record before, which may be about another task.
    return logger.append_context_keys(correlation_id=correlation_id, **dict.fromkeys(SUBJECT_KEYS))


def _counts_as_done(error: Exception) -> bool:
    """Return whether a retry would repair nothing, and only delay the later changes of a shard.

    The adapter has already recorded an unreadable row.
    """
    return isinstance(error, RowUnreadable)


def _log_failure(error: Exception, shown: str | None) -> None:
    logger.error("record failed", exc_info=error, extra={"record": shown})


def _sequence_number(record: DynamoDBRecord) -> str | None:
    return record.dynamodb.sequence_number if record.dynamodb else None
