"""Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, as `v1,` and base64."""

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mediarelay.signing.standard_webhooks import PREFIX, VERSION, webhook_key
from mediarelay_cli.signatures.common import (
    BASE64_MISTAKES,
    Write,
    other_algorithm,
    other_bodies,
    other_orders,
    other_times,
    spellings,
    standard_base64,
    with_changes,
)
from mediarelay_cli.signatures.recipe import ALGORITHMS, Mistake

PARTS = ("message_id", "timestamp", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRecipe:
    """The choices of a signature of Standard Webhooks."""

    secret: str
    message_id: bytes
    timestamp: bytes
    body: bytes
    key: Callable[[str], bytes] = webhook_key
    parts: tuple[str, ...] = PARTS
    separator: bytes = b"."
    algorithm: str = "HMAC-SHA256"
    prefix: str = f"{VERSION},"
    write: Write = standard_base64

    @property
    def text(self) -> bytes:
        """The text to sign."""
        return self.separator.join(getattr(self, part) for part in self.parts)

    @property
    def signature(self) -> str:
        """One entry of the header `webhook-signature`."""
        return self.prefix + self.write(ALGORITHMS[self.algorithm](self.key(self.secret), self.text))


def recipe(secret: str, message_id: str, timestamp: str, body: bytes) -> WebhookRecipe:
    """Return the right recipe of a message. Its signature raises ValueError if the secret is not base64."""
    return WebhookRecipe(secret=secret, message_id=message_id.encode(), timestamp=timestamp.encode(), body=body)


# ── mistakes ──


def _keys(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    forms: dict[str, Callable[[str], bytes]] = {
        f"as text, with `{PREFIX}`": str.encode,
        "as text, without decoding its base64": lambda secret: secret.removeprefix(PREFIX).encode(),
        "decoded with its prefix": _decoded_with_prefix,
        "as the hex digits of the key": lambda secret: webhook_key(secret).hex().encode(),
        "encoded as base64 again": lambda secret: base64.b64encode(secret.encode()),
        "with the line break at the end of its file": lambda secret: f"{secret}\n".encode(),
    }
    for detail, key in forms.items():
        yield detail, with_changes(found, key=key)


def _decoded_with_prefix(secret: str) -> bytes:
    """Decode as lenient decoders do, which skip what is not in the alphabet."""
    text = "".join(one for one in secret if one.isascii() and (one.isalnum() or one in "+/"))
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return b""


def _parts(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    for parts in (("timestamp", "body"), ("body",), ("message_id", "body"), *other_orders(PARTS)):
        yield f"`{'.'.join(part.removeprefix('message_') for part in parts)}`", with_changes(found, parts=parts)


def _separators(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    for separator in (b"", b":", b"\n", b"|", b" "):
        yield f"{separator.decode()!r}", with_changes(found, separator=separator)


def _bodies(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    for detail, body in other_bodies(found.body):
        yield detail, with_changes(found, body=body)


def _times(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    for detail, time in (*other_times(found.timestamp.decode()), *_iso(found.timestamp.decode())):
        yield detail, with_changes(found, timestamp=time.encode())


def _iso(timestamp: str) -> Iterator[tuple[str, str]]:
    if timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= len("9999999999"):
        yield "as ISO 8601", datetime.fromtimestamp(int(timestamp), UTC).isoformat().replace("+00:00", "Z")


def _prefixes(found: WebhookRecipe) -> Iterator[tuple[str, WebhookRecipe]]:
    for prefix in ("", "v1=", "v1a,", "sha256="):
        yield f"with `{prefix}` before it" if prefix else "without `v1,`", with_changes(found, prefix=prefix)


MISTAKES: tuple[Mistake[WebhookRecipe], ...] = (
    Mistake(
        "key", "Your client uses the secret {}.", "Decode the base64 after `whsec_`; its bytes are the key.", _keys
    ),
    Mistake(
        "body", "Your client signs the body {}.", "Sign the bytes that you send: serialise the body once.", _bodies
    ),
    Mistake("parts", "Your client signs {}.", "Sign `id.timestamp.body`.", _parts),
    Mistake("separator", "Your client joins the parts with {}.", "Join them with a full stop.", _separators),
    Mistake(
        "timestamp",
        "Your client signs the time {}.",
        "Sign the text of the header `webhook-timestamp`: UNIX seconds.",
        _times,
    ),
    other_algorithm("HMAC-SHA256"),
    Mistake("prefix", "Your client sends the signature {}.", "Send `v1,` and base64.", _prefixes),
    *spellings(*BASE64_MISTAKES),
)
