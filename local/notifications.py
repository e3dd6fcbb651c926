"""A subscriber with a queue on the topic, like any consumer of Mediarelay."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.aws import client
from local.deploy import Deployment

NAME = "mediarelay-local-subscriber"


@dataclass(frozen=True)
class Subscriber:
    """Receives CloudEvents from a queue that is subscribed to the topic."""

    sqs: Any
    url: str

    @classmethod
    def join(cls, deployment: Deployment, name: str = NAME) -> "Subscriber":
        """Subscribe a queue; reuse an existing one."""
        sqs, sns = client(deployment.env, "sqs"), client(deployment.env, "sns")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _admit(deployment.outputs["TopicArn"], arn)})
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=deployment.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes=raw)
        return cls(sqs, url)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the events that have arrived, and delete them from the queue."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in answer.get("Messages", []):
            yield json.loads(message["Body"])
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def _admit(topic: str, queue: str) -> str:
    """The policy that lets a topic send to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
