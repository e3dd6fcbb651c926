"""Circuit breaker: stop calling an action that refuses every call of ours, and try it again from time to time.

closed ──5 refusals in a row──▶ open ──the break is over──▶ one trial call ──┬─ served ──▶ closed
▲                                           │
└──────── refused: twice as long a break ───┘
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.domain.circuit_breaker import FIRST_BREAK, Circuit, next_break
from mediarelay.errors import CircuitOpen
from mediarelay.observability import count

log = logging.getLogger(__name__)


class CircuitStore(Protocol):
    """Stores the circuits by their names, so that all functions share them."""

    def find(self, circuit: str) -> Circuit:
        """Read a circuit."""

    def record_failure(self, circuit: str) -> int:
        """Count one more refusal; return how many there are in a row."""

    def open_until(self, circuit: str, seen: datetime | None, until: datetime) -> bool:
        """Open a circuit until a time; return False if its end is no longer the one that was `seen`."""

    def reset(self, circuit: str) -> None:
        """Close a circuit and forget its refusals."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Guards the calls of each action of each provider."""

    circuits: CircuitStore
    clock: Callable[[], datetime]

    def is_open(self, circuit: str) -> bool:
        """Return whether a circuit is open, so that calls are pointless now."""
        return self.break_end(circuit) is not None

    def break_end(self, circuit: str) -> datetime | None:
        """Return until when a circuit is open; None if it is closed."""
        found = self.circuits.find(circuit)
        return found.open_until if found.is_open(self.clock()) else None

    def before_call(self, circuit: str) -> Circuit:
        """Return a circuit whose action may be called now; raises `CircuitOpen`."""
        found, now = self.circuits.find(circuit), self.clock()
        if found.open_until is None:
            return found
        # After a break only one caller moves its end, and so makes the trial call; the others wait for its result.
        if found.is_open(now) or not self.circuits.open_until(circuit, found.open_until, now + FIRST_BREAK):
            count("CircuitOpen")
            raise CircuitOpen(f"{circuit} has refused us {found.failures} times")
        return found

    def record_failure(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider refused this account, whatever the request was."""
        failures = self.circuits.record_failure(circuit)
        until = next_break(failures, self.clock())
        if until is not None:
            # `None` replaces whichever end is stored: this refusal is the newest, so its break is the longest.
            self.circuits.open_until(circuit, None, until)
            count("CircuitOpen")
            log.error("circuit open", extra={"circuit": circuit, "failures": failures, "before": seen.failures})

    def record_success(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider served a call. Without earlier failures there is nothing to write."""
        if seen.failures:
            self.circuits.reset(circuit)
            log.warning("circuit closed", extra={"circuit": circuit, "failures": seen.failures})
