"""What the end-to-end tests do to a deployed stack, and how they wait."""

import json
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import uuid4

import requests

from local.aws import client
from local.client import ApiClient
from local.deploy import Deployment, invoke
from local.notifications import Subscriber
from local.stack import Stack

MAX_WAIT = 150.0
"""What goes by the schedules, or over the budget of a minute, may take two of their periods."""
LOOK, TICK = 0.2, 1.0
"""Seconds between two looks at what is there, and between two runs of a function that queries and publishes."""
TIMEOUT = 30
Found = TypeVar("Found")


@dataclass
class Deployed:
    stack: Stack
    api_client: ApiClient
    subscriber: Subscriber
    functions: Any
    received: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack, deployment: Deployment) -> "Deployed":
        return cls(stack, ApiClient(deployment), Subscriber.join(deployment), client(stack.env, "lambda"))

    @property
    def deployment(self) -> Deployment:
        return self.api_client.deployment

    def key(self, name: str) -> str:
        return f"e2e/{uuid4().hex}/{name}"

    def outcome(self, vid: str) -> dict[str, Any]:
        """Wait until a task has an outcome."""
        return until(lambda: self._if_done(self.api_client.task(vid)), f"an outcome of {vid}")

    def publication(self, vid: str) -> dict[str, Any]:
        """Wait until the outcome of a task is published, and the task says so, which comes after the notification."""
        return until(lambda: self._if_published(self.outcome(vid)), f"the publication of {vid}")

    def events(self, vid: str, kind: str) -> list[dict[str, Any]]:
        """Wait until at least one notification of a type has arrived."""
        return until(lambda: self._received(vid, f"mediarelay.task.{kind}"), f"{kind} of {vid}")

    def types(self, vid: str) -> set[str]:
        """Which notifications have arrived so far."""
        return {event["type"] for event in self.listen() if event["subject"] == vid}

    def listen(self) -> list[dict[str, Any]]:
        """Everything that has arrived so far."""
        self.received += self.subscriber.events()
        return self.received

    def faults(self, **faults: Any) -> None:
        """Let the engine go wrong; without arguments it behaves."""
        self._console("faults", faults)

    def configure(self, **config: Any) -> None:
        """Change the engine's configuration."""
        self._console("config", config)

    def invoke(self, function: str, event: Any = None) -> Any:
        """Run a function now, as its schedule would."""
        return invoke(self.stack.env, function, event)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> requests.Response:
        """Post raw bytes to the API."""
        return requests.post(self.deployment.api_url + path, data=body, headers=headers, timeout=TIMEOUT)

    def callback(self, kind: str, body: bytes, token: str | None = None) -> requests.Response:
        """Post a callback as anybody could who has the token."""
        return self.post(f"/callbacks/{kind}/{token or self.stack.env.keys.callback_token}", body)

    def items(self) -> list[dict[str, Any]]:
        """Everything in the table, as it lies there."""
        pages = client(self.stack.env, "dynamodb").get_paginator("scan")
        found = pages.paginate(TableName=self.deployment.outputs["TableName"])
        return [item for page in found for item in page["Items"]]

    def stored(self) -> str:
        """The text of everything in the table, with what is compressed as it lies there and unpacked."""
        items = self.items()
        packed = [value["B"] for item in items for value in item.values() if "B" in value]
        return str(items) + str([_unpacked(value) for value in packed])

    def logs(self) -> str:
        """What the functions and the emulator have logged."""
        logs = client(self.stack.env, "logs")
        pages = logs.get_paginator("describe_log_groups").paginate()
        text = (self.stack.env.folder / "emulator.log").read_text()
        for group in (group["logGroupName"] for page in pages for group in page["logGroups"]):
            found = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            text += json.dumps([event["message"] for page in found for event in page["events"]])
        return text

    def restarted(self, deployment: Deployment) -> "Deployed":
        """The same stack after it was brought up again."""
        return replace(self, api_client=ApiClient(deployment), subscriber=Subscriber.join(deployment))

    def _console(self, name: str, body: dict[str, Any]) -> None:
        url = f"{self.stack.env.engine_url}/_engine/{name}"
        requests.put(url, json=body, timeout=TIMEOUT).raise_for_status()

    def _received(self, vid: str, kind: str) -> list[dict[str, Any]]:
        self.listen()
        return [event for event in self.received if (event["subject"], event["type"]) == (vid, kind)]

    @staticmethod
    def _if_done(task: dict[str, Any]) -> dict[str, Any] | None:
        return task if task["state"] in {"succeeded", "failed", "superseded", "lost"} else None

    @staticmethod
    def _if_published(task: dict[str, Any]) -> dict[str, Any] | None:
        return task if task["next"]["published"] and "duty" not in task["next"] else None


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def until(found: Callable[[], Found | None], what: str, every: float = LOOK) -> Found:
    """Look `every` so many seconds until something is there; fails with its name."""
    end = time.monotonic() + MAX_WAIT
    while not (answer := found()):
        assert time.monotonic() < end, f"waited {MAX_WAIT:.0f} s for {what}"
        time.sleep(every)
    return answer


def published(task: dict[str, Any]) -> dict[str, Any]:
    """A task of the API as notifications state it: they do not foretell what happens next."""
    return {name: value for name, value in task.items() if name != "next"}
