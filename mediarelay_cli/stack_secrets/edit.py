"""Edits the JSON of a secret: adds and removes one entry, and keeps everything else, also what cannot be read.

All functions are pure. They return new fields and leave the given ones as they are.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mediarelay.providers.registry import NAMES
from mediarelay.signing.tokens import digest
from mediarelay.usecases.provider_keys import PLACEHOLDER, provider_keys
from mediarelay.usecases.relay_secrets import callback_secrets, split_webhook_secrets, webhook_secrets
from mediarelay.usecases.secret_entries import callback_tokens, clients, notify_keys, plain, unpacked
from mediarelay.usecases.webhooks.endpoints import webhook_endpoints
from mediarelay_cli.errors import CliError

Fields = dict[str, Any]
ID_DIGITS = 8
_WORDS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One live entry of a secret.

    Attributes:
        value: The secret value; for an API client, the hash of its token.
        name: The client, provider or endpoint that it belongs to.
        details: What a person may see, such as scopes or a URL.
    """

    value: str = field(repr=False)
    name: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    hashed: bool = False

    @property
    def id(self) -> str:
        """The first 8 digits of the SHA-256 of the value, by which a person names the entry."""
        return (self.value if self.hashed else digest(self.value))[:ID_DIGITS]


# ── words: tokens, notify keys, secrets of relays ──


def _words(text: str) -> list[str]:
    return [word for word in _WORDS.split(text) if word]


SPLITTERS: Mapping[str, Callable[[str], list[str]]] = dict.fromkeys(
    ("webhook_secrets", "secrets"), split_webhook_secrets
)


def add_word(fields: Mapping[str, Any], name: str, word: str) -> Fields:
    """Add a word to a text or list of words."""
    stated = fields.get(name)
    value = unpacked(stated)
    if value is None or isinstance(value, str):
        return {**fields, name: f"{value or ''} {word}".strip()}
    return {**fields, name: _repacked(stated, [*_listed(name, value), word])}


def remove_word(fields: Mapping[str, Any], name: str, word: str) -> Fields:
    """Remove a word from a text or list of words."""
    stated = fields.get(name)
    value = unpacked(stated)
    if value is None or isinstance(value, str):
        parts = SPLITTERS.get(name, _words)(value or "")
        return {**fields, name: " ".join(part for part in parts if plain(part) != word)}
    return {**fields, name: _repacked(stated, [one for one in _listed(name, value) if plain(one) != word])}


def _listed(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise CliError(f"{name}: neither text nor a list", "Correct it by hand first; an edit would lose it.")
    return value


def _repacked(stated: object, value: object) -> object:
    """Return a value in the form in which it was stored: as JSON, or as text that contains JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(stated, str) else value


# ── lists of objects: API clients, webhook endpoints ──


def add_client(fields: Mapping[str, Any], name: str, sha256: str, scopes: Iterable[str]) -> Fields:
    """Add an API client."""
    return _with_item(fields, "clients", {"name": name, "sha256": sha256, "scopes": list(scopes)})


def remove_client(fields: Mapping[str, Any], entry: Entry) -> Fields:
    """Remove the API client with a hash."""

    def is_other(item: object) -> bool:
        return not isinstance(item, dict) or plain(item.get("sha256")).lower() != entry.value

    return _filtered(fields, "clients", is_other)


def add_endpoint(fields: Mapping[str, Any], name: str, secret: str, about: Mapping[str, Any]) -> Fields:
    """Add a webhook endpoint, or one more secret to the endpoint of that name."""
    items = _items(fields, "endpoints")
    if all(_named(item) != name for item in items):
        return _with_item(fields, "endpoints", {"name": name, **about, "secrets": secret})
    changed = [add_word(item, "secrets", secret) if _named(item) == name else item for item in items]
    return {**fields, "endpoints": _repacked(fields.get("endpoints"), changed)}


def remove_endpoint(fields: Mapping[str, Any], entry: Entry) -> Fields:
    """Remove a secret of a webhook endpoint, and the endpoint with its last secret."""
    items = _items(fields, "endpoints")
    changed = [remove_word(item, "secrets", entry.value) if _named(item) == entry.name else item for item in items]
    kept = [item for item in changed if _named(item) != entry.name or item["secrets"]]
    return {**fields, "endpoints": _repacked(fields.get("endpoints"), kept)}


def _named(item: object) -> str:
    return plain(item.get("name")) if isinstance(item, dict) else ""


def _items(fields: Mapping[str, Any], name: str) -> list[Any]:
    return _listed(name, unpacked(fields.get(name, [])))


def _with_item(fields: Mapping[str, Any], name: str, item: Mapping[str, Any]) -> Fields:
    return {**fields, name: _repacked(fields.get(name), [*_items(fields, name), dict(item)])}


def _filtered(fields: Mapping[str, Any], name: str, keep: Callable[[object], bool]) -> Fields:
    return {**fields, name: _repacked(fields.get(name), list(filter(keep, _items(fields, name))))}


# ── objects by name: provider keys ──


def put_account(fields: Mapping[str, Any], provider: str, keys: Mapping[str, str]) -> Fields:
    """Put the keys of a provider; keep its other fields, but for the token of the keys before."""
    stated, place = _account(fields, provider)
    # `token` belongs to the temporary keys that are replaced.
    changed = {name: value for name, value in stated.items() if name != "token"} | dict(keys)
    return {**fields, **changed} if place is None else {**fields, place: _repacked(fields.get(place), changed)}


def account_of(fields: Mapping[str, Any], provider: str) -> Fields:
    """Return what is stated about a provider."""
    return _account(fields, provider)[0]


def remove_account(fields: Mapping[str, Any], provider: str) -> Fields:
    """Remove the keys of a provider."""
    _, place = _account(fields, provider)
    names = {"secret_id", "secret_key", "token"} if place is None else {place}
    return {name: value for name, value in fields.items() if name not in names}


def _account(fields: Mapping[str, Any], provider: str) -> tuple[dict[str, Any], str | None]:
    """Return what is stated about a provider, and the name it stands under; None if it stands at the top."""
    if provider not in fields and provider == NAMES[0] and "secret_id" in fields:
        return {name: fields[name] for name in ("secret_id", "secret_key", "token") if name in fields}, None
    stated = unpacked(fields.get(provider, {}))
    if not isinstance(stated, dict):
        raise CliError(f"{provider}: an object was expected", "Correct it by hand first; an edit would lose it.")
    return stated, provider


# ── what is live ──


def token_entries(fields: Fields) -> list[Entry]:
    """Return the live callback tokens."""
    return list(map(Entry, callback_tokens(fields).usable))


def notify_key_entries(fields: Fields) -> list[Entry]:
    """Return the live keys of MPS's `Sign`."""
    return list(map(Entry, notify_keys(fields).usable))


def webhook_secret_entries(fields: Fields) -> list[Entry]:
    """Return the live secrets of Standard Webhooks for relays."""
    return list(map(Entry, webhook_secrets(fields).usable))


def zego_secret_entries(fields: Fields) -> list[Entry]:
    """Return the live secrets of ZEGO's signature."""
    return list(map(Entry, callback_secrets(fields).usable))


def client_entries(fields: Fields) -> list[Entry]:
    """Return the API clients with a live token."""
    return [
        Entry(sha256, one.name, {"scopes": list(one.scopes)}, hashed=True) for sha256, one in clients(fields).usable
    ]


def account_entries(fields: Fields) -> list[Entry]:
    """Return the keys of each provider."""
    return [
        Entry(one.secret_key, name, {"callbacks": "requested by each submit" if one.notify_url else "of the console"})
        for name, one in provider_keys(fields).usable
    ]


def endpoint_entries(fields: Fields) -> list[Entry]:
    """Return the secrets of each webhook endpoint."""
    usable = webhook_endpoints(fields).usable
    return [Entry(secret, one.name, {"url": one.url}) for one in usable for secret in one.secrets]


def is_placeholder(fields: Mapping[str, Any], provider: str) -> bool:
    """Return whether a provider has no keys yet."""
    return plain(_account(fields, provider)[0].get("secret_id")) in {"", PLACEHOLDER}
