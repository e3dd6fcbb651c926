"""Replays in the table: requests for one task, and jobs for many tasks."""

from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import after_prefix, due_attributes, job_key, replay_key
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.task_items import check_position
from mediarelay.domain.due import Due, Duty, query_duty
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.replay_job import RATES, ReplayJob


@dataclass(frozen=True)
class ReplayStore:
    """Reads and writes replay requests and jobs."""

    table: Table

    def request(self, vid: str, kind: Kind, identity: str, by: str, now: datetime) -> bool:
        """Store a request to query and publish a task again, due at once; return False if its identity is in use."""
        attributes = {"item": ItemType.REPLAY, "vid": vid, "kind": kind, "by": by, "at": now}
        due = due_attributes(Due(query_duty(kind, known=True), now), vid)
        return self.table.put_once(replay_key(vid, identity).item | encode(attributes | due))

    def create_job(self, job: ReplayJob) -> bool:
        """Store a bulk replay, due at once; return False if its identity is in use."""
        return self.table.put_once(encode_job(job))

    def find_job(self, identity: str) -> ReplayJob | None:
        """Read a bulk replay; return None if there is none, raise `RowUnreadable` if it is damaged."""
        found = self.table.get(job_key(identity))
        return self.table.decoded(decode_job, found) if found else None

    def advance_job(self, identity: str, cursor: str, due_at: datetime) -> None:
        """Store the position that a bulk replay has reached, and when it continues."""
        change, values = "SET #cursor = :cursor, due_at = :at", {":cursor": cursor, ":at": epoch(due_at)}
        self.table.update(job_key(identity), change, values, names={"#cursor": "cursor"})

    def complete_job(self, identity: str) -> None:
        """Remove a finished bulk replay from the due index."""
        self.table.update(job_key(identity), "REMOVE due_shard, due_at", {})


def encode_job(job: ReplayJob) -> Item:
    """Encode a new bulk replay."""
    attributes: dict[str, object] = {
        "item": ItemType.REPLAY_JOB,
        "kind": job.selection.kind,
        "state": job.selection.state,
        "time": job.selection.time,
        "since": job.selection.since,
        "until": job.selection.until,
        "rate": job.rate,
        "by": job.by,
        "at": job.at,
    }
    due = due_attributes(Due(Duty.REPLAY, job.at), job.identity)
    return job_key(job.identity).item | encode(attributes | due)


@decoder
def decode_job(row: Row) -> ReplayJob:
    """Decode a bulk replay."""
    selection = Selection(
        kind=Kind(row.text("kind")),
        state=State(row.text("state")),
        since=_bound(row, "since"),
        until=_bound(row, "until"),
        time=TimeOf(row.text("time")),
    )
    return ReplayJob(
        identity=after_prefix(row.text("pk")),
        selection=selection,
        rate=row.count("rate", RATES),
        by=row.text("by"),
        at=row.time("at"),
        # Any other text might sort behind every position, so the job would end without replaying a task.
        cursor=check_position(row.text("cursor")) if "cursor" in row else None,
    )


def _bound(row: Row, name: str) -> datetime | None:
    """Read a bound of a selection."""
    # Bounds are only compared as text, so any time that a client sent is usable, even one near year 1.
    return datetime.fromisoformat(row.text(name)) if name in row else None
