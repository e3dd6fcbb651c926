"""Authorize API clients: whose bearer token it is. Each route checks the scope that it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediarelay.signing.tokens import matching
from mediarelay.usecases.access import LiveSecret, try_with
from mediarelay.usecases.secret_entries import Client, clients


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Compares bearer tokens with stored SHA-256 hashes. A client may have several live tokens, for rotation."""

    clients: LiveSecret

    def authorize(self, authorization: str | None) -> Client | None:
        """Return the client if its token is live, else None."""
        token = _bearer(authorization)
        return try_with(self.clients, lambda secret: self._client(token, secret))

    def _client(self, token: str | None, secret: Mapping[str, Any]) -> Client | None:
        # Entries are checked one by one, so a mistake in one entry locks out only that client.
        live = dict(clients(secret).usable)
        found = matching(token, list(live))
        return live[found] if found else None


def _bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
