"""Intents: what stores the requests of clients before the provider is called."""

from functools import cache

from mediarelay.usecases.tasks.submit import IntentStore
from mediarelay.wiring import base
from mediarelay.wiring.tasks import task_repository


@cache
def intent_store() -> IntentStore:
    """Stores requests as intents."""
    hours = base.settings().default_key_hours
    return IntentStore(intents=base.ledger(), tasks=task_repository(), clock=base.now, default_key_hours=hours)
