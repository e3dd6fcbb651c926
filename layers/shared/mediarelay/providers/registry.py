"""All providers. This module, `routes.py`, the settings and the composition root are the only places that name them."""

from mediarelay.domain.circuit_breaker import circuit_name
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.cts.provider import CTS
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Provider

# The first one owns every id that no other provider recognises.
PROVIDERS: tuple[Provider, ...] = (CTS, MPS)
NAMES = tuple(provider.name for provider in PROVIDERS)


def provider_of(vid: str) -> Provider:
    """Return the provider of a task. The form of its id tells it."""
    return next((one for one in PROVIDERS if one.owns(vid)), PROVIDERS[0])


def provider_named(name: str) -> Provider:
    """Return the provider with a name; raises `Malformed` (`provider`)."""
    found = next((one for one in PROVIDERS if one.name == name), None)
    if found is None:
        raise Malformed("provider", f"must be {' or '.join(NAMES)}")
    return found


def query_circuit(vid: str, kind: Kind) -> str:
    """Return the name of the circuit of the queries about a task."""
    provider = provider_of(vid)
    return circuit_name(provider.name, provider.query_action(kind))


def query_circuits(kind: Kind) -> frozenset[str]:
    """Return the names of the circuits of the queries about tasks of a kind."""
    return frozenset(circuit_name(provider.name, provider.query_action(kind)) for provider in PROVIDERS)


def submit_circuit(provider: str, kind: Kind) -> str:
    """Return the name of the circuit of the submits of a provider; raises `Malformed` (`provider`)."""
    return circuit_name(provider, provider_named(provider).submit_action(kind))


def circuits() -> dict[str, tuple[str, str]]:
    """Return the provider and the action of every circuit, by the circuit's name."""
    return {
        circuit_name(provider.name, action): (provider.name, action)
        for provider in PROVIDERS
        for action in provider.actions
    }
