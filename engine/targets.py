"""Plan single outputs of a source: the names of their files, and the filters and options with which ffmpeg makes them.

Every function is pure. Sizes follow the provider's table of specifications: `f10` to `f40` set the short side. A video
never has more pixels or bits than its source. Odd sides are rounded down, because the provider prints 1920x1080 at 480p
as 852x480. Each function raises `TaskFailed` if the source lacks what the output shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.failures import Failure, TaskFailed
from engine.model import AudioFacts, MediaFacts, OutputKind, VideoFacts
from engine.sound import AUDIO_CODECS, Encoding, encode_sound
from mediarelay.domain.tasks.spec import AudioSpec

Sides = tuple[int, int]

# Names within the working directory: the source, and ffmpeg's position. Outputs are named `OUT` and their suffix.
SOURCE = "source"
PROGRESS = "progress"
OUT = "out"
# Frames per second. A stream that states more states the rate of its clock, not of its pictures.
MAX_FPS = 120
GUESSED_FPS = 25
# Bit/s. The encoders refuse a lower bitrate.
LEAST = 32_000
# Seconds. A segment of a stream has this length, except for the last one.
SEGMENT_SECONDS = 6
# The steps per second in which a picture at a time is found.
OFFSET_STEPS = 25


@dataclass(frozen=True, slots=True)
class Rung:
    """One video rung: its short side in pixels, and bit/s. `total` includes the sound, `audio` is the sound's part."""

    lines: int
    total: int
    audio: int


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture of many small ones: the columns, the rows, and the width of a small picture in pixels."""

    columns: int
    rows: int
    width: int

    @property
    def count(self) -> int:
        """The number of small pictures."""
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a source that a gif shows, in seconds from the first picture, and its frames per second."""

    begin: float
    end: float
    fps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encode:
    """One output of ffmpeg.

    `pattern` is its file name, and `options` precede it. `picture` and `sound` are filter chains, None for an output
    without picture or sound.
    """

    pattern: str
    options: tuple[str, ...]
    picture: str | None = None
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One planned output.

    `suffixes` are appended to the stem of the task's outputs, one per file. `texts` are the contents of files that
    ffmpeg does not write, by suffix. `segments` is a pattern of further files, whose number only ffmpeg knows. The
    other fields are the expected result: sides in pixels, `bitrate` in bit/s, `times` and `count` as in `Output`.
    """

    kind: OutputKind
    name: str
    suffixes: tuple[str, ...]
    encodes: tuple[Encode, ...]
    texts: tuple[tuple[str, str], ...] = ()
    segments: str = ""
    width: int = 0
    height: int = 0
    bitrate: int = 0
    format: str = ""
    encoder: str = ""
    lossless: bool = False
    times: tuple[float, ...] = ()
    count: int = 0

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the output's files in the working directory, without segments."""
        return tuple(OUT + suffix for suffix in self.suffixes)


def video_target(name: str, suffix: str, rung: Rung, facts: MediaFacts) -> Target:
    """Plan a video with the sound of the source, if it has one."""
    width, height = fit_short_side(sides_of(facts), rung.lines)
    return Target(
        kind=OutputKind.VIDEO,
        name=name,
        suffixes=(suffix,),
        encodes=(_video_encode(OUT + suffix, rung, facts, _MP4),),
        width=width,
        height=height,
        bitrate=sum(video_bitrates(rung, facts)),
    )


def stream_target(name: str, suffix: str, rungs: Sequence[Rung], facts: MediaFacts) -> Target:
    """Plan an HLS stream: a master playlist, a playlist for each rung that the source reaches, and their segments."""
    sides = sides_of(facts)
    # The lowest rung always counts, because a small source reaches none.
    used = [rungs[0], *(rung for rung in rungs[1:] if rung.lines <= min(sides))]
    stem = suffix.removesuffix(".m3u8")
    names = [f"{stem}_{i}.m3u8" for i in range(len(used))]
    return Target(
        kind=OutputKind.STREAM,
        name=name,
        suffixes=(suffix, *names),
        encodes=tuple(
            _video_encode(OUT + playlist, rung, facts, _hls(f"{OUT}{stem}_{i}_%d.ts"))
            for i, (playlist, rung) in enumerate(zip(names, used, strict=True))
        ),
        texts=((suffix, _master(names, used, facts)),),
        segments=f"{OUT}{stem}_*.ts",
    )


def sound_target(name: str, suffix: str, spec: AudioSpec, facts: MediaFacts) -> Target:
    """Plan a sound without a picture. Raises `TaskFailed` also for an unknown format."""
    audio = require_audio(facts)
    if spec.format not in AUDIO_CODECS:
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    codec, encoding = AUDIO_CODECS[spec.format], encode_sound(spec.format, spec.bitrate, audio)
    options = (*encoding.options, *codec.options, *_CONTIGUOUS, "-map_chapters", "-1", "-f", codec.muxer)
    return Target(
        kind=OutputKind.AUDIO,
        name=name,
        suffixes=(suffix,),
        encodes=(Encode(pattern=OUT + suffix, options=options, sound=f"{_AT_ONCE},{encoding.filters}"),),
        bitrate=encoding.bitrate or audio.bitrate or 0,
        format=spec.format,
        encoder=encoding.encoder,
        lossless=codec.lossless,
    )


def spread_target(name: str, suffixes: tuple[str, ...], pattern: str, sides: Sides, video: VideoFacts) -> Target:
    """Plan pictures from the middles of equal parts of the source, one per suffix. `pattern` numbers them by `%d`."""
    return Target(
        kind=OutputKind.COVER,
        name=name,
        suffixes=suffixes,
        encodes=(_picture_encode(OUT + pattern, f"{_spread(len(suffixes), video)},{_scale(sides)}", len(suffixes)),),
        width=sides[0],
        height=sides[1],
    )


def offset_target(
    name: str, suffixes: tuple[str, ...], times: tuple[float, ...], sides: Sides, video: VideoFacts
) -> Target:
    """Plan one picture per time of the source, in seconds. Raises `TaskFailed` for a time after the end."""
    _require_before(max(times), video.duration)
    return Target(
        kind=OutputKind.COVER,
        name=name,
        suffixes=suffixes,
        encodes=tuple(_at(OUT + suffix, time, sides) for suffix, time in zip(suffixes, times, strict=True)),
        width=sides[0],
        height=sides[1],
        times=times,
    )


def sprite_target(name: str, suffixes: tuple[str, str], sprite: Sprite, facts: MediaFacts) -> Target:
    """Plan a sprite: a picture of many small ones, and a WebVTT file that states which one shows which time."""
    (width, height), video = sides_of(facts), require_video(facts)
    small = (sprite.width, max(1, round(height * sprite.width / width)))
    chain = f"{_spread(sprite.count, video)},{_scale(small)},tile={sprite.columns}x{sprite.rows}"
    image, vtt = suffixes
    return Target(
        kind=OutputKind.SPRITE,
        name=name,
        suffixes=suffixes,
        encodes=(_picture_encode(OUT + image, chain, 1),),
        texts=((vtt, _vtt(OUT + image, sprite, small, video.duration)),),
        width=small[0],
        height=small[1],
        count=sprite.count,
    )


def gif_target(name: str, suffix: str, sides: Sides, span: Span, video: VideoFacts) -> Target:
    """Plan an animated picture, as GIF or WebP by the suffix. Raises `TaskFailed` if it begins after the end."""
    _require_before(span.begin, video.duration)
    form = suffix.rpartition(".")[2]
    end = min(span.end, video.duration)
    return Target(
        kind=OutputKind.GIF,
        name=name,
        suffixes=(suffix,),
        encodes=(_GRAPHICS[form](OUT + suffix, f"{_steady(span, end)},{_scale(sides)}"),),
        width=sides[0],
        height=sides[1],
        format=form,
        times=(span.begin, end),
    )


def require_video(facts: MediaFacts) -> VideoFacts:
    """Return the picture of a source. Raises `TaskFailed` if it has none."""
    if facts.video is None:
        raise TaskFailed(Failure.NO_VIDEO)
    return facts.video


def require_audio(facts: MediaFacts) -> AudioFacts:
    """Return the sound of a source. Raises `TaskFailed` if it has none."""
    if facts.audio is None:
        raise TaskFailed(Failure.NO_AUDIO)
    return facts.audio


def sides_of(facts: MediaFacts) -> Sides:
    """Return the sides of a source's picture. Raises `TaskFailed` if it has none."""
    video = require_video(facts)
    return video.width, video.height


def fit_short_side(sides: Sides, lines: int) -> Sides:
    """Scale sides down so that the short one has at most `lines` pixels. Both become even, rounded down."""
    short = min(*sides, lines)
    width, height = (side * short // min(sides) for side in sides)
    return max(width & ~1, 2), max(height & ~1, 2)


def video_bitrates(rung: Rung, facts: MediaFacts) -> Sides:
    """Return the bit rates of a rung's picture and sound, in bit/s. Together they never exceed the source's."""
    # The sound gets a third at most, so that a source with few bits still has a picture.
    total = max(min(rung.total, facts.bitrate), LEAST)
    sound = min(rung.audio, total // 3, (facts.audio.bitrate or rung.audio)) if facts.audio else 0
    return int(total * _PAYLOAD) - sound, sound


# The part of an mp4's bits that the streams get; the container uses the rest.
_PAYLOAD = 0.97
_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high")
_IN_ORDER = ("-bf", "0")
_MP4 = ("-movflags", "+faststart", "-map_chapters", "-1", "-f", "mp4")


def _video_encode(pattern: str, rung: Rung, facts: MediaFacts, container: Sequence[str]) -> Encode:
    video, (picture, sound) = require_video(facts), video_bitrates(rung, facts)
    width, height = fit_short_side((video.width, video.height), rung.lines)
    rate = ("-b:v", str(picture), "-maxrate", str(picture), "-bufsize", str(picture // 2))
    encoding: Encoding | None = encode_sound("m4a", sound, facts.audio) if facts.audio else None
    return Encode(
        pattern=pattern,
        options=(*_H264, *_order(video), *rate, *(encoding.options if encoding else ()), *container),
        picture=f"{_calmed(video)}scale={width}:{height}:flags=bicubic,format=yuv420p",
        sound=encoding.filters if encoding else None,
    )


def _hls(segments: str) -> tuple[str, ...]:
    # A segment can begin at a key frame only.
    keys = ("-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_SECONDS})")
    return (
        *keys,
        *("-hls_time", str(SEGMENT_SECONDS), "-hls_playlist_type", "vod", "-hls_segment_filename", segments),
        *("-map_chapters", "-1", "-f", "hls"),
    )


def _master(names: Sequence[str], rungs: Sequence[Rung], facts: MediaFacts) -> str:
    lines = ["#EXTM3U"]
    for name, rung in zip(names, rungs, strict=True):
        width, height = fit_short_side(sides_of(facts), rung.lines)
        lines += [f"#EXT-X-STREAM-INF:BANDWIDTH={rung.total},RESOLUTION={width}x{height}", OUT + name]
    return "\n".join([*lines, ""])


def _order(video: VideoFacts) -> Sequence[str]:
    """Return options that keep the length of a long last frame."""
    # mp4 stores a length only for the frame that is encoded last. Without B-frames that is the frame shown last.
    return _IN_ORDER if video.holds_last_frame else ()


def _calmed(video: VideoFacts) -> str:
    """Return a filter that replaces an impossible frame rate by the average one."""
    # The encoder spreads its bits over the stated rate, and would save them for frames that never come.
    return f"fps={min(video.fps or GUESSED_FPS, MAX_FPS)}:eof_action=pass," if video.nominal_fps > MAX_FPS else ""


# The encoder and the pixel format of each format of pictures.
_PICTURES = {"png": (("-c:v", "png"), "rgb24"), "jpg": (("-c:v", "mjpeg", "-q:v", "3"), "yuvj420p")}


def _picture_encode(pattern: str, chain: str, count: int) -> Encode:
    encoder, pixels = _PICTURES[pattern.rpartition(".")[2]]
    numbered = ("-start_number", "0") if "%d" in pattern else ("-update", "1")
    options = (*encoder, "-frames:v", str(count), *numbered, "-f", "image2")
    return Encode(pattern=pattern, options=options, picture=f"{chain},format={pixels}")


def _at(pattern: str, time: float, sides: Sides) -> Encode:
    # The last frame is repeated for a second, because a time near the end may lie behind it.
    first = round(time * OFFSET_STEPS)
    steady = f"{_frames(str(OFFSET_STEPS))},tpad=stop={OFFSET_STEPS}:stop_mode=clone,trim=start_frame={first}"
    return _picture_encode(pattern, f"{steady},{_scale(sides)}", 1)


def _spread(count: int, video: VideoFacts) -> str:
    """Return a filter that picks one frame from the middle of each of `count` equal parts."""
    # If the stream ends early, the last frame is repeated.
    return f"{_frames(f'{count}/{video.duration:.6f}')},tpad=stop={count}:stop_mode=clone"


def _steady(span: Span, end: float) -> str:
    """Return a filter for the frames of a gif."""
    # The number of frames is fixed: a recorded still screen has one frame in a minute, which is repeated.
    first = round(span.begin * span.fps)
    last = first + max(1, round((end - span.begin) * span.fps))
    part = f"trim=start_frame={first}:end_frame={last},setpts=PTS-STARTPTS" if first else f"trim=end_frame={last}"
    return f"{_frames(str(span.fps))},tpad=stop={last}:stop_mode=clone,{part}"


# Each frame has its own palette. One palette for all would hold every frame in memory until the end.
_PALETTES = "split[full{0}][few{0}];[few{0}]palettegen=stats_mode=single[map{0}];[full{0}][map{0}]paletteuse=new=1"


def _gif(pattern: str, chain: str) -> Encode:
    return Encode(pattern=pattern, options=("-c:v", "gif", "-f", "gif"), picture=f"{chain},{_PALETTES}")


def _webp(pattern: str, chain: str) -> Encode:
    options = ("-c:v", "libwebp_anim", "-loop", "0", "-f", "webp")
    return Encode(pattern=pattern, options=options, picture=f"{chain},format=yuv420p")


_GRAPHICS = {"gif": _gif, "webp": _webp}


def _vtt(image: str, sprite: Sprite, small: Sides, duration: float) -> str:
    width, height = small
    cues = ["WEBVTT", ""]
    for i in range(sprite.count):
        begin, end = (duration * each / sprite.count for each in (i, i + 1))
        row, column = divmod(i, sprite.columns)
        place = f"{column * width},{row * height},{width},{height}"
        cues += [f"{_clock(begin)} --> {_clock(end)}", f"{image}#xywh={place}", ""]
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    # Rounding comes first: 59.9996 s are 1:00.000, not 0:60.000.
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"


def _scale(sides: Sides) -> str:
    return f"scale={sides[0]}:{sides[1]}:flags=bicubic"


def _frames(rate: str) -> str:
    """Return a filter that picks frames at a steady rate, from the first frame: it may be later than the sound."""
    return f"setpts=PTS-STARTPTS,fps={rate}:start_time=0:eof_action=pass"


def _require_before(time: float, end: float) -> None:
    if time > end:
        raise TaskFailed(Failure.NO_SUCH_SPEC, f"the source lasts {end:.3f} s, {time:.3f} s are asked for")


# A song has no picture to match, so it begins at once and its packets follow each other without gaps. Opus states where
# it ends, not how long it lasts: 2 s of sound that begin after 100 s would last 102 s.
_AT_ONCE = "asetpts=PTS-STARTPTS"
_CONTIGUOUS = ("-bsf:a", "setts=ts='if(eq(N,0),PTS,PREV_OUTPTS+PREV_OUTDURATION)'")
