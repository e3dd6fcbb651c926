"""Read the facts of a media file with PyAV.

One pass over all packets finds which streams can be decoded and how long each of them is. The container's own duration
is not used: it covers subtitles and unused tracks, and may be an estimate.
"""

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from engine.failures import Failure, TaskFailed
from engine.inputs import ANY_FORMAT, SAFE_INPUT, STATED_BY_FILE, STATED_BY_STREAM
from engine.model import AudioFacts, MediaFacts, VideoFacts
from engine.stated import is_open_ended, missing_part

# Tags come in any encoding. PyAV 18 refuses the file without this option. PyAV 19 reads it and has no such option.
_ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}  # noqa: PLR2004
_UNREADABLE = (av.error.FFmpegError, OSError, ValueError, StopIteration, ZeroDivisionError)
# ffmpeg's scaler refuses these, by the numbers of ITU-T H.273: YCgCo, BT.2020 with constant luminance, SMPTE 2085,
# derived matrices, ICtCp, IPT-C2, YCgCo-R; and logarithmic transfer curves.
_ODD_MATRICES = frozenset({8, *range(10, 18)})
_ODD_TRANSFERS = frozenset({9, 10})
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT
_VBR_HEADER = re.compile(rb"Xing|Info|VBRI")

# A stream counts as undecodable if none of its first packets, up to this number, contains a frame.
MAX_TRIES = 1000
# Frames per second and bit/s that a stream may state about itself. Beyond them, the statement counts as unknown.
MAX_FPS = 1000
MAX_BITRATE = 10**9
# Seconds that a clock may jump back; also ahead, where the format allows discontinuities. It is ffmpeg's own bound.
MAX_JUMP = 10.0
# Seconds that a clock may jump ahead in other formats, and that one packet may last. More is a wrapped negative number.
DAY = 86_400.0
# The part of a stated length that may be missing, in addition to one second, before a file counts as cut.
TOLERANCE = 0.1
# Seconds. A longer stated length comes from a header of all ones or of random bytes.
MAX_STATED = 10 * DAY
# Bytes. An mp3 has the header with its number of frames so close to its first frame.
VBR_SEARCH = 4096
# Bytes from the beginning of a file in which ffmpeg recognises its format.
NAME_SEARCH = 2**20
# Bits used in samples of 32 bits, if the stream does not state them.
DEEP = 24
# Seconds. A longer last frame is held on purpose, so the outputs must keep its length.
MAX_FRAME_SECONDS = 1.0
# Seconds by which a stated length may correct one that is counted in ticks.
MAX_ROUNDED = 0.01
# Frames per second, if nothing states how long a frame lasts.
GUESSED_FPS = 25


@dataclass(slots=True)
class _Track:
    """The sums over the packets of one stream. Times are in seconds.

    `lead` is the time between the beginning of the clock and the first sound, if the clock begins below 0. `silent` is
    the part of `content` in it. A decoder needs these packets to start, and drops their samples.
    """

    stream: Stream
    unit: float
    width: int = 0
    height: int = 0
    max_jump: float = DAY
    max_length: float = DAY
    start: float | None = None
    lead: float = 0.0
    content: float = 0.0
    silent: float = 0.0
    size: int = 0
    packets: int = 0
    tries: int = 0
    frame: VideoFrame | AudioFrame | None = None
    restarts: bool = False
    decoding: float = 0.0
    _decoding_start: float | None = None
    _past: float = 0.0
    _span: tuple[float, float, float] | None = None
    _shown: float = 0.0
    _decoded: float | None = None

    def add(self, packet: "Packet[Any]") -> None:
        """Add a packet to the sums."""
        length = self._seconds(packet.duration) or 0.0
        length = length if 0 <= length <= DAY else 0.0
        self.content += min(length, self.max_length)
        self.size += packet.size
        self.packets += 1
        decoded, shown = self._seconds(packet.dts), self._seconds(packet.pts)
        begin = decoded if shown is None else shown
        if begin is not None:
            self._stretch(begin, length, leap=self._leaps(decoded, begin))
        self._decoded = decoded
        if decoded is not None:
            self._decoding_start = decoded if self._decoding_start is None else self._decoding_start
            self.decoding = decoded + length - self._decoding_start

    def _seconds(self, ticks: int | None) -> float | None:
        return None if ticks is None else ticks * self.unit

    def _leaps(self, decoded: float | None, begin: float) -> bool:
        """Return whether the clock has jumped since the last packet."""
        # Decoding times come first, because frames may be shown in another order than they are decoded.
        if decoded is not None and self._decoded is not None:
            return not 0 <= decoded - self._decoded <= self.max_jump
        return self._span is not None and not -MAX_JUMP <= begin - self._span[1] <= self.max_jump

    def _stretch(self, begin: float, length: float, *, leap: bool) -> None:
        if self._span is None:
            self.start, self._span, self._shown = begin, (begin, begin, length), length
            return
        first, last, _ = self._span
        if leap:
            # A clock that runs backwards (chained files) or jumps (a cut broadcast) does not measure time, so a new
            # section begins.
            self._past = self.elapsed
            self.restarts |= begin < last
            self._span, self._shown = (begin, begin, length), length
        else:
            # In mp4 a packet lasts until the next one is decoded, which may be long before or after that one is shown.
            # The last frame is shown as long as the shorter of two: the packet decoded last, the packet shown last.
            self._span = (min(begin, first), max(begin, last), length)
            self._shown = length if begin >= last else self._shown
            self.start = self.start if self._past else self._span[0]

    @property
    def elapsed(self) -> float:
        """Seconds by the clock, or the sum of the packets' lengths if the stream has no clock."""
        if self._span is None:
            return self.content
        first, last, _ = self._span
        return self._past + last + self.last_length - first

    @property
    def states_end(self) -> bool:
        """Whether a packet states how long the last frame is shown."""
        return self.last_length > 0 if self._span else self.content > 0

    @property
    def last_length(self) -> float:
        """Seconds that the last packet is shown, 0 if unknown."""
        return min(self._span[2], self._shown) if self._span else 0.0

    def try_decoding(self, packet: "Packet[Any]") -> None:
        """Decode a packet, unless the stream has its first frame already."""
        if self.frame is None and self.tries < MAX_TRIES:
            self.tries += 1
            # Without a key, a decoder turns an encrypted packet into noise or an error.
            if packet.has_sidedata("encryption_info"):
                return
            self.frame = _first_frame(packet)
            if isinstance(self.frame, AudioFrame) and self.frame.time is not None:
                self._begin_sound(self.frame.time, packet)

    def _begin_sound(self, moment: float, packet: "Packet[Any]") -> None:
        if self._span is None or self._past or self._span[0] >= 0:
            return
        self.lead = max(0.0, moment - self._span[0])
        length = min(self._seconds(packet.duration) or 0.0, self.max_length, self.content)
        begin = self._seconds(packet.pts)
        within = 0.0 if begin is None else min(max(0.0, moment - begin), length)
        self.silent = min(self.lead, self.content - length + within)

    @property
    def sounding(self) -> float:
        """Seconds of sound, without gaps and without the decoder's lead."""
        return self.content - self.silent

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the end. If no packet states its length, the first frame's length counts."""
        if isinstance(self.frame, AudioFrame):
            return max(self.elapsed - self.lead, self.sounding) or self.frame.samples / self.frame.sample_rate
        return self.elapsed + (0 if self.states_end else 1 / (_fps(self) or GUESSED_FPS))

    @property
    def begin(self) -> float:
        """The time of the first picture or sound, in seconds on the file's clock."""
        return (self.start or 0.0) + self.lead

    @property
    def end(self) -> float:
        """The time of the end, in seconds on the file's clock."""
        return (self.start or 0.0) + self.elapsed

    @property
    def bitrate(self) -> int | None:
        """Bit/s as measured, None if unknown."""
        return round(self.size * 8 / self.duration) if self.size and self.duration else None


def probe(path: Path) -> MediaFacts:
    """Read the facts of a media file.

    Raises `TaskFailed` if the file is no media, has no stream that can be decoded, or ends before the length that its
    header states.
    """
    with _opened(path) as container:
        tracks = _read_tracks(container)
        used = [track for track in (_first(tracks, VideoFrame), _first(tracks, AudioFrame)) if track]
        if not used:
            raise TaskFailed(Failure.NOT_MEDIA, f"no stream of it can be decoded ({container.format.name})")
        _require_whole(container, path, tracks, used)
        return _facts(container.format.name, path.stat().st_size, used, (container.duration or 0) / av.time_base)


def picture_sides(path: Path) -> tuple[int, int]:
    """Return width and height of a png or gif that the engine made, in pixels. Raises `TaskFailed`."""
    # A png is a single picture, which is no source format.
    with _opened(path, {"protocol_whitelist": "file"}) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


@contextmanager
def _opened(path: Path, options: dict[str, str] = SAFE_INPUT) -> Iterator[InputContainer]:
    try:
        with av.open(str(path), "r", options=dict(options), **_ANY_TEXT) as container:
            yield container
    except _UNREADABLE as error:
        raise TaskFailed(Failure.NOT_MEDIA, _other_format(path) or _reason(error)) from error


def _reason(error: Exception) -> str:
    # ffmpeg answers EINVAL for a format that is not on the whitelist.
    if isinstance(error, OSError) and error.errno == errno.EINVAL:
        return "its format is not one that is read"
    return getattr(error, "strerror", None) or ""


def _other_format(path: Path) -> str:
    """Return a reason that names the format of a refused file, empty if ffmpeg does not recognise it."""
    try:
        # ffmpeg gets bytes instead of a path, so that it cannot open files that this file names.
        with (
            path.open("rb") as file,
            av.open(BytesIO(file.read(NAME_SEARCH)), options=ANY_FORMAT, **_ANY_TEXT) as container,
        ):
            return f"its format, {container.format.long_name} ({container.format.name}), is not one that is read"
    except _UNREADABLE:
        return ""


def _read_tracks(container: InputContainer) -> list[_Track]:
    leaps = bool(int(container.format.flags) & _TS_DISCONT)
    tracks = {stream.index: _new_track(stream, MAX_JUMP if leaps else DAY) for stream in container.streams}
    for packet in _packets(container):
        track = tracks[packet.stream.index]
        # A container marks packets outside its edit list as discarded: players do not show them.
        if packet.size and not packet.is_discard:
            track.add(packet)
        if _is_candidate(track.stream):
            track.try_decoding(packet)
    return list(tracks.values())


def _new_track(stream: Stream, max_jump: float) -> _Track:
    context, track = stream.codec_context, _Track(stream, float(stream.time_base or 0), max_jump=max_jump)
    if isinstance(context, AudioCodecContext) and context.frame_size and context.sample_rate:
        # In mp4 a packet lasts until the next one. Before a gap that is more than the packet contains.
        track.max_length = context.frame_size / context.sample_rate
    if isinstance(context, VideoCodecContext):
        track.width, track.height = context.width, context.height
    return track


def _packets(container: InputContainer) -> "Iterator[Packet[Any]]":
    """Yield packets to the end, or to the first one that cannot be read; the earlier ones count.

    Raises `TaskFailed` if a good file continues in a form that ffmpeg cannot follow. Its outputs would end there
    silently.
    """
    try:
        yield from container.demux()
    except av.error.PatchWelcomeError as error:
        raise TaskFailed(Failure.NOT_MEDIA, f"ffmpeg cannot read all of it ({error.strerror})") from error
    except av.error.FFmpegError:
        return


def _is_candidate(stream: Stream) -> bool:
    if stream.codec_context is None or stream.type not in {"video", "audio"}:
        return False
    # The cover picture of a song would make a video of it.
    return not stream.disposition & Disposition.attached_pic


def _first_frame(packet: "Packet[Any]") -> VideoFrame | AudioFrame | None:
    try:
        frames = packet.decode()
    except _UNREADABLE:
        return None
    return next((frame for frame in frames if isinstance(frame, VideoFrame | AudioFrame) and _is_sound(frame)), None)


def _is_sound(frame: VideoFrame | AudioFrame) -> bool:
    if isinstance(frame, VideoFrame):
        return frame.width > 0 and frame.height > 0
    return frame.samples > 0 and frame.sample_rate > 0


def _first(tracks: Sequence[_Track], kind: type[VideoFrame | AudioFrame]) -> _Track | None:
    return next((track for track in tracks if isinstance(track.frame, kind)), None)


def _require_whole(container: InputContainer, path: Path, tracks: Sequence[_Track], used: Sequence[_Track]) -> None:
    """Raise `TaskFailed` for a cut file, whose header states more than its packets contain."""
    # Each format states its length in its own way: in bytes, for the whole file, or for each stream.
    name, whole = container.format.name, (container.duration or 0) / av.time_base
    there = max(track.duration for track in used)
    _require_length(there / (1 - missing_part(path)), there)
    if name in STATED_BY_FILE:
        _require_length(whole, max(track.end for track in tracks))
    if (name in STATED_BY_STREAM and not is_open_ended(path)) or (name == "mp3" and _counts_frames(path)):
        for track in used:
            # mp4 states how long decoding takes. With frames reordered across a gap at the beginning, that is longer
            # than the frames are shown.
            _require_length(_stated_duration(track.stream), max(track.duration, track.decoding))


def is_shorter(found: float, stated: float) -> bool:
    """Return whether a length in seconds is below another by more than one second plus `TOLERANCE` of it."""
    return found < stated * (1 - TOLERANCE) - 1


def _require_length(stated: float, found: float) -> None:
    if stated <= MAX_STATED and is_shorter(found, stated):
        raise TaskFailed(Failure.CUT_SOURCE, f"{stated:.1f} s are stated, {found:.1f} s are there")


def _stated_duration(stream: Stream) -> float:
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0


def _counts_frames(path: Path) -> bool:
    """Return whether an mp3 states its number of frames. Otherwise ffmpeg estimates its duration."""
    # An ID3 tag may precede the first frame. Its size has seven bits in each byte.
    with path.open("rb") as file:
        head = file.read(10)
        tag = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
        file.seek(tag + len(head) if head.startswith(b"ID3") else 0)
        return bool(_VBR_HEADER.search(file.read(VBR_SEARCH)))


def _facts(container: str, size: int, used: Sequence[_Track], whole: float) -> MediaFacts:
    begin = min(track.begin for track in used)
    end = max(track.begin + track.duration for track in used)
    # A clock in milliseconds truncates the begin and the length of the last packet: 2.000 s would become 1.999 s.
    end = whole if 0 < whole - end <= 2 * max(track.unit for track in used) <= MAX_ROUNDED else end
    duration = _exact(end - begin)
    video, audio = _first(used, VideoFrame), _first(used, AudioFrame)
    return MediaFacts(
        container=container,
        size=size,
        duration=duration,
        bitrate=round(size * 8 / duration),
        video=_video(video, video.frame) if video and isinstance(video.frame, VideoFrame) else None,
        audio=_audio(container, audio, audio.frame) if audio and isinstance(audio.frame, AudioFrame) else None,
    )


def _exact(seconds: float) -> float:
    """Round off the error of summed fractions: 2.9999999999999996 s become 3 s, but a tiny length stays above 0."""
    return round(seconds, 6) or seconds


def _video(track: _Track, frame: VideoFrame) -> VideoFacts:
    # A frame may still have columns to crop, which align its rows in memory. The stream states the true sides.
    sides = (track.width or frame.width, track.height or frame.height)
    quarters = round(frame.rotation / 90)
    width, height = sides if quarters % 2 == 0 else sides[::-1]
    return VideoFacts(
        index=track.stream.index,
        codec=track.stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        fps=round(_fps(track), 3),
        nominal_fps=float(getattr(track.stream, "guessed_rate", None) or 0),
        duration=track.duration,
        # PyAV states the angle counterclockwise.
        rotation=-quarters * 90 % 360,
        odd_colours=frame.colorspace in _ODD_MATRICES or frame.color_trc in _ODD_TRANSFERS,
        holds_last_frame=track.last_length > MAX_FRAME_SECONDS,
        restarts=track.restarts,
    )


def _fps(track: _Track) -> float:
    """Return the stated frames per second if possible, else the counted ones, else 0."""
    stream = track.stream
    stated = float(getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None) or 0)
    counted = track.packets / track.elapsed if track.elapsed > 0 else 0.0
    return next((rate for rate in (stated, counted) if 0 < rate <= MAX_FPS), 0.0)


def _audio(container: str, track: _Track, frame: AudioFrame) -> AudioFacts:
    codec = track.stream.codec_context
    # Ogg states the bitrate that its encoder was set to, not the one that it reached.
    stated = 0 if container == "ogg" else codec.bit_rate or 0
    return AudioFacts(
        index=track.stream.index,
        codec=codec.codec.canonical_name,
        sample_rate=frame.sample_rate,
        bitrate=stated if 0 < stated <= MAX_BITRATE else track.bitrate,
        duration=track.sounding or track.duration,
        channels=frame.layout.nb_channels,
        layout=frame.layout.name,
        channel_names=tuple(channel.name for channel in frame.layout.channels),
        sample_format=frame.format.name.removesuffix("p"),
        bits=_bits(codec, frame),
    )


def _bits(codec: Any, frame: AudioFrame) -> int:
    if not codec.codec.lossless:
        return 0
    # PyAV 18 does not state the used bits, and samples of 24 bits come in 32, too.
    narrow = frame.format.name.startswith("s32") and "32" not in codec.name
    return getattr(codec, "bits_per_raw_sample", 0) or (DEEP if narrow else frame.format.bits)
