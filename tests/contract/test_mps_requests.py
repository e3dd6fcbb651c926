"""Requests of clients to MPS: one canonical form for all spellings, and refusals that name the field."""

import json
import warnings
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tencentcloud.mps.v20190612 import models

from mediarelay.domain.tasks.file_url import CosFile, identity, key_flaw
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.mps.requests import OUTPUT_TYPES
from mediarelay.providers.port import Account
from tests.contract.odd import JSON
from tests.contract.test_cts_fuzz import attempt
from tests.contract.test_mps_payloads import SUBMISSION, VID
from tests.hypothesis_profiles import patient, thorough

SOURCE = {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/a.mp4"}
FOREIGN = {"s3_bucket": "clips", "s3_region": "us-east-1", "s3_object": "in/a.mp4"}
WEB = {"url": "https://example.com/a.mp4?token=1"}
PLACE = {"bucket": "out-1250000000", "region": "ap-beijing"}
ACCOUNT = Account("id", "key")
FULL = Account("id", "key", "token", "https://relay.example/callbacks/mps/T", "notify", "s3id", "s3key")


def canonical(request: dict[str, Any], kind: Kind = Kind.VIDEO) -> dict[str, Any]:
    return dict(MPS.request(kind, request))


def sent(request: dict[str, Any], account: Account = ACCOUNT) -> Any:
    return MPS.submit(Kind.VIDEO, canonical(request), SUBMISSION, account).params


# ── one form ──


@pytest.mark.parametrize(
    "spelling",
    [
        {"source": SOURCE},
        {"source": SOURCE | {"object": "in/a.mp4"}},
        {"source": SOURCE | {"bucket": "CLIPS-1250000000", "region": "AP-Shanghai"}},
        {"source": SOURCE | {"region": "sh"}},
        {"url": "http://clips-1250000000.cos.ap-shanghai.myqcloud.com/in/a.mp4"},
        {"url": "http://clips-1250000000.cossh.myqcloud.com/in/%61.mp4", "bucketName": "clips", "bucketRegion": "sh"},
        {"url": "http://clips-1250000000.cossh.myqcloud.com/in/a.mp4", "bucketRegion": "ap-shanghai"},
        {"source": SOURCE, "provider": "mps", "priority": 0, "reference": "", "outputs": None, "url": None},
        {"source": SOURCE, "destination": {"bucket": "clips-1250000000", "region": "sh"}},
    ],
)
def test_spellings_of_one_request_have_one_form(spelling: dict[str, Any]) -> None:
    assert canonical(spelling) == canonical({"source": SOURCE})
    assert canonical(spelling)["source"] == SOURCE


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([20, 10, 20], [(10, "transcode"), (20, "transcode")]),
        ([20000, 20001], [(20000, "gif"), (20001, "gif")]),
        ([{"definition": 10, "type": "sprite"}, 10], [(10, "transcode"), (10, "sprite")]),
        ([{"definition": 10}, {"definition": 10, "type": "transcode"}], [(10, "transcode")]),
        (
            [{"definition": 10, "type": type_} for type_ in reversed(OUTPUT_TYPES)],
            [(10, type_) for type_ in OUTPUT_TYPES],
        ),
    ],
)
def test_outputs_have_one_order_and_none_is_made_twice(outputs: list[Any], expected: list[Any]) -> None:
    found = canonical({"source": SOURCE, "outputs": outputs})["outputs"]
    assert [(one["definition"], one["type"]) for one in found] == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.AUDIO, {"TranscodeTaskSet": [1010, 1100]}),
        (
            Kind.VIDEO,
            {"TranscodeTaskSet": [10, 20, 30, 40], "AnimatedGraphicTaskSet": [20000], "SampleSnapshotTaskSet": [10]},
        ),
    ],
)
def test_a_request_without_outputs_gets_the_usual_ones(kind: Kind, expected: dict[str, Any]) -> None:
    call = MPS.submit(kind, MPS.request(kind, {"source": SOURCE}), SUBMISSION, ACCOUNT)
    sets = call.params["MediaProcessTask"]
    assert {name: [one["Definition"] for one in entries] for name, entries in sets.items()} == expected


# ── refusals ──


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "source"),
        ({"source": {}}, "source"),
        ({"source": 7}, "source"),
        ({"source": SOURCE, "url": "http://clips-1250000000.cossh.myqcloud.com/a"}, "url"),
        ({"source": SOURCE | WEB}, "source"),
        ({"source": SOURCE | {"other": 1}}, "source.other"),
        ({"source": SOURCE, "other": 1}, "other"),
        ({"source": SOURCE, "\ud800" * 99: 1}, None),
        ({"source": SOURCE, "bucketName": "clips"}, "bucketName"),
        ({"source": SOURCE | {"bucket": "clips"}}, "source.bucket"),
        ({"source": SOURCE | {"bucket": None}}, "source"),
        ({"source": SOURCE | {"region": "a b"}}, "source.region"),
        ({"source": SOURCE | {"region": "accelerate"}}, "source.region"),
        ({"source": WEB, "destination": PLACE | {"region": "accelerate"}}, "destination.region"),
        ({"source": SOURCE, "output_dir": "/a/../b/"}, "output_dir"),
        ({"source": SOURCE, "output_dir": "/./"}, "output_dir"),
        ({"source": SOURCE, "output_dir": "/" + "\u89c6" * 300 + "/"}, "output_dir"),
        ({"source": SOURCE, "outputs": [{"definition": 20, "x" * 10**5: None}]}, f"outputs.0.{'x' * 64}"),
        ({"source": SOURCE | {"region": None}}, "source.region"),
        ({"source": SOURCE | {"object": ""}}, "source.object"),
        ({"source": SOURCE | {"object": "/"}}, "source.object"),
        ({"source": SOURCE | {"object": "/in/"}}, "source.object"),
        ({"source": SOURCE | {"object": "a/../b"}}, "source.object"),
        ({"source": SOURCE | {"object": "\ud800"}}, "source.object"),
        ({"source": SOURCE | {"object": "k" * 851}}, "source.object"),
        ({"source": SOURCE | {"object": 7}}, "source.object"),
        ({"source": FOREIGN | {"s3_bucket": "A"}}, "source.s3_bucket"),
        ({"source": FOREIGN | {"s3_object": "/"}}, "source.s3_object"),
        ({"source": FOREIGN | {"s3_object": "k" * 1025}}, "source.s3_object"),
        ({"source": WEB}, "destination"),
        ({"source": {"url": "ftp://a/b"}, "destination": PLACE}, "source.url"),
        ({"source": {"url": "https://user:pw@a/b"}, "destination": PLACE}, "source.url"),
        ({"source": {"url": "https://a/b c"}, "destination": PLACE}, "source.url"),
        ({"source": WEB, "destination": {}}, "destination"),
        ({"source": WEB, "destination": SOURCE}, "destination.object"),
        ({"source": WEB, "destination": PLACE | {"region": ""}}, "destination.region"),
        ({"url": "https://clips-1250000000.cossh.myqcloud.com/a"}, "url"),
        ({"url": 7}, "url"),
        ({"url": "http://clips-1250000000.cossh.myqcloud.com/a", "bucketName": "other"}, "bucketName"),
        ({"url": "http://clips-1250000000.cossh.myqcloud.com/a", "bucketRegion": "gz"}, "bucketRegion"),
        ({"source": SOURCE, "outputs": []}, "outputs"),
        ({"source": SOURCE, "outputs": 10}, "outputs"),
        ({"source": SOURCE, "outputs": [10] * 51}, "outputs"),
        ({"source": SOURCE, "outputs": [10, "20"]}, "outputs.1.definition"),
        ({"source": SOURCE, "outputs": [True]}, "outputs.0.definition"),
        ({"source": SOURCE, "outputs": [0]}, "outputs.0.definition"),
        ({"source": SOURCE, "outputs": [{"type": "gif"}]}, "outputs.0.definition"),
        ({"source": SOURCE, "outputs": [{"definition": 10, "type": "x"}]}, "outputs.0.type"),
        ({"source": SOURCE, "outputs": [{"definition": 10, "type": ["gif"]}]}, "outputs.0.type"),
        ({"source": SOURCE, "outputs": [{"definition": 10, "size": 1}]}, "outputs.0.size"),
        ({"source": SOURCE, "outputs": [{"definition": 10, "start": 1}]}, "outputs.0.start"),
        ({"source": SOURCE, "outputs": [{"definition": 20000, "start": -1}]}, "outputs.0.start"),
        ({"source": SOURCE, "outputs": [{"definition": 20000, "start": "1"}]}, "outputs.0.start"),
        ({"source": SOURCE, "outputs": [{"definition": 20000, "start": 2, "end": 2}]}, "outputs.0.end"),
        ({"source": SOURCE, "outputs": [{"definition": 20000, "end": True}]}, "outputs.0.end"),
        ({"source": SOURCE, "outputs": [10], "schedule": 7}, "schedule"),
        ({"source": SOURCE, "schedule": "7"}, "schedule"),
        ({"source": SOURCE, "output_dir": "out"}, "output_dir"),
        ({"source": SOURCE, "output_dir": "/a//b/"}, "output_dir"),
        ({"source": SOURCE, "reference": "x" * 1001}, "reference"),
        ({"source": SOURCE, "reference": "\ud800"}, "reference"),
        ({"source": SOURCE, "reference": 7}, "reference"),
        ({"source": SOURCE, "priority": 11}, "priority"),
        ({"source": SOURCE, "priority": 1.0}, "priority"),
    ],
)
def test_a_refusal_names_the_field(request_: dict[str, Any], field: str | None) -> None:
    with pytest.raises(Malformed) as caught:
        canonical(request_)
    assert field is None or caught.value.field == field
    assert f"{caught.value}".isascii()


@given(st.dictionaries(st.sampled_from(["source", "outputs", "schedule", "destination", "reference", "url"]), JSON))
@patient
def test_any_request_is_refused_or_canonical(request: dict[str, Any]) -> None:
    for content in (request, request | {"source": SOURCE, "url": None}):
        found, error = attempt(partial(canonical, content))
        assert error.field if error else canonical(found) == found


# ── random requests, and what the official client makes of them ──

KEYS = st.text(min_size=1, max_size=30).filter(
    lambda key: not key.startswith(("/", "\\")) and not key.endswith("/") and not key_flaw(key)
)
BUCKETS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?-[1-9][0-9]{4,9}", fullmatch=True)
REGIONS = st.sampled_from(["ap-shanghai", "ap-beijing", "sh", "gz", "na-toronto"])
S3 = st.fixed_dictionaries({"s3_bucket": st.just("clips"), "s3_region": st.just("us-east-1")})
COS = st.fixed_dictionaries({"bucket": BUCKETS, "region": REGIONS})
OUTPUTS = st.integers(1, 2**31 - 1) | st.fixed_dictionaries(
    {"definition": st.integers(1, 2**31 - 1)}, optional={"type": st.sampled_from(OUTPUT_TYPES)}
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    sources = (
        st.builds(lambda place, key: place | {"object": key}, COS, KEYS),
        st.builds(lambda place, key: place | {"s3_object": key}, S3, KEYS),
        st.just(WEB),
    )
    request: dict[str, Any] = {"source": draw(st.one_of(*sources))}
    request |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "output_dir": st.sampled_from(["/", "/out/", "/\u89c6/b c/"]),
                "reference": st.text(max_size=20).filter(lambda text: text.isprintable()),
                "priority": st.integers(-10, 10),
            },
        )
    )
    if "url" in request["source"] or draw(st.booleans()):
        request["destination"] = draw(COS | S3)
    work = draw(st.sampled_from(["outputs", "schedule", "none"]))
    if work == "outputs":
        request["outputs"] = draw(st.lists(OUTPUTS, min_size=1, max_size=5))
    return request | ({"schedule": draw(st.integers(1, 2**40))} if work == "schedule" else {})


@given(requests(), st.sampled_from([ACCOUNT, FULL]))
@thorough
def test_the_official_client_knows_every_field_that_is_sent(request: dict[str, Any], account: Account) -> None:
    params = sent(request, account)
    model = models.ProcessMediaRequest()
    # The client warns of fields that it does not know.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model._deserialize(json.loads(json.dumps(params)))
    assert without_nothing(json.loads(model.to_json_string())) == params


def without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nothing(member) for name, member in value.items() if member is not None}
    return [without_nothing(member) for member in value] if isinstance(value, list) else value


@given(requests())
@thorough
def test_a_canonical_request_is_stable_and_names_the_same_file(request: dict[str, Any]) -> None:
    found = canonical(request)
    assert canonical(found) == found
    assert canonical(json.loads(json.dumps(found))) == found
    asked = MPS.request_facts(VID, Kind.VIDEO, request)
    assert asked == MPS.request_facts(VID, Kind.VIDEO, found)
    assert asked.reference == (request.get("reference") or None)


@given(BUCKETS, REGIONS, KEYS)
@thorough
@example("clips-1250000000", "sh", "100%25 a+b#c?d.mp4")
def test_an_object_and_its_url_are_one_source(bucket: str, region: str, key: str) -> None:
    name, _, app_id = bucket.rpartition("-")
    file = CosFile(app_id=int(app_id), bucket=name, region=region, key=key)
    by_object = {"source": {"bucket": bucket, "region": region, "object": f"/{key}"}}
    assert canonical({"url": file.url}) == canonical(by_object)
    assert sent(by_object)["InputInfo"]["CosInputInfo"]["Object"] == f"/{key}"
    url = MPS.request_facts(VID, Kind.VIDEO, by_object).source.url
    assert identity(url or "") == identity(file.url)


# ── what is sent ──


def test_the_account_completes_a_submit() -> None:
    params = sent({"source": FOREIGN, "reference": "order 7", "priority": 3, "schedule": 9}, FULL)
    assert params == {
        "InputInfo": {
            "Type": "AWS-S3",
            "S3InputInfo": {
                "S3Bucket": "clips",
                "S3Region": "us-east-1",
                "S3SecretId": "s3id",
                "S3SecretKey": "s3key",
                "S3Object": "in/a.mp4",
            },
        },
        "ScheduleId": 9,
        "TaskNotifyConfig": {
            "NotifyType": "URL",
            "NotifyMode": "Finish",
            "NotifyUrl": "https://relay.example/callbacks/mps/T",
            "NotifyKey": "notify",
        },
        "TasksPriority": 3,
        "SessionId": SUBMISSION,
        "SessionContext": "order 7",
    }


def test_without_an_address_the_console_says_where_callbacks_go() -> None:
    assert "TaskNotifyConfig" not in sent({"source": SOURCE})
    config = sent({"source": SOURCE}, Account("id", "key", notify_url="https://a/"))["TaskNotifyConfig"]
    assert config == {"NotifyType": "URL", "NotifyMode": "Finish", "NotifyUrl": "https://a/"}


def test_a_url_is_sent_with_its_destination() -> None:
    params = sent({"source": WEB, "destination": PLACE, "output_dir": "/out/", "outputs": [10]})
    assert params["InputInfo"] == {"Type": "URL", "UrlInputInfo": {"Url": WEB["url"]}}
    place = {"Bucket": "out-1250000000", "Region": "ap-beijing"}
    assert params["OutputStorage"] == {"Type": "COS", "CosOutputStorage": place}
    assert params["OutputDir"] == "/out/"


def test_a_request_that_tracks_a_task_names_no_source() -> None:
    assert MPS.request_facts(VID, Kind.VIDEO, {"vid": VID}).source.url is None


@pytest.mark.parametrize(
    ("part", "sent_part"),
    [
        ({}, (0, 3)),
        ({"start": 5}, (5, 8)),
        ({"end": 2.5}, (0, 2.5)),
        ({"start": 1.5, "end": 4}, (1.5, 4)),
    ],
)
def test_an_animation_shows_a_part_of_the_source(part: dict[str, Any], sent_part: tuple[float, float]) -> None:
    (animation,) = sent({"source": SOURCE, "outputs": [{"definition": 20000, **part}]})["MediaProcessTask"][
        "AnimatedGraphicTaskSet"
    ]
    assert (animation["StartTimeOffset"], animation["EndTimeOffset"]) == sent_part


@pytest.mark.parametrize("tracked_by", [{"vid": VID}, {"vid": VID, "cos_request_id": "a", "date": "b"}])
def test_a_request_that_tracks_a_task_keeps_its_source_and_reference(tracked_by: dict[str, Any]) -> None:
    """The file binds answers to the task, so it must not be lost."""
    url = "http://clips-1250000000.cossh.myqcloud.com/in/a.mp4"
    facts = MPS.request_facts(VID, Kind.VIDEO, tracked_by | {"url": url, "reference": "order 7"})
    expected = MPS.request_facts(VID, Kind.VIDEO, {"url": url, "reference": "order 7"})
    assert (facts, facts.source.place.bucket, facts.reference) == (expected, "clips", "order 7")
    assert MPS.request_facts(VID, Kind.VIDEO, tracked_by | {"reference": "order 7"}).reference == "order 7"


def test_a_foreign_storage_has_longer_keys() -> None:
    assert canonical({"source": FOREIGN | {"s3_object": "k" * 1024}})["source"]["s3_object"] == "k" * 1024
