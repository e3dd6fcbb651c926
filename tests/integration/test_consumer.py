"""The consumer on the page about notifications, exactly as it is printed there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediarelay.adapters.aws import client
from tests.stack import ROOT

PAGE = (ROOT / "docs" / "notifications.md").read_text("utf-8")
BLOCK = re.compile(r"## A consumer in 20 lines\n.*?```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def consumer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names that the page's code defines."""
    found = BLOCK.search(PAGE)
    assert found
    assert len([line for line in found[1].splitlines() if line]) <= 20
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(found[1], "notifications.md", "exec"), names)  # noqa: S102 - our own page
    yield names
    names["seen"].close()


def test_each_event_is_handled_once(consumer: Any) -> None:
    queue = client("sqs").create_queue(QueueName="consumer", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    events = [{"specversion": "1.0", "id": name, "type": "mediarelay.task.succeeded"} for name in ("a", "b")]
    wrapped = {"Type": "Notification", "Message": json.dumps(events[0])}
    for body in (wrapped, wrapped, *events, events[1]):
        client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    handled: list[str] = []

    def fail_once(event: Any) -> None:
        handled.append(event["id"])
        if handled.count("b") == 1 and event["id"] == "b":
            raise ConnectionError

    with pytest.raises(ConnectionError):
        consumer["consume"](queue, fail_once)
    consumer["consume"](queue, fail_once)
    assert sorted(handled) == ["a", "b", "b"], "once each, and once more after the failure"
    left = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "0"
