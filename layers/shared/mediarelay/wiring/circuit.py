"""Limits of the calls to the provider: a circuit breaker, and a budget of calls per minute."""

from functools import cache

from mediarelay.adapters.dynamodb.circuits import CircuitStore
from mediarelay.domain.budget import Budget
from mediarelay.usecases.circuit_breaker import CircuitBreaker
from mediarelay.wiring import base


@cache
def circuit_breaker() -> CircuitBreaker:
    """Return the circuit breaker of the provider's actions."""
    return CircuitBreaker(CircuitStore(base.table()), base.now)


def budget() -> Budget:
    """Return the budget of calls per minute, by class of call."""
    return Budget(base.settings().calls_per_minute, base.settings().unknown_task_share)
