"""Plan the outputs of a source, and the one ffmpeg call that makes them all.

Every function is pure: facts and specifications in, ffmpeg's arguments out. Sizes follow the provider's table of
specifications: `f10` to `f40` set the short side. A video never has more pixels or bits than its source. Odd sides are
rounded down, because the provider prints 1920x1080 at 480p as 852x480.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.inputs import SAFE_INPUT
from engine.model import AudioFacts, MediaFacts, VideoFacts
from engine.sound import AUDIO_CODECS, encode_sound
from mediarelay.domain.tasks.facts import RenditionKind
from mediarelay.domain.tasks.spec import (
    AudioSpec,
    Axis,
    ExactSpec,
    OriginalSpec,
    SideSpec,
    Spec,
    VideoSpec,
    parse_audio_spec,
    parse_frame_spec,
    parse_video_spec,
)

Sides = tuple[int, int]

# The name of the source within the working directory. Outputs are named `out` and their suffix.
SOURCE = "source"
GIF_SECONDS = 5
GIF_FPS = 8
MAX_SIDE = 8192
# Frames per second. A stream that states more states the rate of its clock, not of its pictures.
MAX_FPS = 120
GUESSED_FPS = 25
# Bit/s. The encoders refuse a lower bitrate.
LEAST = 32_000


@dataclass(frozen=True, slots=True)
class Ladder:
    """The bit rates of one video rung, in bit/s: `total` includes the sound, `audio` is the part of the sound."""

    total: int
    audio: int


LADDER = {
    "f10": Ladder(300_000, 48_000),
    "f20": Ladder(600_000, 64_000),
    "f30": Ladder(1_200_000, 96_000),
    "f40": Ladder(2_400_000, 128_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One planned output.

    `suffixes` are appended to the source's path, one per file. `pattern` is the file name for ffmpeg, and `options`
    precede it. `picture` and `sound` are filter chains, None for an output without picture or sound. The other fields
    are the expected result: sides in pixels, `bitrate` in bit/s.
    """

    kind: RenditionKind
    name: str
    suffixes: tuple[str, ...]
    pattern: str
    options: tuple[str, ...]
    picture: str | None = None
    sound: str | None = None
    width: int = 0
    height: int = 0
    bitrate: int = 0
    format: str = ""
    encoder: str = ""
    lossless: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the output's files in the working directory."""
        return tuple(f"out{suffix}" for suffix in self.suffixes)


def plan_video(facts: MediaFacts, bucket: Bucket) -> tuple[Target, ...]:
    """Plan the outputs of an upload to a bucket.

    Raises `TaskFailed` if the source has no picture, or for an unknown specification.
    """
    if facts.video is None:
        raise TaskFailed(Failure.NO_VIDEO)
    # A specification that the configuration repeats has one output, because both would have the same key.
    rungs = [_rung(name, facts, facts.video) for name in dict.fromkeys(bucket.video_specs)]
    covers = [_cover(cover, facts.video) for cover in {c.spec: c for c in bucket.covers}.values()]
    gifs = [_gif(name, facts.video) for name in dict.fromkeys(bucket.gifs)]
    return (*rungs, *covers, *gifs)


def plan_audio(facts: MediaFacts, specs: Iterable[str]) -> tuple[Target, ...]:
    """Plan the renditions of a sound. Raises `TaskFailed` if the source has no sound, or for an unknown format."""
    if facts.audio is None:
        raise TaskFailed(Failure.NO_AUDIO)
    return tuple(_sound(name, facts.audio) for name in dict.fromkeys(specs))


def arguments(facts: MediaFacts, targets: Sequence[Target]) -> list[str]:
    """Return ffmpeg's arguments. One process decodes the source once and writes every target."""
    guard = [part for name, value in SAFE_INPUT.items() for part in (f"-{name}", value)]
    outputs = [part for i, target in enumerate(targets) for part in _output(i, target)]
    graphs = [part for graph in _graphs(facts, targets) for part in ("-filter_complex", graph)]
    return [*_HEAD, *guard, *_DECODING, "-i", f"file:{SOURCE}", *graphs, *outputs]


def fit_short_side(sides: Sides, lines: int) -> Sides:
    """Scale sides down so that the short one has at most `lines` pixels. Both become even, rounded down."""
    short = min(*sides, lines)
    width, height = (side * short // min(sides) for side in sides)
    return max(width & ~1, 2), max(height & ~1, 2)


def frame_sides(spec: Spec, sides: Sides, name: str) -> Sides:
    """Return the sides of a cover or gif.

    Raises `TaskFailed` for an unknown specification, or if a side would exceed `MAX_SIDE` pixels.
    """
    if isinstance(spec, ExactSpec):
        found = (spec.width, spec.height)
    elif isinstance(spec, SideSpec):
        found = _scaled(sides, spec.pixels, _AXIS_LENGTH[spec.axis](sides))
    elif isinstance(spec, OriginalSpec):
        found = sides
    else:
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    if max(found) > MAX_SIDE:
        raise TaskFailed(Failure.NO_SUCH_SPEC, f"{name} would be {found[0]}x{found[1]}, over {MAX_SIDE}")
    return found


def video_bitrates(name: str, facts: MediaFacts) -> Sides:
    """Return the bit rates of a rung's picture and sound, in bit/s. Together they never exceed the source's."""
    rung = LADDER[name]
    # The sound gets a third at most, so that a source with few bits still has a picture.
    total = max(min(rung.total, facts.bitrate), LEAST)
    sound = min(rung.audio, total // 3, (facts.audio.bitrate or rung.audio)) if facts.audio else 0
    return int(total * _PAYLOAD) - sound, sound


_HEAD = ("-nostdin", "-hide_banner", "-v", "error", "-y")
# When a stream changes its size, ffmpeg would rebuild the graph, and its filters would count frames and time from zero.
# The scaler copes with a new size by itself.
_DECODING = ("-reinit_filter:v", "0")

# The part of an mp4's bits that the streams get; the container uses the rest.
_PAYLOAD = 0.97

_AXIS_LENGTH: dict[Axis, Callable[[Sides], int]] = {
    Axis.SHORT: min,
    Axis.LONG: max,
    Axis.WIDTH: lambda sides: sides[0],
    Axis.HEIGHT: lambda sides: sides[1],
}


def _scaled(sides: Sides, wanted: int, present: int) -> Sides:
    width, height = (max(1, round(side * wanted / present)) for side in sides)
    return width, height


def _rung(name: str, facts: MediaFacts, video: VideoFacts) -> Target:
    spec = parse_video_spec(name)
    if not isinstance(spec, VideoSpec):
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    width, height = fit_short_side((video.width, video.height), spec.lines)
    picture, sound = video_bitrates(name, facts)
    rate = ("-b:v", str(picture), "-maxrate", str(picture), "-bufsize", str(picture // 2))
    encoding = encode_sound("m4a", sound, facts.audio) if facts.audio else None
    return Target(
        kind=RenditionKind.VIDEO,
        name=name,
        suffixes=(f".{name}.mp4",),
        pattern=f"out.{name}.mp4",
        options=(*_H264, *_order(video), *rate, *(encoding.options if encoding else ()), *_MP4),
        picture=f"{_calmed(video)}scale={width}:{height}:flags=bicubic,format=yuv420p",
        sound=encoding.filters if encoding else None,
        width=width,
        height=height,
        bitrate=picture + sound,
    )


_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high")
_IN_ORDER = ("-bf", "0")
_MP4 = ("-movflags", "+faststart", "-map_chapters", "-1", "-f", "mp4")


def _order(video: VideoFacts) -> Sequence[str]:
    """Return options that keep the length of a long last frame."""
    # mp4 stores a length only for the frame that is encoded last. Without B-frames that is the frame shown last.
    return _IN_ORDER if video.holds_last_frame else ()


def _calmed(video: VideoFacts) -> str:
    """Return a filter that replaces an impossible frame rate by the average one."""
    # The encoder spreads its bits over the stated rate, and would save them for frames that never come.
    return f"fps={min(video.fps or GUESSED_FPS, MAX_FPS)}:eof_action=pass," if video.nominal_fps > MAX_FPS else ""


def _cover(cover: Cover, video: VideoFacts) -> Target:
    width, height = frame_sides(parse_frame_spec(cover.spec), (video.width, video.height), cover.spec)
    # One frame from the middle of each of `count` equal parts. If the stream ends early, the last frame is repeated.
    spread = f"{_frames(f'{cover.count}/{video.duration:.6f}')},tpad=stop={cover.count}:stop_mode=clone"
    return Target(
        kind=RenditionKind.COVER,
        name=cover.spec,
        suffixes=tuple(f".{cover.spec}.p{i}.png" for i in range(cover.count)),
        pattern=f"out.{cover.spec}.p%d.png",
        options=("-c:v", "png", "-frames:v", str(cover.count), "-start_number", "0", "-f", "image2"),
        picture=f"{spread},scale={width}:{height}:flags=bicubic,format=rgb24",
        width=width,
        height=height,
    )


def _gif(name: str, video: VideoFacts) -> Target:
    width, height = frame_sides(parse_frame_spec(name), (video.width, video.height), name)
    # The number of frames is fixed: a recorded still screen has one frame in a minute, which is repeated.
    count = max(1, round(min(GIF_SECONDS, video.duration) * GIF_FPS))
    steady = f"{_frames(str(GIF_FPS))},tpad=stop={count}:stop_mode=clone,trim=end_frame={count}"
    # Each frame has its own palette. One palette for all would hold every frame in memory until the end.
    colours = "split[full{0}][few{0}];[few{0}]palettegen=stats_mode=single[map{0}];[full{0}][map{0}]paletteuse=new=1"
    return Target(
        kind=RenditionKind.GIF,
        name=name,
        suffixes=(f".{name}.gif",),
        pattern=f"out.{name}.gif",
        options=("-c:v", "gif", "-f", "gif"),
        picture=f"{steady},scale={width}:{height}:flags=bicubic,{colours}",
        width=width,
        height=height,
    )


def _frames(rate: str) -> str:
    """Return a filter that picks frames at a steady rate, from the first frame: it may be later than the sound."""
    return f"setpts=PTS-STARTPTS,fps={rate}:start_time=0:eof_action=pass"


# A song has no picture to match, so it begins at once and its packets follow each other without gaps. Opus states where
# it ends, not how long it lasts: 2 s of sound that begin after 100 s would last 102 s.
_AT_ONCE = "asetpts=PTS-STARTPTS"
_CONTIGUOUS = ("-bsf:a", "setts=ts='if(eq(N,0),PTS,PREV_OUTPTS+PREV_OUTDURATION)'")


def _sound(name: str, audio: AudioFacts) -> Target:
    spec = parse_audio_spec(name)
    if not isinstance(spec, AudioSpec) or spec.format not in AUDIO_CODECS:
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    codec, encoding = AUDIO_CODECS[spec.format], encode_sound(spec.format, spec.bitrate, audio)
    return Target(
        kind=RenditionKind.AUDIO,
        name=name,
        suffixes=(f".{name}.{spec.format}",),
        pattern=f"out.{name}.{spec.format}",
        options=(*encoding.options, *codec.options, *_CONTIGUOUS, "-map_chapters", "-1", "-f", codec.muxer),
        sound=f"{_AT_ONCE},{encoding.filters}",
        bitrate=encoding.bitrate or audio.bitrate or 0,
        format=spec.format,
        encoder=encoding.encoder,
        lossless=codec.lossless,
    )


def _graphs(facts: MediaFacts, targets: Sequence[Target]) -> Iterator[str]:
    """Yield a graph for the pictures and one for the sounds, so that a change in one stream leaves the other alone."""
    pictures = {i: target.picture for i, target in enumerate(targets) if target.picture}
    sounds = {i: target.sound for i, target in enumerate(targets) if target.sound}
    if pictures and facts.video:
        unlabelled = f"{_UNLABELLED}," if facts.video.odd_colours else ""
        joined = _joined(facts, "setpts", f"1/{facts.video.fps or GUESSED_FPS}")
        yield _graph(f"[0:{facts.video.index}]{joined}{unlabelled}split", "v", pictures)
    if sounds and facts.audio:
        joined = _joined(facts, "asetpts", "NB_SAMPLES/SR")
        yield _graph(f"[0:{facts.audio.index}]{joined}asplit", "a", sounds)


def _joined(facts: MediaFacts, name: str, length: str) -> str:
    """Return a filter that continues the time where the clock of joined files restarts.

    `length` is the length of a frame in seconds. ffmpeg continues the time for some formats only; in others it drops or
    compresses frames that seem to be in the past.
    """
    if facts.video is None or not facts.video.restarts:
        return ""
    step = f"if(gt(PTS,PREV_INPTS),PTS-PREV_INPTS,{length}/TB)"
    return f"{name}='if(isnan(PREV_OUTPTS),PTS,PREV_OUTPTS+{step})',"


# The scaler refuses these labels. Without them it converts the colours as usual ones, which is better than no output.
_UNLABELLED = "setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown"


def _graph(head: str, kind: str, chains: Mapping[int, str]) -> str:
    branches = "".join(f"[{kind}{i}in]" for i in chains)
    return ";".join([f"{head}={len(chains)}{branches}", *(_chain(i, kind, chain) for i, chain in chains.items())])


def _chain(i: int, kind: str, chain: str) -> str:
    return f"[{kind}{i}in]{chain.format(i)}[{kind}{i}]"


def _output(i: int, target: Target) -> list[str]:
    picture = ["-map", f"[v{i}]"] if target.picture else []
    sound = ["-map", f"[a{i}]"] if target.sound else []
    return [*picture, *sound, *target.options, f"file:{target.pattern}"]
