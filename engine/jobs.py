"""Start tasks, queue them, and run each in a worker thread."""

import hashlib
import logging
import queue
import secrets
import threading
import time
from pathlib import Path

from engine.attempt import Attempt, Parts
from engine.callbacks import Sender
from engine.config import Bucket, Settings
from engine.failures import Failure, Stopped, TaskFailed
from engine.model import FINAL, Status, Task, TaskKind
from engine.mps.tasks import triggered_tasks
from engine.objects import Objects, clear
from engine.places import Place
from engine.reports import Event
from engine.store import Store
from engine.transcode import Handle

logger = logging.getLogger(__name__)


def video_vid(request_id: str, moment: int) -> str:
    """Make the vid of an upload: the MD5 of its x-cos-request-id as sent, then its Date in UNIX seconds.

    The provider documents this rule, so that an uploader can compute the vid from the answer to its upload.
    """
    return hashlib.md5(request_id.encode(), usedforsecurity=False).hexdigest() + str(moment)


def audio_vid(moment: int) -> str:
    """Make a new vid in the documented form: 32 random hex digits, then UNIX seconds."""
    return secrets.token_hex(16) + str(moment)


class Jobs:
    """Worker threads, each running one source at a time."""

    def __init__(self, settings: Settings, store: Store, objects: Objects, sender: Sender, directory: Path) -> None:
        self._settings = settings
        self._store = store
        self._parts = Parts(settings, store, objects, sender)
        self._directory = directory
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[str, Handle] = {}
        self._workers: set[threading.Thread] = set()
        self._wanted = 0
        self._stopped = False

    def start(self) -> None:
        """Start the workers. Tasks that an earlier process left unfinished run again from the beginning."""
        clear(self._directory)
        self._directory.mkdir(parents=True)
        for vid in self._store.open_vids():
            self._queue.put(vid)
        self.resize()

    def stop(self) -> None:
        """Stop all jobs and their processes. Their tasks stay unfinished until the next start."""
        with self._lock:
            self._stopped = True
            workers, handles = list(self._workers), list(self._running.values())
        for handle in handles:
            handle.stop()
        # `None` ends one worker. Vids that precede it in the queue end at once, because `_run` sees `_stopped`.
        for _ in workers:
            self._queue.put(None)
        for worker in workers:
            worker.join()

    def resize(self) -> None:
        """Start or end workers until their number is the configured one. A surplus worker finishes its job first."""
        with self._lock:
            missing = 0 if self._stopped else self._settings.config.workers - self._wanted
            self._wanted += missing
            for _ in range(missing):
                worker = threading.Thread(target=self._loop, name="worker", daemon=True)
                self._workers.add(worker)
                worker.start()
        for _ in range(-missing):
            self._queue.put(None)

    def counts(self) -> dict[str, int]:
        """Return how many jobs run, how many wait, and how many workers exist."""
        with self._lock:
            return {"running": len(self._running), "waiting": self._queue.qsize(), "workers": len(self._workers)}

    def start_video(self, bucket: Bucket, place: Place, key: str, *, vid: str, moment: int) -> Task:
        """Start the video task of an upload. `moment` is the Date of the upload's answer, in UNIX seconds."""
        path = f"/{key}"
        return self.add(
            Task(
                vid=vid,
                kind=TaskKind.VIDEO,
                source=place,
                dst=bucket.dst or place,
                url=place.url(path),
                path=path,
                key=key,
                created=moment,
                updated=moment,
            )
        )

    def start_audio(self, place: Place, key: str) -> Task:
        """Start an audio task. If the object does not exist, the task fails later; the provider accepts such a call."""
        now, path = time.time(), f"/{key}"
        bucket = self._settings.config.bucket(place)
        return self.add(
            Task(
                vid=audio_vid(int(now)),
                kind=TaskKind.AUDIO,
                source=place,
                dst=(bucket and bucket.dst) or place,
                url=place.url(path),
                path=path,
                key=key,
                created=now,
                updated=now,
            )
        )

    def start_triggered(self, place: Place, key: str) -> None:
        """Start the tasks of the schedules of MPS that an upload triggers."""
        for task in triggered_tasks(self._settings.config, place, key, time.time()):
            self.add(task)

    def add(self, task: Task) -> Task:
        """Store a new task and queue it. Raises `SessionUsed` if an earlier one has its SessionId."""
        # The new task has marked the earlier ones as deleted. Killing their processes only saves time.
        for vid in self._store.add_task(task, self._settings.config.mps.session_seconds):
            self._kill(vid)
        self._queue.put(task.vid)
        return task

    def abort(self, vid: str) -> bool:
        """End a task that still waits, as a failure. Return False for any other task, which stays as it is."""
        flaw = TaskFailed(Failure.ABORTED).flaw
        if self._parts.change(vid, Event.ENDED, last=Status.PENDING, status=Status.FAILED, flaw=flaw) is None:
            return False
        self._kill(vid)
        return True

    def _kill(self, vid: str) -> None:
        with self._lock:
            handle = self._running.get(vid)
        if handle:
            handle.stop()

    def _loop(self) -> None:
        while (vid := self._queue.get()) is not None:
            self._run(vid)
        with self._lock:
            self._workers.discard(threading.current_thread())

    def _run(self, vid: str) -> None:
        handle = Handle()
        with self._lock:
            if self._stopped:
                return
            self._running[vid] = handle
        try:
            self._settle(vid, handle)
        except Exception:
            # Not even the failure could be stored, as on a full disk. The worker survives; the next start repeats the
            # task.
            logger.exception("%s stays unfinished", vid)
        finally:
            with self._lock:
                del self._running[vid]
            clear(self._directory / vid)

    def _settle(self, vid: str, handle: Handle) -> None:
        try:
            self._attempt(vid, handle)
        except Stopped:
            logger.info("%s stopped", vid)
        except TaskFailed as failed:
            self._fail(vid, failed)
        except Exception as error:
            logger.exception("%s failed", vid)
            self._fail(vid, TaskFailed(Failure.INTERNAL, type(error).__name__, repr(error)))

    def _attempt(self, vid: str, handle: Handle) -> None:
        task = self._store.task(vid)
        if task is None or task.deleted or task.status in FINAL:
            raise Stopped
        Attempt(self._parts, task, handle, self._directory / vid, self._settings.config).run()

    def _fail(self, vid: str, failed: TaskFailed) -> None:
        self._parts.change(vid, Event.ENDED, status=Status.FAILED, flaw=failed.flaw, log=failed.log)
