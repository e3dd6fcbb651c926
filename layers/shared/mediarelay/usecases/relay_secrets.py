"""The secrets that game servers sign relays with."""

import re
from typing import Any

from mediarelay.signing.standard_webhooks import webhook_key
from mediarelay.usecases.secret_entries import Entries, Fields, texts, words

# A shorter key is a word that happens to be base64, and can be guessed.
MIN_KEY_BYTES = 8

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


def _split(text: str) -> list[Any]:
    """The comma of `v1,` belongs to its word."""
    return _WORD.findall(_TORN.sub(r"\1", text))


def _key_fault(text: str) -> str:
    try:
        return "" if len(webhook_key(text)) >= MIN_KEY_BYTES else f"its key is shorter than {MIN_KEY_BYTES} bytes"
    except ValueError:
        return "not base64"
