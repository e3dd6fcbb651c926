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
    """Stores the circuit of each action by its name, so that all functions share it."""

    def find(self, action: str) -> Circuit:
        """Read the circuit of an action."""

    def record_failure(self, action: str) -> int:
        """Count one more refusal; return how many there are in a row."""

    def open_until(self, action: str, seen: datetime | None, until: datetime) -> bool:
        """Open a circuit until a time; return False if its end is no longer the one that was `seen`."""

    def reset(self, action: str) -> None:
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

    def before_call(self, action: str) -> Circuit:
        """Return the circuit of an action that may be called now; raises `CircuitOpen`."""
        circuit, now = self.circuits.find(action), self.clock()
        if circuit.open_until is None:
            return circuit
        # After a break only one caller moves its end, and so makes the trial call; the others wait for its result.
        if circuit.is_open(now) or not self.circuits.open_until(action, circuit.open_until, now + FIRST_BREAK):
            count("CircuitOpen")
            raise CircuitOpen(f"{action} has refused us {circuit.failures} times")
        return circuit

    def record_failure(self, action: str, seen: Circuit) -> None:
        """Record that the provider refused this account, whatever the request was."""
        failures = self.circuits.record_failure(action)
        until = next_break(failures, self.clock())
        if until is not None:
            # `None` replaces whichever end is stored: this refusal is the newest, so its break is the longest.
            self.circuits.open_until(action, None, until)
            count("CircuitOpen")
            log.error("circuit open", extra={"action": action, "failures": failures, "before": seen.failures})

    def record_success(self, action: str, seen: Circuit) -> None:
        """Record that the provider served a call. Without earlier failures there is nothing to write."""
        if seen.failures:
            self.circuits.reset(action)
            log.warning("circuit closed", extra={"action": action, "failures": seen.failures})
