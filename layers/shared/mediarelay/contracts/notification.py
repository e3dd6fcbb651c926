"""Notifications: CloudEvents 1.0 in JSON, with message attributes for filter policies."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from mediarelay.contracts.api.songs import song_lease
from mediarelay.contracts.api.submits import refused_submit
from mediarelay.contracts.api.tasks import task_details
from mediarelay.domain.songs.events import SongEvent
from mediarelay.domain.songs.lease import Lease
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.task import Task

NAMESPACE = UUID("5c1c1f1e-7f0b-5d0e-9d0a-6d6564696172")
MAX_ATTRIBUTE = 256
# SNS accepts 256 KiB including the attributes; the difference is left for those.
MAX_BYTES = 256 * 1024 - 4096
# The fields that remain if even the texts of a task exceed the limit.
BOUNDED = ("vid", "kind", "state", "created_at", "updated_at", "renditions_url")
TYPES = {
    State.PROBED: "started",
    State.TRANSCODING: "started",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.SUPERSEDED: "superseded",
    State.LOST: "lost",
}


REFUSED = "mediarelay.submit.refused"


def task_event(task: Task, api_url: str, replay: int = 0) -> tuple[str, dict[str, str]]:
    """Build message and attributes for a task's present state.

    The id is derived from the subject and the type, so a repeated notification has the same id. A replay has an id of
    its own, so that subscribers do not drop it, and its number in the extension `replay`.
    """
    kind_of_event = f"mediarelay.task.{TYPES[task.state]}"
    data = task_details(task)
    anew = {"replay": replay} if replay else {}
    envelope = _envelope(kind_of_event, task.vid, data["updated_at"], api_url, *anew.values()) | anew
    place = task.source.place
    attributes = {
        "type": kind_of_event,
        "kind": task.kind.value,
        "app_id": str(place.app_id or ""),
        "bucket": (place.bucket or "")[:MAX_ATTRIBUTE],
    }
    return _within_limit(envelope, data, f"{api_url}/tasks/{task.vid}"), attributes


def refusal_event(intent: Intent, api_url: str) -> tuple[str, dict[str, str]]:
    """Build message and attributes for a submit that was accepted and then refused.

    Its key may be used again, so the id is derived from the subject, the type and the time of acceptance.
    """
    data = refused_submit(intent)
    accepted = data["accepted_at"]
    attributes = {
        "type": REFUSED,
        "kind": intent.kind.value,
        "bucket": intent.request.get("bucketName", "")[:MAX_ATTRIBUTE],
    }
    envelope = _envelope(REFUSED, intent.identity, accepted, api_url, accepted)
    return json.dumps(envelope | {"data": data}, ensure_ascii=False), attributes


def song_event(
    lease: Lease, event: SongEvent, now: datetime, safety: timedelta, api_url: str
) -> tuple[str, dict[str, str]]:
    """Build message and attributes for an event of a song. They never contain tokens.

    The id is derived from the subject, the type and what the event is about, so a repeated event has the same id and
    each acquisition its own.
    """
    kind_of_event, key = f"mediarelay.song.{event.type}", lease.key
    subject = "/".join(quote(part, safe="") for part in (key.room, key.song, str(key.vendor), key.type))
    time = event.at.isoformat().replace("+00:00", "Z")
    data = song_lease(lease, now, safety).model_dump(mode="json", exclude_none=True)
    message = _envelope(kind_of_event, subject, time, api_url, event.about) | {"data": data}
    return json.dumps(message, ensure_ascii=False), {"type": kind_of_event, "kind": "song"}


def _envelope(kind_of_event: str, subject: str, time: str, api_url: str, *distinct: object) -> dict[str, Any]:
    """Return a CloudEvent without its data. `distinct` distinguishes notifications with the same type and subject."""
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE, "\n".join(map(str, (subject, kind_of_event, *distinct))))),
        "source": api_url,
        "type": kind_of_event,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
    }


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
