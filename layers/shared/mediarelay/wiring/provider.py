"""The provider: its API, and the use cases that call it. No other wiring module loads an HTTP client."""

from collections.abc import Callable
from functools import cache

import requests

from mediarelay.adapters.cts_api import CtsApi
from mediarelay.adapters.dynamodb.budget import BudgetStore
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.secrets import Secret
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import SecretUnavailable
from mediarelay.signing.qcloud import Credentials
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay.usecases.tasks.confirm import Confirmer
from mediarelay.usecases.tasks.submit import Submitter
from mediarelay.wiring import base
from mediarelay.wiring.circuit import budget, circuit_breaker
from mediarelay.wiring.intents import intent_registry
from mediarelay.wiring.tasks import task_repository

# A nonce of 63 bits fits a signed 64-bit integer, whatever the provider reads it with.
NONCE_BITS = 63


@cache
def cts_api() -> CtsApi:
    """Return the client of the provider's API."""
    random, session = base.random, requests.Session()
    # Otherwise requests reads proxies and `.netrc` from the environment for each call.
    session.trust_env = False
    return CtsApi(
        url=base.settings().provider_endpoint,
        credentials=_credentials(base.secret("ProviderKeys", base.settings().provider_keys_secret, provider_keys)),
        spend=BudgetStore(base.table()).spend,
        budget=budget(),
        guard=circuit_breaker(),
        clock=base.now,
        # `| 1`: the nonce must be positive.
        nonce=lambda: random.getrandbits(NONCE_BITS) | 1,
        session=session,
    )


def _credentials(keys: Secret) -> Callable[[], Credentials]:
    # Read with each call, so that rotated keys apply without a new process.
    def credentials() -> Credentials:
        found = provider_keys(keys.value())
        if not found.usable:
            raise SecretUnavailable(f"the provider's keys: {', '.join(found.faults)}")
        return found.usable[0]

    return credentials


@cache
def confirmer() -> Confirmer:
    """Return the use case that queries the provider about tasks."""
    return Confirmer(tasks=task_repository(), provider=cts_api(), clock=base.now)


@cache
def submitter() -> Submitter:
    """Return the use case that submits tasks to the provider."""
    send = {Kind.AUDIO: cts_api().add_audio, Kind.VIDEO: cts_api().find_video}
    return Submitter(
        registry=intent_registry(),
        intents=IntentStore(base.table()),
        tasks=task_repository(),
        send=send,
        clock=base.now,
    )
