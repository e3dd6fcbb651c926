"""The shapes of MPS against the provider's: every member of a sample, and no other, and the official models."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.mps.v20190612 import models

from engine.decode import decode
from engine.model import FailedOutput, Flaw, MediaFacts, Output, OutputKind, Status, Task
from engine.mps.answers import callback, claim, detail, iso_time, row
from engine.mps.api import envelope, failure
from engine.mps.odd import make_odd
from engine.mps.requests import Outputs, ProcessMedia, Schedule, without_nulls
from engine.mps.tasks import make_task
from tests.unit.engine.mps_client import members
from tests.unit.engine.test_mps_tasks import CONFIG
from tests.unit.engine.test_payloads import FACTS

SAMPLES = Path(__file__).parents[2] / "contract" / "payloads" / "mps"
REQUEST = {
    "TranscodeTaskSet": [{"Definition": 100010}],
    "AnimatedGraphicTaskSet": [{"Definition": 20000, "StartTimeOffset": 0, "EndTimeOffset": 3}],
    "SnapshotByTimeOffsetTaskSet": [{"Definition": 10, "ExtTimeOffsetSet": ["1.5s"]}],
    "SampleSnapshotTaskSet": [{"Definition": 10}],
    "AdaptiveDynamicStreamingTaskSet": [{"Definition": 10}],
    "ImageSpriteTaskSet": [{"Definition": 10}],
}


def output(kind: OutputKind, name: str, *paths: str, facts: MediaFacts | None = None, **changes: Any) -> Output:
    return Output(kind=kind, name=name, paths=paths, size=5, facts=facts, **changes)


OUTPUTS = (
    output(OutputKind.VIDEO, "transcode_100010", "/a", facts=FACTS),
    output(OutputKind.GIF, "animatedGraphic_20000", "/b", times=(0.0, 3.0), format="gif"),
    output(OutputKind.COVER, "snapshotByOffset_10", "/c", times=(1.5,)),
    output(OutputKind.COVER, "sampleSnapshot_10", "/d", "/e"),
    output(OutputKind.SPRITE, "imageSprite_10", "/f", "/g", count=100),
    output(OutputKind.STREAM, "adaptiveDynamicStreaming_10", "/h", "/i"),
)
NOTIFY = {"NotifyType": "URL", "NotifyMode": "Finish", "NotifyUrl": "http://x", "NotifyKey": "k"}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def task(**changes: Any) -> Task:
    body = sample("submit_request") | {"MediaProcessTask": REQUEST, "TaskNotifyConfig": NOTIFY}
    made = make_task(decode(ProcessMedia, without_nulls(body)), CONFIG, 1700000000.0)
    ended: dict[str, Any] = {"status": Status.SUCCEEDED, "facts": FACTS, "outputs": OUTPUTS, "begun": 1700000001.0}
    return replace(made, **(ended | changes))


def scheduled() -> Task:
    schedule = Schedule(id=1, bucket="clips", region="sh", outputs=decode(Outputs, REQUEST))
    config = replace(CONFIG, mps=replace(CONFIG.mps, schedules=(schedule,)))
    body = without_nulls(sample("submit_request")) | {"ScheduleId": 1}
    made = make_task(decode(ProcessMedia, body), config, 1700000000.0)
    return replace(made, status=Status.SUCCEEDED, facts=FACTS, outputs=OUTPUTS)


FAILED = FailedOutput(name="animatedGraphic_20000", flaw=Flaw(code=30010, message="own sample"))
PARTIAL = task(outputs=OUTPUTS[:1], failed_outputs=(FAILED,))
SOURCE_FAULT = task(status=Status.FAILED, facts=None, outputs=(), flaw=Flaw(code=902, message="m"))
PRINTED = {
    "callback_success": callback(task(), 1700000000),
    "callback_partial": callback(PARTIAL, 1700000000),
    "callback_schedule": callback(scheduled(), 1700000000),
    "callback_source_fault": callback(SOURCE_FAULT, 1700000000),
    "detail_finish": envelope(detail(PARTIAL)),
    "detail_processing": envelope(detail(task(status=Status.PROBED, outputs=()))),
    "detail_waiting": envelope(detail(task(status=Status.PENDING, facts=None, outputs=(), begun=None))),
    "list": envelope({"TotalCount": 1, "TaskSet": [row(task())], "ScrollToken": ""}),
    "submit_answer": envelope({"TaskId": task().vid}),
    "submit_duplicate": envelope(failure("InvalidParameterValue.SessionId", "m")),
    "error_not_found": envelope(failure("ResourceNotFound.TaskNotFound", "m")),
    "error_rate": envelope(failure("RequestLimitExceeded", "m")),
}
# What the engine prints beyond the samples: an `Input` of every type names the outputs, and the samples have no sprite.
MORE = (
    "Input.OutputStorage",
    "Input.OutputObjectPath",
    "Input.StartTimeOffset",
    "Input.EndTimeOffset",
    "Input.ExtTimeOffsetSet",
    "Input.TimeOffsetSet",
    "ImageSpriteTask.",
)


def test_every_sample_has_an_answer() -> None:
    assert {path.stem for path in SAMPLES.glob("*.json")} - {"submit_request"} - expected() == set(PRINTED)


def expected() -> set[str]:
    """The files that state what our own contracts read in a sample."""
    return {path.stem for path in SAMPLES.glob("*.expected.json")}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_answer_has_the_members_of_its_sample(name: str) -> None:
    theirs, ours = members(sample(name)), members(PRINTED[name])
    # A list in one sample has fewer types of results than ours.
    results = ("ResultSet.", "SnapshotTask.", "SpriteTask.")
    assert theirs <= ours
    assert not [one for one in ours - theirs if not any(more in one for more in (*MORE, *results))]


def test_results_have_the_members_of_the_samples() -> None:
    """Of all samples together, since each has only some of the types."""
    events = [sample(name) for name in ("callback_success", "callback_partial")]
    theirs = set().union(*(members(event["WorkflowTaskEvent"]["MediaProcessResultSet"]) for event in events))
    ours = members(PRINTED["callback_success"]["WorkflowTaskEvent"]["MediaProcessResultSet"])
    assert theirs <= ours
    assert not [one for one in ours - theirs if not any(more in one for more in MORE)]


MODELS = {
    "callback": "ParseNotification",
    "detail": "DescribeTaskDetail",
    "list": "DescribeTasks",
    "submit": "ProcessMedia",
}


@pytest.mark.parametrize("name", sorted(set(PRINTED) - {"error_not_found", "error_rate", "submit_duplicate"}))
@pytest.mark.filterwarnings("error")
def test_the_official_models_know_every_member(name: str) -> None:
    """They warn of a member that they do not know."""
    for body in (sample(name), PRINTED[name]):
        model = getattr(models, f"{MODELS[name.partition('_')[0]]}Response")()
        model._deserialize(body.get("Response", body))
        assert members(body.get("Response", body)) <= members(json.loads(model.to_json_string()))


def test_times_are_in_utc_and_none_is_no_time() -> None:
    assert (iso_time(1700000000.9), iso_time(None)) == ("2023-11-14T22:13:20Z", "0000-00-00T00:00:00Z")


def test_a_claim_of_failure_has_no_outputs_and_one_of_success_no_faults() -> None:
    for made, event, name in (
        (PARTIAL, "WorkflowTaskEvent", "MediaProcessResultSet"),
        (scheduled(), "ScheduleTaskEvent", "ActivityResultSet"),
    ):
        honest = callback(made, 1)
        for lie, state in (("fail", "FAIL"), ("success", "SUCCESS")):
            claimed = claim(honest, lie)
            found = json.dumps(claimed[event][name])
            others = {"SUCCESS", "FAIL"} - {state}
            assert f'"Status": "{state}"' in found
            assert not any(f'"Status": "{other}"' in found for other in others)
        assert claim(callback(SOURCE_FAULT, 1), "success")["WorkflowTaskEvent"]["ErrCode"] == 0
        assert honest == callback(made, 1)


def test_odd_forms_change_copies_only() -> None:
    honest = detail(PARTIAL)
    before = json.dumps(honest)
    odd = make_odd(honest, ("zero_definition", "no_nulls", "text_numbers", "no_error_ext", "no_progress"))
    assert json.dumps(honest) == before
    assert None not in odd.values()
