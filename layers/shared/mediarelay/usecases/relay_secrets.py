"""The secrets with which game servers sign relays."""

import re
from typing import Any

from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.usecases.secret_entries import Entries, Fields, texts, words

# A shorter key is probably a word that happens to be base64, and an attacker could guess it.
MIN_KEY_BYTES = 8

_WORD = re.compile(r"(?:v1,)?[^\s,]+")
_TORN = re.compile(r"(v1,|whsec_)\s+")


def webhook_secrets(secret: Fields, name: str = "webhook_secrets") -> Entries[str]:
    """Return the secrets of Standard Webhooks: words or a list, each with or without the prefix `v1,` or `whsec_`."""
    return texts(secret, name, split_webhook_secrets, _key_fault)


def callback_secrets(secret: Fields) -> Entries[str]:
    """Return the secrets of ZEGO's own signature."""
    return words(secret, "callback_secrets")


def music_secrets(secret: Fields) -> Entries[str]:
    """Return the secrets of both signatures."""
    webhook, zego = webhook_secrets(secret), callback_secrets(secret)
    return Entries(webhook.usable + zego.usable, webhook.faults + zego.faults)


def split_webhook_secrets(text: str) -> list[Any]:
    """Split text into secrets. The comma of `v1,` belongs to its secret and separates nothing."""
    return _WORD.findall(_TORN.sub(r"\1", text))


def _key_fault(text: str) -> str:
    try:
        return "" if len(webhook_key(text)) >= MIN_KEY_BYTES else f"its key is shorter than {MIN_KEY_BYTES} bytes"
    except ValueError:
        return "not base64"
