"""Notifications: CloudEvents 1.0 in JSON, with message attributes for filter policies."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from mediarelay import __version__
from mediarelay.contracts.api.songs import song_lease
from mediarelay.contracts.api.submits import refused_submit
from mediarelay.contracts.api.tasks import task_details
from mediarelay.domain.events import utc_text
from mediarelay.domain.songs.events import SongEvent
from mediarelay.domain.songs.lease import CurrentLease
from mediarelay.domain.tasks.facts import Place
from mediarelay.domain.tasks.intent import Intent
from mediarelay.domain.tasks.media import State
from mediarelay.domain.tasks.task import Task

# Changing this changes the ids of all notifications, and subscribers would see repeats as new ones.
NAMESPACE = UUID("5c1c1f1e-7f0b-5d0e-9d0a-6d6564696172")
MAX_ATTRIBUTE = 256
# SNS accepts 256 KiB including the attributes, which may take 4 KiB.
MAX_BYTES = 256 * 1024 - 4096
# These fields have a bounded length. The others may exceed the limit even without the renditions.
BOUNDED = ("vid", "kind", "state", "partial", "reference", "submission", "created_at", "updated_at", "renditions_url")
# SQS refuses a message with one of these, so a subscribed queue would never get it. JSON may escape any character.
_NONCHARACTERS = str.maketrans({"\ufffe": "\\ufffe", "\uffff": "\\uffff"})
TYPES = {
    State.PROBED: "started",
    State.TRANSCODING: "started",
    State.SUCCEEDED: "succeeded",
    State.FAILED: "failed",
    State.SUPERSEDED: "superseded",
    State.LOST: "lost",
}
REFUSED = "mediarelay.submit.refused"
TEST = "mediarelay.test"


@dataclass(frozen=True, slots=True)
class Notification:
    """A CloudEvent, and the message attributes by which subscribers filter.

    Attributes:
        id: The event's id. A repeat has the same one.
        message: The CloudEvent in JSON.
        attributes: The attributes by name. An empty one is not sent.
    """

    id: str
    message: str
    attributes: dict[str, str]

    @property
    def type(self) -> str:
        """The type of the event."""
        return self.attributes["type"]


def task_event(task: Task, api_url: str, replay: int = 0) -> Notification:
    """Return the notification of the current state of a task.

    The id is derived from the subject and the type, so a repeated notification has the same id. A replay has its own
    id, so that subscribers do not drop it, and its number in the extension `replay`.
    """
    event_type = f"mediarelay.task.{TYPES[task.state]}"
    data = task_details(task)
    # A notification may be published again later. Its content must not have changed meanwhile without a new state.
    data.pop("progress", None)
    extension = {"replay": replay} if replay else {}
    envelope = _envelope(event_type, task.vid, data["updated_at"], api_url, *extension.values()) | extension
    attributes = {"type": event_type, "kind": task.kind.value, **_place_attributes(task.source.place)}
    return Notification(envelope["id"], _within_limit(envelope, data, f"{api_url}/tasks/{task.vid}"), attributes)


def refusal_event(intent: Intent, place: Place, api_url: str) -> Notification:
    """Return the notification of a submit that the provider refused after it was accepted.

    `place` is the bucket of its source, by which subscribers filter as they do for tasks.
    """
    data = refused_submit(intent)
    accepted = data["accepted_at"]
    attributes = {"type": REFUSED, "kind": intent.kind.value, **_place_attributes(place)}
    # A later submit may use the same key, so the time of acceptance distinguishes the two.
    envelope = _envelope(REFUSED, intent.identity, accepted, api_url, accepted)
    return Notification(envelope["id"], _written(envelope | {"data": data}), attributes)


def song_event(current: CurrentLease, event: SongEvent, api_url: str) -> Notification:
    """Return the notification of an event of a song. They never contain tokens.

    The id is derived from the subject, the type and `event.about`, so a repeated event has the same id and each
    acquisition has its own.
    """
    event_type, key = f"mediarelay.song.{event.type}", current.lease.key
    subject = "/".join(quote(part, safe="") for part in (key.room, key.song, str(key.vendor), key.type))
    time = event.at.isoformat().replace("+00:00", "Z")
    data = song_lease(current).model_dump(mode="json", exclude_none=True)
    envelope = _envelope(event_type, subject, time, api_url, event.about)
    return Notification(envelope["id"], _written(envelope | {"data": data}), {"type": event_type, "kind": "song"})


def client_test(message: str, client: str, at: datetime, api_url: str) -> Notification:
    """Return the notification of a test, which a client requested at a time (UTC)."""
    time = utc_text(at)
    envelope = _envelope(TEST, quote(client, safe="") or "test", time, api_url, time)
    data = {"message": message, "client": client}
    return Notification(envelope["id"], _written(envelope | {"data": data}), {"type": TEST, "kind": "test"})


def _place_attributes(place: Place) -> dict[str, str]:
    return {"app_id": str(place.app_id or ""), "bucket": (place.bucket or "")[:MAX_ATTRIBUTE]}


def _envelope(event_type: str, subject: str, time: str, api_url: str, *distinct: object) -> dict[str, Any]:
    """Return a CloudEvent without its data. `distinct` distinguishes notifications with the same type and subject."""
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE, "\n".join(map(str, (subject, event_type, *distinct))))),
        "source": api_url,
        "type": event_type,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "mediarelayversion": __version__,
    }


def _written(message: dict[str, Any]) -> str:
    return json.dumps(message, ensure_ascii=False).translate(_NONCHARACTERS)


def _within_limit(envelope: dict[str, Any], data: dict[str, Any], link: str) -> str:
    """Return the message, without the renditions, or with `BOUNDED` fields only, if it would exceed `MAX_BYTES`."""
    message = _written(envelope | {"data": data})
    if len(message.encode()) <= MAX_BYTES:
        return message
    short = {name: value for name, value in data.items() if name != "renditions"} | {"renditions_url": link}
    message = _written(envelope | {"data": short})
    if len(message.encode()) <= MAX_BYTES:
        return message
    bounded = {name: short[name] for name in BOUNDED if name in short}
    return _written(envelope | {"data": bounded})
