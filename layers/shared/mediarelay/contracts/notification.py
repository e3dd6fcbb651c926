"""What subscribers hear: CloudEvents 1.0 in JSON, with message attributes for filter policies."""

import json
from typing import Any
from uuid import UUID, uuid5

from mediarelay.contracts.api import task_view
from mediarelay.domain.media import State
from mediarelay.domain.task import Task

NAMESPACE = UUID("5c1c1f1e-7f0b-5d0e-9d0a-6d6564696172")
MOST_ATTRIBUTE = 256
MAX_BYTES = 256 * 1024 - 4096
"""SNS takes 256 KiB with the attributes; the rest is room for those."""
BOUNDED = ("vid", "kind", "state", "created_at", "updated_at", "renditions_url")
"""What is left of a task whose texts alone are over the limit."""
TYPES = {
    State.PROBED: "started",
    State.TRANSCODING: "started",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.SUPERSEDED: "superseded",
    State.LOST: "lost",
}


def notify(task: Task, api_url: str, replay: int = 0) -> tuple[str, dict[str, str]]:
    """Build message and attributes for a task's present state.

    The id is derived from (subject, type), so every repeat of an announcement has the same id. One that somebody asked
    for anew has an id of its own, so that nobody drops it, and says the how many-th it is in the extension `replay`.
    """
    kind_of_event = f"mediarelay.task.{TYPES[task.state]}"
    data = task_view(task)
    envelope = {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE, f"{task.vid}\n{kind_of_event}" + (f"\n{replay}" if replay else ""))),
        "source": api_url,
        "type": kind_of_event,
        "subject": task.vid,
        "time": data["updated_at"],
        "datacontenttype": "application/json",
        **({"replay": replay} if replay else {}),
    }
    place = task.source.place
    attributes = {
        "type": kind_of_event,
        "kind": task.kind.value,
        "app_id": str(place.app_id or ""),
        "bucket": (place.bucket or "")[:MOST_ATTRIBUTE],
    }
    return _within_limit(envelope, data, f"{api_url}/tasks/{task.vid}"), attributes


def _within_limit(envelope: dict[str, Any], data: dict[str, Any], link: str) -> str:
    message = json.dumps(envelope | {"data": data}, ensure_ascii=False)
    if len(message.encode()) <= MAX_BYTES:
        return message
    short = {name: value for name, value in data.items() if name != "renditions"} | {"renditions_url": link}
    message = json.dumps(envelope | {"data": short}, ensure_ascii=False)
    if len(message.encode()) <= MAX_BYTES:
        return message
    bounded = {name: short[name] for name in BOUNDED}
    return json.dumps(envelope | {"data": bounded}, ensure_ascii=False)
