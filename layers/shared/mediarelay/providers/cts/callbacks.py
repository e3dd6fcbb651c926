"""The two endpoints of CTS callbacks, one for each kind. The callback functions load this module."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.cts.head import read_head
from mediarelay.providers.port import CallbackSignature, Head


@dataclass(frozen=True, slots=True)
class CtsCallbacks:
    """The callbacks about one kind of task. They carry neither secrets nor a signature."""

    route: str
    kind: Kind

    def redact(self, body: bytes) -> bytes:
        """Return the body as it is."""
        return body

    def read_head(self, body: bytes) -> Head:
        """Identify a callback; raises `Malformed`."""
        return read_head(body)

    def admits(self, _signature: CallbackSignature | None, _keys: Sequence[str], _now: datetime) -> bool:
        """Return True: only the token in the path tells who sent a callback."""
        return True


VIDEO_CALLBACKS = CtsCallbacks("callbacks/video", Kind.VIDEO)
AUDIO_CALLBACKS = CtsCallbacks("callbacks/audio", Kind.AUDIO)
