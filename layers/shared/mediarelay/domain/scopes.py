"""The scopes of API clients: what each of them allows."""

from collections.abc import Collection
from typing import Literal, get_args

Scope = Literal["read", "submit", "admin", "read:tokens"]
SCOPES: frozenset[str] = frozenset(get_args(Scope))


def allows(granted: Collection[str], needed: Scope) -> bool:
    """Return whether a client with the scopes `granted` may do what needs the scope `needed`."""
    # Tokens of songs are secrets of the players, so an operator does not see them without asking for it.
    return needed in granted or (needed != "read:tokens" and "admin" in granted)
