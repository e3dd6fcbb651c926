"""Which outputs a source gets and the one ffmpeg call that makes them all.

Pure: facts and specifications in, arguments out. Sizes follow the seed document's table of specifications: `f10` to
`f40` fix the short side, a video is never made larger or richer in bits than its source, and odd sides are rounded
down (the document's own example: 1920x1080 at 480p is 852x480).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.inputs import SAFE_INPUT
from engine.model import AudioFacts, MediaFacts, VideoFacts
from engine.sound import AUDIO_CODECS, encode_sound
from mediarelay.domain.tasks.media import RenditionKind
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

# The name of the source within the working directory; outputs are `out` and their suffix.
SOURCE = "source"
GIF_SECONDS = 5
GIF_FPS = 8
MAX_SIDE = 8192
# Frames per second above which a rung does not go: more is a clock that ticks, not pictures that are shown.
MAX_FPS = 120
GUESSED_FPS = 25
# Bit/s below which no rung is asked to go: the encoders refuse less.
LEAST = 32_000


@dataclass(frozen=True, slots=True)
class Ladder:
    """What one video rung may spend, in bit/s: `total` with sound, `audio` of it for the sound."""

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
    """One output to be made.

    `suffixes` follow the source's path, one per file; `picture` and `sound` are filter chains, None without picture or
    sound; `options` are ffmpeg's, in front of `pattern`, the file name. The rest is what should come out.
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
        """The names of its files in the working directory."""
        return tuple(f"out{suffix}" for suffix in self.suffixes)


def plan_video(facts: MediaFacts, bucket: Bucket) -> tuple[Target, ...]:
    """Plan what a bucket makes of an upload; raises `TaskFailed` without a picture or for an unknown specification."""
    if facts.video is None:
        raise TaskFailed(Failure.NO_VIDEO)
    rungs = [_rung(name, facts, facts.video) for name in dict.fromkeys(bucket.video_specs)]
    covers = [_cover(cover, facts.video) for cover in {c.spec: c for c in bucket.covers}.values()]
    gifs = [_gif(name, facts.video) for name in dict.fromkeys(bucket.gifs)]
    return (*rungs, *covers, *gifs)


def plan_audio(facts: MediaFacts, specs: Iterable[str]) -> tuple[Target, ...]:
    """Plan the sound of a source; raises `TaskFailed` without sound or for a format that cannot be made."""
    if facts.audio is None:
        raise TaskFailed(Failure.NO_AUDIO)
    return tuple(_sound(name, facts.audio) for name in dict.fromkeys(specs))


def arguments(facts: MediaFacts, targets: Sequence[Target]) -> list[str]:
    """Write ffmpeg's arguments: the source is decoded once and split, every target is an output of one process."""
    guard = [part for name, value in SAFE_INPUT.items() for part in (f"-{name}", value)]
    outputs = [part for i, target in enumerate(targets) for part in _output(i, target)]
    graphs = [part for graph in _graphs(facts, targets) for part in ("-filter_complex", graph)]
    return [*_HEAD, *guard, *_DECODING, "-i", f"file:{SOURCE}", *graphs, *outputs]


def fit_short_side(sides: Sides, lines: int) -> Sides:
    """Scale so that the short side has `lines` pixels, never up; both sides even, rounded down."""
    short = min(*sides, lines)
    width, height = (side * short // min(sides) for side in sides)
    return max(width & ~1, 2), max(height & ~1, 2)


def frame_sides(spec: Spec, sides: Sides, name: str) -> Sides:
    """Size a cover or gif; raises `TaskFailed` for an unknown specification or a side over `MAX_SIDE` pixels."""
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
    """Split a rung's bits between picture and sound, in bit/s; together never above the source's."""
    rung = LADDER[name]
    total = max(min(rung.total, facts.bitrate), LEAST)
    sound = min(rung.audio, total // 3, (facts.audio.bitrate or rung.audio)) if facts.audio else 0
    return int(total * _PAYLOAD) - sound, sound


_HEAD = ("-nostdin", "-hide_banner", "-v", "error", "-y")
# A change of size is the scaler's affair: a graph that is built anew begins to count anew.
_DECODING = ("-reinit_filter:v", "0")

# The part of an mp4 that is not container.
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
    """Encode the frames in the order in which they are shown: mp4 keeps the length only of the one encoded last."""
    return _IN_ORDER if video.holds_last_frame else ()


def _calmed(video: VideoFacts) -> str:
    """Replace a rate that no picture has by the average: the encoder would save its bits for frames that never come."""
    return f"fps={min(video.fps or GUESSED_FPS, MAX_FPS)}:eof_action=pass," if video.nominal_fps > MAX_FPS else ""


def _cover(cover: Cover, video: VideoFacts) -> Target:
    width, height = frame_sides(parse_frame_spec(cover.spec), (video.width, video.height), cover.spec)
    # One frame from the middle of each of `count` equal parts; the last one is repeated if the stream ends early.
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
    # So many frames whatever their times: a still screen has one in a minute, and it is repeated.
    count = max(1, round(min(GIF_SECONDS, video.duration) * GIF_FPS))
    steady = f"{_frames(str(GIF_FPS))},tpad=stop={count}:stop_mode=clone,trim=end_frame={count}"
    # A palette per frame: one for all would keep every frame in memory until the end.
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
    """Pick frames at a steady rate, from the picture's own beginning: it may begin later than the sound."""
    return f"setpts=PTS-STARTPTS,fps={rate}:start_time=0:eof_action=pass"


# A song has no picture to keep up with: it begins at once and its packets follow each other, whatever the source's
# clock says. Opus states where it ends, not how long it lasts: 2 s that begin after 100 s would last 102 s.
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
    """Write one graph for the pictures and one for the sounds: a change in one stream does not disturb the other."""
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
    """Let the time go on where the clock of joined files begins anew; `length` of a frame in seconds.

    ffmpeg does so for some formats only; in others it drops or squeezes what seems to be in the past.
    """
    if facts.video is None or not facts.video.restarts:
        return ""
    step = f"if(gt(PTS,PREV_INPTS),PTS-PREV_INPTS,{length}/TB)"
    return f"{name}='if(isnan(PREV_OUTPTS),PTS,PREV_OUTPTS+{step})',"


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
