"""Requests for queries are sent ten in a call, and each one that SQS does not take is reported."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from mediarelay.adapters.sqs import ConfirmQueue
from mediarelay.domain.change import CallbackStored, Prompt, ReplayRequested
from mediarelay.domain.tasks.media import Kind

REQUESTS: list[Prompt] = [CallbackStored(f"v{number}", Kind.VIDEO, is_trusted=False) for number in range(24)]
REQUESTS.insert(0, ReplayRequested("v0", Kind.AUDIO))


class Sqs:
    """Takes every message but those with the ids `refused`, or fails every call with `error`."""

    def __init__(self, refused: tuple[str, ...] = (), error: Exception | None = None) -> None:
        self.refused, self.error, self.calls = refused, error, list[int]()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.calls.append(len(Entries))
        assert QueueUrl == "q"
        if self.error:
            raise self.error
        return {"Failed": [{"Id": one["Id"], "Code": "InternalError"} for one in Entries if one["Id"] in self.refused]}


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
def test_a_call_that_fails_concerns_all_its_requests(error: Exception) -> None:
    sqs = Sqs(error=error)
    assert set(ConfirmQueue(sqs, "q").send_prompts(REQUESTS)) == set(REQUESTS)
    assert len(sqs.calls) == 3, "the other calls are made"
