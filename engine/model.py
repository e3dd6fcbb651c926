"""A task and what is known about it, in the engine's own words.

Units: sizes in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz, times in UNIX seconds.
"""

from dataclasses import dataclass
from enum import IntEnum

from engine.places import Place
from mediarelay.domain.tasks.media import Kind, RenditionKind


class Status(IntEnum):
    """The `status` of a query (seed document, remarks to GetCtsInfo)."""

    PENDING = 1
    PROBED = 2
    TRANSCODING = 3
    FAILED = 4
    SUCCEEDED = 5


FINAL = frozenset({Status.FAILED, Status.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """The picture of a source: sides as shown (rotation applied), `index` is its stream number.

    `duration` is from the first frame to the end of the last one; `fps` is the average, 0 where it is not known;
    `nominal_fps` is the rate that ffmpeg takes for the stream's own, 0 where there is none. `odd_colours` are labelled
    in a way that ffmpeg cannot convert; with `holds_last_frame` the last frame is shown for longer than a second;
    with `restarts` the clock runs backwards somewhere, as in joined files.
    """

    index: int
    codec: str
    width: int
    height: int
    fps: float
    duration: float
    nominal_fps: float = 0
    odd_colours: bool = False
    holds_last_frame: bool = False
    restarts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """The sound of a source, as its decoder gives it.

    `layout` is ffmpeg's name of the channel layout (`5.1(side)`, `16 channels` where the source does not state one).
    `sample_format` is ffmpeg's name without its `p` for planar (`s16`, `flt`); `bits` are those that each sample holds,
    0 for a codec that does not keep every bit. `bitrate` is None where it is not known. `duration` counts what sounds,
    without gaps.
    """

    index: int
    codec: str
    sample_rate: int
    bitrate: int | None
    duration: float | None = None
    channels: int = 2
    layout: str = "stereo"
    channel_names: tuple[str, ...] = ()
    sample_format: str = "s16"
    bits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What a probe found in a file.

    `duration` covers the picture and the sound that are used, from the first beginning to the last end.
    """

    container: str
    size: int
    duration: float
    bitrate: int
    video: VideoFacts | None = None
    audio: AudioFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One finished rendition, measured from its files; `paths` has one entry, or one per cover."""

    kind: RenditionKind
    name: str
    paths: tuple[str, ...]
    size: int
    duration: float = 0
    width: int = 0
    height: int = 0
    fps: float = 0
    bitrate: int = 0
    sample_rate: int = 0
    format: str = ""
    encoder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why a task failed: the code and text that callers see."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One transcode of one file. `key` is the object; `url` and `path` name it, not escaped, as payloads print them."""

    vid: str
    kind: Kind
    source: Place
    dst: Place
    url: str
    path: str
    key: str
    created: float
    updated: float
    status: Status = Status.PENDING
    deleted: bool = False
    facts: MediaFacts | None = None
    outputs: tuple[Output, ...] = ()
    flaw: Flaw | None = None
    log: str | None = None
