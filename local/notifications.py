"""Subscribe a queue to the topic, as a consumer of Mediarelay does."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.aws import client
from local.deploy import Deployment

NAME = "mediarelay-local-subscriber"


@dataclass(frozen=True)
class Subscriber:
    """A consumer that receives CloudEvents from a subscribed queue."""

    sqs: Any
    url: str

    @classmethod
    def join(cls, deployment: Deployment, name: str = NAME) -> "Subscriber":
        """Subscribe a queue, or reuse the one of an earlier run."""
        sqs, sns = client(deployment.env, "sqs"), client(deployment.env, "sns")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _admit(deployment.outputs["TopicArn"], arn)})
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=deployment.outputs["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes=raw)
        return cls(sqs, url)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the arrived events, at most 10, and delete each from the queue once the caller has used it."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in answer.get("Messages", []):
            yield json.loads(message["Body"])
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def _admit(topic: str, queue: str) -> str:
    """Return a policy that lets a topic send to a queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
