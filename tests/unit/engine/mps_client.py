"""The official client of MPS as a caller of a running engine."""

import json
from typing import Any

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.mps.v20190612 import models
from tencentcloud.mps.v20190612.mps_client import MpsClient

from engine.mps.templates import TYPES
from tests.unit.engine.conftest import APP_ID, KEYS, Engine, wait_for

BUCKET = f"clips-{APP_ID}"
HOST = f"{BUCKET}.cossh.myqcloud.com"
NOTIFY_KEY = "NotifyKeyExample01"
CLIPS = {"name": "clips", "region": "sh"}
TYPE_NAMES = {each.name: each for each in TYPES}


def body_of(source: str = "/in/walk.mp4", **changes: Any) -> dict[str, Any]:
    """A request for one rendition of an object."""
    cos = {"Bucket": BUCKET, "Region": "ap-shanghai", "Object": source}
    return {
        "InputInfo": {"Type": "COS", "CosInputInfo": cos},
        "OutputDir": "/out/",
        "MediaProcessTask": {"TranscodeTaskSet": [{"Definition": 10}]},
        **changes,
    }


def notify(url: str, **changes: Any) -> dict[str, Any]:
    config = {"NotifyType": "URL", "NotifyMode": "Finish", "NotifyUrl": url, "NotifyKey": NOTIFY_KEY}
    return {"TaskNotifyConfig": config | changes}


class Client:
    """The official client, with JSON in and out."""

    def __init__(self, engine: Engine, **changes: str) -> None:
        given = {"secret_id": KEYS["secret_id"], "secret_key": KEYS["secret_key"], "region": "ap-shanghai"} | changes
        region = given.pop("region")
        address = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{engine.port}", reqTimeout=5)
        self.sdk = MpsClient(Credential(**given), region, ClientProfile(httpProfile=address))

    def call(self, action: str, **body: Any) -> dict[str, Any]:
        """Call an action through its own model, which warns of every member that it does not know."""
        request = getattr(models, f"{action}Request")()
        request.from_json_string(json.dumps(body))
        return json.loads(getattr(self.sdk, action)(request).to_json_string())

    def submit(self, **body: Any) -> str:
        return self.call("ProcessMedia", **(body or body_of()))["TaskId"]

    def detail(self, task_id: str) -> dict[str, Any]:
        return self.call("DescribeTaskDetail", TaskId=task_id)

    def final(self, task_id: str) -> dict[str, Any]:
        """Ask until the task is finished."""
        return wait_for(lambda: found if (found := self.detail(task_id))["Status"] == "FINISH" else None)

    def refusal(self, action: str, **body: Any) -> str:
        """Return the code with which the engine refuses a call."""
        try:
            answer = self.call(action, **body)
        except TencentCloudSDKException as refused:
            return str(refused.code)
        raise AssertionError(answer)


def members(value: Any, path: str = "") -> set[str]:
    """Return the dotted paths of all members within some JSON; a list counts as one of its items."""
    if isinstance(value, list):
        return {one for item in value for one in members(item, path)}
    if not isinstance(value, dict):
        return set()
    paths = {f"{path}.{name}": inner for name, inner in value.items()}
    return set(paths) | {one for at, inner in paths.items() for one in members(inner, at)}
