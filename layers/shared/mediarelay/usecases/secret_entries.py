"""What the secrets hold, entry by entry: one that cannot be used is named by its place, and takes no other one with it.

A place is a path such as `clients.2`; nothing of a value is ever in it.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Entry = TypeVar("Entry")
Fields = Mapping[str, Any]

_SEPARATORS = re.compile(r"[\s,]+")
_QUOTES = "\"'"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entries(Generic[Entry]):
    """The entries of a secret that can be used, and the places and reasons of those that cannot."""

    usable: tuple[Entry, ...]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Client:
    """An API client with a live token."""

    name: str
    scopes: tuple[str, ...]


def callback_tokens(secret: Fields) -> Entries[str]:
    """The live path tokens of the callback addresses."""
    return words(secret, "tokens")


def words(secret: Fields, name: str) -> Entries[str]:
    """The words under a name: separated by white space or commas (easy to edit by hand), or a list."""
    return texts(secret, name, _SEPARATORS.split)


def texts(
    secret: Fields, name: str, split: Callable[[str], Iterable[str]], fault: Callable[[str], str] = lambda _text: ""
) -> Entries[str]:
    """The distinct texts under a name, in their order: the parts of one text, or a list of texts.

    `fault` says what is wrong with a text; empty if it can be used.
    """
    value = _unpacked(secret.get(name))
    if value is None or isinstance(value, str):
        value = list(filter(plain, split(value or "")))
    if not isinstance(value, list):
        return Entries((), (f"{name}: neither text nor a list",))
    faults = [fault(text) if (text := plain(one)) else "text was expected" for one in value]
    usable = (plain(one) for one, why in zip(value, faults, strict=True) if not why)
    named = (f"{name}.{place}: {why}" for place, why in enumerate(faults) if why)
    return Entries(tuple(dict.fromkeys(usable)), tuple(named))


def plain(value: object) -> str:
    """Text without blanks and quotes around it; empty for anything else."""
    return value.strip().strip(_QUOTES).strip() if isinstance(value, str) else ""


def clients(secret: Fields) -> Entries[tuple[str, Client]]:
    """The API clients, each with the SHA-256 of its token; of two with the same one the first counts."""
    value = _unpacked(secret.get("clients", []))
    if not isinstance(value, list):
        return Entries((), ("clients: not a list",))
    found: dict[str, Client] = {}
    faults: list[str] = []
    for place, entry in enumerate(value):
        faults += [f"clients.{place}: {why}" for why in _add(entry, found)]
    return Entries(tuple(found.items()), tuple(faults))


def _add(entry: object, found: dict[str, Client]) -> tuple[str, ...]:
    """Add the client of an entry, if it can be used; returns what is wrong with the entry."""
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
    found[digest] = Client(name, scopes.usable)
    return scopes.faults


def _name(value: object) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def _unpacked(value: object) -> object:
    """The console of Secrets Manager, which edits names and values, stores a list as text."""
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
