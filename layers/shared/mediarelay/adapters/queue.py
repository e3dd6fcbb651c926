"""The confirm queue: which tasks should be asked about."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.domain.media import Kind
from mediarelay.errors import Undelivered


@dataclass(frozen=True, slots=True)
class ConfirmQueue:
    """Sends `{"vid", "kind"}` messages."""

    client: Any
    url: str

    def send(self, vid: str, kind: Kind) -> None:
        """Ask for one confirmation; raises `Undelivered`."""
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=json.dumps({"vid": vid, "kind": kind.value}))
        except (ClientError, BotoCoreError) as error:
            raise Undelivered(type(error).__name__) from error
