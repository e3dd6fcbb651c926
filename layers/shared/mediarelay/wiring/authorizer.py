"""The authorizer of API clients: it stands before every request, so it loads nothing that only routes need."""

from functools import cache

from mediarelay.usecases.authorize import Authorizer
from mediarelay.usecases.secret_entries import clients
from mediarelay.wiring import base


@cache
def authorizer() -> Authorizer:
    """Authorizes API clients."""
    return Authorizer(base.secret("ApiClients", base.settings().api_clients_secret, clients))
