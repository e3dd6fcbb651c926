"""The secrets that sign: those of game servers, which sign relays, and ours, which sign calls to the provider."""

import re
from typing import Any

from mediarelay.signing.qcloud import Credentials
from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.usecases.secret_entries import Entries, Fields, plain, texts, words

MIN_KEY_BYTES = 8
"""A shorter key is a word that happens to be base64, and can be guessed."""

_WORD = re.compile(r"(?:v1,)?[^\s,]+")
_TORN = re.compile(r"(v1,|whsec_)\s+")


def webhook_secrets(secret: Fields) -> Entries[str]:
    """The secrets of Standard Webhooks: words or a list, each with or without `v1,` and `whsec_` before it."""
    return texts(secret, "webhook_secrets", _split, _key_fault)


def callback_secrets(secret: Fields) -> Entries[str]:
    """The secrets of ZEGO's own signature."""
    return words(secret, "callback_secrets")


def music_secrets(secret: Fields) -> Entries[str]:
    """All of the secrets that game servers sign with."""
    webhook, zego = webhook_secrets(secret), callback_secrets(secret)
    return Entries(webhook.usable + zego.usable, webhook.faults + zego.faults)


def provider_keys(secret: Fields) -> Entries[Credentials]:
    """The keys that sign calls to the provider: one pair, or none."""
    token = secret.get("token")
    faults = [f"{name}: text was expected" for name in ("secret_id", "secret_key") if not plain(secret.get(name))]
    faults += [] if isinstance(token, str | None) else ["token: text was expected"]
    if faults:
        return Entries((), tuple(faults))
    return Entries((Credentials(plain(secret["secret_id"]), plain(secret["secret_key"]), plain(token) or None),))


def _split(text: str) -> list[Any]:
    """The comma of `v1,` belongs to its word."""
    return _WORD.findall(_TORN.sub(r"\1", text))


def _key_fault(text: str) -> str:
    try:
        return "" if len(webhook_key(text)) >= MIN_KEY_BYTES else f"its key is shorter than {MIN_KEY_BYTES} bytes"
    except ValueError:
        return "not base64"
