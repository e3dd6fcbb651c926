"""What single outputs are planned to be, and that any source and request can be planned."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decode import decode
from engine.failures import Failure, TaskFailed
from engine.model import AudioFacts, MediaFacts, VideoFacts
from engine.mps.requests import GraphicEntry, OffsetEntry, Outputs
from engine.mps.templates import SPRITE, STREAM, TYPES, plan_outputs, sub_tasks
from engine.plan import arguments
from engine.targets import Span, Sprite, gif_target, offset_target, sprite_target, stream_target
from tests.unit.engine.test_plan import SOUND

ENTRIES = {
    each.entries: [
        {"Definition": number}
        | ({"StartTimeOffset": 1, "EndTimeOffset": 2} if each.name == "AnimatedGraphics" else {})
        | ({"ExtTimeOffsetSet": ["1s", "50%"]} if each.name == "SnapshotByTimeOffset" else {})
        for number in sorted(each.definitions)
    ]
    for each in TYPES
}
EVERYTHING = decode(Outputs, {name.title().replace("_", ""): entries for name, entries in ENTRIES.items()})


def facts(width: int = 1280, height: int = 720, seconds: float = 60, audio: AudioFacts | None = SOUND) -> MediaFacts:
    video = VideoFacts(index=0, codec="h264", width=width, height=height, fps=25, duration=seconds)
    return MediaFacts(container="mp4", size=1, duration=seconds, bitrate=4_000_000, video=video, audio=audio)


def test_all_templates_are_made_by_one_call_and_have_their_own_files() -> None:
    targets, failed = plan_outputs(facts(), EVERYTHING)
    assert failed == []
    assert [target.name for target in targets] == [each.name for each in sub_tasks(EVERYTHING)]
    files = [file for target in targets for file in target.files]
    assert len(set(files)) == len(files)
    assert arguments(facts(), targets).count("-i") == 1


@given(st.integers(1, 9000), st.integers(1, 9000), st.floats(0.001, 1e6), st.sampled_from([SOUND, None]), st.booleans())
def test_any_source_is_planned_or_its_outputs_fail(
    width: int, height: int, seconds: float, audio: AudioFacts | None, shows: bool
) -> None:
    source = facts(width, height, seconds, audio)
    source = source if shows else MediaFacts(container="x", size=1, duration=1, bitrate=1, audio=audio)
    targets, failed = plan_outputs(source, EVERYTHING)
    assert len(targets) + len(failed) == len(list(sub_tasks(EVERYTHING)))
    assert {one.flaw.code for one in failed} <= {Failure.NO_VIDEO, Failure.NO_AUDIO, Failure.NO_SUCH_SPEC}
    assert shows or all(target.name in {"transcode_1010", "transcode_1020", "transcode_1100"} for target in targets)
    assert arguments(source, targets)


@pytest.mark.parametrize(("lines", "rungs"), [(100, 1), (359, 1), (360, 1), (719, 1), (720, 2), (1080, 2)])
def test_a_stream_has_the_rungs_that_its_source_reaches(lines: int, rungs: int) -> None:
    target = stream_target("x", "_x.m3u8", STREAM, facts(lines * 16 // 9, lines))
    assert len(target.encodes) == rungs
    assert target.suffixes == ("_x.m3u8", *(f"_x_{i}.m3u8" for i in range(rungs)))
    assert dict(target.texts)["_x.m3u8"].count("#EXT-X-STREAM-INF") == rungs


CUE = re.compile(r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})")


@given(st.floats(0.001, 1e6))
def test_the_cues_of_a_sprite_follow_each_other_to_the_end(seconds: float) -> None:
    target = sprite_target("x", ("_x.jpg", "_x.vtt"), SPRITE, facts(seconds=seconds))
    times = [[int(part) for part in found] for found in CUE.findall(dict(target.texts)["_x.vtt"])]
    clocks = [tuple(((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (one[:4], one[4:])) for one in times]
    assert len(clocks) == SPRITE.count
    assert clocks[0][0] == 0
    assert clocks[-1][1] == round(seconds * 1000)
    assert all(one[1] == other[0] for one, other in pairwise(clocks))


def test_the_places_of_a_sprite_fill_its_rows() -> None:
    target = sprite_target("x", ("_x.jpg", "_x.vtt"), Sprite(columns=3, rows=2, width=160), facts())
    places = re.findall("xywh=(.*)", dict(target.texts)["_x.vtt"])
    assert places == [f"{x},{y},160,90" for y in (0, 90) for x in (0, 160, 320)]


@pytest.mark.parametrize(
    ("begin", "end", "part", "times"),
    [
        (0, 3, "trim=end_frame=6,", (0, 3)),
        (1.5, 3, "trim=start_frame=3:end_frame=6,", (1.5, 3)),
        (9, 99, "trim=start_frame=18:end_frame=20,", (9, 10)),
        (10, 99, "trim=start_frame=20:end_frame=21,", (10, 10)),
    ],
)
def test_a_graphic_shows_its_part_of_the_source(begin: float, end: float, part: str, times) -> None:
    source = facts(seconds=10)
    assert source.video
    target = gif_target("x", "_x.gif", (4, 2), Span(begin, end, 2), source.video)
    assert part in (target.encodes[0].picture or "")
    assert target.times == times


def test_times_after_the_end_fail() -> None:
    source = facts(seconds=10)
    assert source.video
    with pytest.raises(TaskFailed, match=r"lasts 10\.000 s"):
        gif_target("x", "_x.gif", (4, 2), Span(10.001, 99, 2), source.video)
    with pytest.raises(TaskFailed, match=r"10\.500 s are asked"):
        offset_target("x", ("_0.jpg", "_1.jpg"), (1, 10.5), (4, 2), source.video)


def test_percentages_are_of_the_picture() -> None:
    entry = decode(OffsetEntry, {"Definition": 10, "ExtTimeOffsetSet": ["2s", "25%", "0.5s"], "TimeOffsetSet": [3]})
    ((target,), _) = plan_outputs(facts(seconds=8), Outputs(snapshot_by_time_offset_task_set=(entry,)))
    assert target.times == (2, 2, 0.5, 3)


def test_one_failing_output_leaves_the_others() -> None:
    graphic = GraphicEntry(definition=20000, start_time_offset=61, end_time_offset=62)
    wanted = Outputs(animated_graphic_task_set=(graphic,), sample_snapshot_task_set=EVERYTHING.sample_snapshot_task_set)
    targets, failed = plan_outputs(facts(), wanted)
    assert [target.name for target in targets] == ["sampleSnapshot_10"]
    assert [(one.name, one.flaw.code) for one in failed] == [("animatedGraphic_20000", Failure.NO_SUCH_SPEC)]
