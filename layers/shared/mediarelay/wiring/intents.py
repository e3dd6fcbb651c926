"""Intents: the registry that stores requests of clients before the provider is called."""

from functools import cache

from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.usecases.tasks.submit import IntentRegistry
from mediarelay.wiring import base
from mediarelay.wiring.tasks import task_repository


@cache
def intent_registry() -> IntentRegistry:
    """Return the registry of intents."""
    return IntentRegistry(
        intents=IntentStore(base.table()),
        tasks=task_repository(),
        clock=base.now,
        provider=base.settings().provider,
        default_key_hours=base.settings().default_key_hours,
    )
