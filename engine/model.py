"""A task, the facts of its source and its outputs, as the engine stores them.

Sizes are in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz, times in UNIX seconds.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from engine.mps.requests import ProcessMedia
from engine.places import Place


class TaskKind(StrEnum):
    """The kind of a task. The first two are those of CTS, the others are the `TaskType` of MPS."""

    VIDEO = "video"
    AUDIO = "audio"
    WORKFLOW = "WorkflowTask"
    SCHEDULE = "ScheduleTask"


MPS_KINDS = frozenset({TaskKind.WORKFLOW, TaskKind.SCHEDULE})


class OutputKind(StrEnum):
    """The kind of an output. CTS makes the first four only."""

    VIDEO = "video"
    AUDIO = "audio"
    COVER = "cover"
    GIF = "gif"
    SPRITE = "sprite"
    STREAM = "stream"


class Status(IntEnum):
    """The `status` that the queries of CTS print. MPS has one name for the two in the middle, and one for the end."""

    PENDING = 1
    PROBED = 2
    TRANSCODING = 3
    FAILED = 4
    SUCCEEDED = 5


FINAL = frozenset({Status.FAILED, Status.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """The picture of a source. Its sides are those that a player shows, after rotation. `index` is its stream number.

    `rotation` is the angle in degrees by which a player turns the stored picture clockwise, from 0 to 359.
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
    rotation: int = 0
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
    """One finished rendition, as measured from its files.

    `paths` has one entry, or one per picture. The last one of a sprite is its WebVTT file; the first one of a stream is
    its master playlist. `md5` is that of the first file. `facts` are those of a video or a sound. `times` are the
    seconds of the source at which pictures were taken, or at which a gif begins and ends. `count` is the number of
    pictures in a sprite, whose `width` and `height` are those of one picture.
    """

    kind: OutputKind
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
    md5: str = ""
    facts: MediaFacts | None = None
    times: tuple[float, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """The reason why a task or one of its outputs failed: the code and the text that callers see."""

    code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOutput:
    """An output that could not be made while its task continued. Only MPS continues then."""

    name: str
    flaw: Flaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One transcode of one file. `key` is the object's key. `url` and `path` name it unescaped, as payloads do.

    `request` is what MPS was asked for; the outputs of CTS are those of the configuration. `stem` is the beginning of
    every output's key, by default `key`. `download` is the URL of a source that is in no bucket. `begun` is when the
    task left the status PENDING. `percent` is how much of the source is encoded, 100 once the outputs are published.
    """

    vid: str
    kind: TaskKind
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
    failed_outputs: tuple[FailedOutput, ...] = ()
    request: ProcessMedia | None = None
    stem: str = ""
    download: str = ""
    begun: float | None = None
    percent: int = 0

    @property
    def output_stem(self) -> str:
        """The beginning of every output's key."""
        return self.stem or self.key
