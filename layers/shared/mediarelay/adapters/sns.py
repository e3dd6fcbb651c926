"""Publishes notifications to an SNS topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.errors import Undelivered


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic whose subscribers filter by string attributes."""

    client: Any
    arn: str

    def publish(self, message: str, attributes: Mapping[str, str]) -> None:
        """Publish one message; raise `Undelivered` if SNS does not accept it."""
        # SNS refuses an attribute with an empty value.
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value}
        try:
            self.client.publish(TopicArn=self.arn, Message=message, MessageAttributes=typed)
        except (ClientError, BotoCoreError) as error:
            raise Undelivered(type(error).__name__) from error
