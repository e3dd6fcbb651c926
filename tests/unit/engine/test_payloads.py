"""The shapes of queries and callbacks against the keys of the documented examples."""

from dataclasses import replace

import pytest

from engine.failures import Failure, TaskFailed
from engine.model import AudioFacts, Flaw, MediaFacts, Output, OutputKind, Status, Task, TaskKind, VideoFacts
from engine.payloads import audio_format, basic_callback, china_time, kbps, query, result_callback, whole_seconds
from engine.places import Place

HEAD = {"vid", "app_id", "bucket_name", "bucket_region", "name", "url", "url_f0", "size", "duration", "bitrate"}
TAIL = {"create_time", "update_time", "status", "error_code", "error_msg", "deleted"}
VIDEO_QUERY = HEAD | TAIL | {"width", "height", "v_type"}
AUDIO_QUERY = HEAD | TAIL | {"format", "sample_rate", "encoder"}
CALLBACK = {"status", "url_f0", "name", "vid", "url", "detail", "app_id", "create_time", "bucket_name", "bucket_region"}
VIDEO_INFO = {"bitrate", "width", "height", "fps", "path", "name", "trans_size"}
AUDIO_INFO = {"bitrate", "sample_rate", "format", "encoder", "path", "trans_size"}
DST = {"app_id", "bucket_name", "bucket_region"}

PLACE = Place(app_id=1233444, bucket="cts", region="sh")
FACTS = MediaFacts(
    container="mov,mp4,m4a,3gp,3g2,mj2",
    size=322960391,
    duration=600.0,
    bitrate=round(322960391 * 8 / 600),
    video=VideoFacts(index=0, codec="h264", width=1920, height=1080, fps=25.0, duration=600.0),
    audio=AudioFacts(index=1, codec="aac", sample_rate=48000, bitrate=128000),
)
VIDEO = Task(
    vid="v",
    kind=TaskKind.VIDEO,
    source=PLACE,
    dst=replace(PLACE, app_id=10033619),
    url=PLACE.url("/test/w.mp4"),
    path="/test/w.mp4",
    key="test/w.mp4",
    created=1482498702,
    updated=1482718376,
    status=Status.SUCCEEDED,
    facts=FACTS,
    outputs=(
        Output(
            kind=OutputKind.VIDEO,
            name="f10",
            paths=("/a",),
            size=5,
            width=480,
            height=270,
            fps=29.97,
            bitrate=310000,
        ),
        Output(kind=OutputKind.COVER, name="0_0", paths=("/b", "/c"), size=5, width=1, height=2),
        Output(kind=OutputKind.GIF, name="0_0", paths=("/d",), size=5, width=1, height=2),
    ),
)
AUDIO_OUTPUT = Output(
    kind=OutputKind.AUDIO, name="0_flac", paths=("/e",), size=5, sample_rate=44100, format="flac", encoder="flac"
)
AUDIO = replace(VIDEO, kind=TaskKind.AUDIO, outputs=(AUDIO_OUTPUT,))
FAILED = replace(VIDEO, status=Status.FAILED, outputs=(), flaw=Flaw(code=122, message="m"))


def test_the_documented_video_query() -> None:
    data = query(VIDEO)
    assert data.keys() == VIDEO_QUERY | {"result"}
    assert data["name"] == "/1233444/cts/test/w.mp4"
    assert data["url"] == "http://cts-1233444.cossh.myqcloud.com/test/w.mp4"
    assert (data["duration"], data["bitrate"]) == (600, 4205)
    assert (data["create_time"], data["update_time"]) == ("2016-12-23 21:11:42", "2016-12-26 10:12:56")
    assert (data["error_code"], data["error_msg"], data["deleted"]) == (None, None, "no")
    assert data["result"].keys() == {"video", "gif", "cover"}
    for part, keys in (("video", VIDEO_INFO), ("gif", {"height", "width", "path", "name"}),
                       ("cover", {"height", "width", "count", "path", "name"})):  # fmt: skip
        assert data["result"][part].keys() == {"info", "dst"}
        assert data["result"][part]["info"][0].keys() == keys
        assert data["result"][part]["dst"] == {"app_id": 10033619, "bucket_name": "cts", "bucket_region": "sh"}
    assert data["result"]["cover"]["info"][0]["path"] == ["/b", "/c"]
    assert data["result"]["gif"]["info"][0]["path"] == "/d"
    assert data["result"]["video"]["info"][0]["fps"] == 29.97


def test_the_documented_audio_query() -> None:
    data = query(AUDIO)
    assert data.keys() == AUDIO_QUERY | {"result"}
    assert data["result"].keys() == {"audio"}
    (info,) = data["result"]["audio"]["info"]
    assert info.keys() == AUDIO_INFO | {"name"}
    assert info["bitrate"] == 0
    assert data["result"]["audio"]["dst"].keys() == DST


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROBED, Status.TRANSCODING, Status.FAILED])
@pytest.mark.parametrize(("task", "keys"), [(VIDEO, VIDEO_QUERY), (AUDIO, AUDIO_QUERY)])
def test_no_result_before_success(task: Task, keys: set[str], status: Status) -> None:
    data = query(replace(task, status=status, facts=None))
    assert data.keys() == keys
    assert (data["status"], data["size"]) == (int(status), None)


def test_a_failure_is_scalar_in_the_query_and_parallel_lists_in_the_callback() -> None:
    data, sent = query(FAILED), result_callback(FAILED)
    assert (data["error_code"], data["error_msg"]) == (122, "m")
    assert sent.keys() == CALLBACK
    assert sent["status"] == "fail"
    assert sent["detail"] == {"error_code": [122], "error_msg": ["m"]}
    assert result_callback(replace(FAILED, kind=TaskKind.AUDIO)).keys() == CALLBACK


def test_the_documented_video_callback() -> None:
    sent = result_callback(VIDEO)
    assert sent.keys() == CALLBACK | {"v_type"}
    assert sent["detail"].keys() == {"height", "width", "result", "duration", "bitrate", "size"}
    assert sent["detail"]["result"] == query(VIDEO)["result"]
    assert sent["status"] == "success"


def test_the_documented_audio_callback() -> None:
    sent = result_callback(AUDIO, typed=True)
    assert sent.keys() == CALLBACK
    assert sent["detail"].keys() == {"encoder", "sample_rate", "result", "duration", "bitrate", "size"}
    (info,) = sent["detail"]["result"]["audio"]["info"]
    assert info.keys() == AUDIO_INFO | {"trans_name"}


def test_the_later_edition_names_its_types() -> None:
    assert result_callback(VIDEO, typed=True)["callback_type"] == "trans_result"
    assert "callback_type" not in result_callback(FAILED, typed=True)
    sent = basic_callback(replace(VIDEO, status=Status.PROBED))
    assert sent["callback_type"] == "trans_basic"
    assert not {"detail", "name", "url_f0"} & sent.keys()
    expected = {"size", "duration", "width", "height", "bitrate", "fps", "rotation", "HasVideoStream", "HasAudioStream"}
    assert expected | {"status", "fail_msg"} <= sent.keys()
    assert (sent["rotation"], sent["HasVideoStream"], sent["fps"], sent["status"]) == ("horizon", True, 25, "success")


def test_the_first_callback_of_a_broken_file() -> None:
    sent = basic_callback(replace(FAILED, facts=None))
    assert (sent["status"], sent["fail_msg"], sent["size"], sent["HasVideoStream"]) == ("fail", "m", 0, False)


def test_deleted_is_yes() -> None:
    assert query(replace(VIDEO, deleted=True))["deleted"] == "yes"


@pytest.mark.parametrize(
    ("size", "seconds", "expected"), [(322960391, 600, 4205), (4113874, 171.5, 187), (5641493, 141, 312)]
)
def test_a_documented_kbps_is_1024_bits(size: int, seconds: float, expected: int) -> None:
    assert kbps(round(size * 8 / seconds)) == expected


def test_times_are_chinese() -> None:
    assert china_time(0) == "1970-01-01 08:00:00"


@pytest.mark.parametrize(
    ("container", "path", "expected"),
    [("mp3", "/a.wav", "mp3"), ("mov,mp4,m4a", "/a.M4A", "m4a"), ("mov,mp4,m4a", "/a", "mov")],
)
def test_audio_formats(container: str, path: str, expected: str) -> None:
    assert audio_format(container, path) == expected


def test_a_failure_keeps_its_text_short() -> None:
    failed = TaskFailed(Failure.ENCODER, "x" * 9000, "log")
    assert len(failed.flaw.message) == 500
    assert failed.flaw.code == 906


@pytest.mark.parametrize(("seconds", "printed"), [(0, 0), (0.04, 1), (0.999, 1), (1.0, 1), (1.999, 1), (600.4, 600)])
def test_a_duration_is_whole_seconds_and_never_0_for_what_has_a_length(seconds: float, printed: int) -> None:
    """0 stands for "not known": a file under a second would have lost its duration."""
    assert whole_seconds(seconds) == printed
    assert query(replace(VIDEO, facts=replace(FACTS, duration=seconds)))["duration"] == printed
    assert basic_callback(replace(VIDEO, facts=replace(FACTS, duration=seconds)))["duration"] == printed
