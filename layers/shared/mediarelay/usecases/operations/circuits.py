"""See the circuits of all providers, and close one by hand."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mediarelay.domain.circuit_breaker import Circuit
from mediarelay.domain.operations.facts import CircuitFacts
from mediarelay.errors import NotFound
from mediarelay.providers.registry import circuits

log = logging.getLogger(__name__)


class StoredCircuits(Protocol):
    """Reads and deletes circuits by their names."""

    def find(self, circuit: str) -> Circuit:
        """Read a circuit."""

    def reset(self, circuit: str) -> None:
        """Close a circuit and forget its refusals."""


@dataclass(frozen=True, slots=True)
class Circuits:
    """The circuits. Their names are known: one for each action of each provider."""

    stored: StoredCircuits
    clock: Callable[[], datetime]

    def all(self) -> tuple[CircuitFacts, ...]:
        """Return all circuits, open or closed; raises `LedgerUnavailable`."""
        return tuple(self._facts(name, *names) for name, names in circuits().items())

    def close(self, circuit: str, client: str) -> CircuitFacts:
        """Close a circuit, so that the next call is made; raises `NotFound`."""
        names = circuits().get(circuit)
        if names is None:
            raise NotFound(f"no such circuit; there are {', '.join(circuits())}")
        self.stored.reset(circuit)
        log.warning("circuit closed by a client", extra={"circuit": circuit, "client": client})
        return self._facts(circuit, *names)

    def _facts(self, circuit: str, provider: str, action: str) -> CircuitFacts:
        found, now = self.stored.find(circuit), self.clock()
        until = found.open_until if found.is_open(now) else None
        return CircuitFacts(
            circuit=circuit, provider=provider, action=action, failures=found.failures, open_until=until
        )
