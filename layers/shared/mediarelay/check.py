"""Say what is wrong with the settings and secrets of a deployment, before its functions find out.

`python -m mediarelay.check` reads the environment variables of a function and the secrets that they name. It prints one
line for each finding and exits with 1 if one of them is an error. No part of a secret is in its output.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mediarelay.adapters.aws import client
from mediarelay.adapters.secrets import error_code, stored_text
from mediarelay.config import Environment, Settings, given_settings, unreadable
from mediarelay.contracts.secret_text import REPEATED, SecretText, read_secret_text
from mediarelay.errors import Malformed
from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.signing.tokens import digest
from mediarelay.usecases.access import read_networks
from mediarelay.usecases.provider_keys import provider_keys
from mediarelay.usecases.relay_secrets import callback_secrets, music_secrets, webhook_secrets
from mediarelay.usecases.secret_entries import Entries, Fields, callback_tokens, clients

MIN_VISIBILITY_TIMEOUT = timedelta(minutes=3)
MIN_TOKEN_LETTERS = 16
# What the specification of Standard Webhooks asks for.
MIN_WEBHOOK_KEY_BYTES = 24
SCOPES = frozenset({"read", "submit", "admin", "read:tokens"})
# The secret_id of a new stack.
PLACEHOLDER = "unset"

_PATH_TOKEN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SHOWN = 64


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


Weakness = tuple[Severity, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or weak.

    Attributes:
        where: An environment variable, or a secret and the place in it (`ApiClients: clients.2`).
        what: What is wrong.
        action: What to do about it.
    """

    severity: Severity
    where: str
    what: str
    action: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}. {self.action}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A secret that could not be read from its store, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the secrets: its name in the template, the names in it, what it holds, and what about that is weak."""

    name: str
    fields: frozenset[str]
    entries: Callable[[Fields], Entries[Any]]
    weaknesses: Callable[[Fields], Iterator[Weakness]]
    closed: str


def findings(environment: Environment, secrets: Mapping[str, str | Unread]) -> list[Finding]:
    """Check settings and secrets.

    Args:
        environment: Environment variables, as the functions get them.
        secrets: The text of each secret, by the name of the setting that names it (`callback_tokens_secret`).
    """
    return [*_of_settings(environment), *(one for name, text in secrets.items() for one in _of_secret(name, text))]


def main() -> int:
    """Check this process's environment; returns the exit code."""
    settings = given_settings()
    stored = _stored(settings)
    found = findings({name.upper(): text for name, text in settings.items()}, stored)
    for line in map(str, found) if found else [f"nothing is wrong with these settings and {len(stored)} secrets"]:
        sys.stdout.write(f"{line}\n")
    return int(any(one.severity is Severity.ERROR for one in found))


def _stored(settings: Mapping[str, str]) -> dict[str, str | Unread]:
    return {name: _text_of(settings[name]) for name in KINDS if name in settings}


def _text_of(arn: str) -> str | Unread:
    if not arn.strip():
        return Unread("its name is empty")
    try:
        return stored_text(client("secretsmanager"), arn)
    except (BotoCoreError, ClientError, ValueError) as error:  # ValueError: an endpoint, or bytes, out of form
        return Unread(error_code(error))


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_settings(environment: Environment) -> Iterator[Finding]:
    wrong = unreadable(environment)
    if not given_settings(environment).get("table_name", "").strip():
        yield _error("TABLE_NAME", "not given", "Run this with the environment variables of a function.")
    for name, why in wrong.items():
        yield _error(name.upper(), why, _consequence(name))
    settings = Settings.read({name: text for name, text in environment.items() if name.lower() not in wrong})
    yield from _of_networks(settings)
    if settings.visibility_timeout < MIN_VISIBILITY_TIMEOUT:
        what = f"below {MIN_VISIBILITY_TIMEOUT // timedelta(seconds=1)}: work is begun again while it goes on"
        yield _warning("VISIBILITY_TIMEOUT", what, "Deploy with the default.")


def _consequence(name: str) -> str:
    if name == "provider_endpoint":
        return "Functions that call the provider do not start: deploy a right one."
    return f"The default, {getattr(Settings(), name)}, holds meanwhile: deploy a right one."


def _of_networks(settings: Settings) -> Iterator[Finding]:
    where, found = "CALLBACK_SOURCE_CIDRS", read_networks(settings.callback_source_cidrs)
    for entry in found.unreadable:
        yield _error(
            where, f"{ascii(entry)[:_SHOWN]} is no network", "It admits no address: write it like 192.0.2.0/24."
        )
    if not found.networks:
        yield _error(where, "no network in it", "Everybody gets 503: name the networks that may call.")
    if settings.callback_trust == "callback" and any(network.prefixlen == 0 for network in found.networks):
        what = "callbacks are believed, and may come from anywhere"
        yield _warning(where, what, "Name the provider's networks, or deploy CallbackTrust=confirm.")


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_secret(setting: str, text: str | Unread) -> Iterator[Finding]:
    kind = KINDS[setting]
    if isinstance(text, Unread):
        yield _error(
            kind.name,
            f"cannot be read ({text.reason})",
            "Check that it is there, and that whoever runs this may read it.",
        )
        return
    try:
        read = read_secret_text(text)
    except Malformed as error:
        yield _error(kind.name, error.reason, f"{kind.closed}: put JSON as docs/configuration.md shows it.")
        return
    yield from _of_text(kind, read)
    yield from _of_entries(kind, read.fields)


def _of_text(kind: Kind, read: SecretText) -> Iterator[Finding]:
    if not read.strict:
        yield _warning(kind.name, "not strictly JSON", "Remove trailing commas, and line breaks within texts.")
    if read.repeated:
        yield _error(kind.name, REPEATED, "Neither value counts: state it once.")
    if unknown := len(read.fields.keys() - kind.fields):
        known = ", ".join(sorted(kind.fields))
        yield _warning(kind.name, f"unknown names: {unknown}", f"Correct or remove them; known are {known}.")


def _of_entries(kind: Kind, fields: Fields) -> Iterator[Finding]:
    found = kind.entries(fields)
    for fault in found.faults:
        yield _error(kind.name, fault, "This entry does not count: correct or remove it.")
    if not found.usable:
        yield _error(kind.name, "no entry that can be used", f"{kind.closed}: put one.")
    for severity, what in kind.weaknesses(fields):
        yield Finding(severity, kind.name, what, "Replace it.")


def _weak_tokens(fields: Fields) -> Iterator[Weakness]:
    for place, token in enumerate(callback_tokens(fields).usable):
        if len(token) < MIN_TOKEN_LETTERS:
            yield Severity.WARNING, f"token {place}: shorter than {MIN_TOKEN_LETTERS} letters, it can be guessed"
        if not _PATH_TOKEN.fullmatch(token):
            yield (
                Severity.WARNING,
                f"token {place}: not only letters, digits, - and _: it may not arrive as it was sent",
            )


def _weak_music(fields: Fields) -> Iterator[Weakness]:
    for place, secret in enumerate(webhook_secrets(fields).usable):
        if len(webhook_key(secret)) < MIN_WEBHOOK_KEY_BYTES:
            yield Severity.WARNING, f"webhook secret {place}: its key is shorter than {MIN_WEBHOOK_KEY_BYTES} bytes"
    for place, secret in enumerate(callback_secrets(fields).usable):
        if len(secret) < MIN_TOKEN_LETTERS:
            yield (
                Severity.WARNING,
                f"callback secret {place}: shorter than {MIN_TOKEN_LETTERS} letters, it can be guessed",
            )


def _weak_clients(fields: Fields) -> Iterator[Weakness]:
    for place, (sha256, client_) in enumerate(clients(fields).usable):
        if sha256 == digest(""):
            yield Severity.ERROR, f"client {place}: the digest of an empty token, which is never admitted"
        if not SCOPES & set(client_.scopes):
            yield Severity.WARNING, f"client {place}: none of its scopes opens anything"
        elif set(client_.scopes) - SCOPES:
            yield Severity.WARNING, f"client {place}: a scope that opens nothing"


def _weak_keys(fields: Fields) -> Iterator[Weakness]:
    for keys in provider_keys(fields).usable:
        if keys.secret_id == PLACEHOLDER:
            yield Severity.ERROR, "secret_id: the placeholder of a new stack, which no provider knows"
        if re.search(r"\s", keys.secret_id + keys.secret_key):
            yield Severity.WARNING, "white space in a key"


# The secrets, by the setting that names each.
KINDS: Mapping[str, Kind] = {
    "callback_tokens_secret": Kind(
        "CallbackTokens", frozenset({"tokens"}), callback_tokens, _weak_tokens, "No callback gets in"
    ),
    "music_secret": Kind(
        "MusicSecret",
        frozenset({"webhook_secrets", "callback_secrets"}),
        music_secrets,
        _weak_music,
        "No relay gets in",
    ),
    "api_clients_secret": Kind(
        "ApiClients", frozenset({"clients", "unused"}), clients, _weak_clients, "No API client gets in"
    ),
    "provider_keys_secret": Kind(
        "ProviderKeys",
        frozenset({"secret_id", "secret_key", "token"}),
        provider_keys,
        _weak_keys,
        "The provider cannot be called",
    ),
}


def _error(where: str, what: str, action: str) -> Finding:
    return Finding(Severity.ERROR, where, what, action)


def _warning(where: str, what: str, action: str) -> Finding:
    return Finding(Severity.WARNING, where, what, action)


if __name__ == "__main__":
    sys.exit(main())
