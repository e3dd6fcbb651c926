"""The callback backlog: what fits into a message of SQS."""

import json
from datetime import UTC, datetime
from os import urandom
from uuid import uuid4

import pytest

from mediarelay.adapters.aws import client
from mediarelay.adapters.sqs import CallbackBacklog
from mediarelay.contracts.backlog import unpack
from mediarelay.domain.tasks.origin import Origin
from mediarelay.errors import Undelivered

AT = datetime(2026, 11, 25, tzinfo=UTC)
KIB = 1024
ROUTE = "callbacks/video"


def queue() -> CallbackBacklog:
    url = client("sqs").create_queue(QueueName=uuid4().hex)["QueueUrl"]
    return CallbackBacklog(lambda: client("sqs"), url)


@pytest.mark.parametrize("size", [0, 200 * KIB, 300 * KIB, 767 * KIB])
def test_a_callback_that_does_not_compress_is_kept_up_to_what_a_message_holds(size: int) -> None:
    body, retry = urandom(size), queue()
    retry.send(ROUTE, Origin.CLAIM, AT, body)
    (message,) = client("sqs").receive_message(QueueUrl=retry.url)["Messages"]
    assert unpack(json.loads(message["Body"])) == (ROUTE, Origin.CLAIM, AT, body)


def test_what_no_message_holds_is_refused_before_it_is_sent() -> None:
    retry = queue()
    with pytest.raises(Undelivered, match="too large"):
        retry.send(ROUTE, Origin.CLAIM, AT, urandom(769 * KIB))
    assert "Messages" not in client("sqs").receive_message(QueueUrl=retry.url)
