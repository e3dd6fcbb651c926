"""A stack in this process: handlers as deployed, with the stream and the queues between them, and what all of it uses.

`tests.integration.lambda_sandbox` runs one handler. This module carries on what the handler causes: changes of the
table that pass the stream's filter invoke `dispatch`, and messages invoke the function of their queue.
"""

import base64
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from logging import StreamHandler
from typing import Any, TextIO

import pytest
from moto import mock_aws

from benchmarks.units import Usage, counting
from mediarelay.adapters.aws import client
from mediarelay.observability import logger
from mediarelay.wiring import callbacks
from tests.integration.deployment import forget
from tests.integration.direct_dynamodb import one_at_a_time, take_the_short_way
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.integration.provider import serving
from tests.stack import REGION, ROOT, resources, template, translated

QUEUES = {"queue": "confirm", "unknown": "confirm", "submits": "submit_queued", "deliveries": "deliver_webhooks"}
"""The function of each queue of the sandbox."""
SERVICES = ("sqs", "sns", "kms")
MAX_ROUNDS = 20


@dataclass
class PathUsage:
    """What one path used.

    Attributes:
        table: Calls to DynamoDB and their units.
        invocations: Invocations by function.
        calls: Calls to other services, such as `sqs:SendMessage`. Secrets are left out, because functions cache them.
        messages: Messages that queues delivered.
        publishes: Messages that the topic got, whatever number of them one call had.
        log_bytes: What the functions wrote to their log.
        requests: Requests that the API took.
    """

    table: Usage
    invocations: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    publishes: int = 0
    log_bytes: Counter[str] = field(default_factory=Counter)
    requests: int = 0


class Pipeline:
    """Runs events through a sandbox, and everything that follows from them."""

    def __init__(self, sandbox: LambdaSandbox) -> None:
        self.sandbox = sandbox
        self.filters = [json.loads(one["Pattern"]) for one in _stream()["FilterCriteria"]["Filters"]]

    @contextmanager
    def measured(self) -> Iterator[PathUsage]:
        """Yield what the block uses."""
        with counting() as table, self._noting() as calls:
            self.usage = PathUsage(table, calls=calls)
            yield self.usage

    def request(self, function: str, event: Mapping[str, Any]) -> Any:
        """Send a request of the API to a function."""
        self.usage.requests += 1
        return self.invoke(function, event)

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Invoke a function once."""
        self.usage.invocations[function] += 1
        printed = io.StringIO()
        with redirect_stdout(printed), log_to(printed):
            result = self.sandbox.invoke(function, event)
        self.usage.log_bytes[function] += len(printed.getvalue().encode())
        return result

    def settle(self) -> None:
        """Deliver changes and messages until nothing follows from them."""
        for _ in range(MAX_ROUNDS):
            if not (self._stream() or self._messages()):
                return
        raise AssertionError("the path does not end")

    def _stream(self) -> bool:
        """Deliver the changes that pass the filter to `dispatch` in one batch; return whether there were any."""
        changes, self.usage.table.changes = self.usage.table.changes, []
        records = [_record(number, *change) for number, change in enumerate(changes)]
        wanted = [record for record in records if any(_matches(pattern, record) for pattern in self.filters)]
        if wanted:
            self.invoke("dispatch", {"Records": wanted})
        return bool(wanted)

    def _messages(self) -> bool:
        """Deliver each message to the function of its queue, each by itself; return whether there were any."""
        found = [(function, one) for queue, function in QUEUES.items() for one in self._take(queue)]
        for function, message in found:
            self.usage.messages += 1
            self.invoke(function, {"Records": [message]})
        return bool(found)

    def _take(self, queue: str) -> list[dict[str, Any]]:
        """Take the messages of a queue, as Lambda does; nothing of that counts as a call of ours."""
        url = getattr(self.sandbox, queue)
        noted = self.usage.calls.copy()
        messages = client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in messages:
            client("sqs").delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        self.usage.calls.clear()
        self.usage.calls.update(noted)
        sent = str(int(self.sandbox.clock().timestamp() * 1000))
        return [_message(one, sent) for one in messages]

    @contextmanager
    def _noting(self) -> Iterator[Counter[str]]:
        calls = Counter[str]()

        def note(params: Mapping[str, Any], model: Any, **_: Any) -> None:
            calls[f"{model.service_model.service_name}:{model.name}"] += 1
            if model.service_model.service_name == "sns":
                self.usage.publishes += len(params.get("PublishBatchRequestEntries", "1"))

        for service in SERVICES:
            client(service).meta.events.register("before-parameter-build", note, "benchmarks")
        try:
            yield calls
        finally:
            for service in SERVICES:
                client(service).meta.events.unregister("before-parameter-build", unique_id="benchmarks")


@contextmanager
def log_to(stream: TextIO) -> Iterator[None]:
    """Send the lines of the logger to a stream. Its handler keeps the standard output that it began with."""
    (handler,) = (one for one in logger.handlers if isinstance(one, StreamHandler))
    before = handler.setStream(stream)
    try:
        yield
    finally:
        handler.setStream(before)


def _stream() -> Any:
    """Return the event source of `dispatch`."""
    (found,) = (
        one for one in resources("AWS::Lambda::EventSourceMapping", translated()).values() if "FilterCriteria" in one
    )
    return found


def _record(number: int, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the stream's record of a change."""
    name = "INSERT" if before is None else "REMOVE" if after is None else "MODIFY"
    image = {"NewImage": _wire(after)} if after else {}
    change = {"SequenceNumber": str(number), **image}
    return {"eventID": f"{number}", "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}


def _wire(value: Any) -> Any:
    """Return a value as JSON carries it."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _wire(one) for name, one in value.items()}
    return [_wire(one) for one in value] if isinstance(value, list) else value


def _matches(pattern: Any, value: Any) -> bool:
    """Return whether Lambda's filter accepts a record, for the rules that the template uses."""
    if isinstance(pattern, dict):
        return all(_matches(one, value.get(name) if isinstance(value, dict) else None) for name, one in pattern.items())
    return any(rule == value or (rule == {"exists": True} and value is not None) for rule in pattern)


def _message(received: Mapping[str, Any], sent: str) -> dict[str, Any]:
    """Return a message as Lambda hands it over."""
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": sent}
    return {
        "messageId": received["MessageId"],
        "receiptHandle": received["ReceiptHandle"],
        "body": received["Body"],
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def sample(name: str) -> dict[str, Any]:
    """Return a file of `events/`: a function, what is given, and the event."""
    found: dict[str, Any] = json.loads((ROOT / f"events/{name}.json").read_text("utf-8"))
    return found


# ── an account in this process ──────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def account() -> Iterator[pytest.MonkeyPatch]:
    """Make an empty account of moto, as the integration tests have it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if re.match("AWS_", name)]:
            patch.delenv(name)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        one_at_a_time(patch)
        take_the_short_way(patch)
        # Its own connections would pass moto. Older checkouts have no such client.
        patch.setattr(callbacks, "put_client", partial(client, "dynamodb"), raising=False)
        client.cache_clear()
        with mock_aws():
            yield patch
        client.cache_clear()


def make_table(name: str) -> str:
    """Make the ledger as the template defines it, and return its name."""
    (definition,) = resources("AWS::DynamoDB::Table", template()).values()
    wanted = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client("dynamodb").create_table(TableName=name, **{part: definition[part] for part in wanted})
    return name


@contextmanager
def pipeline(name: str = "ledger") -> Iterator[Pipeline]:
    """Make a stack in the account of this process."""
    with pytest.MonkeyPatch.context() as patch, serving() as site:
        try:
            yield Pipeline(LambdaSandbox(patch, make_table(name), site))
        finally:
            forget()
