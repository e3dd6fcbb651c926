"""Reads the outputs of a task as renditions, and its errors as faults."""

from collections.abc import Iterable
from dataclasses import dataclass

from mediarelay.contracts.fields import Fields, nothing
from mediarelay.domain.tasks.facts import Fault, Place, Rendition, RenditionKind
from mediarelay.domain.tasks.spec import parse_template_spec
from mediarelay.providers.mps import values as read
from mediarelay.providers.mps.message import FAIL, SUCCESS, Result, error_code

# Transcode templates with these numbers are the ladder that all clients know by name.
LADDER = {10: "f10", 20: "f20", 30: "f30", 40: "f40"}


@dataclass(frozen=True, slots=True)
class Shape:
    """How the outputs of one member are stated: their kind, and the fields with their storage and their paths."""

    kind: RenditionKind
    storage: str = "Storage"
    paths: tuple[str, ...] = ("Path",)


SHAPES = {
    "TranscodeTask": Shape(RenditionKind.VIDEO, "OutputStorage"),
    "AnimatedGraphicTask": Shape(RenditionKind.GIF),
    "SnapshotByTimeOffsetTask": Shape(RenditionKind.COVER, paths=("PicInfoSet.Path",)),
    "SampleSnapshotTask": Shape(RenditionKind.COVER, paths=("ImagePathSet",)),
    "ImageSpriteTask": Shape(RenditionKind.SPRITE, paths=("ImagePathSet", "WebVttPath")),
    "AdaptiveDynamicStreamingTask": Shape(RenditionKind.STREAM),
}


def renditions(results: Iterable[Result], home: Place) -> tuple[Rendition, ...]:
    """Return the outputs that exist. `home`, the source's place, is where an output lies that states no storage."""
    done = [one for one in results if one.status == SUCCESS and one.member in SHAPES]
    found = [(one, _rendition(one, home)) for one in done]
    for one, rendition in found:
        if not (rendition.name or rendition.paths):
            one.fields.note("Output")
    return tuple(rendition for _, rendition in found if rendition.name or rendition.paths)


def _rendition(result: Result, home: Place) -> Rendition:
    """Read one output."""
    shape, output = SHAPES[result.member], result.fields.part("Output")
    # Some outputs state their template as 0. What was requested states it, too.
    requested = result.fields.part("Input").side("Definition", read.count)
    definition = output.side("Definition", read.count) or requested
    name = _name(result.member, definition)
    video, audio = first(output, "VideoStreamSet"), first(output, "AudioStreamSet")
    format_, package = output.side("Container", read.text), output.side("Package", read.text)
    return Rendition(
        kind=_kind(shape, output),
        name=name,
        spec=parse_template_spec(name),
        paths=_paths(shape, output),
        dst=_place(output.part(shape.storage), home),
        size=output.side("Size", read.count),
        width=output.side("Width", read.count),
        height=output.side("Height", read.count),
        fps=video.side("Fps", read.measure),
        bitrate=output.side("Bitrate", read.count),
        sample_rate=audio.side("SamplingRate", read.count),
        encoder=codec(video, audio),
        format=format_ or package,
        duration=output.side("Duration", read.measure),
        md5=output.side("Md5", read.text),
        definition=definition,
    )


def _name(member: str, definition: int | None) -> str:
    if definition is None:
        return ""
    ladder = LADDER if member == "TranscodeTask" else {}
    return ladder.get(definition, f"d{definition}")


def _kind(shape: Shape, output: Fields) -> RenditionKind:
    """Return the kind of an output: that of a transcode without a video stream is audio."""
    videos, audios = (nothing(output.data.get(name)) for name in ("VideoStreamSet", "AudioStreamSet"))
    is_sound = shape.kind is RenditionKind.VIDEO and videos is None and audios is not None
    return RenditionKind.AUDIO if is_sound else shape.kind


def _paths(shape: Shape, output: Fields) -> tuple[str, ...]:
    stated = list[str | None]()
    for field in shape.paths:
        *parents, last = field.split(".")
        holders = output.parts(parents[0]) if parents else [output]
        stated += [path for holder in holders for path in holder.each(last, read.address)]
    return tuple(path for path in stated if path)


def _place(storage: Fields, home: Place) -> Place:
    """Return the place of an output; `home` if its storage names no bucket."""
    cos, foreign = storage.part("CosOutputStorage"), storage.part("S3OutputStorage")
    name, app_id = cos.side("Bucket", read.bucket) or (None, None)
    bucket, region = foreign.side("S3Bucket", read.address), foreign.side("S3Region", read.region)
    if name:
        return Place(app_id=app_id, bucket=name, region=cos.side("Region", read.region))
    return Place(bucket=bucket, region=region) if bucket else home


def first(fields: Fields, name: str) -> Fields:
    """Return the first stream of a list, without members if there is none."""
    streams = fields.parts(name)
    return streams[0] if streams else fields.inside(name, {})


def codec(video: Fields, audio: Fields) -> str | None:
    """Return the codec of the video stream, or else of the audio stream."""
    picture, sound = video.side("Codec", read.text), audio.side("Codec", read.text)
    return picture or sound


def progress(results: Iterable[Result]) -> int | None:
    """Return the mean of the percentages that outputs state, rounded down; None if none states one."""
    stated = [one.fields.side("Progress", read.percent) for one in results if one.member in SHAPES]
    known = [percent for percent in stated if percent is not None]
    return sum(known) // len(known) if known else None


def faults(task: Fields, results: Iterable[Result]) -> tuple[Fault, ...]:
    """Return the error of the task itself, then those of the outputs that failed."""
    own = error_code(task)
    found = [Fault(code=own, message=task.side("Message", read.text))] if own else []
    return (*found, *(_fault(one.fields) for one in results if one.status == FAIL))


def _fault(fields: Fields) -> Fault:
    """Read the error of an output. Its new code is a text and its old one a number; some outputs state only one."""
    new, old = fields.side("ErrCodeExt", read.text), fields.side("ErrCode", read.integer)
    # Some outputs repeat in the new code that they are done.
    stated = new if new != SUCCESS else None
    return Fault(code=stated or old or None, message=fields.side("Message", read.text))
