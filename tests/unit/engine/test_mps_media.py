"""The templates of MPS, with real ffmpeg: one task with every type of output, and sources that allow only some."""

import re
import time

import av
import pytest

from engine.transcode import find_ffmpeg
from tests.unit.engine.conftest import FINAL, H264, mps_task, picture
from tests.unit.engine.mps_client import CLIPS, HOST, TYPE_NAMES, Client, body_of, notify

GRAPHICS = [
    {"Definition": 20000, "StartTimeOffset": 0.5, "EndTimeOffset": 9},
    {"Definition": 20001, "StartTimeOffset": 0, "EndTimeOffset": 1},
]
ALL = {
    "TranscodeTaskSet": [{"Definition": number} for number in (10, 100010, 1010, 1100)],
    "AnimatedGraphicTaskSet": GRAPHICS,
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["0.5s", "100%"], "TimeOffsetSet": [0]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
}


@pytest.fixture(scope="module")
def mps(engine):
    before = engine.console("config")
    engine.console("config", {"buckets": [*before["buckets"], CLIPS]})
    yield Client(engine)
    engine.console("config", {"buckets": before["buckets"]})


def fetch(engine, path: str) -> bytes:
    status, _, body = engine.request("GET", path, headers={"Host": HOST})
    assert status == 200, path
    return body


def outcomes(task: dict) -> dict[str, dict]:
    """The results by the name of their output."""
    return {name_of(one): one[TYPE_NAMES[one["Type"]].result] for one in task["MediaProcessResultSet"]}


def name_of(one: dict) -> str:
    return f"{one['Type']} {one[TYPE_NAMES[one['Type']].result]['Input']['Definition']}"


def streams(tmp_path, content: bytes) -> tuple[str, list[tuple[int, int]], int]:
    """What a player finds: the container, the sides of each picture, the number of sounds."""
    file = tmp_path / "output"
    file.write_bytes(content)
    with av.open(str(file)) as opened:
        sides = [(each.width, each.height) for each in opened.streams.video]
        return opened.format.name, sides, len(opened.streams.audio)


@pytest.fixture(scope="module")
def rich(mps, engine, receiver, portrait) -> dict:
    """The end of a task with every type of output, of a picture that is turned by a quarter."""
    engine.upload(HOST, "/in/walk.mp4", portrait)
    task_id = mps.submit(**body_of(MediaProcessTask=ALL, **notify(f"{receiver.url}/mps")))
    task = mps.final(task_id)["WorkflowTask"]
    sent = mps_task(receiver.of(task_id)[0])
    assert [one["Type"] for one in sent["MediaProcessResultSet"]] == [
        one["Type"] for one in task["MediaProcessResultSet"]
    ]
    assert {one["Status"] for one in outcomes(task).values()} == {"SUCCESS"}
    return task


def test_the_facts_of_a_turned_source(rich) -> None:
    facts = rich["MetaData"]
    assert (facts["Width"], facts["Height"], facts["Rotate"]) == (640, 360, 270)
    assert (facts["Duration"], facts["VideoStreamSet"][0]["Fps"], facts["AudioStreamSet"][0]["Codec"]) == (
        1.0,
        25,
        "aac",
    )


MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


@pytest.mark.parametrize(
    ("name", "file", "seen"),
    [
        ("Transcode 10", "walk_transcode_10.mp4", (MP4, [(270, 480)], 1)),
        ("Transcode 100010", "walk_transcode_100010.mp4", (MP4, [(360, 640)], 1)),
        ("Transcode 1010", "walk_transcode_1010.mp3", ("mp3", [], 1)),
        ("Transcode 1100", "walk_transcode_1100.m4a", (MP4, [], 1)),
        ("AnimatedGraphics 20000", "walk_animatedGraphic_20000.gif", ("gif", [(360, 640)], 0)),
        ("AnimatedGraphics 20001", "walk_animatedGraphic_20001.webp", ("webp_anim", [(360, 640)], 0)),
    ],
)
def test_files_are_what_the_answer_says(rich, engine, tmp_path, name: str, file: str, seen: tuple) -> None:
    output = outcomes(rich)[name]["Output"]
    content = fetch(engine, f"/out/{file}")
    assert (output["Path"], output["Size"]) == (f"/out/{file}", len(content))
    assert streams(tmp_path, content) == seen
    assert (output["Width"], output["Height"]) == (seen[1][0] if seen[1] else (0, 0))
    _, headers, _ = engine.request("HEAD", f"/out/{file}", headers={"Host": HOST})
    assert headers["ETag"] == f'"{output["Md5"]}"'


def test_a_sound_has_no_stream_of_pictures(rich) -> None:
    output = outcomes(rich)["Transcode 1010"]["Output"]
    assert (output["VideoStreamSet"], output["AudioStreamSet"][0]["Codec"]) == ([], "mp3")
    assert output["AudioStreamSet"][0]["Bitrate"] == 128_000


def test_a_graphic_ends_with_its_source(rich) -> None:
    output = outcomes(rich)["AnimatedGraphics 20000"]["Output"]
    assert (output["StartTimeOffset"], output["EndTimeOffset"]) == (0.5, 1.0)


def test_pictures_are_of_their_times(rich, engine) -> None:
    pictures = outcomes(rich)["SnapshotByTimeOffset 10"]["Output"]["PicInfoSet"]
    assert [one["TimeOffset"] for one in pictures] == [0.5, 1.0, 0]
    assert pictures[0]["Path"] == "/out/walk_snapshotByOffset_10_0.jpg"
    contents = {fetch(engine, one["Path"]) for one in pictures}
    assert (len(contents), {content[:3] for content in contents}) == (3, {b"\xff\xd8\xff"})
    samples = outcomes(rich)["SampleSnapshot 10"]["Output"]
    assert (samples["SampleType"], samples["Interval"], len(samples["ImagePathSet"])) == ("Percent", 10, 10)
    assert all(fetch(engine, path).startswith(b"\xff\xd8\xff") for path in samples["ImagePathSet"])


def test_a_sprite_is_a_grid_that_its_webvtt_describes(rich, engine, tmp_path) -> None:
    output = outcomes(rich)["ImageSprites 10"]["Output"]
    assert (output["TotalCount"], output["Width"], output["Height"]) == (100, 142, 252)
    (image,) = output["ImagePathSet"]
    assert streams(tmp_path, fetch(engine, image))[1] == [(1420, 2520)]
    cues = fetch(engine, output["WebVttPath"]).decode().split("\n\n")
    assert cues[1] == "00:00:00.000 --> 00:00:00.010\nwalk_imageSprite_10_0.jpg#xywh=0,0,142,252"
    assert cues[12].endswith("#xywh=142,252,142,252")
    assert len(cues) == 101


def test_a_stream_leads_to_its_segments(rich, engine, tmp_path) -> None:
    output = outcomes(rich)["AdaptiveDynamicStreaming 10"]["Output"]
    assert (output["Package"], output["Path"]) == ("HLS", "/out/walk_adaptiveDynamicStreaming_10.m3u8")
    found = [output["Path"]]
    for path in found:
        lines = fetch(engine, path).decode().splitlines() if path.endswith(".m3u8") else []
        found += [f"/out/{line}" for line in lines if line and not line.startswith("#")]
    stem = "/out/walk_adaptiveDynamicStreaming_10"
    assert found == [f"{stem}.m3u8", f"{stem}_0.m3u8", f"{stem}_0_0.ts"]
    assert streams(tmp_path, fetch(engine, found[-1])) == ("mpegts", [(360, 640)], 1)


def test_a_source_without_sound_fails_the_sounds_alone(mps, engine, silent) -> None:
    engine.upload(HOST, "/silent.mp4", silent)
    some = {**ALL, "TranscodeTaskSet": [{"Definition": 1010}, {"Definition": 10}]}
    late = [{"Definition": 20000, "StartTimeOffset": 2, "EndTimeOffset": 3}]
    task = mps.final(mps.submit(**body_of("/silent.mp4", MediaProcessTask=some | {"AnimatedGraphicTaskSet": late})))
    found = outcomes(task["WorkflowTask"])
    failed = {name: (one["ErrCode"], one["Output"]) for name, one in found.items() if one["Status"] == "FAIL"}
    assert failed == {"Transcode 1010": (60000, None), "AnimatedGraphics 20000": (40000, None)}
    assert task["WorkflowTask"]["ErrCode"] == 0
    assert {one["Status"] for name, one in found.items() if name not in failed} == {"SUCCESS"}


def test_a_source_that_is_no_media_is_at_fault(mps, engine, receiver) -> None:
    engine.upload(HOST, "/text.mp4", b"this is no video")
    task_id = mps.submit(**body_of("/text.mp4", **notify(f"{receiver.url}/mps")))
    task = mps.final(task_id)["WorkflowTask"]
    assert (task["ErrCode"], task["MetaData"], task["MediaProcessResultSet"]) == (60000, None, [])
    assert re.search("not a readable media file", mps_task(receiver.of(task_id)[0])["Message"])


def test_an_output_that_cannot_be_encoded_leaves_the_others(start_engine, tmp_path, clip) -> None:
    """The wrapper fails each ffmpeg process that makes a sound of its own."""
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *.mp3*) echo "no mp3" >&2; exit 1;; esac\nexec "{find_ffmpeg()}" "$@"\n'
    )
    wrapper.chmod(0o755)
    keys = {"secret_id": "AKIDtest", "secret_key": "test-key"}
    made = start_engine({"credentials": keys, "buckets": [CLIPS]}, env={"IMAGEIO_FFMPEG_EXE": str(wrapper)})
    made.upload(HOST, "/in/walk.mp4", clip)
    some = {"TranscodeTaskSet": [{"Definition": 10}, {"Definition": 1010}]}
    found = outcomes(Client(made).final(Client(made).submit(**body_of(MediaProcessTask=some)))["WorkflowTask"])
    assert [one["Status"] for one in found.values()] == ["SUCCESS", "FAIL"]
    assert found["Transcode 1010"]["Message"] == "the encoder failed: no mp3"
    assert made.request("GET", "/out/walk_transcode_10.mp4", headers={"Host": HOST})[0] == 200


def test_long_streams_have_a_rung_for_each_size_and_several_segments(mps, engine, make_media) -> None:
    long = make_media("stream.mp4", *picture("1280x720", 7), "-r", "5", *H264)
    engine.upload(HOST, "/long.mp4", long)
    body = body_of("/long.mp4", MediaProcessTask={"AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}]})
    assert mps.final(mps.submit(**body))["WorkflowTask"]["ErrCode"] == 0
    stem = "/out/long_adaptiveDynamicStreaming_10"
    master = fetch(engine, f"{stem}.m3u8").decode()
    assert re.findall("RESOLUTION=(.*)", master) == ["640x360", "1280x720"]
    for rung in (0, 1):
        lines = fetch(engine, f"{stem}_{rung}.m3u8").decode().splitlines()
        segments = [line for line in lines if line.endswith(".ts")]
        assert segments == [f"long_adaptiveDynamicStreaming_10_{rung}_{i}.ts" for i in (0, 1)]
        assert all(fetch(engine, f"/out/{name}") for name in segments)


def shown_task(engine, task_id: str) -> dict:
    return next(one for one in engine.console("tasks")["tasks"] if one["vid"] == task_id)


def test_progress_rises_while_a_task_runs(mps, engine, make_media) -> None:
    """Until the end, the console states a percentage that rises."""
    clip = make_media("long.mp4", *picture("1280x720", 8), *H264)
    engine.upload(HOST, "/in/long.mp4", clip)
    wanted = {"TranscodeTaskSet": [{"Definition": number} for number in (10, 20, 30)]}
    task_id = mps.submit(**body_of("/in/long.mp4", MediaProcessTask=wanted))
    seen: list[int] = []
    while (shown := shown_task(engine, task_id))["status"] not in FINAL:
        seen.append(shown["percent"])
        time.sleep(0.2)
    assert seen == sorted(seen)
    assert set(seen) - {0, 100}, "at least one percentage in between"
    assert (shown["state"], shown["percent"]) == ("succeeded", 100)
