"""Which outputs a source gets and the one ffmpeg call that makes them all.

Pure: facts and specifications in, arguments out. Sizes follow the seed document's table of specifications: `f10` to
`f40` fix the short side, a video is never made larger or richer in bits than its source, and odd sides are rounded
down (the document's own example: 1920x1080 at 480p is 852x480).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.inputs import SAFE_INPUT
from engine.model import AudioFacts, MediaFacts, VideoFacts
from mediarelay.domain.media import RenditionKind
from mediarelay.domain.spec import (
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

SOURCE = "source"
"""The name of the source within the working directory; outputs are `out` and their suffix."""
GIF_SECONDS = 5
GIF_FPS = 8
MAX_SIDE = 8192
MAX_LOSSY_RATE = 48_000
"""Hz above which no lossy format goes: not every encoder can."""
LEAST = 32_000
"""Bit/s below which no rung is asked to go: the encoders refuse less."""
LOW_MP3 = 32_000
"""Below this many bit/s mp3 exists only at halved sample rates (MPEG-2 layer III)."""


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


@dataclass(frozen=True, slots=True)
class Codec:
    """How one audio format is made: ffmpeg's encoder and container, and whether it keeps every bit."""

    encoder: str
    muxer: str
    lossless: bool = False
    options: tuple[str, ...] = ()


AUDIO_CODECS = {
    "mp3": Codec("libmp3lame", "mp3"),
    "m4a": Codec("aac", "ipod", options=("-movflags", "+faststart")),
    "aac": Codec("aac", "adts"),
    "ogg": Codec("libvorbis", "ogg"),
    "opus": Codec("libopus", "opus"),
    "flac": Codec("flac", "flac", lossless=True),
    "wav": Codec("pcm_s16le", "wav", lossless=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One output to be made.

    `suffixes` follow the source's path, one per file; `picture` is its filter chain, None without a picture; `options`
    are ffmpeg's, in front of `pattern`, the file name. The rest is what the output should turn out to be.
    """

    kind: RenditionKind
    name: str
    suffixes: tuple[str, ...]
    pattern: str
    options: tuple[str, ...]
    picture: str | None = None
    sound: bool = False
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
    head = ["-nostdin", "-hide_banner", "-v", "error", "-y", *guard, "-i", f"file:{SOURCE}"]
    return [*head, "-filter_complex", _graph(facts, targets), *outputs]


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


_PAYLOAD = 0.97
"""The part of an mp4 that is not container."""

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
    return Target(
        kind=RenditionKind.VIDEO,
        name=name,
        suffixes=(f".{name}.mp4",),
        pattern=f"out.{name}.mp4",
        options=(*_H264, *rate, *(("-c:a", "aac", "-b:a", str(sound)) if facts.audio else ()), *_MP4),
        picture=f"scale={width}:{height}:flags=bicubic,format=yuv420p",
        sound=facts.audio is not None,
        width=width,
        height=height,
        bitrate=picture + sound,
    )


_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high")
_MP4 = ("-movflags", "+faststart", "-map_chapters", "-1", "-f", "mp4")


def _cover(cover: Cover, video: VideoFacts) -> Target:
    width, height = frame_sides(parse_frame_spec(cover.spec), (video.width, video.height), cover.spec)
    # One frame from the middle of each of `count` equal parts; the last one is repeated if the stream ends early.
    spread = f"fps={cover.count}/{video.duration:.6f}:start_time=0,tpad=stop={cover.count}:stop_mode=clone"
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
    # A palette per frame: one for all would keep every frame in memory until the end.
    colours = "split[full{0}][few{0}];[few{0}]palettegen=stats_mode=single[map{0}];[full{0}][map{0}]paletteuse=new=1"
    return Target(
        kind=RenditionKind.GIF,
        name=name,
        suffixes=(f".{name}.gif",),
        pattern=f"out.{name}.gif",
        options=("-c:v", "gif", "-f", "gif"),
        picture=f"trim=duration={GIF_SECONDS},fps={GIF_FPS}:start_time=0:eof_action=pass,scale={width}:{height}:flags=bicubic,"
        + colours,
        width=width,
        height=height,
    )


def _sound(name: str, audio: AudioFacts) -> Target:
    spec = parse_audio_spec(name)
    codec = AUDIO_CODECS.get(spec.format) if isinstance(spec, AudioSpec) else None
    if not isinstance(spec, AudioSpec) or codec is None:
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    bitrate = 0 if codec.lossless else spec.bitrate
    rate = ("-b:a", str(bitrate)) if bitrate else ()
    return Target(
        kind=RenditionKind.AUDIO,
        name=name,
        suffixes=(f".{name}.{spec.format}",),
        pattern=f"out.{name}.{spec.format}",
        options=(
            "-c:a",
            codec.encoder,
            *rate,
            *_resampling(spec, codec, audio),
            *codec.options,
            "-map_chapters",
            "-1",
            "-f",
            codec.muxer,
        ),
        sound=True,
        bitrate=bitrate or audio.bitrate or 0,
        format=spec.format,
        encoder=codec.encoder,
        lossless=codec.lossless,
    )


def _resampling(spec: AudioSpec, codec: Codec, audio: AudioFacts) -> tuple[str, ...]:
    if spec.format == "mp3" and 0 < spec.bitrate < LOW_MP3:
        return ("-ar", "22050")
    return ("-ar", str(MAX_LOSSY_RATE)) if audio.sample_rate > MAX_LOSSY_RATE and not codec.lossless else ()


def _graph(facts: MediaFacts, targets: Sequence[Target]) -> str:
    pictures = [i for i, target in enumerate(targets) if target.picture]
    sounds = [i for i, target in enumerate(targets) if target.sound]
    chains = [f"[s{i}]{(targets[i].picture or '').format(i)}[v{i}]" for i in pictures]
    if pictures and facts.video:
        chains.insert(0, f"[0:{facts.video.index}]split={len(pictures)}" + "".join(f"[s{i}]" for i in pictures))
    if sounds and facts.audio:
        chains.append(f"[0:{facts.audio.index}]asplit={len(sounds)}" + "".join(f"[a{i}]" for i in sounds))
    return ";".join(chains)


def _output(i: int, target: Target) -> list[str]:
    picture = ["-map", f"[v{i}]"] if target.picture else []
    sound = ["-map", f"[a{i}]"] if target.sound else []
    return [*picture, *sound, *target.options, f"file:{target.pattern}"]
