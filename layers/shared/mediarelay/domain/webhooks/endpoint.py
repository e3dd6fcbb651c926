"""Endpoints: the URLs that receive events, and what the ledger knows of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mediarelay.domain.circuit_breaker import next_break

# An endpoint is disabled if no attempt of so long has succeeded.
DISABLE_AFTER = timedelta(days=1)


class EndpointState(StrEnum):
    """The states of an endpoint."""

    ENABLED = "enabled"
    FAILING = "failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as the operator configured it.

    Attributes:
        name: Its name, which identifies it in the API.
        url: Its URL.
        secrets: The live secrets, each of which signs every event.
        types: The types of events that it receives, or their prefixes; none: all.
    """

    name: str
    url: str
    secrets: tuple[str, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What the attempts of an endpoint have shown.

    Attributes:
        failures: Failed attempts in a row.
        failing_since: When the first of them was made (UTC).
        paused_until: Until when no attempt is made (UTC), because several have failed.
        last_success_at: When an attempt last succeeded (UTC).
        last_status: The HTTP status of the last answer.
        disabled_at: When the endpoint was disabled (UTC).
        disabled_reason: Why it was disabled.
    """

    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    last_success_at: datetime | None = None
    last_status: int | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None

    @property
    def is_disabled(self) -> bool:
        """Whether no attempts are made."""
        return self.disabled_at is not None

    @property
    def state(self) -> EndpointState:
        """The state that follows from the attempts."""
        if self.is_disabled:
            return EndpointState.DISABLED
        return EndpointState.FAILING if self.failing_since else EndpointState.ENABLED

    def pause(self, now: datetime) -> datetime | None:
        """Return until when to pause after the failures so far; None if they are too few."""
        return next_break(self.failures, now)

    def is_exhausted(self, now: datetime) -> bool:
        """Return whether every attempt of a day has failed."""
        return self.failing_since is not None and now - self.failing_since >= DISABLE_AFTER
