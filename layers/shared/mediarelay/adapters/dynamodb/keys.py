"""The keys of the table. This is the only module that spells them, with `song_keys` for songs.

pk               sk                                   item
TASK#{vid}       OBS#{origin}#{kind}#{digest}         one observation
                 OBS#{origin}#{kind}#{digest}#{n}     a part of a large body, read with the log
                 REPLAY#{id}                          a client's request for a replay
                 TASK                                 the task item
BODY#{vid}       OBS#{origin}#{kind}#{digest}#{n}     a part of a callback's large body, not read with the log
INTENT#{digest}  INTENT                               an intent
JOB#{id}         JOB                                  a bulk replay
CIRCUIT#{action} CIRCUIT                              the refusals of one action of the provider
BUDGET#{minute}  BUDGET                               the calls to the provider in one minute
QUARANTINE#{day} {digest}                             a body that could not be read
UNREADABLE       {pk} {sk} {digest}                   a copy of an unreadable item that was written anew

The index `due` (due_shard, due_at) is sparse: it holds only items that wait for a duty. `listing` and `outcomes` hold
task items by time of creation and by time of outcome.
"""

from datetime import datetime
from typing import NamedTuple

from mediarelay.adapters.dynamodb.codec import Item, Row, encode, epoch
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.vid import is_vid

NOT_THERE = "attribute_not_exists(pk)"
THERE = "attribute_exists(pk)"
# Partitions per duty in the due index: DynamoDB takes 1,000 writes per second for each.
SHARDS = 4
TASK = "TASK"
OBSERVATION = "OBS"
UNREADABLE = "UNREADABLE"


class Key(NamedTuple):
    """A primary key."""

    pk: str
    sk: str

    @property
    def item(self) -> Item:
        """The key as DynamoDB's API takes it, and as every item begins."""
        return encode(self._asdict())

    @classmethod
    def of(cls, row: Row) -> "Key":
        """Read the key of a row."""
        return cls(row.text("pk"), row.text("sk"))


def task_partition(vid: str) -> str:
    """The partition of a task: its log and its item, so that one query reads both."""
    return f"TASK#{vid}"


def task_key(vid: str) -> Key:
    """The key of a task item. It sorts behind the task's observations."""
    return Key(task_partition(vid), TASK)


def observation_key(one: LoggedObservation) -> Key:
    """The key of an observation. The digest in it makes a repeat the same item."""
    return Key(task_partition(one.vid), f"{OBSERVATION}#{one.origin}#{one.kind}#{one.digest}")


def body_partition(vid: str) -> str:
    """The partition of large bodies that a task is loaded without."""
    return f"BODY#{vid}"


def replay_key(vid: str, identity: str) -> Key:
    """The key of a replay request."""
    return Key(task_partition(vid), f"REPLAY#{identity}")


def intent_key(identity: str) -> Key:
    """The key of an intent."""
    return Key(f"INTENT#{identity}", "INTENT")


def job_key(identity: str) -> Key:
    """The key of a bulk replay."""
    return Key(f"JOB#{identity}", "JOB")


def circuit_key(action: str) -> Key:
    """The key of a circuit."""
    return Key(f"CIRCUIT#{action}", "CIRCUIT")


def budget_key(minute: str) -> Key:
    """The key of the calls of one minute."""
    return Key(f"BUDGET#{minute}", "BUDGET")


def quarantine_partition(day: str) -> str:
    """The partition of the bodies that one day left in quarantine."""
    return f"QUARANTINE#{day}"


def after_prefix(text: str) -> str:
    """Return what follows the first `#` of a key: the identity of an intent or a job, the day of a quarantine."""
    return text.partition("#")[2]


def vid_of(row: Row) -> str:
    """Read the vid of an item that lies under one; raises ValueError if its key names another."""
    vid = row.text("vid")
    if row.text("pk") != task_partition(vid) or not is_vid(vid):
        raise ValueError("vid: not that of the key, or of another form")
    return vid


# ── the due index ───────────────────────────────────────────────────────────────────────────────────────────────────


def shard_of(duty: str, identity: str) -> str:
    """Return the partition of the due index in which an item waits for its duty."""
    return f"{duty}#{sum(identity.encode()) % SHARDS}"


def shards(duty: str) -> list[str]:
    """Return all partitions of one duty."""
    return [f"{duty}#{number}" for number in range(SHARDS)]


def due_attributes(due: Due | None, identity: str) -> dict[str, object]:
    """Return the attributes that put an item into the due index; none without a duty."""
    if due is None:
        return {}
    return {"due_shard": shard_of(due.duty, identity), "due_at": epoch(due.at)}


def duty_text(row: Row) -> str:
    """Return what an item waits for; empty for nothing. It may be no `Duty` that this version knows."""
    return (row.optional_text("due_shard") or "").partition("#")[0]


def waits(row: Row) -> bool:
    """Return whether an item waits for anything but the operator."""
    return duty_text(row) not in {"", Duty.UNREADABLE}


def expires_at(end: datetime) -> dict[str, object]:
    """Return the attribute by which DynamoDB deletes an item once its time is over."""
    return {"expires_at": epoch(end)}
