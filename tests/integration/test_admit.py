"""API clients: bearer tokens by hash, closed whenever in doubt."""

from typing import Any

import pytest

from mediarelay.signing.tokens import digest
from mediarelay.usecases.authorize import Authorizer
from mediarelay.wiring.authorizer import authorizer
from tests.integration.deployment import Deployment
from tests.integration.doubles import Clock, Secret

CLIENTS = {
    "clients": [
        {"name": "reader", "sha256": digest("r-token"), "scopes": ["read"]},
        {"name": "writer", "sha256": digest("w-token"), "scopes": ["submit", "read"]},
        {"name": "writer", "sha256": digest("w-token-2"), "scopes": ["submit"]},
        {"name": "boss", "sha256": digest("b-token"), "scopes": ["admin"]},
        {"name": "nobody", "sha256": digest("n-token"), "scopes": []},
    ]
}


def authorizing(clients: Secret) -> Authorizer:
    """The authorizer of a deployment with these clients."""
    with Deployment(Clock(), secrets={"ApiClients": clients}).building():
        return authorizer()


def name_of(keeper: Authorizer, header: str) -> str | None:
    """Who is admitted."""
    client = keeper.authorize(header)
    return client.name if client else None


def test_a_client_comes_with_its_scopes() -> None:
    client = authorizing(Secret(CLIENTS)).authorize("Bearer w-token")
    assert client
    assert client.scopes == ("submit", "read")


@pytest.mark.parametrize(
    ("token", "name"),
    [("r-token", "reader"), ("w-token", "writer"), ("w-token-2", "writer"), ("b-token", "boss"), ("n-token", "nobody")],
)
def test_every_live_token_is_admitted_whatever_its_scopes(token: str, name: str) -> None:
    assert name_of(authorizing(Secret(CLIENTS)), f"Bearer {token}") == name


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "b-token",
        "Bearer",
        "Bearer ",
        "Basic b-token",
        "Bearer b-tokenx",
        "Bearer B-TOKEN",
        "Bearer b-token, Bearer b-token",
        f"Bearer {digest('b-token')}",
        "Bearer caf\u00e9",
        "Bearer \ud800",
        "Bearer \x00",
        "Bearer " + "x" * 100_000,
    ],
)
def test_whatever_is_no_live_token_stays_outside(header: str | None) -> None:
    assert authorizing(Secret(CLIENTS)).authorize(header) is None


@pytest.mark.parametrize("header", ["Bearer b-token", "bearer b-token", "BEARER  b-token "])
def test_the_scheme_is_read_as_http_says(header: str) -> None:
    assert name_of(authorizing(Secret(CLIENTS)), header) == "boss"


@pytest.mark.parametrize("missing", ["name", "sha256", "scopes"])
def test_an_incomplete_entry_counts_for_nothing_and_stops_nobody(missing: str) -> None:
    broken = {"name": "x", "sha256": digest("x-token"), "scopes": ["admin"]}
    del broken[missing]
    keeper = authorizing(Secret({"clients": [broken, *CLIENTS["clients"]]}))
    assert keeper.authorize("Bearer x-token") is None
    assert name_of(keeper, "Bearer r-token") == "reader"


@pytest.mark.parametrize("secret", [{}, {"clients": []}])
def test_without_clients_the_door_is_closed(secret: dict[str, Any]) -> None:
    assert authorizing(Secret(secret)).authorize("Bearer b-token") is None
    assert authorizing(Secret(secret)).authorize(None) is None


def test_a_client_that_was_just_added_is_known_after_a_recheck(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret({"clients": []})
    monkeypatch.setattr(secret, "recheck", lambda: CLIENTS)
    assert name_of(authorizing(secret), "Bearer r-token") == "reader"


@pytest.mark.parametrize("bad", [None, "r-token", 7, [], {}, {"name": None, "sha256": None, "scopes": None}])
@pytest.mark.parametrize("first", [True, False])
def test_a_bad_entry_locks_nobody_out(bad: Any, *, first: bool) -> None:
    good = CLIENTS["clients"]
    keeper = authorizing(Secret({"clients": [bad, *good] if first else [*good, bad]}))
    assert name_of(keeper, "Bearer r-token") == "reader"
    for token in ("", "None", "null", "7", "[]"):
        assert keeper.authorize(f"Bearer {token}") is None


def test_a_digest_in_upper_case_and_scopes_as_words() -> None:
    entry = {"name": "web", "sha256": f" {digest('t').upper()}\n", "scopes": "read, submit"}
    client = authorizing(Secret({"clients": [entry]})).authorize("Bearer t")
    assert client
    assert client.scopes == ("read", "submit")
