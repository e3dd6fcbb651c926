"""Start tasks and advance them through their states.

A task goes from 1 (pending) to 2 (probed) and 3 (transcoding), then to 5 (succeeded). Each step may lead to 4 (failed).
Deleting a task, or stopping the engine, ends its job without a further state.
"""

import hashlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.callbacks import Message, Sender, deliveries
from engine.config import Bucket, Config, Settings
from engine.failures import Failure, Stopped, TaskFailed
from engine.model import MediaFacts, Output, Status, Task
from engine.objects import Objects, clear
from engine.payloads import basic_callback, result_callback
from engine.places import Place, checked_key
from engine.plan import SOURCE, Target, plan_audio, plan_video
from engine.probe import is_shorter
from engine.store import Callback, Store
from engine.transcode import Ffmpeg, Handle, Stub, Transcoder
from mediarelay.domain.tasks.facts import RenditionKind
from mediarelay.domain.tasks.media import Kind
from mediarelay.errors import Malformed

logger = logging.getLogger(__name__)

_TRANSCODERS: dict[str, Callable[[Config], Transcoder]] = {
    "ffmpeg": lambda config: Ffmpeg(config.ffmpeg_timeout),
    "stub": lambda _: Stub(),
}


def video_vid(request_id: str, moment: int) -> str:
    """Make the vid of an upload: the MD5 of its x-cos-request-id as sent, then its Date in UNIX seconds.

    The provider documents this rule, so that an uploader can compute the vid from the answer to its upload.
    """
    return hashlib.md5(request_id.encode(), usedforsecurity=False).hexdigest() + str(moment)


def audio_vid(moment: int) -> str:
    """Make a new vid in the documented form: 32 random hex digits, then UNIX seconds."""
    return secrets.token_hex(16) + str(moment)


@dataclass(frozen=True, slots=True)
class Work:
    """A running job: its task, the configuration with which it started, its transcoder and its working directory."""

    task: Task
    config: Config
    transcoder: Transcoder
    handle: Handle
    directory: Path


class Jobs:
    """Worker threads, each running one source at a time."""

    def __init__(self, settings: Settings, store: Store, objects: Objects, sender: Sender, directory: Path) -> None:
        self._settings = settings
        self._store = store
        self._objects = objects
        self._sender = sender
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
        return self._add(
            Task(
                vid=vid,
                kind=Kind.VIDEO,
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
        return self._add(
            Task(
                vid=audio_vid(int(now)),
                kind=Kind.AUDIO,
                source=place,
                dst=(bucket and bucket.dst) or place,
                url=place.url(path),
                path=path,
                key=key,
                created=now,
                updated=now,
            )
        )

    def _add(self, task: Task) -> Task:
        # The new task has marked the earlier ones as deleted. Killing their processes only saves time.
        for vid in self._store.add_task(task):
            with self._lock:
                handle = self._running.get(vid)
            if handle:
                handle.stop()
        self._queue.put(task.vid)
        return task

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
        if task is None or task.deleted:
            raise Stopped
        # One configuration for the whole job: a PUT in between must not mix two sets of specifications.
        config = self._settings.config
        work = Work(task, config, _TRANSCODERS[config.transcoder](config), handle, self._directory / vid)
        self._take_source(work)
        facts = self._probe(work)
        targets = _plan(work, facts)
        _require_keys(work.task, targets)
        self._advance(work, Status.TRANSCODING)
        handle.pause(config.stage_delay)
        work.transcoder.make(facts, targets, work.directory, handle)
        self._fail_on_purpose()
        outputs = tuple(self._measured(work, target) for target in targets)
        _require_complete(facts, outputs)
        # No output becomes visible before all outputs are complete.
        self._publish(work, targets)
        self._finish(vid, status=Status.SUCCEEDED, outputs=outputs)

    def _take_source(self, work: Work) -> None:
        work.handle.pause(work.config.stage_delay)
        clear(work.directory)
        work.directory.mkdir()
        # The link holds the bytes of this moment. An upload under the same key meanwhile does not change the source.
        if self._objects.link(work.task.source, work.task.key, work.directory / SOURCE) is None:
            raise TaskFailed(Failure.NO_OBJECT)

    def _probe(self, work: Work) -> MediaFacts:
        try:
            facts = work.transcoder.probe(work.directory / SOURCE)
        except TaskFailed as failed:
            self._send_basic(work, str(failed))
            raise
        self._advance(work, Status.PROBED, facts=facts)
        self._send_basic(work)
        work.handle.pause(work.config.stage_delay)
        return facts

    def _advance(self, work: Work, status: Status, **changes: Any) -> None:
        # The store refuses to change a deleted task, which ends the job here.
        if self._store.change(work.task.vid, status=status, **changes) is None:
            raise Stopped

    def _send_basic(self, work: Work, fault: str = "") -> None:
        if work.config.trans_basic and work.task.kind is Kind.VIDEO:
            self._store.change(work.task.vid, lambda task: self._message(task, "trans_basic", fault))
            self._sender.wake()

    def _fail_on_purpose(self) -> None:
        code = self._settings.faults.roll().task_error
        if code is not None:
            raise TaskFailed(code, "on purpose")

    def _measured(self, work: Work, target: Target) -> Output:
        paths = tuple(work.task.path + suffix for suffix in target.suffixes)
        return work.transcoder.measure(target, [work.directory / file for file in target.files], paths)

    def _publish(self, work: Work, targets: Iterable[Target]) -> None:
        # Repeating the status checks once more that the task is not deleted.
        self._advance(work, Status.TRANSCODING)
        for target in targets:
            # Raises `Stopped` between files, so that a stop waits for one file at most.
            work.handle.pause(0)
            for file, suffix in zip(target.files, target.suffixes, strict=True):
                self._objects.adopt(work.directory / file, work.task.dst, work.task.key + suffix)

    def _fail(self, vid: str, failed: TaskFailed) -> None:
        self._finish(vid, status=Status.FAILED, flaw=failed.flaw, log=failed.log)

    def _finish(self, vid: str, **changes: Any) -> None:
        # The store writes the final state and its callback in one transaction, so that no crash separates them.
        self._store.change(vid, lambda task: self._message(task, "trans_result"), **changes)
        self._sender.wake()

    def _message(self, task: Task, kind: str, fault: str = "") -> list[Callback]:
        config = self._settings.config
        url = config.callback_url(task.kind)
        if url is None:
            return []
        basic = kind == "trans_basic"
        body = basic_callback(task, fault) if basic else result_callback(task, typed=config.trans_basic)
        message = Message(vid=task.vid, type=kind, url=url, body=body)
        return deliveries(message, self._settings.faults.roll(), time.time())


def _plan(work: Work, facts: MediaFacts) -> tuple[Target, ...]:
    if work.task.kind is Kind.AUDIO:
        return plan_audio(facts, work.config.audio_specs)
    bucket = work.config.bucket(work.task.source)
    return plan_video(facts, bucket) if bucket else ()


def _require_keys(task: Task, targets: Iterable[Target]) -> None:
    """Raise `TaskFailed` if the key of an output would be too long for a bucket."""
    for suffix in (suffix for target in targets for suffix in target.suffixes):
        try:
            checked_key(task.key + suffix)
        except Malformed as malformed:
            raise TaskFailed(Failure.LONG_KEY, f"with {suffix} it {malformed.reason}") from malformed


def _require_complete(facts: MediaFacts, outputs: Iterable[Output]) -> None:
    """Raise `TaskFailed` if an output is clearly shorter than its source.

    ffmpeg exits with 0 when a decoder gives up in the middle, so its exit code proves nothing.
    """
    for output in outputs:
        source = facts.audio if output.kind is RenditionKind.AUDIO else facts.video
        length = (source and source.duration) or 0
        if output.duration and is_shorter(output.duration, length):
            raise TaskFailed(Failure.ENCODER, f"{output.name} lasts {output.duration:.1f} s of {length:.1f} s")
