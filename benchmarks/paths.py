"""The paths of the product, each from its event to everything that follows from it.

`python -m benchmarks.paths` prints what each path uses.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from unittest.mock import patch

from benchmarks.counted import PathCost
from benchmarks.pipeline import PathUsage, Pipeline, account, pipeline, sample
from mediarelay.adapters.webhook_client import WebhookClient
from mediarelay.domain.webhooks.delivery import Answer

VID = "963f1d40dfdfadfdd9b94e922d5696"
LATER = 120
"""Seconds between the steps of a path. A confirmation measures the time since the first callback."""


def _given(stack: Pipeline, *names: str, **more: Any) -> None:
    """Bring about what the named samples state; the time is that of the last one."""
    for name in names:
        stack.sandbox.given(sample(name)["given"] | more)


def _tracked(stack: Pipeline) -> None:
    """A client has tracked the task, and the provider knows its outcome."""
    tracked = {"log": sample("dispatch_claim")["given"]["log"][:1]}
    _given(stack, "video_callback", **tracked, provider=sample("confirm")["given"]["provider"])


def _callback(stack: Pipeline) -> None:
    stack.request("video_callback", sample("video_callback")["event"])


def _send(name: str) -> Callable[[Pipeline], None]:
    """Return a step that sends the event of a sample, and all that follows from it."""

    def step(stack: Pipeline) -> None:
        stack.request(sample(name)["function"], sample(name)["event"])
        stack.settle()

    return step


def _invoke(*names: str) -> Callable[[Pipeline], None]:
    def step(stack: Pipeline) -> None:
        for name in names:
            stack.invoke(sample(name)["function"], sample(name)["event"])

    return step


def _claimed(stack: Pipeline) -> None:
    """The callback of a tracked task is stored, and the stream has not reported it yet."""
    _tracked(stack)
    with stack.measured():
        _callback(stack)


def _done(stack: Pipeline) -> None:
    """A tracked task has its outcome, which is published."""
    _tracked(stack)
    with stack.measured():
        _send("video_callback")(stack)
    stack.sandbox.clock.forward(seconds=LATER)


def _batch(stack: Pipeline) -> None:
    """Submit a batch of one task. A larger one has one request for all."""
    event = sample("submit_batch")["event"]
    body = json.dumps({"tasks": [json.loads(sample("submit_audio")["event"]["body"])]})
    stack.request("submit_batch", event | {"body": body})
    stack.settle()


def _deliver(stack: Pipeline) -> None:
    """Deliver a stored event to one endpoint, which accepts it."""
    with patch.object(WebhookClient, "post", lambda *_: Answer(200)):
        stack.invoke("deliver_webhooks", sample("deliver_webhooks_fan_out")["event"])
        stack.settle()


def _nothing(_stack: Pipeline) -> None:
    pass


Step = Callable[[Pipeline], None]
PATHS: Mapping[str, tuple[Step, Step]] = {
    "callback": (_tracked, _callback),
    "duplicate": (_claimed, _callback),
    "callback, confirmed and published": (_tracked, _send("video_callback")),
    "unknown task: the same": (
        lambda stack: _given(stack, "video_callback", provider=sample("confirm")["given"]["provider"]),
        _send("video_callback"),
    ),
    "submit": (lambda stack: _given(stack, "submit_audio"), _send("submit_audio")),
    "batch, per task": (lambda stack: _given(stack, "submit_audio"), _batch),
    "replay": (_done, _send("replay")),
    "song": (lambda stack: _given(stack, "music_callback"), _send("music_callback")),
    "delivery": (lambda stack: _given(stack, "deliver_webhooks_fan_out"), _deliver),
    "read": (_done, _send("read_ledger_task")),
    "tick": (_nothing, _invoke("poll_video", "poll_audio", "sweep")),
}
"""What each path begins with, and the path itself."""


def measure(stack: Pipeline, name: str) -> PathUsage:
    """Run one path on a new stack, and return what it used."""
    given, path = PATHS[name]
    given(stack)
    with stack.measured() as usage:
        path(stack)
    return usage


# Calls that take the messages of a whole batch.
BATCHES = frozenset({"sns:PublishBatch", "sqs:SendMessageBatch"})


def counted(used: PathUsage) -> PathCost:
    """Return what a path used, as the cost model needs it."""
    return PathCost(
        calls=used.table.calls.total(),
        writes=used.table.write_units,
        reads=used.table.read_units,
        invocations=dict(used.invocations),
        messages=used.messages,
        publishes=used.publishes,
        log_bytes=used.log_bytes.total(),
        requests=used.requests,
        kept_bytes=used.table.kept_bytes,
        batches=BATCHES & used.calls.keys(),
    )


def measure_all(names: Iterable[str] = PATHS) -> dict[str, PathUsage]:
    """Run paths, each in an account of its own."""
    found = {}
    for number, name in enumerate(names):
        with account(), pipeline(f"ledger{number}") as stack:
            found[name] = measure(stack, name)
    return found


def main() -> None:
    """Print what the paths use, or those that the command line names."""
    for name, used in measure_all(sys.argv[1:] or PATHS).items():
        print(f"{name}\n  {used.table.write_units} write units {dict(used.table.writes)}")
        print(f"  {used.table.read_units} read units {dict(used.table.reads)}; calls {dict(used.table.calls)}")
        print(f"  {dict(used.invocations)}; {dict(used.calls)}; log {dict(used.log_bytes)}; {used.messages} messages")


if __name__ == "__main__":
    main()
