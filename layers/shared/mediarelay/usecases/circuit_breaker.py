"""Circuit breaker: stop calling an action that refuses or answers no call of ours, and try it again from time to time.

closed ──5 failures in a row──▶ open ──the break is over──▶ half open: one trial call ──┬─ served ──▶ closed
                                  ▲                                                     │
                                  └──────────────── failed: twice as long a break ──────┘
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.domain.circuit_breaker import FIRST_BREAK, MAX_BREAKS, Cause, Circuit, State, next_break
from mediarelay.errors import CircuitOpen
from mediarelay.observability import count

log = logging.getLogger(__name__)
REPORTS = {Cause.REFUSED: "refused", Cause.UNANSWERED: "not answered"}


class CircuitStore(Protocol):
    """Stores the circuits by their names, so that all functions share them."""

    def find(self, circuit: str) -> Circuit:
        """Read a circuit."""

    def record_failure(self, circuit: str, cause: Cause, seen: int | None) -> int:
        """Count one more failure; return how many there are in a row.

        If there are no longer as many as were `seen` (None: do not compare), count nothing and return 0.
        """

    def open_until(self, circuit: str, seen: datetime | None, until: datetime) -> bool:
        """Open a circuit until a time; return False if its end is no longer the one that was `seen`."""

    def reset(self, circuit: str) -> None:
        """Close a circuit and forget its failures."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """Guards the calls of each action of each provider."""

    circuits: CircuitStore
    clock: Callable[[], datetime]

    def find(self, circuit: str) -> Circuit:
        """Return a circuit as it is now."""
        return self.circuits.find(circuit)

    def is_refused(self, circuit: str) -> bool:
        """Return whether a circuit is open because the provider refuses us, so that only an operator can end that."""
        found = self.circuits.find(circuit)
        return found.is_open(self.clock()) and found.cause is Cause.REFUSED

    def before_call(self, circuit: str) -> Circuit:
        """Return a circuit whose action may be called now; raises `CircuitOpen`."""
        found, now = self.circuits.find(circuit), self.clock()
        if not self._admits(circuit, found, now):
            count("CircuitOpen")
            calls = f"{circuit}: {found.failures} calls in a row were {REPORTS[found.cause]}"
            raise CircuitOpen(calls, is_refused=found.cause is Cause.REFUSED)
        return found

    def _admits(self, circuit: str, found: Circuit, now: datetime) -> bool:
        state = found.state(now)
        if state is not State.HALF_OPEN:
            return state is State.CLOSED
        # Only one caller moves the end of the break, and so makes the trial call; the others wait for its result.
        return self.circuits.open_until(circuit, found.open_until, now + FIRST_BREAK)

    def record_refusal(self, circuit: str) -> None:
        """Record that the provider refused this account, whatever the request was."""
        self._open(circuit, Cause.REFUSED, self.circuits.record_failure(circuit, Cause.REFUSED, None))

    def record_silence(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider did not answer a call.

        Calls that wait at the same time count once. Otherwise the few of many workers that wait for a slow provider
        would open the circuit while it serves the others.
        """
        self._open(circuit, Cause.UNANSWERED, self.circuits.record_failure(circuit, Cause.UNANSWERED, seen.failures))

    def _open(self, circuit: str, cause: Cause, failures: int) -> None:
        until = next_break(failures, self.clock(), MAX_BREAKS[cause])
        if until is not None:
            # `None` replaces whichever end is stored: this failure is the newest, so its break is the longest.
            self.circuits.open_until(circuit, None, until)
            count("CircuitOpen")
            log.error("circuit open", extra={"circuit": circuit, "failures": failures, "cause": cause.value})

    def record_success(self, circuit: str, seen: Circuit) -> None:
        """Record that the provider served a call. Without earlier failures there is nothing to write."""
        if seen.failures:
            self.circuits.reset(circuit)
            log.warning("circuit closed", extra={"circuit": circuit, "failures": seen.failures})
