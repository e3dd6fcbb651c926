"""Files as people really have them: each is made here, taken the engine's whole way, and its outputs are looked at."""

from functools import cache
from pathlib import Path

import av
import pytest

from engine.failures import Failure, TaskFailed
from engine.payloads import whole_seconds
from engine.probe import probe
from tests.media_matrix.recipes import Recipe, layouts, recipes, write
from tests.media_matrix.trial import PLANS, faults, run

from .conftest import H264, picture, sound


def end(path: Path, kind: str, tmp_path: Path) -> Path:
    """Run a task that must succeed; returns the directory with its outputs."""
    ended = run(path, kind, lambda directory: [f.rename(tmp_path / f.name) for f in directory.glob("out.*")])
    assert faults(path, kind, ended) == ""
    assert ended.code == 0, ended.message
    return tmp_path


def gif_seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    return float(sum((packet.duration or 0) * packet.time_base for packet in packets))


def distinct_covers(directory: Path) -> int:
    return len({(directory / f"out.0_0.p{i}.png").read_bytes() for i in range(3)})


def patched(path: Path, to: Path, old: bytes, new: bytes) -> Path:
    """Replace the first occurrence: an identifier of a codec that no decoder knows."""
    content = path.read_bytes()
    assert old in content
    to.write_bytes(content.replace(old, new, 1))
    return to


def test_the_first_sound_track_that_can_be_decoded_is_used(make_media, tmp_path) -> None:
    two = make_media("two.mkv", *picture("64x36"), *sound(), *sound(), *H264, "-map", "0", "-map", "1", "-map", "2")
    path = patched(two, tmp_path / "m01.mkv", b"A_AAC", b"A_XYZ")
    assert probe(path).audio.index == 2
    end(path, "audio", tmp_path)
    end(path, "video", tmp_path)


def test_a_picture_that_cannot_be_decoded_does_not_hurt_the_sound(make_media, tmp_path) -> None:
    good = make_media("good.mkv", *picture("64x36"), *sound(), *H264)
    path = patched(good, tmp_path / "m02.mkv", b"V_MPEG4/ISO/AVC", b"V_XPEG4/ISO/XVC")
    end(path, "audio", tmp_path)
    assert run(path, "video").code == Failure.NO_VIDEO


def test_what_is_encrypted_cannot_be_decoded(make_media) -> None:
    key = ["-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "0" * 32]
    path = make_media("cenc.mp4", *picture("64x36", 3), *sound(3), *H264, "-encryption_scheme", "cenc-aes-ctr", *key)
    assert {run(path, kind).code for kind in PLANS} == {Failure.NOT_MEDIA}


def test_subtitles_may_outlast_the_picture(make_media, tmp_path) -> None:
    text = tmp_path / "text.srt"
    text.write_text("1\n00:00:00,500 --> 00:00:01,000\nA\n\n2\n00:00:50,000 --> 00:01:00,000\nB\n")
    path = make_media("m05.mkv", *picture("64x36", 6), *sound(6), "-i", str(text), *H264, "-c:s", "srt")
    facts = probe(path)
    assert [facts.duration, facts.video.duration] == pytest.approx([6, 6], abs=0.1)
    made = end(path, "video", tmp_path)
    assert distinct_covers(made) == 3
    assert gif_seconds(made / "out.w_64.gif") == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("extension", ["mkv", "m4a"])
def test_a_second_sound_track_may_be_longer(make_media, tmp_path, extension: str) -> None:
    moving = [] if extension == "m4a" else picture("64x36", 3)
    codecs = ["-c:a", "aac", *([] if extension == "m4a" else H264[:6])]
    maps = [part for i in range(2 if extension == "m4a" else 3) for part in ("-map", str(i))]
    path = make_media(f"m06.{extension}", *moving, *sound(3), *sound(20), *maps, *codecs)
    assert probe(path).duration == pytest.approx(3, abs=0.1)
    end(path, "audio", tmp_path)
    if moving:
        assert distinct_covers(end(path, "video", tmp_path)) == 3


@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_a_still_screen_makes_a_gif_of_five_seconds(make_media, tmp_path, extension: str) -> None:
    still = [*picture("64x36"), "-vf", "setpts='if(eq(N,24),60/TB,PTS)'", "-fps_mode", "vfr", *H264]
    path = make_media(f"m09.{extension}", *still)
    made = end(path, "video", tmp_path)
    assert gif_seconds(made / "out.w_64.gif") == pytest.approx(5, abs=0.1)
    assert probe(made / "out.f10.mp4").duration == pytest.approx(60, abs=0.2)


@pytest.mark.parametrize("kept", ["eq(n,0)+gt(n,700)", "lt(n,30)+gt(n,700)", "lt(n,3)+eq(n,749)"])
@pytest.mark.parametrize("extension", ["mp4", "mkv"])
def test_a_screen_may_stand_still_anywhere(make_media, tmp_path, extension: str, kept: str) -> None:
    """Frames are reordered across the gap, in the source and in what is made of it."""
    still = ["-vf", f"select='{kept}'", "-fps_mode", "vfr", *H264, "-bf", "3"]
    path = make_media(f"stands{len(kept)}.{extension}", *picture("64x36", 30), *still)
    assert probe(path).duration == pytest.approx(30, abs=0.1)
    made = end(path, "video", tmp_path)
    assert probe(made / "out.f10.mp4").duration == pytest.approx(30, abs=0.2)
    assert gif_seconds(made / "out.w_64.gif") == pytest.approx(5, abs=0.1)


HELD = ["-bsf:v", "setts=duration='if(eq(N,24),60/TB,DURATION)'"]


@pytest.mark.parametrize(
    ("name", "options", "seconds"),
    [
        ("held.mp4", [*H264, "-bf", "0", *HELD], 60.96),
        ("held.mkv", [*H264, "-bf", "0", *HELD], 60.96),
        ("held.gif", ["-r", "2", "-final_delay", "500"], 6.5),
        ("held.apng", ["-r", "2", "-final_delay", "5/1"], 6.5),
        ("two.gif", ["-vf", "fps=1,tpad=stop=1:stop_mode=clone", "-final_delay", "900"], 10),
    ],
)
def test_the_last_frame_may_be_shown_for_long(make_media, tmp_path, name: str, options: list[str], seconds) -> None:
    path = make_media(name, *picture("64x36"), *options)
    assert probe(path).duration == pytest.approx(seconds, abs=0.1)
    made = end(path, "video", tmp_path)
    assert probe(made / "out.f10.mp4").duration == pytest.approx(seconds, abs=0.1)
    assert gif_seconds(made / "out.w_64.gif") == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(("seconds", "expected"), [(0.04, 0.12), (0.7, 0.75), (4.9, 4.9), (7, 5)])
def test_a_gif_is_no_longer_than_its_picture(make_media, tmp_path, seconds: float, expected: float) -> None:
    path = make_media(f"short{seconds}.mkv", *picture("64x36", seconds), "-c:v", "ffv1")
    assert gif_seconds(end(path, "video", tmp_path) / "out.w_64.gif") == pytest.approx(expected, abs=0.11)


def mixed(count: int, layout: str) -> list[str]:
    return ["-af", f"pan={layout}|" + "|".join(f"c{i}=c0" for i in range(count)), "-ar", "48000"]


@pytest.mark.parametrize(
    ("count", "layout"), [(16, "16c"), (1, "FL"), (2, "FL+FC"), (4, "FL+FR+LFE+LFE2"), (24, "22.2")]
)
def test_channels_are_mixed_to_what_the_encoder_takes(make_media, tmp_path, count: int, layout: str) -> None:
    path = make_media(
        f"m10-{layout}.mov", *picture("64x36"), *sound(), *mixed(count, layout), *H264[:6], "-c:a", "pcm_s16be"
    )
    made = end(path, "audio", tmp_path)
    with av.open(str(made / "out.128000_mp3.mp3")) as song:
        assert song.streams.audio[0].codec_context.layout.nb_channels == min(count, 2)
    end(path, "video", tmp_path)


def test_a_voice_note_becomes_an_ogg_of_many_bits(make_media, tmp_path) -> None:
    path = make_media("m14.amr", *sound(2), "-ar", "8000", "-ac", "1")
    assert probe(end(path, "audio", tmp_path) / "out.96000_ogg.ogg").duration == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(
    ("codec", "bits"), [("pcm_u8", 8), ("pcm_s16le", 16), ("pcm_s24le", 24), ("pcm_s32le", 32), ("pcm_f32le", 32)]
)
def test_lossless_formats_keep_every_bit(make_media, tmp_path, codec: str, bits: int) -> None:
    """Decoded, the output has the samples of the source."""
    path = make_media(f"m17-{codec}.wav", "-f", "lavfi", "-i", "anoisesrc=d=0.5:r=48000:seed=7", "-c:a", codec)
    made = end(path, "audio", tmp_path)
    facts = probe(made / "out.0_wav.wav").audio
    assert (facts.codec, facts.bits) == (codec, bits)
    assert decoded(made / "out.0_wav.wav") == decoded(path)
    assert codec in {"pcm_s32le", "pcm_f32le"} or probe(made / "out.0_flac.flac").audio.bits == max(bits, 16)


def decoded(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(
            bytes(frame.planes[0])[: frame.samples * frame.format.bytes] for frame in container.decode(audio=0)
        )


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
@pytest.mark.parametrize("late", ["picture", "sound"])
def test_a_late_stream_keeps_its_length(make_media, tmp_path, extension: str, late: str) -> None:
    offset = {"picture": ["-itsoffset", "5"], "sound": []}[late], {"picture": [], "sound": ["-itsoffset", "5"]}[late]
    path = make_media(f"late-{late}.{extension}", *offset[0], *picture("64x36", 3), *offset[1], *sound(3), *H264)
    facts = probe(path)
    assert [facts.duration, facts.video.duration, facts.audio.duration] == pytest.approx([8, 3, 3], abs=0.1)
    assert distinct_covers(end(path, "video", tmp_path)) == 3
    end(path, "audio", tmp_path)


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_a_gap_is_no_sound(make_media, tmp_path, extension: str) -> None:
    leap = "setpts='if(gt(T,1.5),PTS+20/TB,PTS)'"
    gap = ["-vf", leap, "-af", f"a{leap}", "-fps_mode", "vfr", "-bf", "3", *H264]
    path = make_media(f"gap.{extension}", *picture("64x36", 3), *sound(3), *gap)
    facts = probe(path)
    assert [facts.duration, facts.audio.duration] == pytest.approx([23, 3], abs=0.1)
    end(path, "audio", tmp_path)
    assert probe(end(path, "video", tmp_path) / "out.f10.mp4").duration == pytest.approx(23, abs=0.2)


@pytest.mark.parametrize("matrix", [8, 10, 14, 200])
@pytest.mark.parametrize("transfer", [1, 9, 200])
def test_colours_may_be_labelled_in_any_way(make_media, tmp_path, matrix: int, transfer: int) -> None:
    labels = f"h264_metadata=matrix_coefficients={matrix}:transfer_characteristics={transfer}"
    end(
        make_media(f"colour{matrix}-{transfer}.mp4", *picture("64x36", 0.2), *H264, "-bsf:v", labels), "video", tmp_path
    )


def test_sides_are_those_that_are_shown(make_media, tmp_path) -> None:
    """A decoded frame may have columns left of the picture, for the sake of aligned rows."""
    plain = make_media("theora.mkv", *picture("300x200", 0.2), "-c:v", "libtheora")
    content = bytearray(plain.read_bytes())
    header = content.index(b"\x80theora")
    content[header + 20] = 2  # the picture begins in the third column
    path = tmp_path / "theora.mkv"
    path.write_bytes(content)
    assert (probe(path).video.width, probe(path).video.height) == (300, 200)
    made = end(path, "video", tmp_path)
    with av.open(str(made / "out.0_0.p0.png")) as cover:
        assert (cover.streams.video[0].codec_context.width, cover.streams.video[0].codec_context.height) == (300, 200)
    assert probe(made / "out.f10.mp4").video.width == 300


def test_a_rate_that_no_picture_has_is_not_known(make_media, tmp_path) -> None:
    ticks = ["-f", "lavfi", "-i", "testsrc2=s=64x36:r=90000", "-frames:v", "24", *H264]
    path = make_media("ticks.mp4", *ticks, "-video_track_timescale", "90000")
    assert probe(path).video.fps == 0
    end(path, "video", tmp_path)


def test_an_absurd_bitrate_is_measured_instead(make_media, monkeypatch) -> None:
    path = make_media("stated.m4a", *sound(2), "-c:a", "aac", "-b:a", "64k")
    stated = probe(path).audio.bitrate
    assert stated
    monkeypatch.setattr("engine.probe.MAX_BITRATE", stated - 1)
    measured = probe(path).audio.bitrate
    assert measured != stated
    assert measured == pytest.approx(64_000, rel=0.3)


def test_a_negative_length_is_not_a_very_long_one(make_media) -> None:
    """The last packet of this ogg is cut by more than it holds: its length is a negative number, wrapped."""
    tone = ["-f", "lavfi", "-i", "sine=d=0.5:r=48000", "-ar", "16000", "-c:a", "libvorbis", "-b:a", "16000"]
    assert probe(make_media("wrapped.ogg", *tone)).duration == pytest.approx(0.5, abs=0.1)


def test_what_a_decoder_needs_to_start_is_no_sound(make_media, tmp_path) -> None:
    """Vorbis begins with a silent block: 256 samples, 5 s at this rate."""
    tone = ["-f", "lavfi", "-i", "aevalsrc='sin(20*t)':s=50:d=0.4", "-c:a", "libvorbis"]
    path = make_media("slow.ogg", *tone)
    facts = probe(path)
    assert [facts.duration, facts.audio.duration] == pytest.approx([0.4, 0.4])
    end(path, "audio", tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "seconds"),
    [
        ("thirds.mp4", ["-f", "lavfi", "-i", "color=s=32x32:r=24:d=3"], 3),
        ("thirds.mkv", ["-f", "lavfi", "-i", "color=s=32x32:r=24:d=2"], 2),
        ("thirds.ts", ["-f", "lavfi", "-i", "color=s=32x32:r=24:d=2"], 2),
        ("twelfths.mov", ["-f", "lavfi", "-i", "color=s=32x32:r=12:d=7"], 7),
        ("blocks.wav", ["-f", "lavfi", "-i", "anullsrc=r=48000:d=3"], 3),
        ("blocks.mka", ["-f", "lavfi", "-i", "anullsrc=r=44100:d=3", "-c:a", "pcm_s16le"], 3),
    ],
)
def test_a_whole_number_of_seconds_is_reported_as_it_is(make_media, name: str, options: list[str], seconds) -> None:
    """Not cut to one second less, because a sum of fractions or a clock of milliseconds ends just below it."""
    assert whole_seconds(probe(make_media(name, *options)).duration) == seconds


def test_a_late_sound_begins_at_once(make_media, tmp_path) -> None:
    """Opus states where it ends: a player would show 102 s."""
    late = ["-itsoffset", "100", *sound(2)]
    made = end(make_media("later.mkv", *picture("64x36", 2), *late, *H264), "audio", tmp_path)
    for name in ("64000_opus.opus", "96000_ogg.ogg", "48000_m4a.m4a"):
        with av.open(str(made / f"out.{name}")) as song:
            assert song.start_time is not None
            assert song.duration is not None
            assert song.start_time / av.time_base == pytest.approx(0, abs=0.1)
            assert song.duration / av.time_base == pytest.approx(2, abs=0.1)


def test_a_late_sound_in_an_avi_is_no_cut_file(make_media, tmp_path) -> None:
    """Its header counts the delay, for which there are no packets."""
    path = make_media("later.avi", *picture("64x36", 3), "-itsoffset", "8", *sound(3))
    assert probe(path).duration == pytest.approx(3, abs=0.1)
    end(path, "video", tmp_path)
    end(path, "audio", tmp_path)


def test_a_sound_of_a_few_hertz_may_be_long(make_media, tmp_path) -> None:
    """Its blocks become one 80 times as long, more than flac takes, if they are made too early."""
    tone = ["-f", "lavfi", "-i", "aevalsrc='sin(20*t)':s=100:d=45", "-c:a", "pcm_s16le"]
    assert probe(end(make_media("low.wav", *tone), "audio", tmp_path) / "out.0_flac.flac").duration == pytest.approx(45)


def test_a_song_that_ffmpeg_cannot_read_to_its_end_is_refused(make_media, tmp_path) -> None:
    """Its second part has another number of channels; ffmpeg ends before it, without an error in its exit code."""
    vorbis = ["-c:a", "libvorbis"]
    parts = [make_media(f"link{channels}.ogg", *sound(2), "-ac", str(channels), *vorbis) for channels in (1, 2)]
    path = tmp_path / "chained.ogg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(TaskFailed, match="ffmpeg cannot read all of it") as caught:
        probe(path)
    assert caught.value.flaw.code == Failure.NOT_MEDIA


def test_an_absurd_length_is_no_statement(make_media, tmp_path) -> None:
    """As many samples as the header can state: 18 days."""
    content = bytearray(make_media("stated.flac", *sound(2)).read_bytes())
    content[21:26] = bytes([content[21] | 0x0F]) + b"\xff" * 4
    path = tmp_path / "absurd.flac"
    path.write_bytes(content)
    assert probe(path).duration == pytest.approx(2)


def test_an_estimate_is_no_statement(make_media) -> None:
    """Without a header, the length of an mp3 is guessed from its first frames: here silence, then noise."""
    noise = ["-f", "lavfi", "-i", "aevalsrc='if(lt(t,1),0,random(0)-0.5)':d=8:s=44100"]
    path = make_media("guessed.mp3", *noise, "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0")
    with av.open(str(path)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base > 10
    assert probe(path).duration == pytest.approx(8, abs=0.1)


def test_frames_that_come_only_at_the_end_count(make_media, tmp_path) -> None:
    """A decoder may keep all frames back until it knows that nothing follows; the picture is the second stream."""
    slow = ["-f", "lavfi", "-i", "testsrc2=s=64x36:r=1/10:d=20"]
    path = make_media("slow.mkv", *sound(1), *slow, "-map", "0", "-map", "1", "-c:v", "libx264")
    assert probe(path).video.duration == pytest.approx(20, abs=0.1)
    end(path, "video", tmp_path)


def test_an_edited_sound_may_begin_within_a_block(make_media, tmp_path) -> None:
    whole = make_media("whole-edit.mp4", *picture("64x36", 3), *sound(3), *H264)
    end(make_media("edited.mp4", "-ss", "1.3", "-i", str(whole), "-c", "copy"), "audio", tmp_path)


def test_the_sides_may_change_on_the_way(make_media, tmp_path) -> None:
    parts = [make_media(f"part{size}.ts", *picture(size, 2), "-c:v", "mpeg2video") for size in ("64x48", "128x64")]
    path = tmp_path / "sizes.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert probe(path).video.duration == pytest.approx(4, abs=0.1)
    made = end(path, "video", tmp_path)
    assert distinct_covers(made) == 3
    assert gif_seconds(made / "out.w_64.gif") == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("joined.mkv", []),
        ("joined.nut", []),
        ("joined.mp4", ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-g", "10"]),
    ],
)
def test_files_may_be_joined(make_media, tmp_path, name: str, options: list[str]) -> None:
    """The clock begins anew in the middle; ffmpeg corrects that in MPEG-TS and Ogg only."""
    part = make_media(f"part-{name}", *picture("64x36", 3), *sound(3), *H264, *options)
    path = tmp_path / name
    path.write_bytes(part.read_bytes() * 2)
    assert probe(path).duration == pytest.approx(6, abs=0.5)
    made = end(path, "video", tmp_path)
    facts = probe(made / "out.f10.mp4")
    assert facts.video.duration == pytest.approx(6, abs=0.5)
    assert facts.audio.duration == pytest.approx(facts.video.duration, abs=0.2)
    assert distinct_covers(made) == 3
    made = end(path, "audio", tmp_path)
    for song in ("48000_m4a.m4a", "64000_opus.opus", "0_wav.wav"):
        assert probe(made / f"out.{song}").duration == pytest.approx(6, abs=0.5)


@pytest.mark.parametrize(("extension", "rates"), [("flac", (44100, 44100)), ("aac", (44100, 22050))])
def test_songs_may_be_joined(make_media, tmp_path, extension: str, rates: tuple[int, int]) -> None:
    parts = [make_media(f"part{rate}.{extension}", *sound(3), "-ar", str(rate)) for rate in rates]
    path = tmp_path / f"joined.{extension}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    made = end(path, "audio", tmp_path)
    for name in ("48000_m4a.m4a", "64000_opus.opus", "96000_ogg.ogg", "128000_mp3.mp3", "0_wav.wav", "0_flac.flac"):
        assert probe(made / f"out.{name}").duration == pytest.approx(6, abs=0.2)


def test_the_channels_may_change_on_the_way(make_media, tmp_path) -> None:
    parts = [
        make_media(f"part{layout}.ac3", *sound(), *mixed(count, layout)) for count, layout in ((6, "5.1"), (1, "mono"))
    ]
    path = tmp_path / "changes.ac3"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert probe(end(path, "audio", tmp_path) / "out.0_flac.flac").duration == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(
    "options", [["-c:v", "libx264", "-frames:v", "1"], ["-c:v", "gif", "-f", "gif", "-frames:v", "1"]]
)
def test_one_frame_is_a_picture(make_media, tmp_path, options: list[str]) -> None:
    end(make_media(f"frame-{options[1]}.mp4", *picture("64x36"), *options), "video", tmp_path)


@pytest.mark.parametrize("samples", [1, 20, 300])
@pytest.mark.parametrize("extension", ["wav", "flac", "mp3"])
def test_a_click_is_a_sound(make_media, tmp_path, samples: int, extension: str) -> None:
    lengthened = "" if extension == "wav" else ",asetnsamples=n=16:pad=1"
    path = make_media(f"click{samples}.{extension}", *sound(), "-af", f"atrim=end_sample={samples}{lengthened}")
    end(path, "audio", tmp_path)


@pytest.mark.parametrize("extension", ["mp3", "flac", "m4a"])
def test_a_cover_is_no_picture(make_media, tmp_path, extension: str) -> None:
    art = make_media("cover.png", *picture("64x64"), "-frames:v", "1")
    attached = ["-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic"]
    path = make_media(f"covered.{extension}", *sound(), "-i", str(art), *attached)
    end(path, "audio", tmp_path)
    assert run(path, "video").code == Failure.NO_VIDEO


def test_an_empty_track_is_left_out(make_media, tmp_path) -> None:
    path = make_media("empty.mp4", *picture("64x36"), "-f", "lavfi", "-i", "anullsrc=d=0", *H264)
    assert probe(path).audio is None
    end(path, "video", tmp_path)


@pytest.mark.parametrize("extension", ["gif", "apng", "webp", "y4m", "vvc"])
def test_moving_pictures_of_other_kinds(make_media, tmp_path, extension: str) -> None:
    if extension == "webp" and "webp_anim" not in av.formats_available:
        pytest.skip("PyAV 18 does not read animated WebP")
    depth = ["-pix_fmt", "yuv420p10le"] if extension == "vvc" else []
    end(make_media(f"moving.{extension}", *picture("64x48", 0.4), *depth), "video", tmp_path)


def dsf(samples: bytes) -> bytes:
    """A DSD stream file of one channel at 2.8 MHz; see Sony's DSF File Format Specification."""
    form = b"".join(n.to_bytes(4, "little") for n in (1, 0, 1, 1, 2822400, 1))
    form += (len(samples) * 8).to_bytes(8, "little") + (4096).to_bytes(4, "little") + bytes(4)
    data = b"data" + (12 + len(samples)).to_bytes(8, "little") + samples
    chunk = b"fmt " + (12 + len(form)).to_bytes(8, "little") + form
    return (
        b"DSD "
        + (28).to_bytes(8, "little")
        + (28 + len(chunk) + len(data)).to_bytes(8, "little")
        + bytes(8)
        + chunk
        + data
    )


def dff(samples: bytes) -> bytes:
    """The same as DSDIFF, Philips' form of it."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return name + len(body).to_bytes(8, "big") + body

    form = chunk(b"FS  ", (2822400).to_bytes(4, "big")) + chunk(b"CHNL", (1).to_bytes(2, "big") + b"C   ")
    properties = chunk(b"PROP", b"SND " + form + chunk(b"CMPR", b"DSD \x0enot compressed\0"))
    return chunk(b"FRM8", b"DSD " + chunk(b"FVER", b"\1\5\0\0") + properties + chunk(b"DSD ", samples))


@pytest.mark.parametrize("write_file", [dsf, dff])
def test_direct_stream_digital(tmp_path, write_file) -> None:
    path = tmp_path / "sacd"
    path.write_bytes(write_file(b"\x69" * 4096 * 40))
    assert probe(path).duration == pytest.approx(4096 * 40 * 8 / 2822400, abs=0.05)
    end(path, "audio", tmp_path)


@pytest.mark.parametrize(("name", "options"), [("png", []), ("jpeg", ["-f", "mjpeg"]), ("tiff", []), ("bmp", [])])
def test_a_refusal_names_the_format(make_media, name: str, options: list[str]) -> None:
    path = make_media(f"still.{name}", *picture("64x36"), "-frames:v", "1", *options)
    with pytest.raises(TaskFailed, match=f"its format, .*{name}.*, is not one that is read"):
        probe(path.rename(path.with_suffix("")))


SAMPLE = {
    "3gp-h263",
    "aiff-pcm_s24be",
    "asf-wmav2",
    "au-pcm_alaw",
    "avi-both",
    "caf-alac",
    "dv-both",
    "flv-both",
    "matroska-ac3-5.1(side)",
    "matroska-ffv1-1x1",
    "matroska-ffv1-gray10le",
    "mpeg-both",
    "mpegts-both",
    "mxf-both",
    "nut-rawvideo-rgba64be",
    "ogg-libvorbis-50-mono",
    "ogv-both",
    "rm-rv10",
    "rm-wmv2",
    "wav-pcm_s16le-7.1.4",
    "webm-libvpx-15x1",
    "wv-wavpack-7.1",
}


@cache
def matrix() -> dict[str, Recipe]:
    """All recipes by name. ffmpeg is asked more than a hundred times for them, so not while tests are collected."""
    return {recipe.name: recipe for recipe in recipes()}


@pytest.mark.parametrize("name", sorted(SAMPLE))
def test_a_sample_of_the_matrix(tmp_path, name: str) -> None:
    path = tmp_path / "file"
    assert write(matrix()[name], str(path))
    for kind in PLANS:
        assert faults(path, kind, run(path, kind)) == ""


def test_the_whole_sample_is_there() -> None:
    assert matrix().keys() >= SAMPLE
    assert {"mono", "5.1(side)", "22.2"} <= layouts().keys()
