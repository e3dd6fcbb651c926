"""The calls of API 3.0: what is sent for a query, a submit and a list."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mediarelay.contracts.fields import Fields
from mediarelay.errors import Malformed
from mediarelay.providers.mps import values as read
from mediarelay.providers.mps.answers import SUBMIT, canonical
from mediarelay.providers.mps.message import DETAILS
from mediarelay.providers.port import Account, Call, HttpRequest, Listed, Signing
from mediarelay.signing.qcloud import Credentials
from mediarelay.signing.service_url import read_v3_url
from mediarelay.signing.tc3 import signed_headers

SERVICE, VERSION = "mps", "2019-06-12"
QUERY, LIST = "DescribeTaskDetail", "DescribeTasks"
# The provider queries and lists the tasks of so many days only.
HORIZON = timedelta(days=7)
STATUSES = ("WAITING", "PROCESSING", "FINISH")
MAX_ROWS = 100
TASK_SETS = {
    "transcode": "TranscodeTaskSet",
    "gif": "AnimatedGraphicTaskSet",
    "snapshot": "SampleSnapshotTaskSet",
    "sprite": "ImageSpriteTaskSet",
    "stream": "AdaptiveDynamicStreamingTaskSet",
}


def query(vid: str) -> Call:
    """Return the call that queries a task."""
    return Call(QUERY, {"TaskId": vid})


# ── the list ──


def lists(since: datetime, until: datetime) -> list[Call]:
    """Return the calls that list the tasks made between two times (UTC), one for each status that a task may have."""
    begin = max(since, until - HORIZON)
    window = {"StartTime": _iso(begin), "EndTime": _iso(until + timedelta(seconds=1))}
    return [Call(LIST, {"Status": status, "Limit": MAX_ROWS, **window}) for status in STATUSES]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(data: Mapping[str, Any]) -> Listed:
    """Read one page of a list; raises `Malformed`. Rows about anything but a transcode task are left out."""
    fields = Fields(data)
    # Without a list, only a stated count of 0 proves that there is no task. A guess would skip those that there are.
    if not isinstance(fields.data.get("TaskSet"), list) and not _is_empty(fields):
        raise Malformed("TaskSet", "not a list")
    rows = [row for row in fields.parts("TaskSet") if row.side("TaskType", read.text) in {None, *DETAILS}]
    found = [(row.side("TaskId", read.vid), row) for row in rows]
    cursor = fields.strict("ScrollToken", read.text)
    # An empty page ends the list, whatever its cursor: an end that is spelled 0 would be followed for ever.
    more = cursor if fields.data.get("TaskSet") else None
    return Listed(tuple((vid, canonical(row.data)) for vid, row in found if vid), more)


def _is_empty(fields: Fields) -> bool:
    return fields.data.get("TaskSet") is None and fields.strict("TotalCount", read.integer) == 0


def next_page(call: Call, cursor: str) -> Call:
    """Return the call for the next page of a list."""
    return Call(call.action, {**call.params, "ScrollToken": cursor})


# ── the submit ──


def submit(request: Mapping[str, Any], submission: str, account: Account) -> Call:
    """Return the call that makes a task of a canonical request.

    The provider makes one task of all calls with the same `submission` within 3 days.
    """
    params = {
        "InputInfo": _input(request["source"], account),
        "OutputStorage": _storage(request["destination"], account) if "destination" in request else None,
        "OutputDir": request.get("output_dir"),
        "MediaProcessTask": _task_sets(request["outputs"]) if "outputs" in request else None,
        "ScheduleId": request.get("schedule"),
        "TaskNotifyConfig": _notify_config(account),
        "TasksPriority": request.get("priority"),
        "SessionId": submission,
        "SessionContext": request.get("reference"),
    }
    return Call(SUBMIT, _stated(params))


def _input(source: Mapping[str, str], account: Account) -> dict[str, Any]:
    if "url" in source:
        return {"Type": "URL", "UrlInputInfo": {"Url": source["url"]}}
    if "bucket" in source:
        return {"Type": "COS", "CosInputInfo": _cos(source) | {"Object": source["object"]}}
    return {"Type": "AWS-S3", "S3InputInfo": _s3(source, account) | {"S3Object": source["s3_object"]}}


def _storage(destination: Mapping[str, str], account: Account) -> dict[str, Any]:
    if "bucket" in destination:
        return {"Type": "COS", "CosOutputStorage": _cos(destination)}
    return {"Type": "AWS-S3", "S3OutputStorage": _s3(destination, account)}


def _cos(place: Mapping[str, str]) -> dict[str, Any]:
    return {"Bucket": place["bucket"], "Region": place["region"]}


def _s3(place: Mapping[str, str], account: Account) -> dict[str, Any]:
    keys = {"S3SecretId": account.storage_id, "S3SecretKey": account.storage_key}
    return {"S3Bucket": place["s3_bucket"], "S3Region": place["s3_region"], **_stated(keys)}


def _task_sets(outputs: list[Mapping[str, Any]]) -> dict[str, Any]:
    sets: dict[str, list[dict[str, Any]]] = {}
    for output in outputs:
        part = {"StartTimeOffset": output.get("start"), "EndTimeOffset": output.get("end")}
        sets.setdefault(TASK_SETS[output["type"]], []).append({"Definition": output["definition"], **_stated(part)})
    return sets


def _notify_config(account: Account) -> dict[str, Any] | None:
    """Return where the provider sends the callback. An empty `NotifyType` would mean a message queue."""
    if not account.notify_url:
        return None
    config = {"NotifyType": "URL", "NotifyMode": "Finish", "NotifyUrl": account.notify_url}
    return _stated({**config, "NotifyKey": account.notify_key})


def _stated(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def submitted_vid(data: Mapping[str, Any]) -> str:
    """Return the vid in the data of a submit's answer; raises `Malformed`."""
    return Fields(data).strict("TaskId", read.vid)


# ── the wire ──


def sign(call: Call, signing: Signing) -> HttpRequest:
    """Return the signed request of a call. The signature covers its body."""
    service, account, body = read_v3_url(signing.url), signing.account, json.dumps(call.params).encode()
    headers = signed_headers(
        Credentials(account.secret_id, account.secret_key, account.token),
        service=SERVICE,
        host=service.host,
        action=call.action,
        version=VERSION,
        region=signing.region,
        timestamp=int(signing.now.timestamp()),
        payload=body,
    )
    return HttpRequest(service.url, headers, body)
