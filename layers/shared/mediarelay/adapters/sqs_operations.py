"""The queues as an operator sees them: how much waits in them, what it is, and how to move or delete it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from mediarelay.adapters.aws_errors import NO_ANSWER
from mediarelay.domain.operations.dead_letters import DeadLetter
from mediarelay.domain.operations.facts import QueueFacts
from mediarelay.errors import PurgedRecently, Undelivered

# The attributes of a queue, by the name of their fact.
ATTRIBUTES = {
    "messages": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
# SQS returns no more at once.
MAX_BATCH = 10
# Without a wait, SQS asks a part of its servers only, and may return nothing although messages wait.
WAIT_SECONDS = 1


@dataclass(frozen=True, slots=True)
class OperatedQueues:
    """The queues of a deployment. Every method raises `Undelivered` if SQS does not answer.

    Attributes:
        client: An SQS client.
        urls: The URL of each queue, by its name in the template.
    """

    client: Any
    urls: Mapping[str, str]

    @property
    def names(self) -> frozenset[str]:
        """The queues that this deployment has."""
        return frozenset(self.urls)

    def count(self, queue: str) -> QueueFacts:
        """Return SQS's estimates of the messages of a queue."""
        with _sqs_errors():
            answer = self.client.get_queue_attributes(
                QueueUrl=self.urls[queue], AttributeNames=list(ATTRIBUTES.values())
            )
        found = answer["Attributes"]
        return QueueFacts(queue=queue, **{name: int(found.get(stated, 0)) for name, stated in ATTRIBUTES.items()})

    def receive(self, queue: str, most: int, hidden_seconds: int) -> list[DeadLetter]:
        """Receive some messages, at most `most`, and hide them for some seconds."""
        with _sqs_errors():
            answer = self.client.receive_message(
                QueueUrl=self.urls[queue],
                MaxNumberOfMessages=min(most, MAX_BATCH),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=WAIT_SECONDS,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        return [self._message(one) for one in answer.get("Messages", ())]

    def send(self, queue: str, message: DeadLetter) -> None:
        """Send a received message to a queue, with its body and attributes unchanged."""
        attributes = {
            name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items() if value
        }
        with _sqs_errors():
            self.client.send_message(QueueUrl=self.urls[queue], MessageBody=message.body, MessageAttributes=attributes)

    def delete(self, queue: str, message: DeadLetter) -> None:
        """Delete a received message."""
        with _sqs_errors():
            self.client.delete_message(QueueUrl=self.urls[queue], ReceiptHandle=message.receipt)

    def purge(self, queue: str) -> None:
        """Delete all messages of a queue; raises `PurgedRecently` if it was purged less than a minute ago."""
        with _sqs_errors():
            self.client.purge_queue(QueueUrl=self.urls[queue])

    def _message(self, message: Mapping[str, Any]) -> DeadLetter:
        stated = message.get("Attributes", {})
        source = str(stated.get("DeadLetterQueueSourceArn", "")).rpartition(":")[2]
        names = {url.rpartition("/")[2]: name for name, url in self.urls.items()}
        return DeadLetter(
            id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            body=message["Body"],
            sent_at=datetime.fromtimestamp(int(stated.get("SentTimestamp", 0)) / 1000, UTC),
            received=int(stated.get("ApproximateReceiveCount", 0)),
            source=names.get(source),
            attributes={
                name: str(one.get("StringValue", "")) for name, one in message.get("MessageAttributes", {}).items()
            },
        )


@contextmanager
def _sqs_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code.rpartition(".")[2] == "PurgeQueueInProgress":
            raise PurgedRecently("the queue was purged less than a minute ago") from error
        raise Undelivered(code) from error
    except NO_ANSWER as error:
        raise Undelivered(type(error).__name__) from error
