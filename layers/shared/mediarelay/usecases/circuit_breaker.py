"""Circuit: stop calling an action that refuses us whatever we ask, try it again from time to time, and heal."""

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
    """The part of the ledger that all functions share their experience in."""

    def circuit(self, action: str) -> Circuit:
        """How an action is doing."""

    def refused(self, action: str) -> int:
        """Count one more refusal; returns how many there are in a row."""

    def break_until(self, action: str, seen: datetime | None, until: datetime) -> bool:
        """Set the end of a break unless somebody else did."""

    def mend(self, action: str) -> None:
        """Forget all refusals of an action."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Guards the calls of one action after the other."""

    circuits: CircuitStore
    clock: Callable[[], datetime]

    def is_open(self, action: str) -> bool:
        """Whether calls of an action are pointless now."""
        return self.circuits.circuit(action).is_open(self.clock())

    def admit(self, action: str) -> Circuit:
        """Let a call pass; after a break only one at a time. Raises `CircuitOpen`."""
        circuit, now = self.circuits.circuit(action), self.clock()
        if circuit.until is None:
            return circuit
        if circuit.is_open(now) or not self.circuits.break_until(action, circuit.until, now + FIRST_BREAK):
            count("CircuitOpen")
            raise CircuitOpen(f"{action} has refused us {circuit.failures} times")
        return circuit

    def refused(self, action: str, seen: Circuit) -> None:
        """Note that the provider refused us."""
        failures = self.circuits.refused(action)
        until = next_break(failures, self.clock())
        if until is not None:
            self.circuits.break_until(action, None, until)
            count("CircuitOpen")
            log.error("circuit open", extra={"action": action, "failures": failures, "before": seen.failures})

    def passed(self, action: str, seen: Circuit) -> None:
        """Note that the provider dealt with a call."""
        if seen.failures:
            self.circuits.mend(action)
            log.warning("circuit closed", extra={"action": action, "failures": seen.failures})
