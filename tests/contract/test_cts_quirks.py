"""What the documents leave open or print in two ways, one by one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mediarelay.domain.tasks.facts import Facts, Fault, Place, Rendition
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.errors import Malformed
from mediarelay.providers.cts.parse import parse_callback, parse_envelope, parse_query, parse_submitted

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
    assert rendition("audio", Kind.AUDIO, name=None).name == ""


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


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2016-13-01 00:00:00", "2016-12-31 23:59:60", "23:59:59", "0", "1482498702", "20161223"),
        *("0001-01-01 00:00:00", "0001-01-02T00:00:00Z", "1970-01-01 08:00:00", "9999-12-31 23:59:59"),
        *("2016-12-23 21:11:42+99:00", "2016-12-23 21:11:42 CST", 0, 1482498702, 1482498702.5, True, False, ["x"]),
    ],
)
def test_times_that_are_not_known(text: object) -> None:
    facts = query(create_time=text, update_time=text)
    assert (facts.created_at, facts.updated_at, facts.unreadable) == (None, None, ("create_time", "update_time"))


def test_unknown_fields_are_ignored() -> None:
    assert query(surprise={"deep": [1]}, vod_id=3) == query()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"vid": "a b"}, "vid"),
        ({"vid": None}, "vid"),
        ({"vid": 12}, "vid"),
        ({"vid": "x" * 129}, "vid"),
        ({"app_id": "x"}, "app_id"),
        ({"app_id": -1}, "app_id"),
        ({"app_id": False}, "app_id"),
        ({"app_id": 1.5}, "app_id"),
        ({"url": ["a"]}, "url"),
        ({"url": "\ud800"}, "url"),
        ({"bucket_name": {"a": 1}}, "bucket_name"),
    ],
)
def test_an_identity_that_is_stated_unreadably_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        query(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"size": -1}, "size"),
        ({"size": "many"}, "size"),
        ({"size": True}, "size"),
        ({"size": 2**60}, "size"),
        ({"size": 12345.5}, "size"),
        ({"size": "1_000"}, "size"),
        ({"size": float("inf")}, "size"),
        ({"duration": False}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": "600s"}, "duration"),
        ({"bitrate": "N/A"}, "bitrate"),
        ({"bitrate": -91}, "bitrate"),
        ({"fps": "30000/1001"}, "fps"),
        ({"fps": "29.97 fps"}, "fps"),
        ({"width": [1]}, "width"),
        ({"HasAudioStream": "maybe"}, "HasAudioStream"),
        ({"HasVideoStream": 2}, "HasVideoStream"),
        ({"name": 1.5}, "name"),
        ({"v_type": False}, "v_type"),
        ({"rotation": "\ud800"}, "rotation"),
        ({"bucket_region": ["sh"]}, "bucket_region"),
        ({"result": 3}, "result"),
        ({"result": [{"dst": {}}, {"video": {}}]}, "result"),
        ({"result": {"video": "f10"}}, "result.video"),
        ({"result": {"video": {"info": "f10"}}}, "result.video.info"),
        ({"result": {"video": {"info": [7, {"fps": 25}]}}}, "result.video.info"),
        ({"result": {"video": {"dst": {"app_id": "x"}}}}, "result.video.dst.app_id"),
        ({"result": {"dst": "there"}}, "result.dst"),
        ({"error_code": {"a": 1}}, "error_code"),
        ({"error_msg": ["fine", "\ud800"]}, "error_msg"),
    ],
)
def test_a_side_field_that_cannot_be_read_is_not_known_and_named(fields: dict[str, Any], field: str) -> None:
    facts = query(**fields)
    assert facts.unreadable == (field,)
    plain = query(error_msg="fine") if "error_msg" in fields else query()
    assert (facts.state, facts.source, facts.renditions, facts.faults) == (
        *(plain.state, plain.source, plain.renditions, plain.faults),
    )


@pytest.mark.parametrize(
    ("info", "field", "known"),
    [
        ({"path": [1, "/b"]}, "path", {"paths": ("/b",)}),
        ({"path": "/\udfff"}, "path", {"paths": ()}),
        ({"name": ["f10"]}, "name", {"name": ""}),
        ({"fps": "N/A"}, "fps", {"fps": None}),
        ({"trans_size": 0.5}, "trans_size", {"size": None}),
        ({"bitrate": "300k"}, "bitrate", {"bitrate": None}),
    ],
)
def test_a_field_does_not_cost_its_rendition(info: dict[str, Any], field: str, known: dict[str, Any]) -> None:
    good = {"name": "f20", "path": "/g", "fps": 25}
    facts = query(result={"video": {"info": [good, {"name": "f10", "path": "/a"} | info]}})
    first, second = facts.renditions
    assert (first.name, first.paths, first.fps) == ("f20", ("/g",), 25)
    assert {name: getattr(second, name) for name in known} == known
    assert facts.unreadable == (f"result.video.info.{field}",)


def test_a_rendition_does_not_cost_the_others() -> None:
    infos: list[Any] = [None, {"name": "f10", "path": "/a"}, 7, {}, [], "", {"fps": 25}, {"name": "f20", "path": "/b"}]
    facts = query(result={"video": {"info": infos}, "gif": False, "cover": {"info": [{"name": "0_0", "path": "/c"}]}})
    assert [one.name for one in facts.renditions] == ["f10", "f20", "0_0"]
    assert facts.unreadable == ("result.gif", "result.video.info")


INFOS = [{"name": f"f{number}0", "path": "/a"} for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("infos", "names"),
    [
        (INFOS[0], ["f10"]),
        ({"1": INFOS[0], "2": INFOS[1]}, ["f10", "f20"]),
        ({"10": INFOS[2], "2": INFOS[1], "0": INFOS[0]}, ["f10", "f20", "f30"]),
        ([INFOS[0], None, INFOS[1]], ["f10", "f20"]),
        ({"1": None, "2": INFOS[1]}, ["f20"]),
    ],
)
def test_lists_as_php_and_xml_converters_print_them(infos: object, names: list[str]) -> None:
    facts = query(result={"video": {"info": infos}})
    assert ([one.name for one in facts.renditions], facts.unreadable) == (names, ())
    assert query(result=[{"video": {"info": infos}}]) == facts
    assert query(status=4, error_code={"1": 122, "2": 123}).faults == (Fault(code=122), Fault(code=123))
    cover = {"info": {"name": "0_0", "path": {"1": "/x", "2": "/y"}}}
    assert query(result={"cover": cover}).renditions[0].paths == ("/x", "/y")


@pytest.mark.parametrize(
    ("value", "size"),
    [(1000.0, 1000), ("1000", 1000), (" 1000 ", 1000), ("1000.0", 1000), ("1e3", 1000), ("+5", 5), (-0.0, None)],
)
def test_integers_as_other_languages_print_them(value: object, size: int | None) -> None:
    facts = query(size=value, app_id=value)
    assert (facts.source.size, facts.source.place.app_id, facts.unreadable) == (size, size, ())


@pytest.mark.parametrize("deleted", ["no", "NO", "false", "False", False, 0, 0.0, "0", None, "", [], {}])
def test_ways_to_say_that_a_task_is_there(deleted: object) -> None:
    assert query(deleted=deleted).state is State.SUCCEEDED


@pytest.mark.parametrize("deleted", ["yes", "Yes", "true", True, 1, 1.0, "1"])
def test_ways_to_say_that_a_task_was_deleted(deleted: object) -> None:
    assert query(deleted=deleted).state is State.SUPERSEDED


@pytest.mark.parametrize("deleted", ["perhaps", 2, -1, 0.5, ["yes"], {"a": 1}, "\ud800"])
def test_what_does_not_say_whether_a_task_was_deleted(deleted: object) -> None:
    with pytest.raises(Malformed) as caught:
        query(deleted=deleted)
    assert caught.value.field == "deleted"


@pytest.mark.parametrize("spelled", ["yes", "true", True, 1, "1"])
def test_flags_as_text_or_number(spelled: object) -> None:
    facts = callback(callback_type="trans_basic", status="success", HasVideoStream=spelled, HasAudioStream=0)
    assert (facts.source.has_video, facts.source.has_audio, facts.unreadable) == (True, False, ())


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
        (b'{"code": NaN}', "code"),
        (b'{"code": [0]}', "code"),
    ],
)
def test_envelope_out_of_form(body: bytes, field: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_envelope(body)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("body", "unreadable"),
    [
        (b'{"code": 0, "message": {"a": 1}}', ("message",)),
        (b'{"code": 0, "codeDesc": [1]}', ("codeDesc",)),
        (b'{"code": 0, "message": false, "codeDesc": 1.5, "data": {"vid": "a"}}', ("codeDesc", "message")),
    ],
)
def test_a_side_field_of_the_envelope_costs_nothing(body: bytes, unreadable: tuple[str, ...]) -> None:
    envelope = parse_envelope(body)
    assert (envelope.code, envelope.message, envelope.code_desc) == (0, "", None)
    assert envelope.unreadable == unreadable
