"""One attempt to carry out a task: take its source, probe it, make its outputs, and publish them.

A task goes from 1 (pending) to 2 (probed) and 3 (transcoding), then to 5 (succeeded). Each step may lead to 4 (failed).
Deleting a task, or stopping the engine, ends its attempt without a further state. An output that cannot be made fails
a task of CTS. A task of MPS continues, and fails only if no output is left.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.callbacks import Sender
from engine.config import Config, Settings
from engine.failures import Failure, Stopped, TaskFailed
from engine.fetch import fetch
from engine.model import MPS_KINDS, FailedOutput, MediaFacts, Output, OutputKind, Status, Task, TaskKind
from engine.mps.templates import plan_outputs
from engine.objects import Objects, clear
from engine.places import checked_key
from engine.plan import plan_audio, plan_video
from engine.probe import is_shorter
from engine.reports import Event, callbacks
from engine.store import Store
from engine.targets import OUT, SOURCE, Target
from engine.transcode import Ffmpeg, Handle, Stub, Transcoder
from mediarelay.errors import Malformed

_TRANSCODERS: dict[str, Callable[[Config], Transcoder]] = {
    "ffmpeg": lambda config: Ffmpeg(config.ffmpeg_timeout),
    "stub": lambda _: Stub(),
}
Plan = tuple[Sequence[Target], Sequence[FailedOutput]]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the engine that an attempt uses."""

    settings: Settings
    store: Store
    objects: Objects
    sender: Sender

    def change(self, vid: str, event: Event, **changes: Any) -> Task | None:
        """Change a task and queue the callbacks of the event in one transaction, so that no crash separates them.

        `changes` are those of `Store.change`. Return None if the task is finished or deleted; nothing has changed then.
        """
        config, faults = self.settings.config, self.settings.faults.roll()
        task = self.store.change(vid, lambda task: callbacks(task, event, config, faults, time.time()), **changes)
        self.sender.wake()
        return task


@dataclass(slots=True)
class Attempt:
    """A running job: its task, its handle, its working directory, and the configuration with which it started."""

    parts: Parts
    task: Task
    handle: Handle
    directory: Path
    # One configuration for the whole job: a PUT in between must not mix two sets of specifications.
    config: Config
    failed: list[FailedOutput] = field(default_factory=list)
    percent: int = 0

    def run(self) -> None:
        """Carry out the task. Raises `TaskFailed`, and `Stopped` if the task is deleted or the engine stops."""
        self._take_source()
        facts = self._probe()
        planned = self._plan(facts)
        # An earlier process of the engine may have left a percentage.
        self._advance(Event.STARTED, status=Status.TRANSCODING, percent=0)
        self.handle.pause(self.config.stage_delay)
        made = self._make(facts, planned)
        self._fail_on_purpose()
        outputs: dict[Target, Output] = {}
        self._each(made, lambda target: outputs.update({target: self._measure(facts, target)}))
        self._finish(self._publish(outputs))

    @property
    def _transcoder(self) -> Transcoder:
        return _TRANSCODERS[self.config.transcoder](self.config)

    def _take_source(self) -> None:
        self.handle.pause(self.config.stage_delay)
        clear(self.directory)
        self.directory.mkdir()
        file = self.directory / SOURCE
        if self.task.download:
            fetch(self.task.download, self.config, file)
        # The link holds the bytes of this moment. An upload under the same key meanwhile does not change the source.
        elif self.parts.objects.link(self.task.source, self.task.key, file) is None:
            raise TaskFailed(Failure.NO_OBJECT)

    def _probe(self) -> MediaFacts:
        try:
            facts = self._transcoder.probe(self.directory / SOURCE)
        except TaskFailed as failed:
            self._advance(Event.PROBED, flaw=failed.flaw)
            raise
        self._advance(Event.PROBED, status=Status.PROBED, facts=facts, flaw=None)
        self.handle.pause(self.config.stage_delay)
        return facts

    def _advance(self, event: Event, **changes: Any) -> None:
        # The store refuses to change a deleted task, which ends the job here.
        if self.parts.change(self.task.vid, event, **changes) is None:
            raise Stopped

    def _plan(self, facts: MediaFacts) -> list[Target]:
        targets, failed = _PLANS[self.task.kind](self.task, self.config, facts)
        self.failed += failed
        return self._each(targets, self._require_keys)

    def _each(self, targets: Iterable[Target], step: Callable[[Target], None]) -> list[Target]:
        """Take a step for each output and return those that have not failed. A failure fails a task of CTS."""
        return [target for target in targets if self._succeeds(target, step)]

    def _succeeds(self, target: Target, step: Callable[[Target], None]) -> bool:
        try:
            step(target)
        except TaskFailed as failed:
            if self.task.kind not in MPS_KINDS:
                raise
            self.failed.append(FailedOutput(name=target.name, flaw=failed.flaw))
            return False
        return True

    def _require_keys(self, target: Target) -> None:
        """Raise `TaskFailed` if the key of an output would be too long for a bucket."""
        for suffix in target.suffixes:
            try:
                checked_key(self.task.output_stem + suffix)
            except Malformed as malformed:
                raise TaskFailed(Failure.LONG_KEY, f"with {suffix} it {malformed.reason}") from malformed

    def _make(self, facts: MediaFacts, targets: Sequence[Target]) -> Sequence[Target]:
        """Make all outputs in one process and return those that have not failed."""
        try:
            self._encode(facts, targets)
        except TaskFailed:
            if self.task.kind not in MPS_KINDS:
                raise
            # Each output gets a process of its own, so that one that cannot be encoded does not fail the others.
            return self._each(targets, lambda target: self._encode(facts, [target]))
        return targets

    def _encode(self, facts: MediaFacts, targets: Sequence[Target]) -> None:
        self._transcoder.make(facts, targets, self.directory, self.handle, self._report)

    def _report(self, percent: int) -> None:
        """Store how much of the source is encoded. A second process begins again, but the percentage only rises."""
        if percent > self.percent:
            self.percent = percent
            self._advance(Event.PROGRESSED, percent=percent)

    def _fail_on_purpose(self) -> None:
        code = self.parts.settings.faults.roll().task_error
        if code is not None:
            raise TaskFailed(code, "on purpose")

    def _measure(self, facts: MediaFacts, target: Target) -> Output:
        prefixes = self.parts.settings.faults.roll().failed_sub_tasks
        if self.task.kind in MPS_KINDS and target.name.startswith(prefixes):
            raise TaskFailed(FAILED_ON_PURPOSE, "on purpose")
        paths = tuple(f"/{self.task.output_stem}{suffix}" for suffix in target.suffixes)
        output = self._transcoder.measure(target, [self.directory / file for file in target.files], paths)
        require_complete(facts, output)
        return output

    def _publish(self, outputs: Mapping[Target, Output]) -> tuple[Output, ...]:
        """Move the files of all outputs into their bucket. None of them is visible before all are complete."""
        # Repeating the status checks once more that the task is not deleted.
        self._advance(Event.PUBLISHED, status=Status.TRANSCODING)
        return tuple(replace(output, md5=self._move(target)) for target, output in outputs.items())

    def _move(self, target: Target) -> str:
        """Move the files of an output into its bucket and return the MD5 of the first one."""
        segments = sorted(path.name for path in self.directory.glob(target.segments)) if target.segments else []
        etags = [self._adopt(file) for file in (*target.files, *segments)]
        return etags[0].strip('"')

    def _adopt(self, name: str) -> str:
        # Raises `Stopped` between files, so that a stop waits for one file at most.
        self.handle.pause(0)
        file, stem = self.directory / name, self.task.output_stem
        if file.suffix in _NAMING:
            own = quote(stem.rpartition("/")[2])
            file.write_text(_WORKING_NAME.sub(f"{own}_", file.read_text(encoding="utf-8")), encoding="utf-8")
        return self.parts.objects.adopt(file, self.task.dst, stem + name.removeprefix(OUT)).etag

    def _finish(self, outputs: tuple[Output, ...]) -> None:
        status = Status.FAILED if self.failed and not outputs else Status.SUCCEEDED
        failed = tuple(self.failed)
        changes = {"outputs": outputs, "failed_outputs": failed, "percent": 100 if outputs else self.percent}
        self.parts.change(self.task.vid, Event.ENDED, status=status, **changes)


# The code of a sub-task that the fault `failed_sub_tasks` fails.
FAILED_ON_PURPOSE = 30010
# Playlists and WebVTT files name other outputs, which have other names in the working directory than in a bucket.
_NAMING = frozenset({".m3u8", ".vtt"})
_WORKING_NAME = re.compile(rf"^{OUT}_", re.MULTILINE)


def _plan_video(task: Task, config: Config, facts: MediaFacts) -> Plan:
    bucket = config.bucket(task.source)
    return plan_video(facts, bucket) if bucket else (), ()


def _plan_audio(_: Task, config: Config, facts: MediaFacts) -> Plan:
    return plan_audio(facts, config.audio_specs), ()


def _plan_mps(task: Task, _: Config, facts: MediaFacts) -> Plan:
    return plan_outputs(facts, task.request.media_process_task if task.request else None)


_PLANS: Mapping[TaskKind, Callable[[Task, Config, MediaFacts], Plan]] = {
    TaskKind.VIDEO: _plan_video,
    TaskKind.AUDIO: _plan_audio,
    TaskKind.WORKFLOW: _plan_mps,
    TaskKind.SCHEDULE: _plan_mps,
}


def require_complete(facts: MediaFacts, output: Output) -> None:
    """Raise `TaskFailed` if an output is clearly shorter than its source.

    ffmpeg exits with 0 when a decoder gives up in the middle, so its exit code proves nothing.
    """
    source = facts.audio if output.kind is OutputKind.AUDIO else facts.video
    length = (source and source.duration) or 0
    if output.duration and is_shorter(output.duration, length):
        raise TaskFailed(Failure.ENCODER, f"{output.name} lasts {output.duration:.1f} s of {length:.1f} s")
