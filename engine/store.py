"""Everything that outlives the process, in one SQLite file.

Tasks, objects, callbacks and their attempts, used nonces; `uploads.py` keeps unfinished multipart uploads there.

One connection behind one lock. The file is locked exclusively: two engines cannot share a directory.
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
from engine.model import FINAL, Task
from engine.places import Place
from mediarelay.domain.tasks.media import Kind

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
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, host TEXT NOT NULL, key TEXT NOT NULL, content_type TEXT NOT NULL, headers TEXT NOT NULL,
    created REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_of_bucket ON uploads (host, key, id);
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, blob TEXT NOT NULL, size INTEGER NOT NULL, md5 TEXT NOT NULL,
    modified REAL NOT NULL, PRIMARY KEY (upload, number)) WITHOUT ROWID;
"""


# Comes after every key, since keys have at most 850 bytes; behind a prefix, after every key that begins with it.
LAST_KEY = "\U0010ffff" * (850 // 4 + 1)


class StoreBusy(Exception):
    """Another engine holds the directory."""


class ObjectExists(Exception):
    """There is an object under the key, and it is not to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a bucket.

    `blob` is the name of its file, `modified` is in UNIX seconds, `headers` is the JSON object of the headers that the
    upload wants to have back.
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
    """What a signed call may use once: a nonce at a timestamp, by one key."""

    secret_id: str
    nonce: str
    timestamp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One delivery to be made; `due` in UNIX seconds, None once nothing is left to do."""

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
    """One try to deliver: when, for how many seconds, and the HTTP status or what went wrong."""

    at: float
    seconds: float
    http_status: int | None = None
    error: str | None = None


class Store:
    """The engine's memory. Every method is one transaction and may be called from any thread."""

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
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        if "headers" not in {row["name"] for row in self._db.execute("PRAGMA table_info(objects)")}:
            self._db.execute("ALTER TABLE objects ADD COLUMN headers TEXT NOT NULL DEFAULT '{}'")
        self._db.execute("UPDATE callbacks SET due = created WHERE state = 'waiting' AND due IS NULL")

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def add_task(self, task: Task) -> list[str]:
        """Keep a new task and mark the earlier ones of the same file deleted; returns their vids (seed, remarks)."""
        host = task.source.host
        with self.transaction() as db:
            same = (task.kind.value, host, task.key)
            rows = db.execute("SELECT doc FROM tasks WHERE kind = ? AND host = ? AND key = ? AND NOT deleted", same)
            earlier = [_task(row) for row in rows.fetchall()]
            for old in earlier:
                self._write(db, replace(old, deleted=True, updated=task.created))
            db.execute(
                "INSERT INTO tasks (vid, kind, host, key, open, deleted, doc) VALUES (?, ?, ?, ?, 1, 0, ?)",
                (task.vid, *same, json.dumps(encode(task))),
            )
            return [old.vid for old in earlier]

    def change(
        self, vid: str, callbacks: Callable[[Task], Iterable[Callback]] = lambda _: (), **changes: Any
    ) -> Task | None:
        """Change a task and queue what is to be called back, both or neither; None if it is finished or deleted."""
        with self.transaction() as db:
            old = _first_task(db.execute("SELECT doc FROM tasks WHERE vid = ?", (vid,)))
            if old is None or old.deleted or old.status in FINAL:
                return None
            status = max(old.status, changes.pop("status", old.status))
            task = replace(old, status=status, updated=time.time(), **changes)
            self._write(db, task)
            db.executemany(_INSERT_CALLBACK, [encode(callback) for callback in callbacks(task)])
            return task

    def task(self, vid: str) -> Task | None:
        """Return one task, deleted or not."""
        with self.transaction() as db:
            return _first_task(db.execute("SELECT doc FROM tasks WHERE vid = ?", (vid,)))

    def newest_task(self, kind: Kind, place: Place, key: str) -> Task | None:
        """Return the newest task of a file that is not deleted."""
        query = (
            "SELECT doc FROM tasks WHERE kind = ? AND host = ? AND key = ? AND NOT deleted ORDER BY seq DESC LIMIT 1"
        )
        with self.transaction() as db:
            return _first_task(db.execute(query, (kind.value, place.host, key)))

    def tasks(self, limit: int) -> list[Task]:
        """Return the newest tasks, newest first."""
        with self.transaction() as db:
            return [_task(row) for row in db.execute("SELECT doc FROM tasks ORDER BY seq DESC LIMIT ?", (limit,))]

    def open_vids(self) -> list[str]:
        """Return the vids of all unfinished tasks, oldest first."""
        with self.transaction() as db:
            rows = db.execute("SELECT vid FROM tasks WHERE open AND NOT deleted ORDER BY seq")
            return [row["vid"] for row in rows]

    def put_object(self, item: StoredObject, *, replace: bool = True) -> str | None:
        """Keep an object under its key; returns the blob that it replaces. Raises `ObjectExists` unless `replace`."""
        with self.transaction() as db:
            old = db.execute("SELECT blob FROM objects WHERE host = ? AND key = ?", (item.host, item.key)).fetchone()
            if old and not replace:
                raise ObjectExists(item.key)
            db.execute(_INSERT_OBJECT, encode(item))
            return old and str(old["blob"])

    def delete_object(self, host: str, key: str) -> str | None:
        """Forget an object; returns its blob, None if there is no such object."""
        with self.transaction() as db:
            old = db.execute("DELETE FROM objects WHERE host = ? AND key = ? RETURNING blob", (host, key)).fetchone()
            return old and str(old["blob"])

    def objects(self, host: str, prefix: str, after: str, limit: int) -> list[StoredObject]:
        """Return the first objects of a bucket whose key begins with `prefix` and comes after `after`, by key."""
        query = "SELECT * FROM objects WHERE host = ? AND key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?"
        with self.transaction() as db:
            rows = db.execute(query, (host, prefix, prefix + LAST_KEY, after, limit))
            return [StoredObject(**row) for row in rows]

    def object(self, host: str, key: str) -> StoredObject | None:
        """Return one object of a bucket."""
        with self.transaction() as db:
            row = db.execute("SELECT * FROM objects WHERE host = ? AND key = ?", (host, key)).fetchone()
            return row and StoredObject(**row)

    def claim_callback(self, now: float) -> Callback | float | None:
        """Take the callback that is due longest; else the seconds until the next one, or None if none waits.

        While one callback of a task is being sent, its others wait, so that two senders do not change their order.
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
        """Keep how a delivery went and what `callback` now says about it."""
        with self.transaction() as db:
            db.execute(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?)",
                (callback.seq, attempt.at, attempt.seconds, attempt.http_status, attempt.error),
            )
            db.execute(
                "UPDATE callbacks SET due = :due, tries = :tries, state = :state WHERE seq = :seq", encode(callback)
            )

    def callbacks(self, limit: int, vid: str | None = None) -> list[tuple[Callback, list[Attempt]]]:
        """Return the newest callbacks with their attempts, newest first."""
        query = "SELECT * FROM callbacks WHERE ? IS NULL OR vid = ? ORDER BY seq DESC LIMIT ?"
        tried = "SELECT at, seconds, http_status, error FROM attempts WHERE callback = ? ORDER BY at"
        with self.transaction() as db:
            found = [Callback(**row) for row in db.execute(query, (vid, vid, limit))]
            return [(callback, [Attempt(**row) for row in db.execute(tried, (callback.seq,))]) for callback in found]

    def use_nonce(self, used: UsedNonce, now: float, keep: float) -> bool:
        """Mark a nonce as used and say whether it was used within the last `keep` seconds."""
        with self.transaction() as db:
            db.execute("DELETE FROM used_nonces WHERE at < ?", (now - keep,))
            values = {**encode(used), "at": now}
            added = db.execute("INSERT OR IGNORE INTO used_nonces VALUES (:secret_id, :nonce, :timestamp, :at)", values)
            return added.rowcount == 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements that count all or none; other threads wait."""
        with self._lock:
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


_INSERT_OBJECT = """INSERT OR REPLACE INTO objects (host, key, blob, size, etag, content_type, modified, headers)
    VALUES (:host, :key, :blob, :size, :etag, :content_type, :modified, :headers)"""
_NEXT_CALLBACK = """SELECT * FROM callbacks AS this WHERE due IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM callbacks WHERE vid = this.vid AND state = 'waiting' AND due IS NULL) ORDER BY due, seq LIMIT 1"""
_INSERT_CALLBACK = """INSERT INTO callbacks (vid, type, url, body, created, due, tries, state)
    VALUES (:vid, :type, :url, :body, :created, :due, :tries, :state)"""


def _task(row: sqlite3.Row) -> Task:
    return decode(Task, json.loads(row["doc"]))


def _first_task(rows: sqlite3.Cursor) -> Task | None:
    row = rows.fetchone()
    return row and _task(row)
