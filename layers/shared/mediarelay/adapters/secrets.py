"""Secrets Manager, read through a short cache, so that a rotated secret works without a deployment."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.errors import SecretUnavailable

RECHECK_SECONDS = 5
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Secret:
    """One JSON secret. `clock` gives monotonic seconds; `keep` is how long a value is used before it is read again."""

    client: Any
    arn: str
    keep: float
    clock: Callable[[], float]
    _value: dict[str, Any] = field(default_factory=dict)
    _read_at: float = float("-inf")

    def value(self) -> dict[str, Any]:
        """Return the secret; a stale value serves on while Secrets Manager is down or holds no JSON object.

        Raises `SecretUnavailable` if there is none yet.
        """
        return self._younger_than(self.keep)

    def recheck(self) -> dict[str, Any]:
        """Return the secret after something did not match it: read again, though not more than every five seconds."""
        return self._younger_than(RECHECK_SECONDS)

    def _younger_than(self, age: float) -> dict[str, Any]:
        if self.clock() - self._read_at >= age:
            self._read()
        return self._value

    def _read(self) -> None:
        self._read_at = self.clock()
        try:
            answer = self.client.get_secret_value(SecretId=self.arn)
            self._value = dict(json.loads(answer["SecretString"]))
        except (ClientError, BotoCoreError, ValueError, TypeError) as error:
            if not self._value:
                self._read_at = float("-inf")
                raise SecretUnavailable(type(error).__name__) from error
            log.warning("secret not refreshed", extra={"error": type(error).__name__})
