"""The stream's function: what it does if the queue of deliveries is down."""

import json

from mediarelay.adapters.aws import client
from tests.integration.lambda_sandbox import LambdaSandbox
from tests.stack import ROOT


def test_a_delivery_queue_that_is_down_holds_up_no_outcome(lambda_sandbox: LambdaSandbox) -> None:
    """The events and deliveries stay due, and the sweep sends them."""
    content = json.loads((ROOT / "events" / "dispatch_event.json").read_text("utf-8"))
    lambda_sandbox.given(content["given"])
    assert content["expected"]["deliveries"]
    client("sqs").delete_queue(QueueUrl=lambda_sandbox.deliveries)
    assert lambda_sandbox.invoke("dispatch", content["event"]) == {"batchItemFailures": []}
