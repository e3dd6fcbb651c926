"""Checks the settings and secrets of a deployment before its functions use them.

`python -m mediarelay.check` reads the environment variables of a function and the secrets that they name. It prints one
line for each finding and exits with 1 if one of them is an error. The output contains no part of a secret.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from mediarelay.adapters.aws import client
from mediarelay.adapters.aws_errors import AWS_ERRORS
from mediarelay.adapters.secrets import error_code, stored_text
from mediarelay.config import ENDPOINTS, Environment, Settings, given_settings, unreadable
from mediarelay.contracts.secret_text import REPEATED, SecretText, read_secret_text
from mediarelay.domain.scopes import SCOPES
from mediarelay.domain.webhooks.egress import PORTS, literal_address, read_webhook_url, refusal
from mediarelay.errors import Malformed
from mediarelay.providers.port import Account
from mediarelay.providers.registry import NAMES
from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.signing.tokens import digest
from mediarelay.usecases.access import read_networks
from mediarelay.usecases.provider_keys import PLACEHOLDER, provider_keys
from mediarelay.usecases.relay_secrets import callback_secrets, music_secrets, webhook_secrets
from mediarelay.usecases.secret_entries import Entries, Fields, callback_tokens, clients, notify_keys
from mediarelay.usecases.webhooks.endpoints import endpoint_lists, webhook_endpoints

# A shorter one ends while a function may still work on its task, so another one starts on the same task.
MIN_VISIBILITY_TIMEOUT = timedelta(minutes=3)
MIN_TOKEN_LETTERS = 16
# The specification of Standard Webhooks requires this length.
MIN_WEBHOOK_KEY_BYTES = 24
NETWORK_SETTINGS = ("callback_source_cidrs", "music_source_cidrs")
# Other characters may be percent-encoded, or changed by a proxy, on their way in a URL.
_PATH_TOKEN = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_MAX_SHOWN = 64


class Severity(StrEnum):
    """The severity of a finding. Errors stop a function or refuse callers; warnings do not."""

    ERROR = "error"
    WARNING = "warning"


Weakness = tuple[Severity, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem with a setting or a secret.

    Attributes:
        severity: Error or warning.
        where: An environment variable, or the name of a secret.
        what: The problem. For a secret, it begins with the place in it (`clients.2: ...`).
        action: What the operator should do.
    """

    severity: Severity
    where: str
    what: str
    action: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}. {self.action}"


@dataclass(frozen=True, slots=True)
class Unread:
    """A secret that could not be read from Secrets Manager, and the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the secrets of a deployment.

    Attributes:
        name: Its name in the template.
        fields: The names that it may contain.
        entries: Reads its entries.
        weaknesses: Finds entries that are usable but weak.
        closed: The consequence of a secret without a usable entry.
    """

    name: str
    fields: frozenset[str]
    entries: Callable[[Fields], Entries[Any]]
    weaknesses: Callable[[Fields], Iterator[Weakness]]
    closed: str


def findings(environment: Environment, secrets: Mapping[str, str | Unread]) -> list[Finding]:
    """Check settings and secrets, and return the findings.

    Args:
        environment: The environment variables of a function.
        secrets: The text of each secret, by the name of the setting with its ARN (`callback_tokens_secret`).
    """
    in_secrets = (one for name, text in secrets.items() for one in _check_secret(name, text))
    return [*_check_settings(environment), *in_secrets, *_check_together(environment, secrets)]


def main() -> int:
    """Check the environment of this process, print the findings and return the exit code."""
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
    except (*AWS_ERRORS, ValueError) as error:  # ValueError: a malformed endpoint, or bytes that are not UTF-8
        return Unread(error_code(error))


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_settings(environment: Environment) -> Iterator[Finding]:
    given, wrong = given_settings(environment), unreadable(environment)
    if not given.get("table_name", "").strip():
        yield _error("TABLE_NAME", "not given", "Run this with the environment variables of a function.")
    for name, why in wrong.items():
        yield _error(name.upper(), why, _consequence(name))
    # Without the unreadable ones, of which the provider's URL would raise, the others can be checked.
    settings = Settings.read({name: text for name, text in environment.items() if name.lower() not in wrong})
    for setting in (name for name in NETWORK_SETTINGS if name in given):
        yield from _check_networks(setting, getattr(settings, setting))
    for entry in read_networks(settings.webhook_networks).unreadable:
        what = f"{ascii(entry)[:_MAX_SHOWN]} is no network"
        yield _error("WEBHOOK_NETWORKS", what, "No event is delivered to it. Write it like 10.0.0.0/8.")
    if settings.callback_trust == "callback" and "callback_source_cidrs" in given:
        yield from _check_trust(settings.callback_source_cidrs)
    if settings.visibility_timeout < MIN_VISIBILITY_TIMEOUT:
        least = MIN_VISIBILITY_TIMEOUT // timedelta(seconds=1)
        what = f"below {least}: a second worker starts while the first one still runs"
        yield _warning("VISIBILITY_TIMEOUT", what, "Deploy with the default.")


def _consequence(name: str) -> str:
    if name in ENDPOINTS:
        return "Functions that call the provider do not start. Deploy a valid value."
    return f"The function uses the default, {getattr(Settings(), name)}. Deploy a valid value."


def _check_networks(setting: str, text: str) -> Iterator[Finding]:
    where, found = setting.upper(), read_networks(text)
    for entry in found.unreadable:
        what = f"{ascii(entry)[:_MAX_SHOWN]} is no network"
        yield _error(where, what, "It admits no address. Write it like 192.0.2.0/24.")
    if not found.networks:
        yield _error(where, "no network in it", "Every sender receives 503. List the networks that may call.")


def _check_trust(cidrs: str) -> Iterator[Finding]:
    if any(network.prefixlen == 0 for network in read_networks(cidrs).networks):
        what = "CallbackTrust=callback accepts outcomes from any address"
        yield _warning("CALLBACK_SOURCE_CIDRS", what, "List the provider's networks, or deploy CallbackTrust=confirm.")


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_secret(setting: str, text: str | Unread) -> Iterator[Finding]:
    kind = KINDS[setting]
    if isinstance(text, Unread):
        yield _error(
            kind.name,
            f"cannot be read ({text.reason})",
            "Check that the secret exists and that your credentials can read it.",
        )
        return
    try:
        read = read_secret_text(text)
    except Malformed as error:
        yield _error(kind.name, error.reason, f"{kind.closed}. Put JSON as docs/configuration.md shows it.")
        return
    yield from _check_text(kind, read)
    yield from _check_entries(kind, read.fields)


def _check_text(kind: Kind, read: SecretText) -> Iterator[Finding]:
    if not read.strict:
        yield _warning(kind.name, "not strictly JSON", "Remove trailing commas, and line breaks within texts.")
    if read.repeated:
        yield _error(kind.name, REPEATED, "Mediarelay ignores both values. State the name once.")
    if unknown := len(read.fields.keys() - kind.fields):
        known = ", ".join(sorted(kind.fields))
        yield _warning(kind.name, f"unknown names: {unknown}", f"Correct or remove them; known are {known}.")


def _check_entries(kind: Kind, fields: Fields) -> Iterator[Finding]:
    found = kind.entries(fields)
    for fault in found.faults:
        yield _error(kind.name, fault, "Mediarelay ignores this entry. Correct or remove it.")
    weaknesses = tuple(kind.weaknesses(fields))
    if not found.usable and not weaknesses:
        yield _error(kind.name, "no entry that can be used", f"{kind.closed}. Put one.")
    for severity, what in weaknesses:
        yield Finding(severity, kind.name, what, "Replace it.")


def _weak_tokens(fields: Fields) -> Iterator[Weakness]:
    for place, token in enumerate(callback_tokens(fields).usable):
        if len(token) < MIN_TOKEN_LETTERS:
            yield Severity.WARNING, f"token {place}: shorter than {MIN_TOKEN_LETTERS} letters, it can be guessed"
        if not _PATH_TOKEN.fullmatch(token):
            yield (
                Severity.WARNING,
                f"token {place}: characters other than letters, digits, - and _ may change on their way",
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
            yield Severity.ERROR, f"client {place}: the digest of an empty token, which the authorizer always refuses"
        if not SCOPES & set(client_.scopes):
            yield Severity.WARNING, f"client {place}: it has no known scope"
        elif set(client_.scopes) - SCOPES:
            yield Severity.WARNING, f"client {place}: it has an unknown scope"


def _weak_keys(fields: Fields) -> Iterator[Weakness]:
    accounts = provider_keys(fields).usable
    if not accounts and PLACEHOLDER in str(fields):
        yield Severity.ERROR, "secret_id: the placeholder of a new stack, which no provider knows"
    for name, account in accounts:
        if re.search(r"\s", account.secret_id + account.secret_key):
            yield Severity.WARNING, f"{name}: white space in a key"
        if account.notify_key and not account.notify_url:
            yield Severity.WARNING, f"{name}: notify_key without notify_url, so no callback is requested"


def _weak_endpoints(fields: Fields) -> Iterator[Weakness]:
    for endpoint in webhook_endpoints(fields).usable:
        if any(len(webhook_key(secret)) < MIN_WEBHOOK_KEY_BYTES for secret in endpoint.secrets):
            yield Severity.WARNING, f"{endpoint.name}: a key is shorter than {MIN_WEBHOOK_KEY_BYTES} bytes"


# ── what must agree ──────────────────────────────────────────────────────────────────────────────────────────────────


def _check_together(environment: Environment, secrets: Mapping[str, str | Unread]) -> Iterator[Finding]:
    """Check values that are right by themselves and wrong together, as far as this environment has them."""
    accounts = dict(provider_keys(_fields(secrets, "provider_keys_secret")).usable)
    provider = given_settings(environment).get("provider", "").strip()
    if accounts and provider in NAMES and provider not in accounts:
        action = (
            f"Submits that name no provider wait and are refused later. Put keys for {provider}, or deploy another."
        )
        yield _error("PROVIDER", f"ProviderKeys has no keys for {provider}", action)
    yield from _check_endpoints(environment, _fields(secrets, "webhook_endpoints_secret"))
    tokens = _fields(secrets, "callback_tokens_secret")
    for name, account in accounts.items() if callback_tokens(tokens).usable else ():
        yield from _check_callbacks(name, account, tokens)


def _fields(secrets: Mapping[str, str | Unread], setting: str) -> Fields:
    """Return the fields of a secret; none if it is missing or cannot be read, which other findings report."""
    text = secrets.get(setting, "")
    with suppress(Malformed):
        return read_secret_text(text).fields if isinstance(text, str) else {}
    return {}


def _check_endpoints(environment: Environment, fields: Fields) -> Iterator[Finding]:
    """Check the URLs of endpoints as far as they state it; their names are resolved at each delivery."""
    networks = read_networks(given_settings(environment).get("webhook_networks", "")).networks
    for endpoint in webhook_endpoints(fields).usable:
        url = read_webhook_url(endpoint.url)
        address = literal_address(url)
        why = refusal(url, address, networks) if address else ""
        if not networks and address is None and (url.scheme != "https" or url.port not in PORTS):
            why = "only https to the ports 443 and 8443 is allowed"
        if why:
            action = "No event is delivered to it. Correct the URL, or list its network in WebhookNetworks."
            yield _error("WebhookEndpoints", f"{endpoint.name}: url: {why}", action)


def _check_callbacks(name: str, account: Account, tokens: Fields) -> Iterator[Finding]:
    """Check that the callbacks that our submits request will be accepted."""
    if not account.notify_url:
        return
    if account.notify_url.rstrip("/").rpartition("/")[2] not in callback_tokens(tokens).usable:
        what = f"{name}: notify_url does not end with a token of CallbackTokens"
        yield _error("ProviderKeys", what, "The callbacks that it requests are refused. End it with a live token.")
    keys = notify_keys(tokens).usable
    if keys and account.notify_key not in keys:
        what = f"{name}: notify_key is not among notify_keys of CallbackTokens"
        yield _error("ProviderKeys", what, "The callbacks that it signs are refused. Put the same key into both.")
    if account.notify_key and not keys:
        what = f"notify_keys: missing, although {name} has a notify_key"
        yield _warning("CallbackTokens", what, "Signatures are not checked. Put the same key into both.")


# The keys are the settings with the ARNs of the secrets.
KINDS: Mapping[str, Kind] = {
    "callback_tokens_secret": Kind(
        "CallbackTokens", frozenset({"tokens", "notify_keys"}), callback_tokens, _weak_tokens, "No callback is accepted"
    ),
    "music_secret": Kind(
        "MusicSecret",
        frozenset({"webhook_secrets", "callback_secrets"}),
        music_secrets,
        _weak_music,
        "No relay is accepted",
    ),
    "api_clients_secret": Kind(
        "ApiClients", frozenset({"clients", "unused"}), clients, _weak_clients, "No API client is accepted"
    ),
    "webhook_endpoints_secret": Kind(
        "WebhookEndpoints",
        frozenset({"endpoints", "unused"}),
        endpoint_lists,
        _weak_endpoints,
        "No event is delivered over HTTP",
    ),
    "provider_keys_secret": Kind(
        "ProviderKeys",
        frozenset({*NAMES, "secret_id", "secret_key", "token", "unused"}),
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
