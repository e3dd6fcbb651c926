"""Secrets Manager, read through a short cache, so that a rotated secret works without a deployment.

| a refresh finds | value in use afterwards | reported as |
| --- | --- | --- |
| Secrets Manager does not answer, or is throttling | the previous value | a warning |
| a deleted secret, or one that this function may not read | none | `SecretUnusable` |
| text that is not a JSON object | none | `SecretUnusable` |
| an object without a usable entry | the object, which admits no caller | `SecretUnusable` |
| an object with unusable entries, or with a duplicate name | the other entries | `SecretEntriesUnreadable` |

A replaced value is never used again: a removed token must not stay valid because its successor is malformed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.contracts.secret_text import REPEATED, SecretText, read_secret_text
from mediarelay.errors import Malformed, SecretUnavailable
from mediarelay.observability import count

# Each wrong token leads to a recheck, and any client can send one. This limits the calls to Secrets Manager.
RECHECK_SECONDS = 5
# Errors about this secret or this function's permissions. A retry would not help.
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
    """The usable entries of a secret, and the places of those that cannot be used."""

    @property
    def usable(self) -> Sequence[Any]:
        """Return the usable entries."""

    @property
    def faults(self) -> Sequence[str]:
        """Return places and reasons, without any part of a value."""


def error_code(error: Exception) -> str:
    """Return AWS's code of an error, or the error's type if it has none."""
    return str(error.response["Error"].get("Code")) if isinstance(error, ClientError) else type(error).__name__


def stored_text(client: Any, arn: str) -> str:
    """Return the text of a secret, which is stored as text or as UTF-8 bytes.

    Raises the errors of `aws_errors`, and `UnicodeDecodeError`.
    """
    answer = client.get_secret_value(SecretId=arn)
    return str(answer["SecretString"]) if "SecretString" in answer else bytes(answer["SecretBinary"]).decode()


@dataclass(slots=True)
class Secret:
    """One JSON secret and its cached value.

    Attributes:
        client: A Secrets Manager client.
        arn: The secret's ARN.
        cache_seconds: Age in seconds after which a value is read again.
        clock: Returns monotonic seconds.
        name: The secret's name in the template, for logs and metrics.
        entries: Reads the entries, to find those that cannot be used.
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
        """Return the secret, at most `cache_seconds` old, or older while Secrets Manager does not answer.

        Raises `SecretUnavailable` if there is no usable value.
        """
        return self._younger_than(self.cache_seconds)

    def recheck(self) -> dict[str, Any]:
        """Return the secret after a presented token did not match it; read it again if it is 5 seconds old."""
        return self._younger_than(RECHECK_SECONDS)

    def _younger_than(self, age: float) -> dict[str, Any]:
        # Without a value, the function can do nothing, so it tries again sooner than a cached value would expire.
        if self.clock() - self._read_at >= (age if self._value is not None else min(age, RECHECK_SECONDS)):
            self._read()
        if self._value is None:
            raise SecretUnavailable(self.name)
        return self._value

    def _read(self) -> None:
        self._read_at = self.clock()
        try:
            self._value = self._checked(read_secret_text(stored_text(self.client, self.arn)))
        except AWS_ERRORS as error:
            self._failed(error)
        except (Malformed, UnicodeDecodeError):
            self._value = None
            self._unusable("no JSON object")

    def _failed(self, error: Exception) -> None:
        code = error_code(error)
        if code in REFUSALS:
            self._value = None
            self._unusable(code)
        elif self._value is None:
            # The next caller tries at once: an outage may be over, and there is nothing to fall back on.
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
