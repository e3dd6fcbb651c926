"""Rows of the due index: the duty, its subject, and the time from which it is due.

`log_keys` returns the log keys that name a subject.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from mediarelay.domain.due import Duty
from mediarelay.domain.events import Position
from mediarelay.domain.row_handle import RowHandle
from mediarelay.domain.songs.model import SongKey
from mediarelay.domain.tasks.media import Kind


@dataclass(frozen=True, slots=True)
class TaskSubject:
    """A task, and the kind that the row states."""

    vid: str
    kind: Kind

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the task."""
        return {"vid": self.vid}


@dataclass(frozen=True, slots=True)
class IntentSubject:
    """An intent."""

    identity: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the intent."""
        return {"intent": self.identity}


@dataclass(frozen=True, slots=True)
class ReplayJobSubject:
    """A bulk replay."""

    identity: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the bulk replay."""
        return {"job": self.identity}


@dataclass(frozen=True, slots=True)
class EventSubject:
    """An event whose deliveries are not stored yet."""

    position: Position

    @property
    def log_keys(self) -> dict[str, str]:
        """The log key of the event."""
        return {"event": self.position.id}


@dataclass(frozen=True, slots=True)
class DeliverySubject:
    """The delivery of an event to an endpoint."""

    endpoint: str
    event_id: str

    @property
    def log_keys(self) -> dict[str, str]:
        """The log keys of the delivery."""
        return {"event": self.event_id, "endpoint": self.endpoint}


Subject = TaskSubject | IntentSubject | ReplayJobSubject | SongKey | EventSubject | DeliverySubject
S = TypeVar("S", TaskSubject, IntentSubject, ReplayJobSubject, SongKey, EventSubject, DeliverySubject)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """One row of the due index.

    Attributes:
        duty: What must happen.
        subject: What it must happen to: a task, intent, bulk replay, song, event or delivery.
        due_at: From when it is due (UTC).
        handle: The row.
        at: When the observation, the replay request or the intent arrived (UTC).
        give_up_at: The deadline of a task, or of a callback.
        is_replay: Whether the row is a replay request, which has no deadline.
    """

    duty: Duty
    subject: Subject
    due_at: datetime
    handle: RowHandle
    at: datetime | None = None
    give_up_at: datetime | None = None
    is_replay: bool = False

    def subject_as(self, kind: type[S]) -> S:
        """Return the subject of a row whose duty is always about one kind of subject; raises TypeError for another."""
        if not isinstance(self.subject, kind):
            raise TypeError(f"{self.duty} is not about a {type(self.subject).__name__}")
        return self.subject


@dataclass(frozen=True, slots=True)
class DamagedRow:
    """A row of the due index that cannot be decoded: its key as text, and the time from which it is due (UTC)."""

    key: str
    due_at: datetime
