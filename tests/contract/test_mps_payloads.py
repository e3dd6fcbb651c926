"""Every sample of MPS in the domain's words; `payloads/mps/<name>.expected.json` was written from the documents."""

import json
from pathlib import Path
from typing import Any

import pytest
from tencentcloud.mps.v20190612 import models

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.mps.callbacks import MpsCallbacks
from mediarelay.providers.mps.provider import MPS
from mediarelay.providers.port import Account, CallbackSignature
from tests.contract.normal import plain

PAYLOADS = Path(__file__).parent / "payloads" / "mps"
VID = "1250000000-WorkflowTask-0123456789abcdef0123456789abcdeft0"
SCHEDULE = VID.replace("Workflow", "Schedule")
SUBMISSION = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"
CALLBACKS = {
    "callback_success": VID,
    "callback_partial": VID,
    "callback_source_fault": VID,
    "callback_schedule": SCHEDULE,
}
DETAILS = ("detail_waiting", "detail_processing", "detail_finish")
ERRORS = ("error_not_found", "error_rate", "submit_duplicate")
OTHERS = ("list", "submit_answer", "submit_request")


def body(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def expected(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.expected.json").read_text("utf-8"))


def answered(name: str) -> Facts:
    """Read an answer as it goes its way: it is written to the log and read from there."""
    logged = MPS.canonical(MPS.read("DescribeTaskDetail", body(name)).data)
    return MPS.answer_facts(VID, Kind.VIDEO, json.loads(logged))


@pytest.mark.parametrize(("name", "vid"), CALLBACKS.items())
def test_callback(name: str, vid: str) -> None:
    head = MpsCallbacks().read_head(body(name))
    facts = MPS.claim_facts(vid, Kind.VIDEO, body(name))
    assert plain(facts) == expected(name)
    assert (head.vid, head.lenient) == (vid, False)
    assert head.signature == CallbackSignature(1700000600, "00f14a992049d944ddfb73caa25fafed")
    summary, place = head.claim_summary, facts.source.place
    assert (summary.state, summary.app_id, summary.bucket) == (facts.state, place.app_id, place.bucket)
    assert summary.url == facts.source.url


@pytest.mark.parametrize("name", DETAILS)
def test_answer(name: str) -> None:
    assert plain(answered(name)) == expected(name)


def test_a_callback_and_the_answer_state_the_same_about_one_task() -> None:
    claimed, answer = MPS.claim_facts(VID, Kind.VIDEO, body("callback_partial")), answered("detail_finish")
    assert (claimed.state, claimed.source, claimed.renditions) == (answer.state, answer.source, answer.renditions)
    assert (claimed.faults, claimed.partial, claimed.submission) == (answer.faults, answer.partial, answer.submission)


def test_list() -> None:
    page = MPS.listed(MPS.read("DescribeTasks", body("list")).data)
    assert ([vid for vid, _ in page.rows], page.cursor) == ([VID], None)
    assert json.loads(page.rows[0][1])["TaskType"] == "WorkflowTask"


def test_submit_answer() -> None:
    assert MPS.submitted_vid(MPS.read("ProcessMedia", body("submit_answer")).data) == VID


def test_submit_request() -> None:
    """What the sample sends, apart from defaults."""
    request = MPS.request(
        Kind.VIDEO,
        {
            "source": {"bucket": "clips-1250000000", "region": "ap-shanghai", "object": "/in/walk.mp4"},
            "outputs": [100010, 100030, 20000, {"definition": 10, "type": "snapshot"}],
            "output_dir": "/out/",
        },
    )
    account = Account("i", "k", notify_url="https://relay.example/callbacks/mps/TOKEN", notify_key="NotifyKeyExample01")
    sample = json.loads(body("submit_request"))
    del sample["OutputStorage"], sample["SessionContext"], sample["TasksPriority"]
    assert MPS.submit(Kind.VIDEO, request, SUBMISSION, account).params == sample


MODELS = {
    **dict.fromkeys(CALLBACKS, models.ParseNotificationResponse),
    **dict.fromkeys(DETAILS, models.DescribeTaskDetailResponse),
    "list": models.DescribeTasksResponse,
    "submit_answer": models.ProcessMediaResponse,
    "submit_request": models.ProcessMediaRequest,
}


@pytest.mark.parametrize(("name", "model"), MODELS.items())
def test_the_official_client_reads_each_sample(name: str, model: Any, recwarn: pytest.WarningsRecorder) -> None:
    content = json.loads(body(name))
    model()._deserialize(content.get("Response", content))
    assert [str(one.message) for one in recwarn] == []


def test_every_payload_file_is_tested() -> None:
    files = {path.stem for path in PAYLOADS.iterdir() if not path.name.endswith(".expected.json")}
    assert files == {*CALLBACKS, *DETAILS, *ERRORS, *OTHERS}
