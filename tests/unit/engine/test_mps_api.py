"""The API of MPS, called by the official client: with the stub, so that only the engine itself is looked at."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from tencentcloud.mps.v20190612 import models

from mediarelay.signing.mps_callback import is_signed
from mediarelay.signing.qcloud import Credentials
from mediarelay.signing.tc3 import signed_headers
from tests.unit.engine.conftest import KEYS, mps_task, wait_for
from tests.unit.engine.mps_client import CLIPS, HOST, NOTIFY_KEY, TYPE_NAMES, Client, body_of, notify

ALL = {
    "TranscodeTaskSet": [{"Definition": 100010}, {"Definition": "1010"}],
    "AnimatedGraphicTaskSet": [{"Definition": 20000, "StartTimeOffset": 0, "EndTimeOffset": 3}],
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["1.5s", "10%"]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
}
SCHEDULE = {
    "id": 24,
    "bucket": "clips",
    "region": "ap-shanghai",
    "prefix": "auto/",
    "output_dir": "/done/",
    "outputs": {"TranscodeTaskSet": [{"Definition": 20}], "SampleSnapshotTaskSet": [{"Definition": 10}]},
}


@pytest.fixture
def mps(stub, receiver):
    """The official client of an engine with one object and one schedule."""
    stub.console("config", {"buckets": [CLIPS], "mps": {"schedules": [SCHEDULE | {"notify": url_of(receiver)}]}})
    stub.upload(HOST, "/in/walk.mp4", b"any bytes")
    yield Client(stub)
    stub.console("config", {"mps": {"schedules": [], "s3_buckets": {}, "url_hosts": []}})


def url_of(receiver, **changes) -> dict:
    return notify(f"{receiver.url}/mps", **changes)["TaskNotifyConfig"]


def test_a_task_from_submit_to_its_end(mps, receiver) -> None:
    wanted = body_of(MediaProcessTask=ALL, SessionContext="mine", **notify(f"{receiver.url}/mps"))
    task_id = mps.submit(**wanted)
    found = mps.final(task_id)
    assert task_id.startswith("1250000000-WorkflowTask-")
    assert (found["TaskType"], found["SessionContext"], found["ScheduleTask"]) == ("WorkflowTask", "mine", None)
    assert found["CreateTime"] <= found["BeginProcessTime"] <= found["FinishTime"] < "2100"
    task = found["WorkflowTask"]
    assert (task["Status"], task["ErrCode"], task["InputInfo"]["CosInputInfo"]["Object"]) == (
        "FINISH",
        0,
        "/in/walk.mp4",
    )
    results = task["MediaProcessResultSet"]
    made = {each["Type"]: next(value for value in each.values() if isinstance(value, dict)) for each in results}
    assert len(results) == 7
    assert {each["Status"] for each in made.values()} == {"SUCCESS"}
    assert made["ImageSprites"]["Output"]["WebVttPath"] == "/out/walk_imageSprite_10.vtt"
    assert [one["TimeOffset"] for one in made["SnapshotByTimeOffset"]["Output"]["PicInfoSet"]] == [1.5, 6.0]
    (sent,) = receiver.of(task_id)
    assert sent["WorkflowTaskEvent"]["MediaProcessResultSet"]
    assert (sent["SessionContext"], sent["EventType"]) == ("mine", "WorkflowTask")
    assert is_signed(sent["Timestamp"], sent["Sign"], [NOTIFY_KEY], datetime.now(UTC))


def test_a_callback_is_read_by_the_official_model(mps, receiver) -> None:
    task_id = mps.submit(**body_of(MediaProcessTask=ALL, **notify(f"{receiver.url}/mps")))
    (sent,) = receiver.of(task_id)
    model = models.ParseNotificationResponse()
    model._deserialize(sent)
    assert (
        model.WorkflowTaskEvent.MediaProcessResultSet[0].TranscodeTask.Output.Path == "/out/walk_transcode_100010.mp4"
    )


def test_outputs_are_where_the_answer_says(mps, stub) -> None:
    found = mps.final(mps.submit(**body_of(OutputDir="")))
    path = found["WorkflowTask"]["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]["Path"]
    assert path == "/in/walk_transcode_10.mp4"
    assert stub.request("GET", path, headers={"Host": HOST})[0] == 200


def test_states_and_their_bodies(mps, stub, receiver) -> None:
    stub.console("config", {"stage_delay": 0.15})
    task_id = mps.submit(**body_of(**notify(f"{receiver.url}/mps", NotifyMode="Change")))
    waiting = mps.detail(task_id)
    assert (waiting["Status"], waiting["WorkflowTask"]) == ("WAITING", None)
    assert waiting["BeginProcessTime"] == waiting["FinishTime"] == "0000-00-00T00:00:00Z"
    running = wait_for(lambda: found if (found := mps.detail(task_id))["Status"] != "WAITING" else None)
    assert (running["Status"], running["FinishTime"]) == ("PROCESSING", "0000-00-00T00:00:00Z")
    assert running["WorkflowTask"]["MetaData"]["Size"] == 9
    begun, ended = receiver.of(task_id, 2)
    assert [mps_task(each)["Status"] for each in (begun, ended)] == ["PROCESSING", "FINISH"]
    assert mps_task(begun)["MediaProcessResultSet"][0]["TranscodeTask"]["Status"] == "PROCESSING"


@pytest.mark.parametrize("changes", [{"NotifyType": ""}, {"NotifyType": "CMQ", "QueueName": "q"}])
def test_a_message_queue_gets_no_callback(mps, stub, receiver, changes: dict) -> None:
    task_id = mps.submit(**body_of(**notify(f"{receiver.url}/mps", **changes)))
    mps.final(task_id)
    assert stub.console(f"callbacks?vid={task_id}")["callbacks"] == []


def test_a_session_id_is_good_once(mps, stub) -> None:
    task_id = mps.submit(**body_of(SessionId="s" * 50))
    assert mps.detail(task_id)["SessionId"] == "s" * 50
    assert mps.refusal("ProcessMedia", **body_of("/other.mp4", SessionId="s" * 50)) == "InvalidParameterValue.SessionId"
    assert mps.submit(**body_of(SessionId="t")) != mps.submit(**body_of()) != mps.submit(**body_of(SessionId=""))
    stub.console("config", {"mps": {"session_seconds": 0}})
    assert mps.submit(**body_of(SessionId="s" * 50)) != task_id
    stub.console("config", {"mps": {"session_seconds": 259200}})


def test_a_refused_request_uses_no_session_id(mps) -> None:
    wrong = body_of(SessionId="u", MediaProcessTask={"TranscodeTaskSet": [{"Definition": 11}]})
    assert mps.refusal("ProcessMedia", **wrong) == "ResourceNotFound.TemplateNotExist"
    assert mps.submit(**body_of(SessionId="u"))


def test_a_task_is_aborted_only_while_it_waits(mps, stub, receiver) -> None:
    stub.console("config", {"stage_delay": 0.3})
    task_id = mps.submit(**body_of(**notify(f"{receiver.url}/mps")))
    mps.call("ManageTask", OperationType="Abort", TaskId=task_id)
    found = mps.detail(task_id)
    assert (found["Status"], found["WorkflowTask"]["ErrCode"]) == ("FINISH", 40000)
    assert mps_task(receiver.of(task_id)[0])["Message"] == "the task was aborted"
    assert mps.refusal("ManageTask", OperationType="Abort", TaskId=task_id) == "FailedOperation"
    other = mps.submit(**body_of())
    wait_for(lambda: mps.detail(other)["Status"] == "PROCESSING")
    assert mps.refusal("ManageTask", OperationType="Abort", TaskId=other) == "FailedOperation"
    assert mps.final(other)["WorkflowTask"]["ErrCode"] == 0
    assert mps.refusal("ManageTask", OperationType="Stop", TaskId=other) == "InvalidParameterValue.InvalidOperationType"
    assert len(receiver.seen(task_id)) == 1


def test_lists_go_page_by_page(mps) -> None:
    since = datetime.now(UTC)
    made = [mps.submit(**body_of(f"/none{i}.mp4")) for i in range(5)]
    for task_id in made:
        mps.final(task_id)
    asked = {"Status": "FINISH", "Limit": 2, "StartTime": since.isoformat()}
    token = ""
    pages: list[list[str]] = []
    while token or not pages:
        page = mps.call("DescribeTasks", **asked, ScrollToken=token)
        mps.final(mps.submit(**body_of()))
        pages.append([row["TaskId"] for row in page["TaskSet"]])
        token = page["ScrollToken"]
    assert pages == [made[:2:-1], made[2:0:-1], made[:1]]
    assert page["TaskSet"][0]["SubTaskTypes"] == ["action-trans"]
    assert page["TotalCount"] == 7
    assert mps.call("DescribeTasks", Status="WAITING")["TaskSet"] == []
    assert mps.call("DescribeTasks", Status="FINISH", EndTime="2020-01-01T00:00:00Z")["TotalCount"] == 0
    assert len(mps.call("DescribeTasks", Status="FINISH", Limit="1", StartTime="2020-01-01T00:00:00Z")["TaskSet"]) == 1


def test_lists_tell_tasks_with_a_failed_sub_task(mps, stub) -> None:
    since = datetime.now(UTC).isoformat()
    stub.console("faults", {"failed_sub_tasks": ["sampleSnapshot"]})
    partial = mps.submit(**body_of(MediaProcessTask=ALL))
    mps.final(partial)
    stub.console("faults", {})
    whole = mps.submit(**body_of(MediaProcessTask=ALL))
    mps.final(whole)
    for has_failed, expected in ((True, [partial]), (False, [whole]), (None, [whole, partial])):
        asked = {} if has_failed is None else {"SubTaskHasFailed": has_failed}
        page = mps.call("DescribeTasks", Status="FINISH", StartTime=since, **asked)
        assert [row["TaskId"] for row in page["TaskSet"]] == expected


def test_queries_and_lists_know_no_older_tasks(mps, stub) -> None:
    task_id = mps.submit()
    mps.final(task_id)
    stub.console("config", {"mps": {"query_seconds": 0}})
    assert mps.refusal("DescribeTaskDetail", TaskId=task_id) == "ResourceNotFound.TaskNotFound"
    assert mps.call("DescribeTasks", Status="FINISH")["TotalCount"] == 0
    stub.console("config", {"mps": {"query_seconds": 604800}})
    assert mps.detail(task_id)["Status"] == "FINISH"


def test_each_provider_knows_its_own_tasks_only(mps, stub) -> None:
    vid = stub.submit("/none.mp3")
    assert mps.refusal("DescribeTaskDetail", TaskId=vid) == "ResourceNotFound.TaskNotFound"
    for action in ("GetCtsInfo", "GetCtsaudioInfo"):
        assert stub.call(action, vid=mps.submit())["code"] == 5000
    first, second = mps.submit(), mps.submit()
    assert {mps.final(each)["WorkflowTask"]["ErrCode"] for each in (first, second)} == {0}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret_key": "wrong"}, "AuthFailure.SignatureFailure"),
        ({"secret_id": "AKIDnone"}, "AuthFailure.SecretIdNotFound"),
        ({"region": "ap-atlantis"}, "UnsupportedRegion"),
    ],
)
def test_calls_that_are_not_ours(mps, stub, changes: dict[str, str], code: str) -> None:
    assert Client(stub, **changes).refusal("ProcessMedia", **body_of()) == code


def test_a_region_is_not_required(stub) -> None:
    assert Client(stub, region="").call("DescribeTasks", Status="WAITING")["TotalCount"] == 0


def test_a_token_can_be_required(mps, stub) -> None:
    stub.console("config", {"credentials": {"token": "t"}})
    assert mps.refusal("DescribeTasks", Status="FINISH") == "AuthFailure.TokenFailure"
    assert Client(stub, token="x").refusal("DescribeTasks", Status="FINISH") == "AuthFailure.TokenFailure"
    assert Client(stub, token="t").submit()


def test_a_timestamp_is_good_for_five_minutes(stub) -> None:
    assert "Error" not in raw(stub, b'{"Status": "FINISH"}', at=290)
    assert raw(stub, b'{"Status": "FINISH"}', at=-310)["Error"]["Code"] == "AuthFailure.SignatureExpire"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"X-TC-Version": "2020-01-01"}, "NoSuchVersion"),
        ({"X-TC-Action": "DescribeWorkflows"}, "InvalidAction"),
        ({"Authorization": ""}, "AuthFailure.InvalidAuthorization"),
    ],
)
def test_versions_actions_and_missing_signatures(stub, headers: dict[str, str], code: str) -> None:
    assert raw(stub, b"{}", headers)["Error"]["Code"] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "MissingParameter"),
        (b'{"Status": null}', "MissingParameter"),
        (b'{"Status": "FINISH", "status": "FINISH"}', "UnknownParameter"),
        (b'{"Status": "ENDED"}', "InvalidParameterValue"),
        (b'{"Status": "FINISH", "Limit": 101}', "InvalidParameterValue.Limit"),
        (b'{"Status": "FINISH", "ScrollToken": "x"}', "InvalidParameter"),
        (b'{"Status": "FINISH", "StartTime": "now"}', "InvalidParameter.StartTime"),
        (b"[" * 100_000, "InvalidParameter"),
        (b"\xff", "InvalidParameter"),
        (b'"' + b"x" * (10 << 20), "InvalidParameter"),
    ],
)
def test_requests_out_of_form(stub, body: bytes, code: str) -> None:
    assert raw(stub, body)["Error"]["Code"] == code


def raw(engine, body: bytes, headers: dict[str, str] | None = None, at: int = 0) -> dict:
    """Send any bytes as DescribeTasks, signed."""
    signed = signed_headers(
        Credentials(KEYS["secret_id"], KEYS["secret_key"]),
        service="mps",
        host=f"127.0.0.1:{engine.port}",
        action="DescribeTasks",
        version="2019-06-12",
        region="ap-shanghai",
        timestamp=int(time.time()) + at,
        payload=body,
    )
    status, _, answer = engine.request("POST", "/", body, signed | (headers or {}))
    assert status == 200
    return json.loads(answer)["Response"]


def test_a_source_that_does_not_exist_ends_as_a_fault_of_the_source(mps, receiver) -> None:
    task_id = mps.submit(**body_of("/none.mp4", **notify(f"{receiver.url}/mps")))
    task = mps.final(task_id)["WorkflowTask"]
    assert (task["Status"], task["ErrCode"], task["MetaData"]) == ("FINISH", 60000, None)
    assert (task["Message"], task["MediaProcessResultSet"]) == ("the source object does not exist", [])
    assert mps_task(receiver.of(task_id)[0]) | task == task


def test_an_upload_triggers_the_schedule_of_its_bucket(mps, stub, receiver) -> None:
    since = datetime.now(UTC).isoformat()
    stub.upload(HOST, "/auto/a%20b.mp4", b"x")
    for path, content in (("/other/b.mp4", b"x"), ("/auto/folder/", b"")):
        stub.upload(HOST, path, content)
    row = wait_for(lambda: mps.call("DescribeTasks", Status="FINISH", StartTime=since)["TaskSet"])[0]
    task = mps.detail(row["TaskId"])
    assert (row["TaskType"], task["WorkflowTask"], task["SessionId"]) == ("ScheduleTask", None, "")
    assert task["ScheduleTask"]["InputInfo"]["CosInputInfo"]["Object"] == "/auto/a b.mp4"
    assert [each["ActivityType"] for each in task["ScheduleTask"]["ActivityResultSet"]] == [
        "Transcode",
        "SampleSnapshot",
    ]
    (sent,) = receiver.of(row["TaskId"])
    assert (sent["EventType"], sent["WorkflowTaskEvent"]) == ("ScheduleTask", None)
    output = sent["ScheduleTaskEvent"]["ActivityResultSet"][0]["ActivityResItem"]["TranscodeTask"]["Output"]
    assert output["Path"] == "/done/a b_transcode_20.mp4"
    assert mps.call("DescribeTasks", Status="FINISH", StartTime=since)["TotalCount"] == 1


def test_a_schedule_can_be_submitted(mps, receiver) -> None:
    body = body_of(ScheduleId=24, SessionContext="mine", MediaProcessTask=None, **notify(f"{receiver.url}/own"))
    task_id = mps.submit(**body)
    task = mps.final(task_id)["ScheduleTask"]
    assert "-ScheduleTask-" in task_id
    output = task["ActivityResultSet"][0]["ActivityResItem"]["TranscodeTask"]["Output"]
    assert output["Path"] == "/out/walk_transcode_20.mp4"
    assert receiver.of(task_id)[0]["SessionContext"] == "mine"
    assert [path for path, sent, _ in receiver.got if mps_task(sent).get("TaskId") == task_id] == ["/own"]
    assert mps.refusal("ProcessMedia", **body_of(ScheduleId=25)) == "InvalidParameterValue"


def test_a_wrong_schedule_changes_nothing(mps, stub) -> None:
    before = stub.console("config")
    wrong = {"mps": {"schedules": [SCHEDULE | {"bucket": "none"}]}, "workers": 9}
    status, _, answer = stub.request("PUT", "/_engine/config", json.dumps(wrong))
    assert (status, json.loads(answer)["field"]) == (400, "mps.schedules.0")
    assert stub.console("config") == before


def from_url(url: str) -> dict:
    storage = {"Type": "COS", "CosOutputStorage": {"Bucket": CLIPS["name"] + "-1250000000", "Region": "ap-shanghai"}}
    return body_of(InputInfo={"Type": "URL", "UrlInputInfo": {"Url": url}}, OutputStorage=storage)


def test_a_source_at_a_url(mps, stub) -> None:
    own = mps.final(mps.submit(**from_url(f"https://{HOST}/in/walk.mp4")))["WorkflowTask"]
    assert (own["ErrCode"], own["MetaData"]["Size"]) == (0, 9)
    address = f"127.0.0.1:{stub.port}"
    url = f"http://{address}/cos/{HOST}/in/walk.mp4"
    refused = mps.final(mps.submit(**from_url(url)))["WorkflowTask"]
    assert (refused["ErrCode"], "none of the admitted hosts" in refused["Message"]) == (60000, True)
    stub.console("config", {"mps": {"url_hosts": [address]}})
    fetched = mps.final(mps.submit(**from_url(url)))["WorkflowTask"]
    assert (fetched["ErrCode"], fetched["MetaData"]["Size"]) == (0, 9)
    missing = mps.final(mps.submit(**from_url(f"{url}x")))["WorkflowTask"]
    assert (missing["ErrCode"], "404" in missing["Message"]) == (60000, True)


def test_a_large_or_broken_download_fails(mps, stub) -> None:
    address = f"127.0.0.1:{stub.port}"
    stub.console("config", {"mps": {"url_hosts": [address, "127.0.0.1:9"]}, "max_object_size": 8})
    for url in (f"http://{address}/cos/{HOST}/in/walk.mp4", "http://127.0.0.1:9/x"):
        task = mps.final(mps.submit(**from_url(url)))["WorkflowTask"]
        assert task["ErrCode"] == 60000, url
    stub.console("config", {"max_object_size": 2**30})


def test_a_bucket_of_aws_can_have_a_stand_in(mps, stub, receiver) -> None:
    s3 = {"S3Bucket": "media", "S3Region": "us-east-1", "S3Object": "in/walk.mp4"}
    keys = {"S3SecretId": "AKIAexample", "S3SecretKey": "s3-secret-example"}
    body = body_of(InputInfo={"Type": "AWS-S3", "S3InputInfo": s3 | keys}, **notify(f"{receiver.url}/mps"))
    assert mps.refusal("ProcessMedia", **body) == "ResourceNotFound.DownloadError"
    stub.console("config", {"mps": {"s3_buckets": {"media": "clips"}}})
    task_id = mps.submit(**body)
    assert mps.final(task_id)["WorkflowTask"]["InputInfo"]["S3InputInfo"]["S3SecretKey"] == "s3-secret-example"
    output = mps_task(receiver.of(task_id)[0])["MediaProcessResultSet"][0]["TranscodeTask"]["Output"]
    assert output["OutputStorage"]["S3OutputStorage"]["S3Bucket"] == "media"
    shown = json.dumps(stub.console("tasks?limit=1"))
    assert not any(secret in shown for secret in ("AKIAexample", "s3-secret-example", NOTIFY_KEY))


def test_secrets_of_schedules_survive_what_the_console_shows(mps, stub) -> None:
    shown = stub.console("config")
    assert NOTIFY_KEY not in json.dumps(shown)
    stub.console("config", shown)
    task = mps.submit(**body_of(ScheduleId=24))
    assert mps.detail(task)["TaskNotifyConfig"]["NotifyKey"] == NOTIFY_KEY


def test_faults_of_the_api(mps, stub) -> None:
    stub.console("faults", {"mps_error": "RequestLimitExceeded"})
    assert mps.refusal("ProcessMedia", **body_of()) == "RequestLimitExceeded"
    stub.console("faults", {"api_http_status": 503})
    assert stub.request("POST", "/", b"")[0] == 503
    stub.console("faults", {"api_garbage": True})
    assert mps.refusal("ProcessMedia", **body_of(SessionId="lost")) == "JSONDecodeError"
    stub.console("faults", {})
    assert mps.refusal("ProcessMedia", **body_of(SessionId="lost")) == "InvalidParameterValue.SessionId"


def test_a_part_can_fail_on_purpose(mps, stub, receiver) -> None:
    stub.console("faults", {"failed_sub_tasks": ["animatedGraphic", "transcode_1010"]})
    body = body_of(MediaProcessTask=ALL, OutputDir="/partial/", **notify(f"{receiver.url}/mps"))
    task_id = mps.submit(**body)
    results = mps_task(receiver.of(task_id)[0])["MediaProcessResultSet"]
    states = [next(value["Status"] for value in each.values() if isinstance(value, dict)) for each in results]
    assert states == ["SUCCESS", "FAIL", "FAIL", "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS"]
    failed = results[2]["AnimatedGraphicTask"]
    assert (failed["ErrCode"], failed["ErrCodeExt"], failed["Output"]) == (30010, "InternalError", None)
    paths = [f"/partial/walk_transcode_{name}" for name in ("1010.mp3", "100010.mp4")]
    assert [stub.request("GET", path, headers={"Host": HOST})[0] for path in paths] == [404, 200]
    stub.console("faults", {"failed_sub_tasks": [""]})
    none = mps.final(mps.submit(**body_of(MediaProcessTask=ALL)))["WorkflowTask"]
    assert (none["ErrCode"], {each["Type"] for each in none["MediaProcessResultSet"]}) == (0, set(TYPE_NAMES))


def test_a_task_can_fail_on_purpose(mps, stub) -> None:
    stub.console("faults", {"task_error": 40000})
    assert mps.final(mps.submit())["WorkflowTask"]["ErrCode"] == 40000


@pytest.mark.parametrize(("lie", "status"), [("fail", "FAIL"), ("success", "SUCCESS")])
def test_a_callback_can_lie(mps, stub, receiver, lie: str, status: str) -> None:
    true = ["transcode_100010"] if lie == "success" else []
    stub.console("faults", {"callback_lie": lie, "failed_sub_tasks": true})
    for body in (body_of(), body_of(ScheduleId=24)):
        task_id = mps.submit(**body, **notify(f"{receiver.url}/mps"))
        assert f'"{status}"' in json.dumps(receiver.of(task_id)[0])
        stated = mps.final(task_id)
        assert stated["Status"] == "FINISH"


def test_callbacks_can_be_dropped_copied_cut_and_signed_wrongly(mps, stub, receiver) -> None:
    stub.console("faults", {"drop_callbacks": True})
    dropped = mps.submit(**body_of(**notify(f"{receiver.url}/mps")))
    mps.final(dropped)
    stub.console("faults", {"callback_copies": 2, "callback_wrong_sign": True})
    forged = receiver.of(mps.submit(**body_of(**notify(f"{receiver.url}/mps"))), 2)
    assert forged[0] == forged[1]
    assert not is_signed(forged[0]["Timestamp"], forged[0]["Sign"], [NOTIFY_KEY], datetime.now(UTC))
    assert receiver.seen(dropped) == []


def test_a_timestamp_is_ten_minutes_ahead_and_no_key_signs_nothing(mps, receiver) -> None:
    (sent,) = receiver.of(mps.submit(**body_of(**notify(f"{receiver.url}/mps", NotifyKey=""))))
    ahead = datetime.fromtimestamp(sent["Timestamp"], UTC) - datetime.now(UTC)
    assert timedelta(minutes=9) < ahead <= timedelta(minutes=10)
    assert sent["Sign"] == ""


def test_odd_forms_of_answers_and_callbacks(mps, stub, receiver) -> None:
    forms = ["zero_definition", "no_error_ext", "no_progress", "no_nulls", "wrapped"]
    stub.console("faults", {"odd_forms": forms})
    task_id = mps.submit(**body_of(**notify(f"{receiver.url}/mps")))
    (sent,) = receiver.of(task_id)
    assert list(sent) == ["Response"]
    (result,) = mps_task(sent)["MediaProcessResultSet"]
    assert result.keys() == {"TranscodeTask", "Type"}
    assert not {"Progress", "ErrCodeExt"} & result["TranscodeTask"].keys()
    assert (result["TranscodeTask"]["Input"]["Definition"], result["TranscodeTask"]["Output"]["Definition"]) == (10, 0)
    stub.console("faults", {"odd_forms": ["empty_error_ext", "zero_progress", "text_numbers"]})
    (result,) = mps.detail(task_id)["WorkflowTask"]["MediaProcessResultSet"]
    shown = result["TranscodeTask"]
    assert (shown["ErrCodeExt"], shown["Progress"], shown["Output"]["Definition"]) == ("", 0, "10")
