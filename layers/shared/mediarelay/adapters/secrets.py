"""Secrets Manager, read through a short cache, so that a rotated secret works without a deployment.

| a refresh finds | what counts then | reported as |
| --- | --- | --- |
| Secrets Manager does not answer, or is busy | the value that was read before | a warning |
| a secret that is gone, or that this function may not read | nothing | `SecretUnusable` |
| text that is no JSON object | nothing | `SecretUnusable` |
| an object without an entry that can be used | the object, which admits no caller | `SecretUnusable` |
| an object with entries that cannot be used, or a name that is stated twice | the others | `SecretEntriesUnreadable` |

A value that was replaced never counts again: a token that was removed must not live on because its successor is wrong.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.contracts.secret_text import REPEATED, SecretText, read_secret_text
from mediarelay.errors import Malformed, SecretUnavailable
from mediarelay.observability import count

RECHECK_SECONDS = 5
# Answers about this secret and this function, which another try would not change.
REFUSALS = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",
        "ResourceNotFoundException",
    }
)
log = logging.getLogger(__name__)


class Reading(Protocol):
    """What a secret holds: the entries that can be used, and the places of those that cannot."""

    @property
    def usable(self) -> Sequence[Any]:
        """Entries."""

    @property
    def faults(self) -> Sequence[str]:
        """Places and reasons; no part of a value."""


def error_code(error: Exception) -> str:
    """AWS's code of an error; else its type."""
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else type(error).__name__


def stored_text(client: Any, arn: str) -> str:
    """Read a secret as it is stored, as text or as bytes of UTF-8.

    Raises ClientError, BotoCoreError, UnicodeDecodeError.
    """
    answer = client.get_secret_value(SecretId=arn)
    return str(answer["SecretString"]) if "SecretString" in answer else bytes(answer["SecretBinary"]).decode()


@dataclass(slots=True)
class Secret:
    """One JSON secret.

    Attributes:
        cache_seconds: How many seconds a value is used before it is read again.
        clock: Gives monotonic seconds.
        name: What it is called in the template, for logs and metrics.
        entries: Reads what it holds, to tell what cannot be used.
    """

    client: Any
    arn: str
    cache_seconds: float
    clock: Callable[[], float]
    name: str
    entries: Callable[[Mapping[str, Any]], Reading]
    _value: dict[str, Any] | None = None
    _read_at: float = float("-inf")

    def value(self) -> dict[str, Any]:
        """Return the secret, at most `keep` seconds old, or older while Secrets Manager does not answer.

        Raises `SecretUnavailable` if there is none.
        """
        return self._younger_than(self.cache_seconds)

    def recheck(self) -> dict[str, Any]:
        """Return the secret after something did not match it: read again, though not more than every five seconds."""
        return self._younger_than(RECHECK_SECONDS)

    def _younger_than(self, age: float) -> dict[str, Any]:
        if self.clock() - self._read_at >= (age if self._value is not None else min(age, RECHECK_SECONDS)):
            self._read()
        if self._value is None:
            raise SecretUnavailable(self.name)
        return self._value

    def _read(self) -> None:
        self._read_at = self.clock()
        try:
            self._value = self._checked(read_secret_text(stored_text(self.client, self.arn)))
        except (BotoCoreError, ClientError) as error:
            self._failed(error)
        except (Malformed, UnicodeDecodeError):
            self._value = None
            self._unusable("no JSON object")

    def _failed(self, error: BotoCoreError | ClientError) -> None:
        code = error_code(error)
        if code in REFUSALS:
            self._value = None
            self._unusable(code)
        elif self._value is None:
            self._read_at = float("-inf")
            raise SecretUnavailable(self.name) from error
        else:
            log.warning("secret not refreshed", extra={"secret": self.name, "error": code})

    def _checked(self, text: SecretText) -> dict[str, Any]:
        found = self.entries(text.fields)
        if faults := [*found.faults, *[REPEATED] * text.repeated]:
            count("SecretEntriesUnreadable", len(faults), secret=self.name)
            log.error("secret entries unreadable", extra={"secret": self.name, "fields": faults})
        if not found.usable:
            self._unusable("no entry that can be used")
        return text.fields

    def _unusable(self, why: str) -> None:
        count("SecretUnusable", secret=self.name)
        log.error("secret unusable", extra={"secret": self.name, "error": why})
