"""Read secrets entry by entry. An entry that cannot be used is named by its place and does not affect the others.

A place is a path such as `clients.2`; it never contains any part of a value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mediarelay.contracts.secret_text import read_packed
from mediarelay.errors import Malformed

Entry = TypeVar("Entry")
Fields = Mapping[str, Any]

_SEPARATORS = re.compile(r"[\s,]+")
_QUOTES = "\"'"
_BRACKETS = ("[]", "{}")
_UNREADABLE = object()
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entries(Generic[Entry]):
    """The usable entries of a secret, and the place and reason (`clients.2: ...`) of each other entry."""

    usable: tuple[Entry, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """An API client with a live token."""

    name: str
    scopes: tuple[str, ...]


def callback_tokens(secret: Fields) -> Entries[str]:
    """Return the live path tokens of the callback addresses; the faults are those of the whole secret."""
    tokens = words(secret, "tokens")
    return Entries(tokens.usable, (*tokens.faults, *notify_keys(secret).faults))


def notify_keys(secret: Fields) -> Entries[str]:
    """Return the live keys of the signature inside a callback. Without any, only the path token is checked."""
    return words(secret, "notify_keys")


def words(secret: Fields, name: str) -> Entries[str]:
    """Return the words under a name: one text, separated by white space or commas, or a list of texts."""
    return texts(secret, name, _SEPARATORS.split)


def texts(
    secret: Fields, name: str, split: Callable[[str], Iterable[str]], fault: Callable[[str], str] = lambda _text: ""
) -> Entries[str]:
    """Return the distinct texts under a name, in their order: the parts of one text, or a list of texts.

    `split` separates one text into parts. `fault` returns what is wrong with a part, or an empty text if it is usable.
    """
    value = unpacked(secret.get(name))
    if value is None or isinstance(value, str):
        value = list(filter(plain, split(value or "")))
    if not isinstance(value, list):
        return Entries((), (f"{name}: neither text nor a list",))
    faults = [fault(text) if (text := plain(one)) else "text was expected" for one in value]
    usable = (plain(one) for one, why in zip(value, faults, strict=True) if not why)
    named = (f"{name}.{place}: {why}" for place, why in enumerate(faults) if why)
    return Entries(tuple(dict.fromkeys(usable)), tuple(named))


def plain(value: object) -> str:
    """Return text without the white space and quotes around it; an empty text for any other value."""
    return value.strip().strip(_QUOTES).strip() if isinstance(value, str) else ""


def clients(secret: Fields) -> Entries[tuple[str, Client]]:
    """Return the API clients, each with the SHA-256 of its token. Of two entries with one hash, the first counts."""
    value = unpacked(secret.get("clients", []))
    if not isinstance(value, list):
        return Entries((), ("clients: not a list",))
    found: dict[str, Client] = {}
    faults: list[str] = []
    for place, entry in enumerate(value):
        faults += [f"clients.{place}: {why}" for why in _add(entry, found)]
    return Entries(tuple(found.items()), tuple(faults))


def _add(entry: object, found: dict[str, Client]) -> tuple[str, ...]:
    """Add the client of an entry if it is usable; return what is wrong with the entry."""
    if not isinstance(entry, dict):
        return ("an object was expected",)
    digest, name, scopes = plain(entry.get("sha256")).lower(), _name(entry.get("name")), words(entry, "scopes")
    checks = {
        "sha256: 64 hex digits were expected": bool(_SHA256.fullmatch(digest)),
        "name: printable text was expected": name.isprintable() and name != "",
        "scopes: a list of texts was expected": isinstance(entry.get("scopes"), list | str),
        "the same sha256 as an entry before it": digest not in found,
    }
    if not all(checks.values()):
        return tuple(why for why, passed in checks.items() if not passed)
    # A wrong scope costs the client only that scope.
    found[digest] = Client(name, scopes.usable)
    return scopes.faults


def _name(value: object) -> str:
    # An editor may store a name that consists of digits as a number.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def unpacked(value: object) -> object:
    """Decode a list or object that was stored as text, as the key/value editor of the Secrets Manager console does."""
    text = value.strip() if isinstance(value, str) else ""
    if text[:1] + text[-1:] not in _BRACKETS:
        return value
    # Text that only looks like a list is none either: split into words, its last bracket would be a live token.
    try:
        return read_packed(text)
    except Malformed:
        return _UNREADABLE
