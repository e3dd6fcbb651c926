"""A file that ends before its header says is broken, though ffmpeg ends without a complaint."""

import pytest

from engine.failures import TaskFailed
from engine.jobs import _require_whole
from engine.model import MediaFacts, Output
from mediarelay.domain.media import RenditionKind

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def output(duration: float) -> Output:
    return Output(kind=RenditionKind.VIDEO, name="f10", paths=("/a.mp4.f10.mp4",), size=1, duration=duration)


def facts(container: str) -> MediaFacts:
    return MediaFacts(container=container, size=1, duration=10.0, bitrate=1)


@pytest.mark.parametrize(("container", "made", "whole"), [(MP4, 9.0, True), (MP4, 7.0, False), ("mp3", 7.0, True)])
def test_an_output_that_is_clearly_too_short_fails_the_task(container: str, made: float, *, whole: bool) -> None:
    if whole:
        _require_whole(facts(container), [output(made), output(0)])
        return
    with pytest.raises(TaskFailed, match=r"ends before its stated 10\.0 s"):
        _require_whole(facts(container), [output(made)])
