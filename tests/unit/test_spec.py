"""Names of renditions, as the document's specification tables print them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediarelay.domain.tasks.spec import (
    AudioSpec,
    Axis,
    ExactSpec,
    OriginalSpec,
    SideSpec,
    Spec,
    TemplateSpec,
    UnknownSpec,
    VideoSpec,
    parse_audio_spec,
    parse_frame_spec,
    parse_template_spec,
    parse_video_spec,
)
from tests.hypothesis_profiles import patient


@pytest.mark.parametrize(("name", "lines"), [("f10", 270), ("f20", 480), ("f30", 720), ("f40", 1080)])
def test_video(name: str, lines: int) -> None:
    assert parse_video_spec(name) == VideoSpec(name, lines)


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("s_270", SideSpec(Axis.SHORT, 270)),
        ("l_1920", SideSpec(Axis.LONG, 1920)),
        ("w_1920", SideSpec(Axis.WIDTH, 1920)),
        ("h_1080", SideSpec(Axis.HEIGHT, 1080)),
        ("0_0", OriginalSpec()),
        ("400_200", ExactSpec(400, 200)),
    ],
)
def test_frames(name: str, spec: Spec) -> None:
    assert parse_frame_spec(name) == spec


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("191488_mp3", AudioSpec(191488, "mp3")),
        ("24000_m4a", AudioSpec(24000, "m4a")),
        ("0_ape", AudioSpec(0, "ape")),
        ("0_flac", AudioSpec(0, "flac")),
    ],
)
def test_audio(name: str, spec: Spec) -> None:
    assert parse_audio_spec(name) == spec


@pytest.mark.parametrize(
    "name", ["", "f50", "F10", "f10 ", "x_270", "s_0", "s_", "0_200", "400_0", "400_200_1", "_mp3"]
)
def test_unknown_names_are_kept(name: str) -> None:
    assert parse_video_spec(name) == UnknownSpec(name)
    assert parse_frame_spec(name) == UnknownSpec(name)


@pytest.mark.parametrize("name", ["128000", "128000_", "128000_MP3", "-1_mp3", "f10", "1\u0660_mp3", "128000_mp3\n"])
def test_unknown_audio_names_are_kept(name: str) -> None:
    assert parse_audio_spec(name) == UnknownSpec(name)


@given(st.text())
@patient
def test_any_text_is_a_spec(name: str) -> None:
    for parse in (parse_video_spec, parse_frame_spec, parse_audio_spec):
        assert parse(name) is not None


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("d1010", TemplateSpec(1010)),
        ("d10", TemplateSpec(10)),
        ("f10", VideoSpec("f10", 270)),
        ("d0", UnknownSpec("d0")),
        ("d010", UnknownSpec("d010")),
        ("d", UnknownSpec("d")),
        ("D10", UnknownSpec("D10")),
        ("", UnknownSpec("")),
    ],
)
def test_templates(name: str, spec: Spec) -> None:
    assert parse_template_spec(name) == spec
