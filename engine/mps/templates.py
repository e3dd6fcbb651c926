"""The templates that the engine knows, by type of sub-task and definition, and the outputs that they plan.

The provider documents which templates exist, and the ladder of 10 to 40. The other bit rates are the engine's own.
Every function is pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.failures import TaskFailed
from engine.model import FailedOutput, MediaFacts
from engine.mps.requests import Entry, GraphicEntry, OffsetEntry, Outputs
from engine.plan import LADDER, frame_sides
from engine.targets import (
    Rung,
    Sides,
    Span,
    Sprite,
    Target,
    gif_target,
    offset_target,
    require_video,
    sides_of,
    sound_target,
    spread_target,
    sprite_target,
    stream_target,
    video_target,
)
from mediarelay.domain.tasks.spec import AudioSpec, OriginalSpec

Planner = Callable[[str, Any, MediaFacts], Target]

_RUNGS = {
    10: LADDER["f10"],
    20: LADDER["f20"],
    30: LADDER["f30"],
    40: LADDER["f40"],
    100010: Rung(360, 464_000, 64_000),
    100020: Rung(480, 800_000, 64_000),
    100030: Rung(720, 1_500_000, 96_000),
    100040: Rung(1080, 3_000_000, 128_000),
}
_SOUNDS = {1010: AudioSpec(128_000, "mp3"), 1020: AudioSpec(64_000, "mp3"), 1100: AudioSpec(96_000, "m4a")}
_GRAPHICS = {20000: "gif", 20001: "webp"}
GRAPHIC_FPS = 2
# Percent of the duration between two sampled pictures.
SAMPLE_INTERVAL = 10
SPRITE = Sprite(columns=10, rows=10, width=142)
STREAM = (_RUNGS[100010], _RUNGS[100030])


def _transcode(name: str, entry: Entry, facts: MediaFacts) -> Target:
    if entry.definition in _SOUNDS:
        spec = _SOUNDS[entry.definition]
        return sound_target(name, f"_{name}.{spec.format}", spec, facts)
    return video_target(name, f"_{name}.mp4", _RUNGS[entry.definition], facts)


def _graphic(name: str, entry: GraphicEntry, facts: MediaFacts) -> Target:
    span = Span(entry.start_time_offset, entry.end_time_offset, GRAPHIC_FPS)
    suffix = f"_{name}.{_GRAPHICS[entry.definition]}"
    return gif_target(name, suffix, _sides(name, facts), span, require_video(facts))


def _snapshots(name: str, entry: OffsetEntry, facts: MediaFacts) -> Target:
    length = require_video(facts).duration
    times = (*(_seconds(text, length) for text in entry.ext_time_offset_set), *entry.time_offset_set)
    suffixes = tuple(f"_{name}_{i}.jpg" for i in range(len(times)))
    return offset_target(name, suffixes, times, _sides(name, facts), require_video(facts))


def _samples(name: str, _: Entry, facts: MediaFacts) -> Target:
    suffixes = tuple(f"_{name}_{i}.jpg" for i in range(100 // SAMPLE_INTERVAL))
    return spread_target(name, suffixes, f"_{name}_%d.jpg", _sides(name, facts), require_video(facts))


def _sprite(name: str, _: Entry, facts: MediaFacts) -> Target:
    return sprite_target(name, (f"_{name}_0.jpg", f"_{name}.vtt"), SPRITE, facts)


def _stream(name: str, _: Entry, facts: MediaFacts) -> Target:
    return stream_target(name, f"_{name}.m3u8", STREAM, facts)


def _sides(name: str, facts: MediaFacts) -> Sides:
    return frame_sides(OriginalSpec(), sides_of(facts), name)


def _seconds(text: str, length: float) -> float:
    number = float(text[:-1])
    return number if text.endswith("s") else number / 100 * length


@dataclass(frozen=True, slots=True)
class SubTaskType:
    """One type of sub-task.

    `name` is the `Type` of results, `result` the member with the result, `listed` the name in lists, `part` the part of
    default file names. `entries` is the field of `Outputs`.
    """

    name: str
    result: str
    listed: str
    part: str
    entries: str
    definitions: frozenset[int]
    plan: Planner


_TEN = frozenset({10})
TYPES = (
    SubTaskType(
        "Transcode",
        "TranscodeTask",
        "action-trans",
        "transcode",
        "transcode_task_set",
        frozenset(_RUNGS) | frozenset(_SOUNDS),
        _transcode,
    ),
    SubTaskType(
        "AnimatedGraphics",
        "AnimatedGraphicTask",
        "action-animatedGraphic",
        "animatedGraphic",
        "animated_graphic_task_set",
        frozenset(_GRAPHICS),
        _graphic,
    ),
    SubTaskType(
        "SnapshotByTimeOffset",
        "SnapshotByTimeOffsetTask",
        "action-snapshotByOffset",
        "snapshotByOffset",
        "snapshot_by_time_offset_task_set",
        _TEN,
        _snapshots,
    ),
    SubTaskType(
        "SampleSnapshot",
        "SampleSnapshotTask",
        "action-sampleSnapshot",
        "sampleSnapshot",
        "sample_snapshot_task_set",
        _TEN,
        _samples,
    ),
    SubTaskType(
        "ImageSprites",
        "ImageSpriteTask",
        "action-imageSprite",
        "imageSprite",
        "image_sprite_task_set",
        _TEN,
        _sprite,
    ),
    SubTaskType(
        "AdaptiveDynamicStreaming",
        "AdaptiveDynamicStreamingTask",
        "action-adaptiveDynamicStreaming",
        "adaptiveDynamicStreaming",
        "adaptive_dynamic_streaming_task_set",
        _TEN,
        _stream,
    ),
)


@dataclass(frozen=True, slots=True)
class SubTask:
    """One requested output with its type. Its `name` is unique within a task."""

    type: SubTaskType
    entry: Entry

    @property
    def name(self) -> str:
        """The part of the default file names that follows the name of the source: `transcode_100010`."""
        return f"{self.type.part}_{self.entry.definition}"


def sub_tasks(outputs: Outputs | None) -> Iterator[SubTask]:
    """Yield the requested outputs, by type."""
    for each in TYPES if outputs else ():
        yield from (SubTask(each, entry) for entry in getattr(outputs, each.entries))


def plan_outputs(facts: MediaFacts, outputs: Outputs | None) -> tuple[list[Target], list[FailedOutput]]:
    """Plan the requested outputs. Return those that the source allows, and those that fail because it does not."""
    targets, failed = [], []
    for each in sub_tasks(outputs):
        try:
            targets.append(each.type.plan(each.name, each.entry, facts))
        except TaskFailed as failure:
            failed.append(FailedOutput(name=each.name, flaw=failure.flaw))
    return targets, failed
