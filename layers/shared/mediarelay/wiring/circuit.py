"""Limits of the calls to the provider: a circuit breaker, and a budget of calls per minute."""

from functools import cache

from mediarelay.adapters.dynamodb.circuits import CircuitStore
from mediarelay.domain.budget import Budget
from mediarelay.domain.circuit_breaker import QUERY_ACTIONS
from mediarelay.domain.tasks.media import Kind
from mediarelay.usecases.circuit_breaker import CircuitBreaker
from mediarelay.wiring import base


@cache
def circuit_breaker() -> CircuitBreaker:
    """Return the circuit breaker of the provider's actions."""
    return CircuitBreaker(CircuitStore(base.table()), base.now)


def is_circuit_open(kind: Kind) -> bool:
    """Return whether the provider refuses all queries about a kind now."""
    return circuit_breaker().is_open(QUERY_ACTIONS[kind])


def budget() -> Budget:
    """Return the budget of calls per minute, by class of call."""
    return Budget(base.settings().calls_per_minute, base.settings().unknown_task_share)
