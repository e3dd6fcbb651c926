"""Bodies of MPS as tests change them: one result, one input, one status."""

import json
from typing import Any

from mediarelay.domain.tasks.facts import Facts
from mediarelay.domain.tasks.media import Kind
from mediarelay.providers.mps.provider import MPS
from tests.contract.test_mps_payloads import VID, body

OUTPUT = {"Definition": 20, "Path": "/out/a.mp4"}
COS = {"Type": "COS", "CosInputInfo": {"Bucket": "clips-1250000000", "Region": "ap-shanghai", "Object": "/in/a.mp4"}}


def result(status: str | None, member: str = "TranscodeTask", output: Any = None, **fields: Any) -> dict[str, Any]:
    """One entry of a result set; a success has an output."""
    made = output if output is not None else OUTPUT if status == "SUCCESS" else None
    return {member: {"Status": status, "Input": {"Definition": 20}, "Output": made, **fields}}


def task(*results: Any, **fields: Any) -> dict[str, Any]:
    stated = {"TaskId": VID, "Status": "FINISH", "ErrCode": 0, "Message": "", "InputInfo": COS, "MetaData": None}
    return {**stated, "MediaProcessResultSet": list(results), **fields}


def event(*results: Any, **fields: Any) -> dict[str, Any]:
    return {"EventType": "WorkflowTask", "WorkflowTaskEvent": task(*results, **fields)}


def detail(*results: Any, status: str = "FINISH", **fields: Any) -> dict[str, Any]:
    return {"TaskType": "WorkflowTask", "Status": status, "WorkflowTask": task(*results, Status=status, **fields)}


def claim(content: Any) -> Facts:
    return MPS.claim_facts(VID, Kind.VIDEO, json.dumps(content).encode())


def answer(content: Any) -> Facts:
    return MPS.answer_facts(VID, Kind.VIDEO, content)


def sample(name: str) -> Any:
    """Return a sample, which the caller may change; of an answer, its data."""
    content = json.loads(body(name))
    return content.get("Response", content)
