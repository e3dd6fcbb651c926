"""Messages about the changes of a batch are sent ten in a call, and each one that SQS does not take is reported."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from mediarelay.adapters.sqs import ConfirmQueue, DeliveryQueue, SubmitQueue
from mediarelay.domain.change import CallbackStored, DeliveryStored, EventStored, IntentQueued, Prompt, ReplayRequested
from mediarelay.domain.events import Position
from mediarelay.domain.tasks.media import Kind

REQUESTS: list[Prompt] = [CallbackStored(f"v{number}", Kind.VIDEO, is_trusted=False) for number in range(24)]
REQUESTS.insert(0, ReplayRequested("v0", Kind.AUDIO))


class Sqs:
    """Takes every message but those with the ids `refused`, or fails every call with `error`."""

    def __init__(self, refused: tuple[str, ...] = (), error: Exception | None = None) -> None:
        self.refused, self.error, self.calls = refused, error, list[int]()
        self.sent: list[dict[str, str]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(len(Entries))
        assert QueueUrl == "q"
        if self.error:
            raise self.error
        self.sent += Entries
        failed = [{"Id": one["Id"], "Code": "InternalError"} for one in Entries if one["Id"] in self.refused]
        return {"Successful": [one for one in Entries if one["Id"] not in self.refused], "Failed": failed}


def test_ten_requests_share_a_call() -> None:
    sqs = Sqs()
    assert ConfirmQueue(sqs, "q").send_prompts(REQUESTS) == {}
    assert sqs.calls == [10, 10, 5]


def test_what_sqs_refuses_is_reported_and_nothing_else() -> None:
    failures = ConfirmQueue(Sqs(refused=("1", "7")), "q").send_prompts(REQUESTS)
    assert list(failures) == [REQUESTS[number] for number in (1, 7, 11, 17, 21)]


@pytest.mark.parametrize(
    "error", [ClientError({"Error": {"Code": "X"}}, "SendMessageBatch"), ReadTimeoutError(endpoint_url="u")]
)
def test_after_a_call_that_fails_no_more_is_sent(error: Exception) -> None:
    """Each further call could take as long, and what was not sent is reported."""
    sqs = Sqs(error=error)
    failures = ConfirmQueue(sqs, "q").send_prompts(REQUESTS)
    assert list(failures) == REQUESTS
    assert {failure.__cause__ for failure in failures.values()} == {error}, "the log names it"
    assert sqs.calls == [10]


AT = datetime(2026, 1, 2, tzinfo=UTC)


def test_messages_say_what_the_functions_behind_the_queues_read() -> None:
    sqs = Sqs()
    assert SubmitQueue(sqs, "q").send_queued([IntentQueued("i1")]) == {}
    deliveries = [DeliveryStored("shop", "e1"), DeliveryStored("bar", "e1")]
    assert DeliveryQueue(sqs, "q").send_all([EventStored(Position(AT, "e1"))], deliveries) == {}
    assert [json.loads(entry["MessageBody"]) for entry in sqs.sent] == [
        {"intent": "i1"},
        {"event": "2026-01-02T00:00:00.000000Z_e1"},
        {"endpoint": "shop", "event_id": "e1"},
        {"endpoint": "bar", "event_id": "e1"},
    ]
    assert [entry.get("MessageGroupId") for entry in sqs.sent] == [None, None, "shop", "bar"], "fair queues"


def test_a_message_without_an_answer_counts_as_not_sent() -> None:
    class Forgetful(Sqs):
        def send_message_batch(self, **request: Any) -> dict[str, Any]:
            super().send_message_batch(**request)
            return {}

    assert list(SubmitQueue(Forgetful(), "q").send_queued([IntentQueued("i1")])) == [IntentQueued("i1")]
