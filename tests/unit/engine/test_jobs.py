"""Tasks from upload or submit to their end, with real ffmpeg."""

import json
from urllib.parse import quote

import pytest

from engine.transcode import find_ffmpeg

VIDEO = "cts-1250000000.cossh.myqcloud.com"
AUDIO = "music-1250000000.cosgz.myqcloud.com"


def fetch(engine, host: str, path: str) -> bytes:
    status, _, body = engine.request("GET", path, headers={"Host": host})
    assert status == 200
    return body


def test_a_video_becomes_everything_its_bucket_asks_for(engine, receiver, clip) -> None:
    vid = engine.upload(VIDEO, "/test/w.mp4", clip)
    data = engine.final("GetCtsInfo", vid)
    assert (data["status"], data["error_code"], data["deleted"]) == (5, None, "no")
    assert (data["width"], data["height"], data["size"]) == (640, 360, clip.stat().st_size)
    video = {info["name"]: info for info in data["result"]["video"]["info"]}
    assert [(video[name]["width"], video[name]["height"]) for name in ("f10", "f40")] == [(480, 270), (640, 360)]
    assert video["f10"]["path"] == "/test/w.mp4.f10.mp4"
    assert 0 < video["f10"]["bitrate"] <= 320
    assert all(info["fps"] == 25 for info in video.values())
    covers = {info["name"]: info for info in data["result"]["cover"]["info"]}
    assert covers["0_0"]["path"] == [f"/test/w.mp4.0_0.p{i}.png" for i in range(3)]
    assert (covers["s_90"]["width"], covers["s_90"]["height"], covers["s_90"]["count"]) == (160, 90, 1)
    (gif,) = data["result"]["gif"]["info"]
    assert (gif["path"], gif["width"], gif["height"]) == ("/test/w.mp4.w_64.gif", 64, 36)
    for info in video.values():
        body = fetch(engine, VIDEO, info["path"])
        assert len(body) == info["trans_size"]
        assert body.index(b"moov") < body.index(b"mdat")
    pictures = [fetch(engine, VIDEO, path) for path in covers["0_0"]["path"]]
    assert len({picture for picture in pictures if picture.startswith(b"\x89PNG")}) == 3
    assert fetch(engine, VIDEO, gif["path"]).startswith(b"GIF89a")
    assert engine.call("GetCtsInfo", url=data["url"])["data"] == data
    basic, result = receiver.of(vid, 2)
    assert (basic["callback_type"], basic["status"], basic["HasAudioStream"]) == ("trans_basic", "success", True)
    assert (result["callback_type"], result["status"]) == ("trans_result", "success")
    assert result["detail"]["result"] == data["result"]


def test_a_portrait_stays_one(engine, portrait) -> None:
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/portrait.mp4", portrait))
    sides = [(info["width"], info["height"]) for info in data["result"]["video"]["info"]]
    assert (data["width"], data["height"]) == (360, 640)
    assert sides == [(270, 480), (360, 640)]
    assert (data["result"]["cover"]["info"][1]["width"], data["result"]["cover"]["info"][1]["height"]) == (90, 160)


def test_a_video_without_sound(engine, receiver, silent) -> None:
    vid = engine.upload(VIDEO, "/silent.mp4", silent)
    assert engine.final("GetCtsInfo", vid)["status"] == 5
    assert receiver.of(vid, 2)[0]["HasAudioStream"] is False


def test_odd_sides_and_fewer_frames_than_covers(engine, make_media) -> None:
    odd = make_media("odd.mkv", "-f", "lavfi", "-i", "testsrc=size=321x181:rate=5:duration=0.4", "-c:v", "ffv1")
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/odd.mkv", odd))
    assert data["status"] == 5
    assert [(info["width"], info["height"]) for info in data["result"]["video"]["info"]] == [(320, 180)] * 2
    assert (data["v_type"], data["result"]["cover"]["info"][0]["count"]) == ("matroska,webm", 3)
    assert (data["width"], data["height"], data["result"]["cover"]["info"][0]["width"]) == (321, 181, 321)


def test_a_single_frame_is_enough(engine, make_media) -> None:
    frame = make_media("frame.mkv", "-f", "lavfi", "-i", "testsrc=size=64x36:rate=25:duration=0.04", "-c:v", "ffv1")
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/frame.mkv", frame))
    assert (data["status"], data["duration"]) == (5, 1)
    assert data["result"].keys() == {"video", "gif", "cover"}


def test_a_rich_source_meets_its_targets(engine, make_media) -> None:
    noise = ["-f", "lavfi", "-i", "nullsrc=s=640x360:r=25:d=2,geq=random(1)*255:128:128"]
    rich = make_media("rich.mp4", *noise, "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M")
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/rich.mp4", rich))
    for info, target in zip(data["result"]["video"]["info"], (300, 2400), strict=True):
        assert 0.7 * target < info["bitrate"] < 1.25 * target


@pytest.mark.parametrize(("content", "code"), [(b"this is no video", 902), (b"", 902)])
def test_a_broken_file_fails_and_says_so(engine, receiver, content: bytes, code: int) -> None:
    vid = engine.upload(VIDEO, f"/broken{len(content)}.mp4", content)
    data = engine.final("GetCtsInfo", vid)
    assert (data["status"], data["error_code"], data["size"]) == (4, code, None)
    assert "result" not in data
    basic, result = receiver.of(vid, 2)
    assert (basic["callback_type"], basic["status"]) == ("trans_basic", "fail")
    assert basic["fail_msg"]
    assert (result["status"], result["detail"]["error_code"]) == ("fail", [code])
    assert result["detail"]["error_msg"] == [data["error_msg"]]
    assert "callback_type" not in result


def test_a_video_upload_without_picture_fails(engine, receiver, song) -> None:
    vid = engine.upload(VIDEO, "/song.mp3", song)
    assert engine.final("GetCtsInfo", vid)["error_code"] == 903
    assert receiver.of(vid, 2)[-1]["detail"]["error_code"] == [903]


def test_a_song_becomes_all_formats(start_engine, receiver, song) -> None:
    specs = ["128000_mp3", "24000_mp3", "48000_m4a", "64000_aac", "96000_ogg", "64000_opus", "0_flac", "0_wav"]
    engine = start_engine(
        {
            "credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"},
            "audio_specs": specs,
            "buckets": [{"name": "music", "region": "gz"}],
            "audio_callback_url": receiver.url + "/audio",
        }
    )
    engine.upload(AUDIO, "/20170717/Maid.mp3", song)
    vid = engine.submit("/20170717/Maid.mp3")
    data = engine.final("GetCtsaudioInfo", vid)
    assert (data["status"], data["format"], data["encoder"], data["sample_rate"], data["duration"]) == (
        5,
        "mp3",
        "mp3",
        44100,
        2,
    )
    info = {each["name"]: each for each in data["result"]["audio"]["info"]}
    assert list(info) == specs
    assert info["128000_mp3"]["path"] == "/20170717/Maid.mp3.128000_mp3.mp3"
    assert (info["128000_mp3"]["bitrate"], info["24000_mp3"]["bitrate"]) == (128000, 24000)
    assert (info["24000_mp3"]["sample_rate"], info["64000_opus"]["sample_rate"]) == (22050, 48000)
    assert (info["0_flac"]["bitrate"], info["0_wav"]["bitrate"]) == (0, 0)
    for each in info.values():
        assert len(fetch(engine, AUDIO, each["path"])) == each["trans_size"]
    (sent,) = receiver.of(vid)
    renamed = [
        {("trans_name" if name == "name" else name): value for name, value in each.items()} for each in info.values()
    ]
    assert sent["detail"]["result"]["audio"]["info"] == renamed
    assert "v_type" not in sent


def test_an_audio_task_takes_the_sound_of_a_video(engine, clip) -> None:
    engine.upload(AUDIO, "/clip.mp4", clip)
    data = engine.final("GetCtsaudioInfo", engine.submit("/clip.mp4"))
    assert (data["status"], data["format"], data["encoder"]) == (5, "mp4", "aac")


def test_an_audio_task_of_a_silent_video_fails(engine, silent) -> None:
    engine.upload(AUDIO, "/silent.mp4", silent)
    assert engine.final("GetCtsaudioInfo", engine.submit("/silent.mp4"))["error_code"] == 904


def test_a_missing_object_fails(engine, receiver) -> None:
    vid = engine.submit("/missing.mp3")
    assert engine.final("GetCtsaudioInfo", vid)["error_code"] == 901
    assert receiver.of(vid)[0]["detail"]["error_code"] == [901]


def test_an_escaped_url_names_the_same_object(engine, song) -> None:
    engine.upload(AUDIO, "/a%20b/%E9%9F%B3.mp3", song)
    plain, escaped = "/a b/音.mp3", "/a%20b/%E9%9F%B3.mp3"
    first, second = engine.submit(plain), engine.submit(escaped)
    data = engine.final("GetCtsaudioInfo", second)
    assert (data["status"], data["url_f0"]) == (5, plain)
    assert engine.call("GetCtsaudioInfo", vid=first)["data"]["deleted"] == "yes"
    assert fetch(engine, AUDIO, quote(data["result"]["audio"]["info"][0]["path"]))


def test_ape_fails_the_whole_task(start_engine, receiver, song) -> None:
    engine = start_engine(
        {
            "credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"},
            "audio_specs": ["128000_mp3", "0_ape"],
            "buckets": [{"name": "music", "region": "gz"}],
            "audio_callback_url": receiver.url + "/audio",
        }
    )
    engine.upload(AUDIO, "/a.mp3", song)
    vid = engine.submit("/a.mp3")
    data = engine.final("GetCtsaudioInfo", vid)
    assert (data["status"], data["error_code"], data["error_msg"]) == (
        4,
        905,
        "the specification cannot be encoded: 0_ape",
    )
    assert receiver.of(vid)[0]["detail"] == {"error_code": [905], "error_msg": [data["error_msg"]]}
    assert engine.request("GET", "/a.mp3.128000_mp3.mp3", headers={"Host": AUDIO})[0] == 404


def test_what_ffmpeg_says_is_kept(start_engine, tmp_path, song) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text('#!/bin/sh\n[ "$1" = -version ] && exit 0\necho "the reason" >&2\necho "and more" >&2\nexit 1\n')
    broken.chmod(0o755)
    config = {
        "credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"},
        "buckets": [{"name": "music", "region": "gz"}],
    }
    engine = start_engine(config, env={"IMAGEIO_FFMPEG_EXE": str(broken)})
    engine.upload(AUDIO, "/a.mp3", song)
    data = engine.final("GetCtsaudioInfo", engine.submit("/a.mp3"))
    assert (data["status"], data["error_code"], data["error_msg"]) == (4, 906, "the encoder failed: the reason")
    (shown,) = engine.console("tasks")["tasks"]
    assert shown["log"] == "the reason\nand more\n"


@pytest.mark.parametrize("letter", ["a", "ä", "音"])
def test_a_key_that_leaves_no_room_for_its_outputs_fails_before_work(engine, receiver, clip, letter: str) -> None:
    width = len(letter.encode())
    key = letter * (839 // width) + "b" * (839 % width)
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/" + quote(key), clip))
    assert (data["status"], data["error_code"]) == (4, 910)
    assert ".p0.png" in data["error_msg"]
    fits = engine.final("GetCtsInfo", engine.upload(VIDEO, "/" + quote(key[1:]), clip))
    assert fits["status"] == 5


def test_outputs_that_are_shorter_than_their_source_fail(engine, make_media, tmp_path) -> None:
    """Half of the packets hold nothing that can be decoded; ffmpeg leaves them out and calls that done."""
    noise = ["-f", "lavfi", "-i", "anoisesrc=d=8:r=44100", "-c:a", "alac", "-movflags", "+faststart"]
    content = make_media("alac.m4a", *noise).read_bytes()
    half = len(content) // 2
    damaged = tmp_path / "damaged.m4a"
    damaged.write_bytes(content[:half] + b"\xff" * (len(content) - half))
    engine.upload(AUDIO, "/damaged.m4a", damaged)
    data = engine.final("GetCtsaudioInfo", engine.submit("/damaged.m4a"))
    assert (data["status"], data["error_code"]) == (4, 906)
    assert " s of 8.0 s" in data["error_msg"]


def test_one_ffmpeg_process_per_source(start_engine, tmp_path, clip) -> None:
    log, wrapper = tmp_path / "calls", tmp_path / "ffmpeg"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec "{find_ffmpeg()}" "$@"\n')
    wrapper.chmod(0o755)
    bucket = {"name": "cts", "region": "sh", "video": True, "covers": [{"spec": "0_0", "count": 2}], "gifs": ["w_64"]}
    config = {"credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"}, "buckets": [bucket]}
    engine = start_engine(config, env={"IMAGEIO_FFMPEG_EXE": str(wrapper)})
    data = engine.final("GetCtsInfo", engine.upload(VIDEO, "/w.mp4", clip))
    assert len(data["result"]["video"]["info"]) == 4
    calls = [line for line in log.read_text().splitlines() if " -i " in line]
    assert len(calls) == 1
    assert calls[0].count(" -i ") == 1


def test_dst_names_another_bucket(start_engine, song) -> None:
    dst = {"app_id": 7, "bucket": "out", "region": "sh"}
    config = {
        "credentials": {"secret_id": "AKIDtest", "secret_key": "test-key"},
        "audio_specs": ["128000_mp3"],
        "buckets": [{"name": "music", "region": "gz", "dst": dst}],
    }
    engine = start_engine(config)
    engine.upload(AUDIO, "/a.mp3", song)
    data = engine.final("GetCtsaudioInfo", engine.submit("/a.mp3"))
    assert data["result"]["audio"]["dst"] == {"app_id": 7, "bucket_name": "out", "bucket_region": "sh"}
    assert fetch(engine, "out-7.cossh.myqcloud.com", "/a.mp3.128000_mp3.mp3")
    (shown,) = engine.console("tasks")["tasks"]
    assert engine.request("GET", shown["links"][0])[0] == 200


def test_tasks_can_be_listed(engine) -> None:
    vid = engine.submit("/listed.mp3")
    engine.final("GetCtsaudioInfo", vid)
    (shown,) = engine.console("tasks?limit=1")["tasks"]
    assert (shown["vid"], shown["state"], json.dumps(shown).count("test-key")) == (vid, "failed", 0)
