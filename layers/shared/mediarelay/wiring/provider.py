"""The providers: their APIs, and the use cases that call them. No other wiring module loads an HTTP client."""

from functools import cache, partial

import requests

from mediarelay.adapters.dynamodb.budget import BudgetStore
from mediarelay.adapters.dynamodb.intents import IntentStore
from mediarelay.adapters.https_session import https_session
from mediarelay.adapters.provider_api import ProviderApi, ProviderApis
from mediarelay.adapters.secrets import Secret
from mediarelay.errors import SecretUnavailable
from mediarelay.providers.port import Account, Provider
from mediarelay.providers.registry import PROVIDERS
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay.usecases.tasks.confirm import Confirmer
from mediarelay.usecases.tasks.submit import Submitter
from mediarelay.wiring import base
from mediarelay.wiring.circuit import budget, circuit_breaker
from mediarelay.wiring.intents import intent_registry
from mediarelay.wiring.tasks import task_repository

# A nonce of 63 bits fits a signed 64-bit integer, whatever the provider reads it with.
NONCE_BITS = 63
# The setting with the endpoint of each provider.
ENDPOINTS = {"cts": "provider_endpoint", "mps": "mps_endpoint"}


@cache
def provider_apis() -> ProviderApis:
    """Return the clients of the providers' APIs."""
    settings, session = base.settings(), https_session(base.USER_AGENT)
    keys = base.secret("ProviderKeys", settings.provider_keys_secret, provider_keys)
    return ProviderApis({provider.name: _api(provider, keys, session) for provider in PROVIDERS})


def _api(provider: Provider, keys: Secret, session: requests.Session) -> ProviderApi:
    random, settings = base.random, base.settings()
    return ProviderApi(
        provider=provider,
        url=getattr(settings, ENDPOINTS[provider.name]),
        region=settings.provider_region,
        # Read with each call, so that rotated keys apply without a new process.
        account=partial(_account, keys, provider.name),
        spend=partial(BudgetStore(base.table()).spend, provider.name),
        budget=budget(),
        guard=circuit_breaker(),
        clock=base.now,
        # `| 1`: the nonce must be positive.
        nonce=lambda: random.getrandbits(NONCE_BITS) | 1,
        session=session,
    )


def _account(keys: Secret, name: str) -> Account | None:
    found = provider_keys(keys.value())
    if not found.usable:
        raise SecretUnavailable(f"the providers' keys: {', '.join(found.faults)}")
    return dict(found.usable).get(name)


@cache
def confirmer() -> Confirmer:
    """Return the use case that queries the provider about tasks."""
    return Confirmer(tasks=task_repository(), providers=provider_apis(), adopt=submitter().adopt, clock=base.now)


@cache
def submitter() -> Submitter:
    """Return the use case that submits tasks to the provider."""
    return Submitter(
        registry=intent_registry(),
        intents=IntentStore(base.table()),
        tasks=task_repository(),
        providers=provider_apis(),
        clock=base.now,
    )
