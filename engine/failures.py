"""The reasons why a task fails: the codes that queries and callbacks carry, and their texts.

The provider publishes only 122 (a gif could not be submitted). The codes from 901 on are the engine's own.
"""

from enum import IntEnum

from engine.model import Flaw

PUBLISHED_GIF = 122


class Failure(IntEnum):
    """The engine's error codes."""

    NO_OBJECT = 901
    NOT_MEDIA = 902
    NO_VIDEO = 903
    NO_AUDIO = 904
    NO_SUCH_SPEC = 905
    ENCODER = 906
    TIMEOUT = 907
    INTERNAL = 908
    CUT_SOURCE = 909
    LONG_KEY = 910
    ABORTED = 911
    NO_DOWNLOAD = 912


TEXTS: dict[int, str] = {
    PUBLISHED_GIF: "the gif could not be submitted",
    Failure.NO_OBJECT: "the source object does not exist",
    Failure.NOT_MEDIA: "the source is not a readable media file",
    Failure.NO_VIDEO: "the source has no video stream that can be decoded",
    Failure.NO_AUDIO: "the source has no audio stream that can be decoded",
    Failure.NO_SUCH_SPEC: "the specification cannot be encoded",
    Failure.ENCODER: "the encoder failed",
    Failure.TIMEOUT: "the encoder took too long",
    Failure.INTERNAL: "the engine failed",
    Failure.CUT_SOURCE: "the source ends before the length that its header states",
    Failure.LONG_KEY: "the key of an output would be too long",
    Failure.ABORTED: "the task was aborted",
    Failure.NO_DOWNLOAD: "the source could not be downloaded",
}


class TaskFailed(Exception):
    """A task fails with this code, so its status becomes 4. `log` has the messages of ffmpeg, if any."""

    def __init__(self, code: int, detail: str = "", log: str | None = None) -> None:
        text = TEXTS.get(code, "unknown")
        super().__init__(f"{text}: {detail}" if detail else text)
        self.flaw = Flaw(code=int(code), message=str(self)[:500])
        self.log = log


class Stopped(Exception):
    """A job must stop, because its task was deleted or the engine is shutting down."""
