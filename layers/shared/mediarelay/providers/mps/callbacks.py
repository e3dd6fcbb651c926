"""The callbacks of the provider on the hot path: which task one is about, what it claims, and who signed it.

The callback functions import this module, so it uses no third-party package and no facts. `facts.py` reads the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from mediarelay.contracts.fields import Fields
from mediarelay.contracts.json_objects import MAX_DEPTH, decode_text, read_lenient
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import MAX_URL, Kind
from mediarelay.errors import Malformed
from mediarelay.providers.mps import message as mps
from mediarelay.providers.mps import values as read
from mediarelay.providers.mps.redaction import redact
from mediarelay.providers.port import CallbackSignature, Head
from mediarelay.signing.mps_callback import is_signed

MAX_BUCKET_NAME = 256
_MAX_DIGEST = 128
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class MpsCallbacks:
    """The callbacks about workflow and schedule tasks."""

    route: str = "callbacks/mps"
    kind: Kind = Kind.VIDEO

    def redact(self, body: bytes) -> bytes:
        """Return a body without credentials."""
        return redact(body)

    def read_head(self, body: bytes) -> Head:
        """Identify a callback; raises `Malformed`, `NotATask`."""
        message, task, lenient = read_callback(body)
        return Head(
            vid=task.strict("TaskId", read.vid),
            claim_summary=_claim_summary(task),
            lenient=lenient,
            kind=mps.kind(task),
            signature=_signature(message),
        )

    def admits(self, signature: CallbackSignature | None, keys: Sequence[str], now: datetime) -> bool:
        """Return whether the callback was signed with one of the keys; True without keys."""
        if not keys:
            return True
        return signature is not None and is_signed(signature.expires, signature.digest, keys, now)


def read_callback(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[Fields, Fields, bool]:
    """Return a callback, the task in it, and whether the body needed the lenient decoder; raises as `read_head`."""
    data, lenient = read_lenient(decode_text(body), max_depth)
    message = Fields(mps.unwrapped(data))
    return message, mps.event_task(message), lenient


def _signature(message: Fields) -> CallbackSignature:
    digest = read.short_text(message.data.get("Sign"), _MAX_DIGEST)
    return CallbackSignature(message.side("Timestamp", read.count), digest)


def _claim_summary(task: Fields) -> ClaimSummary:
    """Read the fields that another observation can contradict. A field that cannot be read is left out."""
    location = _or_none(lambda: mps.location(task)) or mps.Location()
    return ClaimSummary(
        state=_or_none(lambda: mps.state(task, mps.results(task))),
        app_id=location.app_id,
        bucket=read.short_text(location.bucket, MAX_BUCKET_NAME),
        url=read.short_text(location.printed, MAX_URL),
    )


def _or_none(reader: Callable[[], Value]) -> Value | None:
    try:
        return reader()
    except Malformed:
        return None


MPS_CALLBACKS = MpsCallbacks()
