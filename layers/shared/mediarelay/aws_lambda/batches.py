"""Batches from SQS and DynamoDB Streams: a record that fails neither delays nor loses the other records."""

from collections.abc import Callable, Collection, Mapping
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
        def fail(_record: DynamoDBRecord) -> None:
            add_log_keys(**work.log_keys)
            raise error

        try:
            _run_change(fail, record)
        except Exception as failure:  # noqa: BLE001 - `_run` has logged it
            self.failure_handler(record, (type(failure), failure, failure.__traceback__))


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
    number = record.dynamodb.sequence_number if record.dynamodb else None
    return _run(handle, record, record.event_id, number)


def _run(
    handle: Callable[[Record], Result], record: Record, correlation_id: str | None, shown: str | None
) -> Result | None:
    """Handle a record with its own log keys. A record about an unreadable row counts as done.

    The adapter has already recorded the row. A retry would repair nothing and delay the later changes of a shard.
    """
    # None removes the keys of the record before, which may be about another task.
    with logger.append_context_keys(correlation_id=correlation_id, **dict.fromkeys(SUBJECT_KEYS)):
        try:
            return handle(record)
        except RowUnreadable:
            return None
        except Exception:
            logger.exception("record failed", extra={"record": shown})
            raise
