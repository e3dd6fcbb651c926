"""Replays in the table: requests for one task, and jobs for many tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mediarelay.adapters.dynamodb.codec import Item, Row, decoder, encode, epoch
from mediarelay.adapters.dynamodb.due_index import DueIndex
from mediarelay.adapters.dynamodb.item_types import ItemType
from mediarelay.adapters.dynamodb.keys import (
    REPLAY_LIST,
    THERE,
    after_prefix,
    due_attributes,
    job_key,
    replay_key,
    waits,
)
from mediarelay.adapters.dynamodb.listing import newest, read_all, waiting
from mediarelay.adapters.dynamodb.table import Table
from mediarelay.adapters.dynamodb.task_items import check_position
from mediarelay.domain.due import Due, Duty, query_duty
from mediarelay.domain.page import ListedRow
from mediarelay.domain.tasks.listing import Selection, TimeOf
from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.replay_job import KEPT_FOR, RATES, JobStatus, ReplayJob

# A job that has ended is in no due index.
_RUNNING = "attribute_exists(due_shard)"


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

    def record_progress(self, seen: ReplayJob, cursor: str, done: int) -> bool:
        """Store the position that a bulk replay has reached, and how many tasks it took since it was `seen`.

        Return False if another worker has done so. A job that was stopped meanwhile counts what it still took.
        """
        reached = "attribute_not_exists(#cursor)" if seen.cursor is None else "#cursor = :seen"
        values: dict[str, object] = {":cursor": cursor, ":done": done}
        values |= {":seen": seen.cursor} if seen.cursor is not None else {}
        change, condition = "SET #cursor = :cursor ADD done :done", f"{THERE} AND {reached}"
        return self.table.update(job_key(seen.identity), change, values, condition, {"#cursor": "cursor"})

    def postpone_job(self, identity: str, due_at: datetime) -> bool:
        """Store when a bulk replay continues; return False if it was stopped meanwhile."""
        return self.table.update(job_key(identity), "SET due_at = :at", {":at": epoch(due_at)}, _RUNNING)

    def complete_job(self, identity: str, now: datetime) -> bool:
        """Remove a finished bulk replay from the due index; return False if it was stopped meanwhile."""
        change = "SET expires_at = :end REMOVE due_shard, due_at"
        return self.table.update(job_key(identity), change, {":end": epoch(now + KEPT_FOR)}, _RUNNING)

    def stop_job(self, identity: str, by: str, now: datetime) -> bool:
        """Store that a client stopped a bulk replay; return False if it has ended already."""
        change = "SET stopped_by = :by, expires_at = :end REMOVE due_shard, due_at"
        return self.table.update(job_key(identity), change, {":by": by, ":end": epoch(now + KEPT_FOR)}, _RUNNING)


@dataclass(frozen=True)
class ReplayJobIndex:
    """Lists bulk replays, newest first."""

    table: Table
    due_index: DueIndex

    def page(self, *, behind: str | None, limit: int) -> list[ListedRow]:
        """List at most `limit` bulk replays behind a position (None: from the beginning)."""
        return newest(self.table, REPLAY_LIST, behind, limit)

    def waiting(self) -> list[ListedRow]:
        """List all bulk replays that have not ended, in no fixed order, also those that are in no list."""
        return waiting(self.due_index, (Duty.REPLAY,))

    def read(self, identities: Sequence[str]) -> dict[str, ReplayJob]:
        """Read up to 100 bulk replays; leave out those that are gone or unreadable."""
        found = read_all(self.table, [job_key(one) for one in identities], decode_job)
        return {job.identity: job for job in found}


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
        "list_key": REPLAY_LIST,
        "list_at": f"{job.at.isoformat()}#{job.identity}",
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
        done=row.count("done") if "done" in row else 0,
        status=_status(row),
    )


def _status(row: Row) -> JobStatus:
    if waits(row):
        return JobStatus.RUNNING
    return JobStatus.STOPPED if "stopped_by" in row else JobStatus.DONE


def _bound(row: Row, name: str) -> datetime | None:
    """Read a bound of a selection."""
    # Bounds are only compared as text, so any time that a client sent is usable, even one near year 1.
    return datetime.fromisoformat(row.text(name)) if name in row else None
