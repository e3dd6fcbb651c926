"""The authorizer. It runs before every request of a client, so this module loads nothing that only routes need."""

from functools import cache

from mediarelay.usecases.authorize import Authorizer
from mediarelay.usecases.secret_entries import clients
from mediarelay.wiring import base


@cache
def authorizer() -> Authorizer:
    """Return the use case that authorizes API clients."""
    return Authorizer(base.early_secret("ApiClients", base.settings().api_clients_secret, clients))
