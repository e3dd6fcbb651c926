"""Which requests make a task of MPS, and of what."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Bucket, Config, Credentials, Mps
from engine.decode import decode
from engine.model import Task
from engine.mps.errors import Refused, task_codes
from engine.mps.requests import Outputs, ProcessMedia, Schedule, without_nulls
from engine.mps.tasks import make_task, require_schedules, triggered_tasks
from engine.mps.templates import TYPES, sub_tasks
from mediarelay.errors import Malformed
from tests.unit.engine.mps_client import body_of

CONFIG = Config(
    credentials=Credentials(secret_id="a", secret_key="b"),
    buckets=(Bucket(name="clips", region="sh"), Bucket(name="out", region="ap-nanjing")),
    mps=Mps(s3_buckets={"media": "out", "gone": "none"}),
)
OUT = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-1250000000", "Region": "ap-nanjing"}}


def make(**changes: Any) -> Task:
    return make_task(decode(ProcessMedia, without_nulls(body_of(**changes))), CONFIG, 7.0)


def wanted(**sets: Any) -> dict[str, Any]:
    return {"MediaProcessTask": sets}


@pytest.mark.parametrize(
    ("source", "directory", "stem"),
    [
        ("/in/walk.mp4", "/out/", "out/walk"),
        ("in/walk.mp4", "", "in/walk"),
        ("/walk.tar.gz", "", "walk.tar"),
        ("/walk", "/a/b/", "a/b/walk"),
        ("/a/.mp4", "", "a/.mp4"),
        ("/音 1%20.mp4", "/", "音 1%20"),
    ],
)
def test_outputs_are_named_after_their_source(source: str, directory: str, stem: str) -> None:
    task = make(source=source, OutputDir=directory)
    assert (task.key, task.output_stem) == (source.removeprefix("/"), stem)


@pytest.mark.parametrize("region", ["ap-shanghai", "sh"])
def test_a_region_has_two_names(region: str) -> None:
    cos = {"Bucket": "clips-1250000000", "Region": region, "Object": "/a.mp4"}
    assert make(InputInfo={"Type": "COS", "CosInputInfo": cos}).source.region == "sh"


def test_outputs_go_where_the_request_says_or_to_their_source() -> None:
    assert make().dst.bucket == "clips"
    moved = make(OutputStorage=OUT)
    assert (moved.source.bucket, moved.dst.bucket) == ("clips", "out")


COS = {"Bucket": "clips-1250000000", "Region": "ap-shanghai", "Object": "/a.mp4"}
S3 = {"S3Bucket": "gone", "S3Region": "us-east-1", "S3Object": "a"}
GRAPHIC = {"Definition": 20000, "StartTimeOffset": 1, "EndTimeOffset": 1}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InputInfo": {"Type": "COS"}}, "MissingParameter"),
        (
            {"InputInfo": {"Type": "COS", "CosInputInfo": COS | {"Bucket": "clips"}}},
            "ResourceNotFound.CosBucketNameInvalid",
        ),
        ({"InputInfo": {"Type": "COS", "CosInputInfo": COS | {"Bucket": "x-1"}}}, "ResourceNotFound.CosBucketNotExist"),
        ({"InputInfo": {"Type": "COS", "CosInputInfo": COS | {"Region": "gz"}}}, "ResourceNotFound.CosBucketNotExist"),
        ({"InputInfo": {"Type": "COS", "CosInputInfo": COS | {"Object": "/"}}}, "InvalidParameterValue.SrcFile"),
        ({"InputInfo": {"Type": "URL", "UrlInputInfo": {"Url": "http://a/b"}}}, "MissingParameter"),
        ({"InputInfo": {"Type": "URL", "UrlInputInfo": {"Url": "ftp://a/b"}}}, "InvalidParameter.InvalidUrl"),
        ({"InputInfo": {"Type": "URL", "UrlInputInfo": {"Url": "http://[::1/"}}}, "InvalidParameter.InvalidUrl"),
        ({"InputInfo": {"Type": "AWS-S3", "S3InputInfo": S3}}, "ResourceNotFound.DownloadError"),
        ({"InputInfo": {"Type": "VOD"}}, "UnsupportedOperation"),
        ({"OutputStorage": {"Type": "VOD"}}, "UnsupportedOperation"),
        ({"OutputDir": "/out"}, "InvalidParameterValue"),
        ({"SessionId": "x" * 51}, "InvalidParameterValue.SessionIdTooLong"),
        ({"SessionContext": "x" * 1001}, "InvalidParameterValue.SessionContextTooLong"),
        ({"ScheduleId": 1}, "InvalidParameterValue"),
        ({"MediaProcessTask": None}, "MissingParameter"),
        (wanted(), "MissingParameter"),
        (wanted(TranscodeTaskSet=[{"Definition": 20000}]), "ResourceNotFound.TemplateNotExist"),
        (wanted(ImageSpriteTaskSet=[{"Definition": 11}]), "ResourceNotFound.TemplateNotExist"),
        (wanted(TranscodeTaskSet=[{"Definition": 10}] * 2), "InvalidParameterValue.Definition"),
        (wanted(AnimatedGraphicTaskSet=[GRAPHIC]), "InvalidParameterValue"),
        (wanted(SnapshotByTimeOffsetTaskSet=[{"Definition": 10}]), "MissingParameter"),
        ({"TaskNotifyConfig": {"NotifyType": "URL"}}, "InvalidParameter.Url"),
    ],
)
def test_requests_that_are_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        make(**changes)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"TasksPriority": 11},
        {"AiAnalysisTask": {"Definition": 10}},
        {"TaskNotifyConfig": {"NotifyMode": "Always"}},
        wanted(TranscodeTaskSet=[{"Definition": "x"}]),
        wanted(TranscodeTaskSet=[{"Definition": 10, "OutputObjectPath": "a.mp4"}]),
        wanted(SnapshotByTimeOffsetTaskSet=[{"Definition": 10, "ExtTimeOffsetSet": ["1"]}]),
        wanted(SnapshotByTimeOffsetTaskSet=[{"Definition": 10, "TimeOffsetSet": [0] * 101}]),
        wanted(AnimatedGraphicTaskSet=[{"Definition": 20000}]),
    ],
)
def test_requests_out_of_form(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        make(**changes)


def test_the_longest_session_is_accepted() -> None:
    task = make(SessionId="音" * 50, SessionContext="音" * 1000)
    assert task.request
    assert (task.request.session_id, task.request.session_context) == ("音" * 50, "音" * 1000)


def test_every_type_of_sub_task_has_its_own_names() -> None:
    assert all(
        len({getattr(each, name) for each in TYPES}) == len(TYPES) for name in ("name", "result", "part", "listed")
    )
    sets = {each.entries for each in TYPES}
    assert sets == set(Outputs.__dataclass_fields__)
    outputs = decode(Outputs, {"TranscodeTaskSet": [{"Definition": 10}], "ImageSpriteTaskSet": [{"Definition": 10}]})
    assert [each.name for each in sub_tasks(outputs)] == ["transcode_10", "imageSprite_10"]


def test_uploads_trigger_the_schedules_of_their_bucket_and_prefix() -> None:
    outputs = decode(Outputs, {"TranscodeTaskSet": [{"Definition": 10}]})
    places = (("clips", "ap-shanghai", ""), ("clips", "sh", "a/"), ("clips", "gz", ""), ("out", "ap-shanghai", ""))
    schedules = tuple(
        Schedule(id=i, bucket=bucket, region=region, prefix=prefix, outputs=outputs)
        for i, (bucket, region, prefix) in enumerate(places, 1)
    )
    config = Config(credentials=CONFIG.credentials, buckets=CONFIG.buckets, mps=Mps(schedules=schedules))
    place = CONFIG.buckets[0].place(config.app_id)
    found = [[task.request.schedule_id for task in triggered_tasks(config, place, key, 1)] for key in ("a/b", "b")]
    assert found == [[1, 2], [1]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bucket": "none"}, "no bucket none-1250000000"),
        ({"region": "gz"}, "no bucket"),
        ({"outputs": {}}, "asks for no output"),
        ({"outputs": {"TranscodeTaskSet": [{"Definition": 11}]}}, "no template 11"),
        ({"output_dir": "x"}, "OutputDir"),
        ({"notify": {"NotifyType": "URL"}}, "NotifyUrl"),
        ({"id": 1}, "earlier schedule"),
    ],
)
def test_a_schedule_that_could_start_no_task_is_refused_at_once(changes: dict[str, Any], reason: str) -> None:
    good = {"id": 1, "bucket": "clips", "region": "sh", "outputs": {"TranscodeTaskSet": [{"Definition": 10}]}}
    config = replace(CONFIG, mps=Mps(schedules=(decode(Schedule, good), decode(Schedule, good | {"id": 2} | changes))))
    with pytest.raises(Malformed, match=reason) as caught:
        require_schedules(config)
    assert caught.value.field.startswith("mps.schedules.1")


@pytest.mark.parametrize(
    ("code", "expected"), [(901, 60000), (904, 60000), (905, 40000), (911, 40000), (906, 70000), (908, 70000), (5, 5)]
)
def test_failures_have_the_codes_of_their_class(code: int, expected: int) -> None:
    assert task_codes(code)[0] == expected


TEXTS = st.sampled_from(["", "COS", "URL", "http://[", "http://a/%00", "http://a/..", "/", "a/../b", "\ud800", "10%"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.text(), lambda x: st.lists(x) | st.dictionaries(TEXTS, x)
)


@given(st.sampled_from([*sorted(body_of()), "SessionId", "OutputStorage", "TaskNotifyConfig"]), JSON, TEXTS)
def test_any_request_is_a_task_or_refused(name: str, value: object, url: str) -> None:
    inputs: tuple[dict[str, Any], ...] = (
        {name: value},
        {"InputInfo": {"Type": "URL", "UrlInputInfo": {"Url": url}}, "OutputStorage": OUT},
        {"InputInfo": {"Type": "COS", "CosInputInfo": COS | {"Object": url}}, "OutputDir": f"/{url}/"},
    )
    for changes in inputs:
        try:
            assert make(**changes).vid
        except (Refused, Malformed):
            continue
