"""Publishes notifications to an SNS topic."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.adapters.batch_answers import failed_entries
from mediarelay.contracts.notification import Notification
from mediarelay.domain.batches import MAX_FAILED_BATCHES, is_outage
from mediarelay.errors import ServiceDown, Undelivered

# One call takes so many messages, and so many bytes of all their bodies and attributes.
MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024
TEXT = "String"
# Errors with which SNS refuses a call because of what it contains.
REFUSALS = {
    *("InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue", "ValidationException"),
    "BatchRequestTooLong",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic whose subscribers filter by string attributes."""

    client: Any
    arn: str

    def publish(self, events: Iterable[Notification]) -> dict[str, Undelivered]:
        """Publish events in their order; return the errors of those that SNS did not accept, by event id.

        The ids must be distinct. A call that fails concerns only its own events. After `MAX_FAILED_BATCHES` in a row,
        make no more: each could take as long, and the function needs the time to keep what waits.
        """
        failures: dict[str, Undelivered] = {}
        calls, in_a_row = _calls(events), 0
        for some in calls:
            failed = self._call(some)
            failures |= failed
            in_a_row = in_a_row + 1 if is_outage(failed, some) else 0
            if in_a_row == MAX_FAILED_BATCHES:
                unsent = [event.id for rest in calls for event in rest]
                failures |= dict.fromkeys(unsent, failed[some[0].id])
        return failures

    def _call(self, events: Sequence[Notification]) -> dict[str, Undelivered]:
        try:
            answer = self.client.publish_batch(
                TopicArn=self.arn, PublishBatchRequestEntries=[_entry(event) for event in events]
            )
        except AWS_ERRORS as error:
            return self._failed_call(events, error)
        return failed_entries(answer, {event.id: event.id for event in events})

    def _failed_call(self, events: Sequence[Notification], error: Exception) -> dict[str, Undelivered]:
        """Return the errors of a call that failed. If SNS refused one of its messages, send the others without it."""
        is_refused = isinstance(error, ClientError) and error.response["Error"]["Code"] in REFUSALS
        if is_refused and len(events) > 1:
            middle = len(events) // 2
            return self._call(events[:middle]) | self._call(events[middle:])
        failure = Undelivered(type(error).__name__) if is_refused else ServiceDown(type(error).__name__)
        failure.__cause__ = error
        return dict.fromkeys((event.id for event in events), failure)


def _calls(events: Iterable[Notification]) -> Iterator[list[Notification]]:
    """Yield the events of each call: as many as its limits allow, in their order."""
    some: list[Notification] = []
    size = 0
    for event in events:
        added = _size(event)
        if some and (len(some) == MAX_ENTRIES or size + added > MAX_BYTES):
            yield some
            some, size = [], 0
        some.append(event)
        size += added
    if some:
        yield some


def _size(event: Notification) -> int:
    """Return how many bytes of a call a message takes."""
    attributes = (name + TEXT + value for name, value in event.attributes.items())
    return len(event.message.encode()) + sum(len(one.encode()) for one in attributes)


def _entry(event: Notification) -> dict[str, Any]:
    # SNS refuses an attribute with an empty value.
    typed = {name: {"DataType": TEXT, "StringValue": value} for name, value in event.attributes.items() if value}
    return {"Id": event.id, "Message": event.message, "MessageAttributes": typed}
