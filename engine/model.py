"""A task, the facts of its source and its outputs, as the engine stores them.

Sizes are in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz, times in UNIX seconds.
"""

from dataclasses import dataclass
from enum import IntEnum

from engine.places import Place
from mediarelay.domain.tasks.facts import RenditionKind
from mediarelay.domain.tasks.media import Kind


class Status(IntEnum):
    """The `status` that the provider's queries print."""

    PENDING = 1
    PROBED = 2
    TRANSCODING = 3
    FAILED = 4
    SUCCEEDED = 5


FINAL = frozenset({Status.FAILED, Status.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """The picture of a source. Its sides are those that a player shows, after rotation. `index` is its stream number.

    `duration` is the time from the first frame to the end of the last one. `fps` is the average rate, 0 if unknown.
    `nominal_fps` is the rate that ffmpeg assumes for the stream, 0 if there is none. `odd_colours` have labels that
    ffmpeg cannot convert. With `holds_last_frame`, the last frame is shown for longer than a second. With `restarts`,
    the clock runs backwards somewhere, as in joined files.
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
    """The sound of a source, as its decoder returns it.

    `layout` is ffmpeg's name of the channel layout (`5.1(side)`, or `16 channels` if the source does not state one).
    `sample_format` is ffmpeg's name without its `p` for planar (`s16`, `flt`). `bits` is the number of used bits of a
    sample, 0 for a lossy codec. `bitrate` is None if unknown. `duration` is the length of the sound, without gaps.
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
    """The facts of a media file.

    `duration` covers the used picture and the used sound, from the first beginning to the last end.
    """

    container: str
    size: int
    duration: float
    bitrate: int
    video: VideoFacts | None = None
    audio: AudioFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One finished rendition, as measured from its files. `paths` has one entry, or one per cover."""

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
    """The reason why a task failed: the code and the text that callers see."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One transcode of one file. `key` is the object's key. `url` and `path` name it unescaped, as payloads do."""

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
