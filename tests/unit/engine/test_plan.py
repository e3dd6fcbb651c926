"""What is planned from facts, as data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.model import AudioFacts, MediaFacts, VideoFacts
from engine.plan import LADDER, arguments, frame_sides, plan_audio, plan_video
from engine.sound import AUDIO_CODECS
from engine.targets import fit_short_side, video_bitrates
from mediarelay.domain.tasks.spec import VIDEO_LINES, parse_frame_spec

SOUND = AudioFacts(index=1, codec="aac", sample_rate=44100, bitrate=96_000)


def facts(
    width: int = 1920, height: int = 1080, bitrate: int = 4_000_000, audio: AudioFacts | None = SOUND
) -> MediaFacts:
    video = VideoFacts(index=0, codec="h264", width=width, height=height, fps=25, duration=10)
    return MediaFacts(container="mp4", size=1, duration=10, bitrate=bitrate, video=video, audio=audio)


@pytest.mark.parametrize(
    ("sides", "lines", "expected"),
    [
        ((1920, 1080), 270, (480, 270)),
        ((1920, 1080), 480, (852, 480)),
        ((1920, 1080), 720, (1280, 720)),
        ((1920, 1080), 1080, (1920, 1080)),
        ((1080, 1920), 480, (480, 852)),
        ((1280, 720), 1080, (1280, 720)),
        ((853, 481), 1080, (852, 480)),
        ((1, 1), 270, (2, 2)),
        ((4096, 100), 270, (4096, 100)),
    ],
)
def test_the_short_side_is_fitted(sides, lines, expected) -> None:
    assert fit_short_side(sides, lines) == expected


@given(st.integers(2, 8192), st.integers(2, 8192), st.sampled_from(sorted(VIDEO_LINES.values())))
def test_a_video_is_even_and_never_larger_than_its_source(width: int, height: int, lines: int) -> None:
    fitted = fit_short_side((width, height), lines)
    assert all(side % 2 == 0 and side >= 2 for side in fitted)
    assert fitted[0] <= width
    assert fitted[1] <= height
    assert min(fitted) <= lines


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("s_270", (480, 270)),
        ("l_960", (960, 540)),
        ("w_1920", (1920, 1080)),
        ("h_1080", (1920, 1080)),
        ("0_0", (1280, 720)),
        ("400_200", (400, 200)),
    ],
)
def test_frames_follow_their_specification(spec: str, expected) -> None:
    assert frame_sides(parse_frame_spec(spec), (1280, 720), spec) == expected


@pytest.mark.parametrize("spec", ["f10", "x_1", "9999_10", "h_8192", ""])
def test_frames_that_cannot_be(spec: str) -> None:
    with pytest.raises(TaskFailed) as caught:
        frame_sides(parse_frame_spec(spec), (1280, 720), spec)
    assert caught.value.flaw.code == Failure.NO_SUCH_SPEC


@pytest.mark.parametrize("source", [50_000, 400_000, 10_000_000])
@pytest.mark.parametrize(
    ("name", "target"), [("f10", 300_000), ("f20", 600_000), ("f30", 1_200_000), ("f40", 2_400_000)]
)
def test_bits_stay_below_target_and_source(name: str, target: int, source: int) -> None:
    picture, sound = video_bitrates(LADDER[name], facts(bitrate=source))
    assert 0 < sound < picture
    assert picture + sound <= min(target, source)


BUCKET = Bucket(
    name="cts",
    region="sh",
    video_specs=("f10", "f40", "f10"),
    covers=(Cover(spec="0_0", count=2),),
    gifs=("w_64", "s_90"),
)


def test_one_call_decodes_once_for_all_outputs() -> None:
    source = facts()
    targets = plan_video(source, BUCKET)
    found = arguments(source, targets)
    graph = found[found.index("-filter_complex") + 1]
    assert found.count("-i") == 1
    assert graph.count("[0:0]") == 1
    assert "[0:0]split=5[v0in][v1in][v2in][v3in][v4in]" in graph
    sounds = found[found.index("-filter_complex", found.index(graph)) + 1]
    assert "[0:1]asplit=2[a0in][a1in]" in sounds
    assert [suffix for target in targets for suffix in target.suffixes] == [
        ".f10.mp4",
        ".f40.mp4",
        ".0_0.p0.png",
        ".0_0.p1.png",
        ".w_64.gif",
        ".s_90.gif",
    ]


@pytest.mark.parametrize(
    ("nominal", "average", "expected"),
    [(25, 25, ""), (120, 120, ""), (1000, 29.97, "fps=29.97:eof_action=pass,"), (90000, 0, "fps=25:eof_action=pass,")],
)
def test_a_clock_that_ticks_is_no_frame_rate(nominal: float, average: float, expected: str) -> None:
    video = VideoFacts(index=0, codec="h264", width=64, height=36, fps=average, nominal_fps=nominal, duration=1)
    source = MediaFacts(container="x", size=1, duration=1, bitrate=1_000_000, video=video)
    rung = plan_video(source, BUCKET)[0]
    assert rung.encodes[0].picture == f"{expected}scale=64:36:flags=bicubic,format=yuv420p"


@pytest.mark.parametrize(("seconds", "frames"), [(0.001, 1), (0.5, 4), (4.9, 39), (60, 40)])
def test_a_gif_has_so_many_frames_whatever_their_times(seconds: float, frames: int) -> None:
    video = VideoFacts(index=0, codec="h264", width=64, height=36, fps=25, duration=seconds)
    source = MediaFacts(container="x", size=1, duration=seconds, bitrate=1_000_000, video=video)
    gif = plan_video(source, BUCKET)[-1]
    assert f"trim=end_frame={frames}," in (gif.encodes[0].picture or "")


def test_a_source_without_sound_gets_none() -> None:
    source = facts(audio=None)
    text = " ".join(arguments(source, plan_video(source, BUCKET)))
    assert "asplit" not in text
    assert "-c:a" not in text


def test_the_second_stream_may_be_the_picture() -> None:
    video = VideoFacts(index=2, codec="h264", width=64, height=36, fps=25, duration=1)
    source = MediaFacts(container="x", size=1, duration=1, bitrate=1_000_000, video=video)
    assert "[0:2]split" in " ".join(arguments(source, plan_video(source, BUCKET)))


@pytest.mark.parametrize("format_", sorted(AUDIO_CODECS))
def test_audio_formats(format_: str) -> None:
    (target,) = plan_audio(facts(), [f"64000_{format_}"])
    assert target.files == (f"out.64000_{format_}.{format_}",)
    assert ("-b:a" in target.encodes[0].options) is not AUDIO_CODECS[format_].lossless


@pytest.mark.parametrize("spec", ["0_ape", "128000_wma", "mp3", "128000_", "_mp3", "../x_mp3"])
def test_one_format_that_cannot_be_made_fails_all(spec: str) -> None:
    with pytest.raises(TaskFailed, match="cannot be encoded") as caught:
        plan_audio(facts(), ["128000_mp3", spec])
    assert caught.value.flaw.code == Failure.NO_SUCH_SPEC


def test_what_is_not_there_cannot_be_planned() -> None:
    source = MediaFacts(container="mp3", size=1, duration=1, bitrate=1)
    with pytest.raises(TaskFailed, match="no video"):
        plan_video(source, BUCKET)
    with pytest.raises(TaskFailed, match="no audio"):
        plan_audio(source, ["128000_mp3"])
    with pytest.raises(TaskFailed, match="f99"):
        plan_video(facts(), Bucket(name="a", region="b", video_specs=("f99",)))
