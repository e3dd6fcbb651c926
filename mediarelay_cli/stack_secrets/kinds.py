"""The kinds of entries that `mediarelay secrets` knows: where each is stored, and how it is made, put and removed."""

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from mediarelay.signing.standard_webhooks import PREFIX
from mediarelay.signing.tokens import digest
from mediarelay_cli.errors import CliError, Exit
from mediarelay_cli.stack_secrets import edit
from mediarelay_cli.stack_secrets.edit import Entry, Fields

TOKEN_BYTES, KEY_BYTES = 20, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A new entry: its secret value, and what belongs to it (a name, scopes, a URL, event types)."""

    value: str
    name: str = ""
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of entries.

    Attributes:
        name: The name on the command line.
        output: The output of the stack that names the secret.
        setting: The setting of the functions that names it.
        entries: Returns the live entries.
        add: Adds an entry.
        remove: Removes one.
        make: Makes a random value; None if another party issues it.
        named: What the name of an entry is called; an empty text if entries have no name.
    """

    name: str
    output: str
    setting: str
    entries: Callable[[Fields], list[Entry]]
    add: Callable[[Fields, New], Fields]
    remove: Callable[[Fields, Entry], Fields]
    make: Callable[[], str] | None
    named: str = ""

    def entry(self, new: New) -> Entry:
        """Return the entry that adding a new one makes."""
        hashed = self.name == CLIENT
        return Entry(digest(new.value) if hashed else new.value, new.name, new.about, hashed=hashed)


def _token() -> str:
    return secrets.token_hex(TOKEN_BYTES)


def _long_token() -> str:
    return secrets.token_hex(KEY_BYTES)


def _webhook_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _words(name: str, output: str, setting: str, field: str, **choices: Any) -> Kind:
    return Kind(
        name=name,
        output=output,
        setting=setting,
        add=lambda fields, new: edit.add_word(fields, field, new.value),
        remove=lambda fields, entry: edit.remove_word(fields, field, entry.value),
        **choices,
    )


def _add_client(fields: Fields, new: New) -> Fields:
    return edit.add_client(fields, new.name, digest(new.value), new.about["scopes"])


def _add_account(fields: Fields, new: New) -> Fields:
    if not edit.is_placeholder(fields, new.name):
        raise CliError(f"{new.name} has keys already", "Use `mediarelay secrets rotate provider-keys`.", Exit.USAGE)
    return put_account(fields, new)


def put_account(fields: Fields, new: New) -> Fields:
    """Put the keys of a provider in place of those before."""
    return edit.put_account(fields, new.name, {**new.about, "secret_key": new.value})


def _add_endpoint(fields: Fields, new: New) -> Fields:
    return edit.add_endpoint(fields, new.name, new.value, new.about)


CLIENT, PROVIDER_KEYS, ENDPOINT = "api-client", "provider-keys", "webhook-endpoint"
_TOKENS = partial(_words, output="CallbackTokensSecret", setting="callback_tokens_secret")
_MUSIC = partial(_words, output="MusicSecret", setting="music_secret")
KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _TOKENS("callback-token", field="tokens", entries=edit.token_entries, make=_token),
        _TOKENS("notify-key", field="notify_keys", entries=edit.notify_key_entries, make=_token),
        _MUSIC("webhook-secret", field="webhook_secrets", entries=edit.webhook_secret_entries, make=_webhook_secret),
        _MUSIC("zego-secret", field="callback_secrets", entries=edit.zego_secret_entries, make=_token),
        Kind(
            name=CLIENT,
            output="ApiClientsSecret",
            setting="api_clients_secret",
            entries=edit.client_entries,
            add=_add_client,
            remove=edit.remove_client,
            make=_long_token,
            named="client",
        ),
        Kind(
            name=PROVIDER_KEYS,
            output="ProviderKeysSecret",
            setting="provider_keys_secret",
            entries=edit.account_entries,
            add=_add_account,
            remove=lambda fields, entry: edit.remove_account(fields, entry.name),
            make=None,
            named="provider",
        ),
        Kind(
            name=ENDPOINT,
            output="WebhookEndpointsSecret",
            setting="webhook_endpoints_secret",
            entries=edit.endpoint_entries,
            add=_add_endpoint,
            remove=edit.remove_endpoint,
            make=_webhook_secret,
            named="endpoint",
        ),
    )
}


def kind_named(name: str) -> Kind:
    """Return a kind of entries. Raises `CliError`."""
    if name not in KINDS:
        raise CliError(f"there is no kind {name}", f"Known kinds: {', '.join(KINDS)}.", Exit.USAGE)
    return KINDS[name]


def find(kind: Kind, entries: list[Entry], wanted: str) -> Entry:
    """Return the entry with an id or a name; without either, the only one. Raises `CliError`."""
    found = [one for one in entries if wanted in {"", one.id, one.name}]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.id} {one.name}".strip() for one in entries) or "none"
    what = f"no {kind.name} is named {wanted}" if wanted and not found else f"more than one {kind.name} could be meant"
    raise CliError(what if found or wanted else f"there is no {kind.name}", f"Name one by its id: {known}.", Exit.USAGE)


def is_last(kind: Kind, entries: list[Entry], entry: Entry) -> bool:
    """Return whether no other entry does what this one does: for an endpoint and a provider, of the same name."""
    if kind.name in {ENDPOINT, PROVIDER_KEYS}:
        entries = [one for one in entries if one.name == entry.name]
    return len(entries) == 1
