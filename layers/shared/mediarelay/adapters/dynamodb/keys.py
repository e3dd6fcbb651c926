"""The keys of the table. This is the only module that spells them, with `song_keys` for songs.

pk               sk                                   item
TASK#{vid}       OBS#{origin}#{kind}#{digest}         one observation
                 OBS#{origin}#{kind}#{digest}#{n}     a part of a large body, read with the log
                 REPLAY#{id}                          a client's request for a replay
                 TASK                                 the task item
BODY#{vid}       OBS#{origin}#{kind}#{digest}#{n}     a part of a claim's or a reply's large body, read on demand
INTENT#{digest}  INTENT                               an intent
JOB#{id}         JOB                                  a bulk replay
CIRCUIT#{action} CIRCUIT                              the refusals of one action of the provider
BUDGET#{minute}  BUDGET                               the calls to the provider in one minute
TICK#{function}  TICK                                 the last run of a scheduled function
QUARANTINE#{day} {digest}                             a body that could not be read
UNREADABLE       {pk} {sk} {digest}                   a copy of an unreadable item that was overwritten

The index `due` (due_shard, due_at) is sparse: it holds only items that wait for a duty. `listing` and `outcomes` hold
task items by time of creation and by time of outcome. `listing` also holds intents and bulk replays.
"""

from datetime import datetime
from typing import NamedTuple

from mediarelay.adapters.dynamodb.codec import Item, Row, encode, epoch
from mediarelay.domain.due import Due, Duty
from mediarelay.domain.tasks.intent import SubmissionState
from mediarelay.domain.tasks.log import LoggedObservation
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.vid import is_vid

NOT_THERE = "attribute_not_exists(pk)"
THERE = "attribute_exists(pk)"
# DynamoDB accepts 1,000 writes per second for one partition of an index, so each duty has several.
SHARDS = 4
TASK = "TASK"
# The key of the list of bulk replays.
REPLAY_LIST = "replay"
OBSERVATION = "OBS"
# The attribute that is equal to `due_at` as long as a worker hides the row. Other writers move `due_at` alone. If one
# moves it to the very same second, the stream takes the row for hidden, and the sweep does its work.
HIDDEN_UNTIL = "hidden_until"
UNREADABLE = "UNREADABLE"


class Key(NamedTuple):
    """A primary key."""

    pk: str
    sk: str

    @property
    def item(self) -> Item:
        """Return the key as DynamoDB's API expects it; every item contains it."""
        return encode(self._asdict())

    @classmethod
    def of(cls, row: Row) -> "Key":
        """Read the key of a row."""
        return cls(row.text("pk"), row.text("sk"))


def task_partition(vid: str) -> str:
    """Return the partition of a task, which holds its log and its item, so that one query reads both."""
    return f"TASK#{vid}"


def task_key(vid: str) -> Key:
    """Return the key of a task item."""
    # It sorts behind the observations. `TaskStore.load` relies on that.
    return Key(task_partition(vid), TASK)


def observation_key(one: LoggedObservation) -> Key:
    """Return the key of an observation."""
    # With the digest of its content in the key, a repeated observation is the same item and is stored once.
    return Key(task_partition(one.vid), f"{OBSERVATION}#{one.origin}#{one.kind}#{one.digest}")


def body_partition(vid: str) -> str:
    """Return the partition of large bodies, which loading a task does not read."""
    return f"BODY#{vid}"


def replay_key(vid: str, identity: str) -> Key:
    """Return the key of a replay request."""
    return Key(task_partition(vid), f"REPLAY#{identity}")


def intent_key(identity: str) -> Key:
    """Return the key of an intent."""
    return Key(f"INTENT#{identity}", "INTENT")


def submission_list(kind: Kind, state: SubmissionState) -> str:
    """Return the key of the list of submissions of one kind in a state."""
    return f"submission#{kind}#{state}"


def job_key(identity: str) -> Key:
    """Return the key of a bulk replay."""
    return Key(f"JOB#{identity}", "JOB")


def circuit_key(circuit: str) -> Key:
    """Return the key of a circuit."""
    return Key(f"CIRCUIT#{circuit}", "CIRCUIT")


def budget_key(provider: str, minute: str) -> Key:
    """Return the key of the counter of a provider's calls in one minute (`2026-11-21T08:00`)."""
    return Key(f"BUDGET#{provider}#{minute}", "BUDGET")


def list_cursor_key(provider: str) -> Key:
    """Return the key of the time until which a provider's tasks were listed."""
    return Key(f"LIST#{provider}", "LIST")


def run_key(function: str) -> Key:
    """Return the key of the last run of a scheduled function."""
    return Key(f"TICK#{function}", "TICK")


def quarantine_partition(day: str) -> str:
    """Return the partition of the bodies quarantined on one day (`2026-11-21`)."""
    return f"QUARANTINE#{day}"


def after_prefix(text: str) -> str:
    """Return the text behind the first `#` of a key, such as an intent's or a job's identity or a quarantine's day."""
    return text.partition("#")[2]


def vid_of(row: Row) -> str:
    """Read the vid of an item in a task's partition; raise ValueError if its key names another."""
    vid = row.text("vid")
    if row.text("pk") != task_partition(vid) or not is_vid(vid):
        raise ValueError("vid: not that of the key, or not a vid")
    return vid


# ── the due index ───────────────────────────────────────────────────────────────────────────────────────────────────


def shard_of(duty: str, identity: str) -> str:
    """Return the partition of the due index in which an item waits for its duty."""
    # The built-in `hash` differs between processes, so a later process would look in another partition.
    return f"{duty}#{sum(identity.encode()) % SHARDS}"


def shards(duty: str) -> list[str]:
    """Return all partitions of one duty."""
    return [f"{duty}#{number}" for number in range(SHARDS)]


def due_attributes(due: Due | None, identity: str) -> dict[str, object]:
    """Return the attributes that put an item into the due index, or none if it waits for no duty."""
    if due is None:
        return {}
    return {"due_shard": shard_of(due.duty, identity), "due_at": epoch(due.at)}


def duty_text(row: Row) -> str:
    """Return the name of the duty that an item waits for, or an empty string.

    Another version of this code may have written it, so it may not be a `Duty`.
    """
    return (row.optional_text("due_shard") or "").partition("#")[0]


def waits(row: Row) -> bool:
    """Return whether an item waits for a duty that a tick handles."""
    return duty_text(row) not in {"", Duty.UNREADABLE}


def expires_at(end: datetime) -> dict[str, object]:
    """Return the attribute by which DynamoDB deletes an item after `end`."""
    return {"expires_at": epoch(end)}
