"""Plan the outputs that CTS is configured to make, and the one ffmpeg call that makes all outputs of a source.

Every function is pure: facts and specifications in, targets and ffmpeg's arguments out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.inputs import SAFE_INPUT
from engine.model import MediaFacts, VideoFacts
from engine.targets import (
    GUESSED_FPS,
    PROGRESS,
    SOURCE,
    Encode,
    Rung,
    Sides,
    Span,
    Target,
    gif_target,
    require_audio,
    require_video,
    sound_target,
    spread_target,
    video_target,
)
from mediarelay.domain.tasks.spec import (
    VIDEO_LINES,
    AudioSpec,
    Axis,
    ExactSpec,
    OriginalSpec,
    SideSpec,
    Spec,
    parse_audio_spec,
    parse_frame_spec,
)

GIF_SECONDS = 5
GIF_FPS = 8
MAX_SIDE = 8192
LADDER = {
    "f10": Rung(VIDEO_LINES["f10"], 300_000, 48_000),
    "f20": Rung(VIDEO_LINES["f20"], 600_000, 64_000),
    "f30": Rung(VIDEO_LINES["f30"], 1_200_000, 96_000),
    "f40": Rung(VIDEO_LINES["f40"], 2_400_000, 128_000),
}


def plan_video(facts: MediaFacts, bucket: Bucket) -> tuple[Target, ...]:
    """Plan the outputs of an upload to a bucket.

    Raises `TaskFailed` if the source has no picture, or for an unknown specification.
    """
    video = require_video(facts)
    # A specification that the configuration repeats has one output, because both would have the same key.
    rungs = [_rung(name, facts) for name in dict.fromkeys(bucket.video_specs)]
    covers = [_cover(cover, video) for cover in {c.spec: c for c in bucket.covers}.values()]
    gifs = [_gif(name, video) for name in dict.fromkeys(bucket.gifs)]
    return (*rungs, *covers, *gifs)


def plan_audio(facts: MediaFacts, specs: Iterable[str]) -> tuple[Target, ...]:
    """Plan the renditions of a sound. Raises `TaskFailed` if the source has no sound, or for an unknown format."""
    require_audio(facts)
    return tuple(_sound(name, facts) for name in dict.fromkeys(specs))


def arguments(facts: MediaFacts, targets: Sequence[Target]) -> list[str]:
    """Return ffmpeg's arguments. One process decodes the source once and writes every target.

    It also appends its position in the source to the file `PROGRESS`, once a second.
    """
    encodes = [encode for target in targets for encode in target.encodes]
    guard = [part for name, value in SAFE_INPUT.items() for part in (f"-{name}", value)]
    outputs = [part for i, encode in enumerate(encodes) for part in _output(i, encode)]
    graphs = [part for graph in _graphs(facts, encodes) for part in ("-filter_complex", graph)]
    return [*_HEAD, *guard, *_DECODING, "-i", f"file:{SOURCE}", *graphs, *outputs]


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


_HEAD = ("-nostdin", "-hide_banner", "-v", "error", "-y", "-progress", PROGRESS, "-stats_period", "1")
# When a stream changes its size, ffmpeg would rebuild the graph, and its filters would count frames and time from zero.
# The scaler copes with a new size by itself.
_DECODING = ("-reinit_filter:v", "0")

_AXIS_LENGTH: dict[Axis, Callable[[Sides], int]] = {
    Axis.SHORT: min,
    Axis.LONG: max,
    Axis.WIDTH: lambda sides: sides[0],
    Axis.HEIGHT: lambda sides: sides[1],
}


def _scaled(sides: Sides, wanted: int, present: int) -> Sides:
    width, height = (max(1, round(side * wanted / present)) for side in sides)
    return width, height


def _rung(name: str, facts: MediaFacts) -> Target:
    if name not in LADDER:
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    return video_target(name, f".{name}.mp4", LADDER[name], facts)


def _cover(cover: Cover, video: VideoFacts) -> Target:
    sides = frame_sides(parse_frame_spec(cover.spec), (video.width, video.height), cover.spec)
    suffixes = tuple(f".{cover.spec}.p{i}.png" for i in range(cover.count))
    return spread_target(cover.spec, suffixes, f".{cover.spec}.p%d.png", sides, video)


def _gif(name: str, video: VideoFacts) -> Target:
    sides = frame_sides(parse_frame_spec(name), (video.width, video.height), name)
    return gif_target(name, f".{name}.gif", sides, Span(0, GIF_SECONDS, GIF_FPS), video)


def _sound(name: str, facts: MediaFacts) -> Target:
    spec = parse_audio_spec(name)
    if not isinstance(spec, AudioSpec):
        raise TaskFailed(Failure.NO_SUCH_SPEC, name)
    return sound_target(name, f".{name}.{spec.format}", spec, facts)


def _graphs(facts: MediaFacts, encodes: Sequence[Encode]) -> Iterator[str]:
    """Yield a graph for the pictures and one for the sounds, so that a change in one stream leaves the other alone."""
    pictures = {i: encode.picture for i, encode in enumerate(encodes) if encode.picture}
    sounds = {i: encode.sound for i, encode in enumerate(encodes) if encode.sound}
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


def _output(i: int, encode: Encode) -> list[str]:
    picture = ["-map", f"[v{i}]"] if encode.picture else []
    sound = ["-map", f"[a{i}]"] if encode.sound else []
    return [*picture, *sound, *encode.options, f"file:{encode.pattern}"]
