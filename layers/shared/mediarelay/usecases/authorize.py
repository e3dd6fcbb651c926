"""Authorize API clients: which bearer token may call which route."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediarelay.signing.tokens import matching
from mediarelay.usecases.access import LiveSecret, try_with
from mediarelay.usecases.secret_entries import Client, clients

# The scope that a route needs, by its method. Routes of operators need `admin`, whatever their method.
SCOPES = {"GET": "read", "POST": "submit"}
OPERATORS = frozenset(
    {
        "POST /tasks/replay",
        "GET /quarantine",
        "POST /quarantine/replay",
        "GET /circuits",
        "POST /circuits/{circuit}/close",
        "GET /dead-letters",
        "GET /dead-letters/{queue}/messages",
        "POST /dead-letters/{queue}/redrive",
        "POST /dead-letters/{queue}/purge",
        "GET /rooms/{room_id}/songs/{song_id}/history",
        "GET /songs/history",
    }
)
EVERYTHING = "admin"


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Compares bearer tokens with stored SHA-256 hashes. A client may have several live tokens, for rotation."""

    clients: LiveSecret

    def authorize(self, authorization: str | None, route: str) -> Client | None:
        """Return the client if its token is live and its scopes allow the route (`GET /tasks`), else None."""
        token = _bearer(authorization)
        client = try_with(self.clients, lambda secret: self._client(token, secret))
        return client if client and {_scope(route), EVERYTHING} & set(client.scopes) else None

    def _client(self, token: str | None, secret: Mapping[str, Any]) -> Client | None:
        # Entries are checked one by one, so a mistake in one entry locks out only that client.
        live = dict(clients(secret).usable)
        found = matching(token, list(live))
        return live[found] if found else None


def _scope(route: str) -> str:
    # A method that is not listed needs `admin`: a route that is added later is closed until it is listed.
    return EVERYTHING if route in OPERATORS else SCOPES.get(route.partition(" ")[0], EVERYTHING)


def _bearer(authorization: str | None) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
