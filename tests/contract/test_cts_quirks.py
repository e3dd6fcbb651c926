"""What the documents leave open or print in two ways, one by one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mediarelay.contracts.cts import parse_callback, parse_envelope, parse_query, parse_submitted
from mediarelay.domain.media import Facts, Fault, Kind, Place, Rendition, State
from mediarelay.errors import Malformed

VID = "963f1d4048dfdfad362d9b94e922d5691482498702"
HOME: dict[str, Any] = {"app_id": 7, "bucket_name": "home", "bucket_region": "sh"}


def query(kind: Kind = Kind.VIDEO, **fields: Any) -> Facts:
    return parse_query(kind, {"vid": VID, "status": 5, **fields})


def callback(kind: Kind = Kind.VIDEO, **fields: Any) -> Facts:
    return parse_callback(kind, json.dumps({"vid": VID, **fields}).encode())


def rendition(group: str, kind: Kind = Kind.VIDEO, result: dict[str, Any] | None = None, **info: Any) -> Rendition:
    fields = {"name": "f10", "path": "/a.mp4", **info}
    (only,) = query(kind, **HOME, result={group: {"info": [fields]}, **(result or {})}).renditions
    return only


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("spell", [int, str, float])
def test_status_as_number_or_text(number: int, spell: type) -> None:
    states = [State.PENDING, State.PROBED, State.TRANSCODING, State.FAILED, State.SUCCEEDED]
    assert query(status=spell(number)).state is states[number - 1]


@pytest.mark.parametrize("status", [0, 6, -1, "", None, "success", 1.5, True, [], [5], {}, 2**80])
def test_a_status_out_of_the_list_is_refused(status: object) -> None:
    with pytest.raises(Malformed) as caught:
        query(status=status)
    assert caught.value.field == "status"


@pytest.mark.parametrize("status", [1, 2, 3, 4, 5, None, 99])
def test_deleted_supersedes_whatever_the_status(status: object) -> None:
    assert query(status=status, deleted="yes").state is State.SUPERSEDED


def test_not_deleted() -> None:
    assert {query(deleted=deleted).state for deleted in ("no", None, "")} == {State.SUCCEEDED}
    with pytest.raises(Malformed, match="deleted"):
        query(deleted="perhaps")


@pytest.mark.parametrize(
    ("codes", "messages", "expected"),
    [
        (None, None, ()),
        (0, "", ()),
        ("0", None, ()),
        ([], [], ()),
        (122, "no gif", (Fault(code=122, message="no gif"),)),
        ("122", None, (Fault(code=122),)),
        (None, "broken", (Fault(message="broken"),)),
        ([122, 123], ["a", "b"], (Fault(code=122, message="a"), Fault(code=123, message="b"))),
        ([122, 123], ["a"], (Fault(code=122, message="a"), Fault(code=123))),
        ([122], ["a", "b"], (Fault(code=122, message="a"), Fault(message="b"))),
        ("E_IO", "x", (Fault(code="E_IO", message="x"),)),
        ("-3", "x", (Fault(code=-3, message="x"),)),
        ("9" * 30, None, (Fault(code="9" * 30),)),
    ],
)
def test_errors_scalar_null_or_parallel(codes: object, messages: object, expected: tuple[Fault, ...]) -> None:
    assert query(status=4, error_code=codes, error_msg=messages).faults == expected
    detail = {"error_code": codes, "error_msg": messages}
    assert callback(status="fail", detail=detail).faults == expected


def test_region_under_either_name() -> None:
    assert query(region="gz").source.place.region == "gz"
    assert query(bucket_region="sh", region="gz").source.place.region == "sh"
    assert query(bucket_region=None, region="gz").source.place.region == "gz"


def test_rendition_name_under_either_name() -> None:
    assert rendition("audio", Kind.AUDIO, name=None, trans_name="0_ape").name == "0_ape"
    with pytest.raises(Malformed) as caught:
        rendition("audio", Kind.AUDIO, name=None)
    assert caught.value.field == "result.audio.info.0"


def test_bitrate_units() -> None:
    assert query(bitrate=187).source.bitrate == 187 * 1024
    assert query(bitrate="187.5").source.bitrate == 192_000
    assert rendition("video", bitrate=300).bitrate == 300 * 1024
    assert rendition("audio", Kind.AUDIO, bitrate=191_488).bitrate == 191_488
    assert rendition("audio", Kind.AUDIO, bitrate=0).bitrate is None


def test_zero_is_not_known() -> None:
    facts = query(size=0, duration=0, width="0", height=0, bitrate=0)
    assert facts.source == query().source
    assert rendition("video", trans_size=0).size is None


@pytest.mark.parametrize("group", ["video", "gif", "cover"])
@pytest.mark.parametrize(
    ("path", "paths"), [("/a", ("/a",)), (["/a", "/b"], ("/a", "/b")), ([], ()), (None, ()), ("", ())]
)
def test_path_as_text_or_list(group: str, path: object, paths: tuple[str, ...]) -> None:
    assert rendition(group, name="0_0", path=path).paths == paths


def test_destination_defaults_to_the_source() -> None:
    home = Place(app_id=7, bucket="home", region="sh")
    assert rendition("video").dst == home
    assert rendition("gif", result={"dst": {"bucket_name": "away"}}).dst == Place(app_id=7, bucket="away", region="sh")
    group = {"info": [{"name": "f10", "path": "/a"}], "dst": {"bucket_region": "gz", "app_id": "8"}}
    (only,) = query(**HOME, result={"video": group, "dst": {"bucket_name": "away"}}).renditions
    assert only.dst == Place(app_id=8, bucket="away", region="gz")


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_groups_that_are_not_there(nothing: object) -> None:
    assert query(result=nothing).renditions == ()
    assert query(result={"gif": nothing, "cover": nothing, "video": nothing}).renditions == ()
    assert query(result={"video": {"info": nothing, "dst": nothing}}).renditions == ()
    assert callback(status="fail", detail=nothing).state is State.FAILED


def test_a_task_has_the_renditions_of_its_kind() -> None:
    groups = {"video": {"info": [{"name": "f10", "path": "/a"}]}, "audio": {"info": [{"name": "1_mp3", "path": "/b"}]}}
    assert [only.name for only in query(Kind.VIDEO, result=groups).renditions] == ["f10"]
    assert [only.name for only in query(Kind.AUDIO, result=groups).renditions] == ["1_mp3"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-12-23 21:11:42", datetime(2016, 12, 23, 13, 11, 42, tzinfo=UTC)),
        ("2017-01-01 07:59:59", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2016-12-23T21:11:42Z", datetime(2016, 12, 23, 21, 11, 42, tzinfo=UTC)),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc(text: object, moment: datetime | None) -> None:
    facts = query(create_time=text, update_time=text)
    assert (facts.created_at, facts.updated_at) == (moment, moment)
    assert facts.created_at is None or facts.created_at.tzinfo is UTC


@pytest.mark.parametrize("text", ["yesterday", "2016-13-01 00:00:00", "0001-01-01 00:00:00", 1482498702, True, []])
def test_times_that_are_none(text: object) -> None:
    with pytest.raises(Malformed) as caught:
        query(create_time=text)
    assert caught.value.field == "create_time"


def test_unknown_fields_are_ignored() -> None:
    assert query(surprise={"deep": [1]}, vod_id=3) == query()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"vid": "a b"}, "vid"),
        ({"vid": None}, "vid"),
        ({"vid": 12}, "vid"),
        ({"vid": "x" * 65}, "vid"),
        ({"size": -1}, "size"),
        ({"size": "many"}, "size"),
        ({"size": True}, "size"),
        ({"size": 2**60}, "size"),
        ({"size": 1e400}, "size"),
        ({"duration": float("nan")}, "duration"),
        ({"app_id": "x"}, "app_id"),
        ({"url": ["a"]}, "url"),
        ({"url": "\ud800"}, "url"),
        ({"result": {"video": {"info": [{"name": "f10"}]}}}, "result.video.info.0.path"),
        ({"result": {"video": {"info": [{"name": "f10", "path": [1]}]}}}, "result.video.info.0.path.0"),
        ({"result": {"video": {"info": "f10"}}}, "result.video.info"),
        ({"result": {"video": {"info": [], "dst": {"app_id": []}}}}, None),
        ({"result": {"video": {"dst": {"app_id": "x"}}}}, "result.video.dst.app_id"),
        ({"result": 3}, "result"),
        ({"error_code": {"a": 1}}, "error_code.0"),
        ({"error_msg": ["fine", "\ud800"]}, "error_msg.1"),
        ({"result": {"gif": {"info": [{"name": "0_0", "path": "/\udfff"}]}}}, "result.gif.info.0.path.0"),
    ],
)
def test_bad_fields_are_named(fields: dict[str, Any], field: str | None) -> None:
    if field is None:
        query(**fields)
        return
    with pytest.raises(Malformed) as caught:
        query(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize("data", [None, [], "vid", 3])
def test_data_that_is_no_object(data: Any) -> None:
    for read in (lambda: parse_query(Kind.VIDEO, data), lambda: parse_submitted(data)):
        with pytest.raises(Malformed) as caught:
            read()
        assert caught.value.field == "data"


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"callback_type": "trans_basic", "status": "success"}, State.PROBED),
        ({"callback_type": "trans_basic", "status": "fail", "detail": {}}, State.FAILED),
        ({"fail_msg": "", "status": "success"}, State.PROBED),
        ({"size": 1, "status": "success"}, State.PROBED),
        ({"callback_type": "trans_result", "status": "success"}, State.SUCCEEDED),
        ({"callback_type": "trans_result", "status": "fail"}, State.FAILED),
        ({"detail": None, "status": "fail"}, State.FAILED),
        ({"detail": {}, "size": 1, "status": "success"}, State.SUCCEEDED),
        ({"callback_type": "", "detail": {}, "status": "success"}, State.SUCCEEDED),
    ],
)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_callback_states_what_its_form_says(kind: Kind, fields: dict[str, Any], state: State) -> None:
    facts = callback(kind, **fields)
    assert (facts.kind, facts.state) == (kind, state)


@pytest.mark.parametrize("status", ["SUCCESS", "failed", "", None, 5, 2, True, ["success"]])
@pytest.mark.parametrize("form", [{"detail": {}}, {"fail_msg": ""}])
def test_a_callback_status_out_of_the_list(status: object, form: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        callback(status=status, **form)
    assert caught.value.field == "status"


def test_a_basic_failure_says_why() -> None:
    assert callback(status="fail", fail_msg="cannot be read").faults == (Fault(message="cannot be read"),)


@pytest.mark.parametrize(
    ("status", "state"),
    [("0", State.PENDING), ("1", State.TRANSCODING), ("2", State.SUCCEEDED), ("3", State.FAILED), ("4", None)],
)
def test_console_states(status: str, state: State | None) -> None:
    body = f"vid={VID}&status={status}&playurl=http%3A%2F%2Fa%2Fb&title=%FF".encode()
    if state is None:
        with pytest.raises(Malformed, match="status"):
            parse_callback(Kind.VIDEO, body)
    else:
        assert parse_callback(Kind.VIDEO, body) == Facts(vid=VID, kind=Kind.VIDEO, state=state)


def test_console_without_a_task_is_refused_by_name() -> None:
    with pytest.raises(Malformed, match="names no task") as caught:
        parse_callback(Kind.VIDEO, b"playurl=http%3A%2F%2Fa&vid=&status=2&up_time=1482498702")
    assert caught.value.field == "vid"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"code": "5100", "message": "(9111)not enabled", "codeDesc": 9110}, (5100, "(9111)not enabled", "9110", 9111)),
        ({"code": 4100, "message": "(100004)secret", "codeDesc": "X"}, (4100, "(100004)secret", "X", 100004)),
        ({"code": 0}, (0, "", None, None)),
        ({"code": 0.0, "message": None, "codeDesc": None, "data": None}, (0, "", None, None)),
        ({"code": -1, "message": "see (9111)", "data": []}, (-1, "see (9111)", None, None)),
        ({"code": 6000, "message": "()", "data": ""}, (6000, "()", None, None)),
    ],
)
def test_envelope(answer: dict[str, Any], expected: tuple[object, ...]) -> None:
    envelope = parse_envelope(json.dumps(answer).encode())
    assert (envelope.code, envelope.message, envelope.code_desc, envelope.module_code) == expected
    assert envelope.data is None


def test_envelope_data_is_passed_on_as_it_is() -> None:
    assert parse_envelope(b'{"code": 0, "data": {"vid": "a", "new": [1]}}').data == {"vid": "a", "new": [1]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"<html>Bad gateway</html>", "body"),
        (b"", "body"),
        (b"[]", "body"),
        (b"{}", "code"),
        (b'{"code": null}', "code"),
        (b'{"code": true}', "code"),
        (b'{"code": "x"}', "code"),
        (b'{"code": 1e300}', "code"),
        (b'{"code": 9999999999}', "code"),
        (b'{"code": 0, "data": "x"}', "data"),
        (b'{"code": 0, "data": [1]}', "data"),
        (b'{"code": 0, "code": 1}', "code"),
        (b'{"code": NaN}', "body"),
        (b'{"code": 0, "message": {"a": 1}}', "message"),
        (b'{"code": 0, "codeDesc": [1]}', "codeDesc"),
    ],
)
def test_envelope_out_of_form(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_envelope(body)
    assert caught.value.field == field
