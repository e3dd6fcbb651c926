"""What MPS sends beside its documents: each quirk that was seen has a test, and each rule that decides something."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mediarelay.contracts.values import MAX_NUMBER
from mediarelay.domain.tasks.facts import MAX_REFERENCE, Fault, Place, RenditionKind
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.spec import TemplateSpec, VideoSpec
from mediarelay.errors import Malformed, NotATask
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from tests.contract.mps_bodies import COS, answer, claim, detail, event, result, sample, task
from tests.contract.test_mps_payloads import SCHEDULE, VID

CALLBACKS = MpsCallbacks()
SUCCESS, FAIL = result("SUCCESS"), result("FAIL", ErrCodeExt="InternalError", ErrCode=30010, Message="why")


def head(content: Any) -> Any:
    return CALLBACKS.read_head(json.dumps(content).encode())


# ── quirk 1: the outcome ──


@pytest.mark.parametrize(
    ("results", "error", "state", "partial"),
    [
        ([SUCCESS], 0, State.SUCCEEDED, False),
        ([SUCCESS, FAIL], 0, State.SUCCEEDED, True),
        ([SUCCESS, result("PROCESSING")], 0, State.SUCCEEDED, True),
        ([SUCCESS], 40000, State.SUCCEEDED, True),
        ([FAIL, FAIL], 0, State.FAILED, False),
        ([FAIL, result("PROCESSING")], 0, State.FAILED, False),
        ([], 40000, State.FAILED, False),
        ([result("PROCESSING")], 40000, State.FAILED, False),
        ([result("SUCCESS", "AnalysisTask")], 0, State.SUCCEEDED, False),
    ],
)
def test_1_finish_means_ended_and_the_outputs_tell_how(
    results: list[Any], error: int, state: State, *, partial: bool
) -> None:
    for facts in (claim(event(*results, ErrCode=error)), answer(detail(*results, ErrCode=error))):
        assert (facts.state, facts.partial) == (state, partial)
    assert head(event(*results, ErrCode=error)).claim_summary.state is state


@pytest.mark.parametrize("results", [[], [result("PROCESSING")], [result("ABORTED")], [result(None)], [{}], [None]])
def test_1_an_end_without_output_and_without_error_is_not_known(results: list[Any]) -> None:
    with pytest.raises(Malformed, match=r"WorkflowTask\.Status"):
        answer(detail(*results))
    assert head(event(*results)).claim_summary.state is None


@pytest.mark.parametrize(
    ("outer", "inner", "state"),
    [
        ("FINISH", "PROCESSING", State.TRANSCODING),
        ("PROCESSING", "FINISH", State.TRANSCODING),
        ("WAITING", "PROCESSING", State.PENDING),
        ("FINISH", "FINISH", State.SUCCEEDED),
    ],
)
def test_1_a_task_has_ended_once_both_of_its_states_say_so(outer: str, inner: str, state: State) -> None:
    assert answer(detail(SUCCESS) | {"Status": outer, "WorkflowTask": task(SUCCESS, Status=inner)}).state is state


def test_1_the_error_of_the_task_comes_before_those_of_its_outputs() -> None:
    facts = claim(event(FAIL, ErrCode=40000, Message="bad source"))
    assert facts.faults == (Fault(code=40000, message="bad source"), Fault(code="InternalError", message="why"))


# ── quirks 2 to 5 ──


@pytest.mark.parametrize("code", [{}, {"ErrCodeExt": ""}, {"ErrCodeExt": "SUCCESS"}, {"ErrCodeExt": "InternalError"}])
def test_2_the_status_decides_whether_an_output_succeeded(code: dict[str, Any]) -> None:
    facts = claim(event(result("SUCCESS", **code)))
    assert (len(facts.renditions), facts.faults, facts.unreadable) == (1, (), ())
    facts = claim(event(result("FAIL", **code)))
    assert (facts.state, len(facts.faults)) == (State.FAILED, 1)


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ({"ErrCodeExt": "InternalError", "ErrCode": 30010}, "InternalError"),
        ({"ErrCodeExt": "SUCCESS", "ErrCode": 30010}, 30010),
        ({"ErrCodeExt": "", "ErrCode": "30010"}, 30010),
        ({"ErrCode": 0}, None),
    ],
)
def test_2_an_error_has_its_new_code_or_its_old_one(codes: dict[str, Any], code: int | str | None) -> None:
    assert claim(event(result("FAIL", **codes))).faults == (Fault(code=code),)


@pytest.mark.parametrize("stated", [0, None, "0", "N/A"])
def test_3_the_requested_template_counts_if_the_output_states_none(stated: Any) -> None:
    (found,) = claim(event(result("SUCCESS", output={"Definition": stated, "Path": "/a"}))).renditions
    assert (found.definition, found.name, found.spec) == (20, "f20", VideoSpec("f20", 480))


def test_3_the_template_of_the_output_comes_first() -> None:
    (found,) = claim(event(result("SUCCESS", output={"Definition": 1010, "Path": "/a"}))).renditions
    assert (found.definition, found.name, found.spec) == (1010, "d1010", TemplateSpec(1010))


@pytest.mark.parametrize("missing", [("Progress",), ("Progress", "ErrCodeExt"), ("Channel",)])
def test_4_older_events_lack_members(missing: tuple[str, ...]) -> None:
    content = sample("callback_success")

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(one) for one in value]
        pairs = value.items() if isinstance(value, dict) else ()
        return {k: without(v) for k, v in pairs if k not in missing} if isinstance(value, dict) else value

    # The progress of a finished output is no fact that anybody sees.
    assert replace(claim(without(content)), progress=100) == claim(content)


def test_4_a_success_may_have_the_progress_0() -> None:
    assert claim(event(result("SUCCESS", Progress=0))).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("0000-00-00T00:00:00Z", None),
        ("", None),
        (None, None),
        ("2023-11-14T22:13:20Z", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-14T22:13:20", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("2023-11-15T06:13:20+08:00", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
    ],
)
def test_5_a_date_of_zeros_is_no_date(text: str | None, time: datetime | None) -> None:
    facts = answer(detail(SUCCESS) | {"CreateTime": text, "FinishTime": text})
    assert (facts.created_at, facts.updated_at, facts.unreadable) == (time, time, ())


# ── quirks 6 to 8 ──


@pytest.mark.parametrize(
    "vid",
    [
        VID,
        SCHEDULE,
        "1250000000-procedurev2-0123456789abcdef0123456789abcdeftt0",
        "2600000000-WorkflowTask-" + "a" * 41,
    ],
)
def test_6_ids_of_all_forms_are_accepted(vid: str) -> None:
    assert MPS.owns(vid)
    assert head(event(SUCCESS, TaskId=vid)).vid == vid
    assert claim(event(SUCCESS, TaskId=vid)).vid == vid


@pytest.mark.parametrize(
    "vid", ["33436479bd0de52d439d4ff8061c857f1795244735", "", None, 7, "a b-c", "-a", "a-" * 65, []]
)
def test_6_an_id_without_a_hyphen_is_another_providers(vid: Any) -> None:
    with pytest.raises(Malformed, match=r"WorkflowTaskEvent\.TaskId"):
        head(event(SUCCESS, TaskId=vid))
    with pytest.raises(Malformed, match=r"WorkflowTask\.TaskId"):
        answer(detail(SUCCESS, TaskId=vid))


def test_7_a_rotated_source_keeps_its_measures_and_its_rotation() -> None:
    source = claim(sample("callback_partial")).source
    assert (source.width, source.height, source.rotation) == (1280, 720, "90")


def test_8_bitrates_are_in_bits() -> None:
    facts = claim(sample("callback_partial"))
    assert (facts.source.bitrate, facts.renditions[0].bitrate) == (2333333, 464000)


def test_8_a_template_may_be_a_text() -> None:
    (found,) = claim(event(result("SUCCESS", output={"Definition": "10", "Path": "/a"}))).renditions
    assert (found.name, found.definition) == ("f10", 10)


# ── quirks 9 to 12 ──


def test_9_an_answer_loses_its_secrets_before_anything_reads_it() -> None:
    logged = MPS.canonical(sample("detail_finish"))
    assert b"NotifyKeyExample01" not in logged
    assert b"TOKEN" not in logged
    assert json.loads(logged)["TaskNotifyConfig"] == {"NotifyType": "URL", "NotifyMode": "Finish"}


@pytest.mark.parametrize("name", ["callback_success", "callback_schedule", "callback_source_fault"])
def test_10_a_callback_may_be_wrapped_and_may_leave_out_what_is_null(name: str) -> None:
    def stated(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stated(member) for key, member in value.items() if member is not None}
        return [stated(member) for member in value] if isinstance(value, list) else value

    content = sample(name)
    for variant in ({"Response": content}, stated(content), {"Response": stated(content)}):
        assert claim(variant) == claim(content)
        assert head(variant) == head(content)


def test_10_without_an_event_type_the_task_that_is_there_tells_it() -> None:
    for name in ("callback_success", "callback_schedule"):
        content = sample(name)
        assert claim({**content, "EventType": None}) == claim(content)


def test_11_numbers_may_be_texts() -> None:
    def spelled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: spelled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [spelled(member) for member in value]
        return str(value) if isinstance(value, int | float) else value

    for name in ("callback_success", "callback_partial", "callback_source_fault"):
        assert claim(spelled(sample(name))) == claim(sample(name))
        assert head(spelled(sample(name))) == head(sample(name))


def test_12_a_callback_states_no_times() -> None:
    facts = claim(sample("callback_success"))
    assert (facts.created_at, facts.updated_at) == (None, None)


# ── what a callback is about ──


@pytest.mark.parametrize("kind", ["EditMediaTask", "LiveStreamProcess", "x", "BatchTask"])
def test_other_events_are_no_tasks(kind: str) -> None:
    for content in ({"EventType": kind}, {"Response": {"EventType": kind, "WorkflowTaskEvent": task(SUCCESS)}}):
        with pytest.raises(NotATask):
            head(content)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "EventType"),
        ({"EventType": None, "WorkflowTaskEvent": None}, "EventType"),
        ({"EventType": 7}, "EventType"),
        ({"EventType": ""}, "EventType"),
        ({"EventType": "WorkflowTask"}, "WorkflowTaskEvent"),
        ({"EventType": "WorkflowTask", "WorkflowTaskEvent": 7}, "WorkflowTaskEvent"),
        ({"EventType": "WorkflowTask", "ScheduleTaskEvent": task(SUCCESS)}, "WorkflowTaskEvent"),
        ({"EventType": "ScheduleTask", "ScheduleTaskEvent": {"Status": "FINISH"}}, "ScheduleTaskEvent.TaskId"),
    ],
)
def test_a_callback_without_a_task_is_refused(content: Any, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        head(content)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'"x"', "body"),
        (b"\xff", "body"),
        (b"EventType=WorkflowTask", "body"),
        (b'{"EventType": "WorkflowTask", "EventType": "WorkflowTask"}', "EventType"),
        (b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}", "body"),
        (b'{"a":' * 100_000, "body"),
    ],
)
def test_a_hostile_body_is_refused(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        CALLBACKS.read_head(body)
    assert caught.value.field == field


def test_a_status_that_is_not_documented_claims_nothing() -> None:
    content = event(SUCCESS, Status="\ud800")
    assert head(content).claim_summary.state is None
    with pytest.raises(Malformed, match=r"WorkflowTaskEvent\.Status"):
        claim(content)


@pytest.mark.parametrize("kind", ["LiveStreamProcessTask", "EditMediaTask"])
def test_an_answer_about_another_type_of_task_is_refused(kind: str) -> None:
    with pytest.raises(Malformed, match="TaskType"):
        answer({**detail(SUCCESS), "TaskType": kind})


def test_an_end_without_its_task_is_not_known() -> None:
    with pytest.raises(Malformed, match=r"WorkflowTask\.Status"):
        answer({"TaskType": "WorkflowTask", "Status": "FINISH", "WorkflowTask": None})


# ── whose file it is ──


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Bucket", 7),
        ("Bucket", "clips"),
        ("Bucket", "clips-0"),
        ("Bucket", ["clips-1250000000"]),
        ("Object", 7),
        ("Object", "\ud800"),
        ("Object", {"a": 1}),
    ],
)
def test_an_owner_that_is_stated_unreadably_is_refused(field: str, value: Any) -> None:
    content = {"CosInputInfo": COS["CosInputInfo"] | {field: value}}  # type: ignore[operator]
    with pytest.raises(Malformed, match=field):
        answer(detail(SUCCESS, InputInfo=content))
    summary = head(event(SUCCESS, InputInfo=content)).claim_summary
    assert (summary.app_id, summary.bucket, summary.url) == (None, None, None)


@pytest.mark.parametrize(
    "key",
    ["a b.mp4", "100%.mp4", "100%25.mp4", "a+b#c?d.mp4", "\u89c6\u9891.mp4", "a//b.mp4", "a&b=c.mp4", "\U0001f600"],
)
def test_odd_keys_name_the_same_file_everywhere(key: str) -> None:
    source = {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": f"/{key}"}
    content = {"CosInputInfo": {"Bucket": source["bucket"], "Region": source["region"], "Object": f"/{key}"}}
    stated = answer(detail(SUCCESS, InputInfo=content)).source
    asked = MPS.request_facts(VID, Kind.VIDEO, {"source": source}).source
    assert (stated.url, stated.path, stated.place) == (asked.url, asked.path, asked.place)
    assert asked.path == f"/{key}"
    assert MPS.request(Kind.VIDEO, {"url": asked.url}) == MPS.request(Kind.VIDEO, {"source": source})


def test_a_url_and_a_foreign_storage_are_sources_too() -> None:
    web = "https://example.com/a%20b.mp4?token=1"
    foreign = {"S3Bucket": "clips", "S3Region": "us-east-1", "S3Object": "in/a b%.mp4"}
    assert claim(event(SUCCESS, InputInfo={"Type": "URL", "UrlInputInfo": {"Url": web}})).source.url == web
    source = claim(event(SUCCESS, InputInfo={"Type": "AWS-S3", "S3InputInfo": foreign})).source
    assert (source.url, source.path) == ("s3://clips/in/a%20b%25.mp4", "/in/a b%.mp4")
    assert source.place == Place(bucket="clips", region="us-east-1")
    requested = {"s3_bucket": "clips", "s3_region": "us-east-1", "s3_object": "in/a b%.mp4"}
    assert MPS.request_facts(VID, Kind.VIDEO, {"source": requested}).source.url == source.url


# ── kinds, outputs, and what the provider repeats ──


@pytest.mark.parametrize(
    ("streams", "kind"),
    [
        ({"VideoStreamSet": [{"Codec": "h264"}], "AudioStreamSet": []}, Kind.VIDEO),
        ({"VideoStreamSet": [], "AudioStreamSet": [{"Codec": "mp3"}]}, Kind.AUDIO),
        ({"VideoStreamSet": None, "AudioStreamSet": [{"Codec": "mp3"}]}, Kind.AUDIO),
        ({}, None),
        (None, None),
    ],
)
def test_the_streams_of_the_source_tell_the_kind(streams: Any, kind: Kind | None) -> None:
    assert head(event(SUCCESS, MetaData=streams)).kind is kind
    for default in Kind:
        body = json.dumps(event(SUCCESS, MetaData=streams)).encode()
        assert MPS.claim_facts(VID, default, body).kind is (kind or default)


@pytest.mark.parametrize(
    ("member", "output", "kind", "paths"),
    [
        ("TranscodeTask", {"Path": "/a.mp4", "VideoStreamSet": [{}]}, RenditionKind.VIDEO, ("/a.mp4",)),
        ("TranscodeTask", {"Path": "/a.mp3", "AudioStreamSet": [{"Codec": "mp3"}]}, RenditionKind.AUDIO, ("/a.mp3",)),
        ("AnimatedGraphicTask", {"Path": "/a.gif"}, RenditionKind.GIF, ("/a.gif",)),
        (
            "SnapshotByTimeOffsetTask",
            {"PicInfoSet": [{"Path": "/1"}, {"Path": "/2"}]},
            RenditionKind.COVER,
            ("/1", "/2"),
        ),
        ("SampleSnapshotTask", {"ImagePathSet": ["/1", "/2"]}, RenditionKind.COVER, ("/1", "/2")),
        ("ImageSpriteTask", {"ImagePathSet": ["/1"], "WebVttPath": "/v"}, RenditionKind.SPRITE, ("/1", "/v")),
        ("AdaptiveDynamicStreamingTask", {"Path": "/a.m3u8"}, RenditionKind.STREAM, ("/a.m3u8",)),
    ],
)
def test_each_type_of_output(member: str, output: Any, kind: RenditionKind, paths: tuple[str, ...]) -> None:
    (found,) = claim(event(result("SUCCESS", member, output))).renditions
    assert (found.kind, found.paths, found.dst) == (
        kind,
        paths,
        Place(app_id=1250000000, bucket="clips", region="ap-shanghai"),
    )
    assert found.name == ("f20" if member == "TranscodeTask" else "d20")


def test_an_output_lies_where_its_storage_says() -> None:
    cos = {"Type": "COS", "CosOutputStorage": {"Bucket": "out-7", "Region": "ap-beijing"}}
    foreign = {"Type": "AWS-S3", "S3OutputStorage": {"S3Bucket": "out", "S3Region": "us-east-1"}}
    for storage, place in (
        (cos, Place(app_id=7, bucket="out", region="ap-beijing")),
        (foreign, Place(bucket="out", region="us-east-1")),
    ):
        (found,) = claim(event(result("SUCCESS", output={"Path": "/a", "OutputStorage": storage}))).renditions
        assert found.dst == place


def test_an_output_without_a_name_and_a_path_is_left_out() -> None:
    facts = claim(event(SUCCESS, {"TranscodeTask": {"Status": "SUCCESS", "Output": {"Size": 7}}}))
    assert (len(facts.renditions), facts.unreadable) == (
        1,
        ("WorkflowTaskEvent.MediaProcessResultSet.TranscodeTask.Output",),
    )


def test_only_outputs_that_succeeded_are_renditions() -> None:
    output = {"Path": "/half.mp4"}
    facts = claim(event(SUCCESS, *(result(status, output=output) for status in ("FAIL", "PROCESSING", "x"))))
    assert [one.paths for one in facts.renditions] == [("/out/a.mp4",)]


def test_what_the_client_and_the_submit_stated_comes_back() -> None:
    content = {**detail(SUCCESS), "SessionId": "1f", "SessionContext": "r" * MAX_REFERENCE}
    facts = answer(content)
    assert (facts.submission, facts.reference) == ("1f", "r" * MAX_REFERENCE)
    facts = answer({**content, "SessionId": "1" * 51, "SessionContext": "r" * (MAX_REFERENCE + 1)})
    assert (facts.submission, facts.reference, facts.unreadable) == (None, None, ("SessionContext", "SessionId"))


@pytest.mark.parametrize("value", [MAX_NUMBER + 1, -1, "x", 1.5, True])
def test_a_measure_that_cannot_be_read_costs_only_itself(value: Any) -> None:
    content = sample("callback_partial")
    content["WorkflowTaskEvent"]["MetaData"]["Size"] = value
    facts = claim(content)
    assert (facts.source.size, facts.source.width) == (None, 1280)
    assert facts.unreadable == ("WorkflowTaskEvent.MetaData.Size",)


# ── the signature of a callback ──

KEYS, NOW = ("NotifyKeyExample01",), datetime.fromtimestamp(1700000000, UTC)


def test_a_callback_is_admitted_if_one_of_the_keys_signed_it() -> None:
    signature = head(sample("callback_success")).signature
    assert CALLBACKS.admits(signature, ("other", *KEYS), NOW)
    assert not CALLBACKS.admits(signature, ("other",), NOW)
    assert not CALLBACKS.admits(None, KEYS, NOW)
    assert CALLBACKS.admits(None, (), NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"Sign": None},
        {"Sign": 7},
        {"Sign": "\u00e9"},
        {"Sign": ""},
        {"Timestamp": None},
        {"Timestamp": "x"},
        {"Sign": "0" * 500},
    ],
)
def test_a_signature_that_is_missing_or_odd_admits_nobody(change: dict[str, Any]) -> None:
    signature = head(sample("callback_success") | change).signature
    assert not CALLBACKS.admits(signature, KEYS, NOW)


def test_redaction_keeps_what_the_signature_needs() -> None:
    content = sample("callback_success") | {"TaskNotifyConfig": {"NotifyKey": KEYS[0]}}
    body = CALLBACKS.redact(json.dumps(content).encode())
    assert CALLBACKS.admits(CALLBACKS.read_head(body).signature, KEYS, NOW)
