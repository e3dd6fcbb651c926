"""Store everything that outlives the process in one SQLite file.

It holds tasks, objects, callbacks with their attempts, and used nonces. `uploads.py` stores unfinished multipart
uploads in it. All threads share one connection behind one lock. The process locks the file exclusively, so that two
engines cannot share a directory.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.decode import decode, encode
from engine.model import FINAL, MPS_KINDS, Status, Task, TaskKind
from engine.places import Place

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    seq INTEGER PRIMARY KEY, vid TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, host TEXT NOT NULL, key TEXT NOT NULL,
    open INTEGER NOT NULL, deleted INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS tasks_of_file ON tasks (kind, host, key, deleted);
CREATE INDEX IF NOT EXISTS tasks_open ON tasks (seq) WHERE open AND NOT deleted;
CREATE TABLE IF NOT EXISTS objects (
    host TEXT NOT NULL, key TEXT NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    content_type TEXT NOT NULL, modified REAL NOT NULL, headers TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (host, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS callbacks (
    seq INTEGER PRIMARY KEY, vid TEXT NOT NULL, type TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL,
    created REAL NOT NULL, due REAL, tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS callbacks_of ON callbacks (vid);
CREATE TABLE IF NOT EXISTS attempts (
    callback INTEGER NOT NULL, at REAL NOT NULL, seconds REAL NOT NULL, http_status INTEGER, error TEXT);
CREATE INDEX IF NOT EXISTS attempts_of ON attempts (callback);
CREATE TABLE IF NOT EXISTS used_nonces (
    secret_id TEXT NOT NULL, nonce TEXT NOT NULL, timestamp TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (secret_id, nonce, timestamp)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_nonces_by_age ON used_nonces (at);
DROP TABLE IF EXISTS nonces;
CREATE TABLE IF NOT EXISTS sessions (session_id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, host TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT NOT NULL, headers TEXT NOT NULL,
    created REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_of_bucket ON uploads (host, key, id);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL,
    modified REAL NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;
"""


# This text sorts after every key, because keys have at most 850 bytes. Appended to a prefix, it sorts after every key
# that begins with the prefix.
LAST_KEY = "\U0010ffff" * (850 // 4 + 1)


class StoreBusy(Exception):
    """Another engine uses the directory."""


class SessionUsed(Exception):
    """An earlier task has the same SessionId."""


class ObjectExists(Exception):
    """An object exists under the key, and the request does not replace it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a bucket.

    `blob` is the name of its file, `size` is in bytes, `modified` is in UNIX seconds. `headers` is a JSON object of the
    upload's headers that answers repeat.
    """

    host: str
    key: str
    blob: str
    size: int
    etag: str
    content_type: str
    modified: float
    headers: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedNonce:
    """A nonce that one key used at a timestamp. A signed call may use it once."""

    secret_id: str
    nonce: str
    timestamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """A page of the tasks of MPS, newest first.

    A task fits if it was created from `since` to `until`, in UNIX seconds, has one of the statuses, and, unless
    `has_failed` is None, has a failed output or none. The page begins at the number `first`, if there is one.
    """

    statuses: tuple[Status, ...]
    since: float
    until: float
    limit: int
    has_failed: bool | None = None
    first: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One delivery. `due` is in UNIX seconds, None while an attempt runs and after the last one.

    `state` is `waiting`, `delivered`, `given_up` or `dropped`.
    """

    seq: int = 0
    vid: str
    type: str
    url: str
    body: str
    created: float
    due: float | None
    tries: int = 0
    state: str = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to deliver: its time in UNIX seconds, its length in seconds, and the HTTP status or the error."""

    at: float
    seconds: float
    http_status: int | None = None
    error: str | None = None


class Store:
    """The engine's memory. Every method is one transaction. Threads may share it."""

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, timeout=1, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        try:
            self._open()
        except sqlite3.OperationalError as error:
            self._db.close()
            raise StoreBusy(f"{file} is in use or not writable ({error})") from error

    def _open(self) -> None:
        # WAL with `synchronous=NORMAL` survives a crash of the process. A crash of the machine may lose the last
        # transactions, which local use can bear.
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        # A file of an earlier version has no such column.
        if "headers" not in {row["name"] for row in self._db.execute("PRAGMA table_info(objects)")}:
            self._db.execute("ALTER TABLE objects ADD COLUMN headers TEXT NOT NULL DEFAULT '{}'")
        # An earlier process ended during these deliveries. They run again: delivery is at least once.
        self._db.execute("UPDATE callbacks SET due = created WHERE state = 'waiting' AND due IS NULL")

    def close(self) -> None:
        """Close the file. Every later call raises `sqlite3.Error`."""
        with self._lock:
            self._db.close()

    def add_task(self, task: Task, session_seconds: float = 0) -> list[str]:
        """Store a new task, mark the tasks that it replaces as deleted, and return their vids.

        CTS documents that a new task of a file replaces the earlier ones. Tasks of another kind stay. Raises
        `SessionUsed` if a task of the last `session_seconds` has the same SessionId; nothing has changed then.
        """
        same = (task.kind.value, task.source.host, task.key)
        with self.transaction() as db:
            if task.request and task.request.session_id:
                _take_session(db, task.request.session_id, task.created, session_seconds)
            earlier = [] if task.kind in MPS_KINDS else self._delete_earlier(db, same, task.created)
            db.execute(
                "INSERT INTO tasks (vid, kind, host, key, open, deleted, doc) VALUES (?, ?, ?, ?, 1, 0, ?)",
                (task.vid, *same, json.dumps(encode(task))),
            )
            return earlier

    def _delete_earlier(self, db: sqlite3.Connection, same: tuple[str, str, str], now: float) -> list[str]:
        rows = db.execute("SELECT doc FROM tasks WHERE kind = ? AND host = ? AND key = ? AND NOT deleted", same)
        earlier = [_task(row) for row in rows.fetchall()]
        for old in earlier:
            self._write(db, replace(old, deleted=True, updated=now))
        return [old.vid for old in earlier]

    def change(
        self,
        vid: str,
        callbacks: Callable[[Task], Iterable[Callback]] = lambda _: (),
        *,
        last: Status = Status.TRANSCODING,
        **changes: Any,
    ) -> Task | None:
        """Change a task and queue its callbacks, both or neither.

        `callbacks` makes the callbacks from the changed task. Return None if the task is finished, deleted, or beyond
        the status `last`; nothing has changed then.
        """
        with self.transaction() as db:
            old = _first_task(db.execute("SELECT doc FROM tasks WHERE vid = ?", (vid,)))
            if old is None or old.deleted or old.status > last:
                return None
            # The provider never goes back to an earlier status.
            status = max(old.status, changes.pop("status", old.status))
            now = time.time()
            begun = old.begun or (now if status > Status.PENDING else None)
            task = replace(old, status=status, updated=now, begun=begun, **changes)
            self._write(db, task)
            db.executemany(_INSERT_CALLBACK, [encode(callback) for callback in callbacks(task)])
            return task

    def task(self, vid: str) -> Task | None:
        """Return a task, deleted or not; None if there is none."""
        with self.transaction() as db:
            return _first_task(db.execute("SELECT doc FROM tasks WHERE vid = ?", (vid,)))

    def newest_task(self, kind: TaskKind, place: Place, key: str) -> Task | None:
        """Return the newest task of a file that is not deleted, None if there is none."""
        query = (
            "SELECT doc FROM tasks WHERE kind = ? AND host = ? AND key = ? AND NOT deleted ORDER BY seq DESC LIMIT 1"
        )
        with self.transaction() as db:
            return _first_task(db.execute(query, (kind.value, place.host, key)))

    def tasks(self, limit: int) -> list[Task]:
        """Return the newest tasks, newest first."""
        with self.transaction() as db:
            return [_task(row) for row in db.execute("SELECT doc FROM tasks ORDER BY seq DESC LIMIT ?", (limit,))]

    def find_tasks(self, query: TaskQuery) -> tuple[int, list[tuple[int, Task]]]:
        """Return how many tasks of MPS fit, and one page of them with their numbers."""
        names = encode(query) | {"kinds": json.dumps(sorted(MPS_KINDS)), "wanted": json.dumps(query.statuses)}
        del names["statuses"]
        with self.transaction() as db:
            total = db.execute(f"SELECT COUNT(*) {_FITTING}", names).fetchone()[0]
            page = f"SELECT seq, doc {_FITTING} AND seq <= ifnull(:first, seq) ORDER BY seq DESC LIMIT :limit"
            return total, [(row["seq"], _task(row)) for row in db.execute(page, names)]

    def open_vids(self) -> list[str]:
        """Return the vids of all unfinished tasks, oldest first."""
        with self.transaction() as db:
            rows = db.execute("SELECT vid FROM tasks WHERE open AND NOT deleted ORDER BY seq")
            return [row["vid"] for row in rows]

    def put_object(self, item: StoredObject, *, replace: bool = True) -> str | None:
        """Store an object under its key and return the blob that it replaces, if any.

        Raises `ObjectExists` if there is an object and `replace` is False.
        """
        with self.transaction() as db:
            old = db.execute("SELECT blob FROM objects WHERE host = ? AND key = ?", (item.host, item.key)).fetchone()
            if old and not replace:
                raise ObjectExists(item.key)
            db.execute(_INSERT_OBJECT, encode(item))
            return old and str(old["blob"])

    def delete_object(self, host: str, key: str) -> str | None:
        """Delete the entry of an object and return its blob, None if there is no such object."""
        with self.transaction() as db:
            old = db.execute("DELETE FROM objects WHERE host = ? AND key = ? RETURNING blob", (host, key)).fetchone()
            return old and str(old["blob"])

    def objects(self, host: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        """Return objects of a bucket in the order of their keys, which begin with `prefix` and sort after `after`."""
        query = "SELECT * FROM objects WHERE host = ? AND key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?"
        with self.transaction() as db:
            rows = db.execute(query, (host, prefix, prefix + LAST_KEY, after, limit))
            return [StoredObject(**row) for row in rows]

    def object(self, host: str, key: str) -> StoredObject | None:
        """Return one object of a bucket, None if there is none."""
        with self.transaction() as db:
            row = db.execute("SELECT * FROM objects WHERE host = ? AND key = ?", (host, key)).fetchone()
            return row and StoredObject(**row)

    def take_callback(self, now: float) -> Callback | float | None:
        """Take the callback that has been due longest; `now` is in UNIX seconds.

        If none is due, return the seconds until the next one, or None if none waits. While a sender delivers a callback
        of a task, the task's others wait, so that two senders do not change their order.
        """
        with self.transaction() as db:
            row = db.execute(_NEXT_CALLBACK).fetchone()
            if row is None:
                return None
            if row["due"] > now:
                return float(row["due"]) - now
            db.execute("UPDATE callbacks SET due = NULL WHERE seq = ?", (row["seq"],))
            return Callback(**row)

    def record_attempt(self, callback: Callback, attempt: Attempt) -> None:
        """Store an attempt and the delivery that it changed."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?)",
                (callback.seq, attempt.at, attempt.seconds, attempt.http_status, attempt.error),
            )
            db.execute(
                "UPDATE callbacks SET due = :due, tries = :tries, state = :state WHERE seq = :seq", encode(callback)
            )

    def callbacks(self, limit: int, vid: str | None = None) -> list[tuple[Callback, list[Attempt]]]:
        """Return the newest callbacks with their attempts, newest first; with `vid`, only those of one task."""
        query = "SELECT * FROM callbacks WHERE ? IS NULL OR vid = ? ORDER BY seq DESC LIMIT ?"
        tried = "SELECT at, seconds, http_status, error FROM attempts WHERE callback = ? ORDER BY at"
        with self.transaction() as db:
            found = [Callback(**row) for row in db.execute(query, (vid, vid, limit))]
            return [(callback, [Attempt(**row) for row in db.execute(tried, (callback.seq,))]) for callback in found]

    def use_nonce(self, used: UsedNonce, now: float, keep: float) -> bool:
        """Mark a nonce as used. Return True if the key used it within the last `keep` seconds."""
        with self.transaction() as db:
            db.execute("DELETE FROM used_nonces WHERE at < ?", (now - keep,))
            values = {**encode(used), "at": now}
            added = db.execute("INSERT OR IGNORE INTO used_nonces VALUES (:secret_id, :nonce, :timestamp, :at)", values)
            return added.rowcount == 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for statements that take effect together or not at all. Other threads wait."""
        with self._lock:
            # IMMEDIATE takes the write lock at once, so that no later statement can fail for want of it.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @staticmethod
    def _write(db: sqlite3.Connection, task: Task) -> None:
        is_open = task.status not in FINAL
        db.execute(
            "UPDATE tasks SET open = ?, deleted = ?, doc = ? WHERE vid = ?",
            (is_open, task.deleted, json.dumps(encode(task)), task.vid),
        )


_FITTING = """FROM tasks WHERE kind IN (SELECT value FROM json_each(:kinds))
    AND json_extract(doc, '$.status') IN (SELECT value FROM json_each(:wanted))
    AND json_extract(doc, '$.created') BETWEEN :since AND :until
    AND (:has_failed IS NULL OR :has_failed = (json_array_length(doc, '$.failed_outputs') > 0))"""
_INSERT_OBJECT = """INSERT OR REPLACE INTO objects (host, key, blob, size, etag, content_type, modified, headers)
    VALUES (:host, :key, :blob, :size, :etag, :content_type, :modified, :headers)"""
_NEXT_CALLBACK = """SELECT * FROM callbacks AS this WHERE due IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM callbacks WHERE vid = this.vid AND state = 'waiting' AND due IS NULL) ORDER BY due, seq LIMIT 1"""
_INSERT_CALLBACK = """INSERT INTO callbacks (vid, type, url, body, created, due, tries, state)
    VALUES (:vid, :type, :url, :body, :created, :due, :tries, :state)"""


def _take_session(db: sqlite3.Connection, session_id: str, now: float, keep: float) -> None:
    db.execute("DELETE FROM sessions WHERE at <= ?", (now - keep,))
    if db.execute("INSERT OR IGNORE INTO sessions VALUES (?, ?)", (session_id, now)).rowcount == 0:
        raise SessionUsed(session_id)


def _task(row: sqlite3.Row) -> Task:
    return decode(Task, json.loads(row["doc"]))


def _first_task(rows: sqlite3.Cursor) -> Task | None:
    row = rows.fetchone()
    return row and _task(row)
