"""A file that ends before its header says is broken, whatever its format, though ffmpeg reads it without complaint."""

from pathlib import Path

import pytest

from engine.attempt import require_complete
from engine.failures import Failure, TaskFailed
from engine.model import AudioFacts, MediaFacts, Output, OutputKind, VideoFacts
from engine.probe import is_shorter, probe
from engine.stated import missing_part

from .conftest import picture, sound

TALKING = ["mp3", "wav", "w64", "aiff", "au", "caf", "flac", "tta", "wv", "wma", "m4a"]
MOVING = ["mp4", "mov", "mkv", "avi", "flv", "asf", "rm", "mxf"]
FASTSTART = {"m4a", "mp4", "mov"}


def made(make_media, extension: str) -> Path:
    start = ["-movflags", "+faststart"] if extension in FASTSTART else []
    if extension in TALKING:
        return make_media(f"whole.{extension}", *sound(8), *start)
    source = picture("176x144", 8) if extension == "rm" else picture("64x48", 8)
    return make_media(f"whole.{extension}", *source, "-g", "25", *start)


@pytest.mark.parametrize("extension", [*TALKING, *MOVING])
def test_half_a_file_fails_and_a_whole_one_does_not(make_media, tmp_path, extension: str) -> None:
    whole = made(make_media, extension)
    assert probe(whole).duration == pytest.approx(8, abs=0.3)
    cut = tmp_path / "cut"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(TaskFailed, match="are stated") as caught:
        probe(cut)
    assert caught.value.flaw.code == Failure.CUT_SOURCE


@pytest.mark.parametrize(
    "options", [["-f", "wav", "-bitexact"], ["-f", "caf"], ["-f", "au"], ["-f", "mp3", "-write_xing", "0"]]
)
def test_a_recording_that_does_not_know_its_length_is_whole(make_media, tmp_path, options: list[str]) -> None:
    named = make_media("piped", *sound(3), *options)
    unknown = bytearray(named.read_bytes())
    if unknown.startswith(b"RIFF"):
        unknown[4:8] = b"\xff" * 4
        at = unknown.index(b"data")
        unknown[at + 4 : at + 8] = b"\xff" * 4
    path = tmp_path / "unknown"
    path.write_bytes(unknown)
    assert probe(path).duration == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize("size", [b"\xff" * 4, b"\0" * 4, b""])
def test_an_avi_is_whole_whatever_number_of_frames_it_states(make_media, tmp_path, size: bytes) -> None:
    """ffmpeg writes such an AVI into a pipe: its header counts 2^30 frames; a late sound has too many of them, too."""
    whole = make_media("talking.avi", *picture("64x48", 8), *sound(8), "-g", "25")
    unknown = bytearray(whole.read_bytes())
    for name, frames in ((b"vids", 1 << 30), (b"auds", 1 << 12)):
        at = unknown.index(name) + 32
        unknown[at : at + 4] = frames.to_bytes(4, "little")
    unknown[4 : 4 + len(size)] = size
    path = tmp_path / "unknown.avi"
    path.write_bytes(unknown)
    assert probe(path).duration == pytest.approx(8, abs=0.2)


def test_a_long_avi_has_several_parts(tmp_path) -> None:
    first, second = (b"RIFF" + (92).to_bytes(4, "little") + name + bytes(88) for name in (b"AVI ", b"AVIX"))
    path = tmp_path / "long.avi"
    for content, part in ((first + second, 0), (first + second[:50], 0.25), (first[:50], 0.5), (first + b"junk", 0)):
        path.write_bytes(content)
        assert missing_part(path) == part


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"RIFF" + (92).to_bytes(4, "little"), 0.5),
        (b"RIFX" + (92).to_bytes(4, "big"), 0.5),
        (b"FORM" + (92).to_bytes(4, "big"), 0.5),
        (b"FRM8" + (88).to_bytes(8, "big"), 0.5),
        (b"caff\0\1\0\0desc" + (4).to_bytes(8, "big") + b"1234data" + (64).to_bytes(8, "big"), 0.5),
        (b"caff\0\1\0\0data" + b"\xff" * 8, 0),
        (b"RIFF" + b"\0" * 4, 0),
        (b"RIFF" + b"\xff" * 4, 0),
        (b"RIFF" + (20).to_bytes(4, "little"), 0),
        (b"OggS", 0),
        (b"", 0),
    ],
)
def test_headers_that_state_their_bytes(tmp_path, head: bytes, part: float) -> None:
    path = tmp_path / "file"
    path.write_bytes(head.ljust(50, b"."))
    assert missing_part(path) == pytest.approx(part, abs=0.01)


@pytest.mark.parametrize(("found", "stated", "shorter"), [(9.0, 10.0, False), (7.0, 10.0, True), (0.2, 1.0, False)])
def test_what_counts_as_shorter(found: float, stated: float, *, shorter: bool) -> None:
    assert is_shorter(found, stated) is shorter


def output(duration: float, kind: OutputKind) -> Output:
    return Output(kind=kind, name="x", paths=("/a.x",), size=1, duration=duration)


@pytest.mark.parametrize(
    ("kind", "lasts", "complete"),
    [
        (OutputKind.VIDEO, 10.0, True),
        (OutputKind.VIDEO, 5.0, False),
        (OutputKind.AUDIO, 4.0, True),
        (OutputKind.AUDIO, 2.0, False),
        (OutputKind.GIF, 0, True),
    ],
)
def test_an_output_lasts_as_long_as_what_it_is_made_of(kind: OutputKind, lasts: float, *, complete: bool) -> None:
    """The picture lasts 10 s, the sound 4 s."""
    facts = MediaFacts(
        container="mp4",
        size=1,
        duration=10.0,
        bitrate=1,
        video=VideoFacts(index=0, codec="h264", width=2, height=2, fps=25, duration=10),
        audio=AudioFacts(index=1, codec="aac", sample_rate=48_000, bitrate=None, duration=4.0),
    )
    if complete:
        require_complete(facts, output(lasts, kind))
        return
    with pytest.raises(TaskFailed, match=r"x lasts .* s of .* s") as caught:
        require_complete(facts, output(lasts, kind))
    assert caught.value.flaw.code == Failure.ENCODER
