"""The addresses that others call: providers, game servers, operators."""

from collections.abc import Mapping
from typing import Any

from mediarelay.usecases.secret_entries import callback_tokens, notify_keys
from mediarelay_cli.errors import CliError
from mediarelay_cli.session import Session
from mediarelay_cli.stack_secrets.edit import Fields, account_of
from mediarelay_cli.stack_secrets.store import read

# The path of each address behind the URL of the API, and who calls it. `{}` stands for the callback token.
ADDRESSES: Mapping[str, tuple[str, str]] = {
    "mps": ("/callbacks/mps/{}", "MPS: notify_url in ProviderKeys, and callback address of schedules"),
    "video": ("/callbacks/video/{}", "CTS: callback address of video tasks"),
    "audio": ("/callbacks/audio/{}", "CTS: callback address of audio tasks"),
    "music": ("/callbacks/music", "game servers"),
    "console": ("/console", "operators"),
}
# Providers that learn the address of callbacks from each submit. The others learn it in their console.
REQUESTED_BY_SUBMITS = frozenset({"mps"})


def addresses(session: Session) -> list[dict[str, str]]:
    """Return the name, the URL and the caller of each address. Raises `CliError` if the stack has no callback token."""
    token = _newest_token(_tokens(session))
    return [
        {"name": name, "url": session.api_url + path.format(token), "caller": caller}
        for name, (path, caller) in ADDRESSES.items()
    ]


def requested_callbacks(session: Session, provider: str, stored: Fields) -> dict[str, Any]:
    """Return what new keys of a provider say about callbacks: the stack's own address, unless one is stored."""
    if provider not in REQUESTED_BY_SUBMITS or account_of(stored, provider).get("notify_url"):
        return {}
    secret = _tokens(session)
    keys = notify_keys(secret).usable
    url = session.api_url + ADDRESSES[provider][0].format(_newest_token(secret))
    return {"notify_url": url} | ({"notify_key": keys[-1]} if keys else {})


def _tokens(session: Session) -> Fields:
    return read(session, "CallbackTokensSecret").fields()


def _newest_token(secret: Fields) -> str:
    """Return the token that was added last: during a rotation, callers move to it. Raises `CliError`."""
    tokens = callback_tokens(secret).usable
    if not tokens:
        action = "Add one with `mediarelay secrets add callback-token`."
        raise CliError("the secret CallbackTokens has no usable token", action)
    return tokens[-1]
