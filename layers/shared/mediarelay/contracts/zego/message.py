"""A message of a game server: its relays, and ZEGO's own signature fields."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mediarelay.contracts.fields import as_list
from mediarelay.contracts.json_objects import read_any_integer
from mediarelay.contracts.zego.values import MAX_TEXT, Object, digest_of, exact_text
from mediarelay.errors import Malformed

# Each relay costs a call to KMS and a write, and the game server waits for all of them.
MAX_RELAYS = 100
SIGNATURE_FIELDS = ("signature", "timestamp", "nonce")
_PERCENT_ENCODED = re.compile(rb"\s*%7B", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Signed:
    """ZEGO's own signature fields, exactly as they were sent."""

    signature: str
    timestamp: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a game server.

    Attributes:
        relays: The relays, not read yet.
        signed: ZEGO's signature fields, if there are any.
        digest: SHA-256 of the content without the signature fields.
        batch: Whether the message has a list of relays.
    """

    relays: tuple[Object, ...]
    signed: Signed | None
    digest: str
    batch: bool


def read_message(body: bytes) -> Message:
    """Read a message: one relay, or `relays` with up to 100; JSON, or JSON percent-encoded once.

    Raises `Malformed`.
    """
    fields = read_any_integer(unquote_to_bytes(body) if _PERCENT_ENCODED.match(body) else body)
    content = {name: value for name, value in fields.items() if name.lower() not in SIGNATURE_FIELDS}
    return Message(_relays(content), _signed(fields), digest_of(content), "relays" in content)


def _relays(content: Object) -> tuple[Object, ...]:
    if "relays" not in content:
        return (content,)
    relays = as_list(content["relays"])
    if not 0 < len(relays) <= MAX_RELAYS:
        raise Malformed("relays", f"must be a list of 1 to {MAX_RELAYS}")
    objects = tuple(relay for relay in relays if isinstance(relay, dict))
    if len(objects) < len(relays):
        raise Malformed("relays", "must be a list of objects")
    return objects


def _signed(fields: Object) -> Signed | None:
    """Return the signature fields. ZEGO writes their names in lower case in some callbacks, capitalized in others."""
    found = {name.lower(): exact_text(value) for name, value in fields.items() if name.lower() in SIGNATURE_FIELDS}
    texts = {name: text for name, text in found.items() if text is not None and len(text) <= MAX_TEXT}
    return Signed(**texts) if texts.keys() == set(SIGNATURE_FIELDS) else None
