"""Facts of real files, and processes that fail, hang or are stopped."""

import sys
import threading
import time

import pytest

from engine.failures import Failure, Stopped, TaskFailed
from engine.probe import probe
from engine.transcode import Handle


def test_a_clip(clip) -> None:
    facts = probe(clip)
    assert facts.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert facts.size == clip.stat().st_size
    assert facts.duration == pytest.approx(1, abs=0.1)
    assert facts.bitrate == pytest.approx(facts.size * 8 / facts.duration, rel=0.01)
    assert (facts.video.width, facts.video.height, facts.video.fps, facts.video.codec) == (640, 360, 25, "h264")
    assert (facts.audio.sample_rate, facts.audio.codec) == (44100, "aac")


def test_rotation_is_applied(portrait) -> None:
    video = probe(portrait).video
    assert (video.width, video.height) == (360, 640)


def test_a_song_with_a_cover_picture_has_no_video(make_media, song) -> None:
    art = make_media("art.png", "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1")
    options = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    facts = probe(make_media("art.mp3", "-i", str(song), "-i", str(art), *options))
    assert facts.video is None
    assert facts.audio.bitrate == 128_000


def test_tags_may_be_in_any_encoding(make_media, tmp_path) -> None:
    tagged = make_media("tagged.wav", "-f", "lavfi", "-i", "sine=d=1", "-metadata", "title=XXXXYYYY", "-bitexact")
    path = tmp_path / "gbk.wav"
    path.write_bytes(tagged.read_bytes().replace(b"XXXXYYYY", "中文歌曲".encode("gbk")))
    assert probe(path).duration == pytest.approx(1)


@pytest.mark.parametrize("name", ["raw.h264", "live.mkv"])
def test_what_does_not_state_its_duration_is_counted(make_media, clip, name: str) -> None:
    live = ["-live", "1"] if name.endswith("mkv") else []
    facts = probe(make_media(name, "-i", str(clip), "-c", "copy", *live))
    assert facts.duration == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not media",
        b"\x00" * 5000,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile x\n",
    ],
)
def test_other_files_are_not_media(tmp_path, content: bytes) -> None:
    path = tmp_path / "source"
    path.write_bytes(content)
    with pytest.raises(TaskFailed, match="not a readable media file") as caught:
        probe(path)
    assert caught.value.flaw.code == Failure.NOT_MEDIA


def test_a_picture_is_not_a_source(make_media) -> None:
    with pytest.raises(TaskFailed):
        probe(make_media("still.png", "-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1"))


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_failing_process_says_why(tmp_path) -> None:
    with pytest.raises(TaskFailed, match=r"the encoder failed: first$") as caught:
        Handle().run(python("import sys; sys.stderr.write('first\\nlast\\n'); sys.exit(3)"), tmp_path, 10)
    assert caught.value.log == "first\nlast\n"


def test_a_hanging_process_is_ended(tmp_path) -> None:
    with pytest.raises(TaskFailed, match="took too long") as caught:
        Handle().run(python("import time; time.sleep(60)"), tmp_path, 0.2)
    assert caught.value.flaw.code == Failure.TIMEOUT


def test_a_stop_ends_the_process(tmp_path) -> None:
    handle = Handle()
    threading.Timer(0.2, handle.stop).start()
    begun = time.monotonic()
    with pytest.raises(Stopped):
        handle.run(python("import time; time.sleep(60)"), tmp_path, 60)
    assert time.monotonic() - begun < 5


def test_a_stopped_job_starts_nothing(tmp_path) -> None:
    handle = Handle()
    handle.stop()
    with pytest.raises(Stopped):
        handle.run(["/does/not/exist"], tmp_path, 1)
    with pytest.raises(Stopped):
        handle.pause(0)
