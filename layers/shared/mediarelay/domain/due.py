"""Duties: what must happen to an item of the ledger, and when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from mediarelay.domain.tasks.media import Kind

BEGINNING = datetime.fromtimestamp(0, UTC)
"""Before everything that happened."""


class Duty(StrEnum):
    """What a tick or a queue worker must do with an item of the ledger."""

    VIDEO = "video"
    AUDIO = "audio"
    UNKNOWN_VIDEO = "unknown_video"
    UNKNOWN_AUDIO = "unknown_audio"
    SUBMIT = "submit"
    SUBMIT_QUEUED = "submit_queued"
    GIVE_UP = "give_up"
    PUBLISH = "publish"
    SONG = "song"
    REPLAY = "replay"
    FAN_OUT = "fan_out"
    DELIVER = "deliver"
    UNREADABLE = "unreadable"


# The duties of a deployment that delivers events over HTTP. Without it, their rows wait for nothing and expire.
DELIVERIES = (Duty.FAN_OUT, Duty.DELIVER)


@dataclass(frozen=True, slots=True)
class Due:
    """A duty and the time (UTC) from which it is due."""

    duty: Duty
    at: datetime


def query_duty(kind: Kind, *, known: bool) -> Duty:
    """Return the duty to query the provider about a task.

    Tasks that only callbacks name have duties of their own: anybody with the path token can invent such tasks, and
    they must not delay the others.
    """
    return Duty(kind.value if known else f"unknown_{kind}")
