"""Proves that an entry of a secret is live, and waits until every function has read a new value."""

import time
from collections.abc import Callable, Mapping

import requests
from rich.progress import Progress

from mediarelay.usecases.provider_keys import provider_keys
from mediarelay_cli import functions, probes
from mediarelay_cli.errors import CliError
from mediarelay_cli.probes import Proof
from mediarelay_cli.session import Session
from mediarelay_cli.stack_secrets.edit import Entry, Fields
from mediarelay_cli.stack_secrets.kinds import CLIENT, ENDPOINT, PROVIDER_KEYS, Kind
from mediarelay_cli.stack_secrets.store import read

# One more than functions need: they count from their own last read.
MARGIN_SECONDS = 1
MAX_WAIT_SECONDS = 3600


def prove(session: Session, kind: Kind, entry: Entry, token: str = "") -> Proof:
    """Prove an entry on the deployed stack. `token` is that of an API client, of which only the hash is stored."""
    try:
        return PROVERS[kind.name](session, entry, token)
    except requests.RequestException as error:
        return Proof(None, f"the stack does not answer ({type(error).__name__})", "Check the profile's api_url.")


def _client(session: Session, _entry: Entry, token: str) -> Proof:
    return probes.api_client(session.api_url, token)


def _notify_key(session: Session, entry: Entry, _token: str) -> Proof:
    """Compare both copies of the key: a callback that proved it would be stored as a claim."""
    accounts = dict(provider_keys(read(session, "ProviderKeysSecret").fields()).usable)
    if any(account.notify_key == entry.value for account in accounts.values()):
        return Proof(live=True, detail="ProviderKeys has the same notify_key, so submits request signatures with it")
    action = "Put the same key into ProviderKeys as notify_key, or remove it."
    return Proof(None, "ProviderKeys has another notify_key, or none: no submit requests signatures with it", action)


def _account(session: Session, entry: Entry, _token: str) -> Proof:
    found = dict(provider_keys(read(session, "ProviderKeysSecret").fields()).usable)
    environment = functions.merged(functions.environments(session))
    return probes.provider_keys(entry.name, found[entry.name], environment)[0]


def _endpoint(session: Session, entry: Entry, _token: str) -> Proof:
    session.api.post(f"/webhooks/{entry.name}/test")
    action = f"See `mediarelay webhooks`: {entry.name} verifies the signature."
    return Proof(live=None, detail="a test notification is on its way", action=action)


PROVERS: Mapping[str, Callable[[Session, Entry, str], Proof]] = {
    "callback-token": lambda session, entry, _token: probes.callback_token(session.api_url, entry.value),
    "webhook-secret": lambda session, entry, _token: probes.webhook_secret(session.api_url, entry.value),
    "zego-secret": lambda session, entry, _token: probes.zego_secret(session.api_url, entry.value),
    "notify-key": _notify_key,
    CLIENT: _client,
    PROVIDER_KEYS: _account,
    ENDPOINT: _endpoint,
}


def wait_for_functions(session: Session, sleep: Callable[[float], None] = time.sleep) -> int:
    """Wait until no function uses the secret that was replaced. Return the seconds."""
    try:
        found = functions.merged(functions.environments(session))
    except CliError:
        found = {}
    seconds = min(functions.cache_seconds(found) + MARGIN_SECONDS, MAX_WAIT_SECONDS)
    with Progress(console=session.printer.err, transient=True) as progress:
        for _ in progress.track(range(seconds), description="until all functions have read the new value"):
            sleep(1)
    return seconds


def follow(fields: Fields, kind: Kind, old: Entry, new: Entry) -> tuple[Fields, list[str]]:
    """Return ProviderKeys with the new callback token or notify key in place of the old one, and what was changed.

    Submits request their callbacks with what stands there, so it must change before the old value is removed.
    """
    changes, result = list[str](), dict(fields)
    for name, value in fields.items():
        if isinstance(value, dict) and (changed := _followed(value, kind, old, new)) != value:
            result[name] = changed
            changes.append(name)
    return result, changes


def _followed(account: Fields, kind: Kind, old: Entry, new: Entry) -> Fields:
    url = account.get("notify_url")
    if kind.name == "callback-token" and isinstance(url, str) and url.rstrip("/").endswith(f"/{old.value}"):
        return account | {"notify_url": url.rstrip("/").removesuffix(old.value) + new.value}
    if kind.name == "notify-key" and account.get("notify_key") == old.value:
        return account | {"notify_key": new.value}
    return account
