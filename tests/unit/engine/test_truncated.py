"""A file that ends before its header says is broken, though ffmpeg ends without a complaint."""

import pytest

from engine.failures import TaskFailed
from engine.jobs import _require_whole
from engine.model import AudioFacts, MediaFacts, Output, VideoFacts
from mediarelay.domain.media import RenditionKind

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def output(duration: float, kind: RenditionKind = RenditionKind.VIDEO) -> Output:
    return Output(kind=kind, name="f10", paths=("/a.mp4.f10.mp4",), size=1, duration=duration)


def facts(container: str, *, sound: float | None = None, picture: bool = False) -> MediaFacts:
    return MediaFacts(
        container=container,
        size=1,
        duration=10.0,
        bitrate=1,
        video=VideoFacts(index=0, codec="h264", width=2, height=2, fps=25, duration=10) if picture else None,
        audio=AudioFacts(index=1, codec="aac", sample_rate=48_000, bitrate=None, duration=sound),
    )


@pytest.mark.parametrize(("container", "made", "whole"), [(MP4, 9.0, True), (MP4, 7.0, False), ("mp3", 7.0, True)])
def test_an_output_that_is_clearly_too_short_fails_the_task(container: str, made: float, *, whole: bool) -> None:
    if whole:
        _require_whole(facts(container), [output(made), output(0)])
        return
    with pytest.raises(TaskFailed, match=r"ends before its stated 10\.0 s"):
        _require_whole(facts(container), [output(made)])


@pytest.mark.parametrize(
    ("sound", "picture", "made", "whole"),
    [(4.0, True, 4.0, True), (8.0, True, 4.0, False), (None, True, 4.0, True), (4.0, False, 4.0, False)],
)
def test_sound_may_end_before_its_picture(sound: float | None, made: float, *, picture: bool, whole: bool) -> None:
    source, made_of_it = facts(MP4, sound=sound, picture=picture), [output(made, RenditionKind.AUDIO)]
    if whole:
        _require_whole(source, made_of_it)
        return
    with pytest.raises(TaskFailed, match="ends before its stated"):
        _require_whole(source, made_of_it)
