"""Make the planned outputs with ffmpeg, or pretend to with a stub."""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol

import imageio_ffmpeg

from engine.config import Config
from engine.failures import Failure, Stopped, TaskFailed
from engine.model import AudioFacts, MediaFacts, Output, OutputKind, VideoFacts
from engine.plan import arguments
from engine.probe import picture_sides, probe
from engine.progress import percent
from engine.targets import OUT, PROGRESS, Target

# Bytes from the end of ffmpeg's messages that a failed task shows. A damaged source can cause megabytes of them.
LOG_LIMIT = 20_000
# Seconds between two looks at the position of a running process.
REPORT_EVERY = 1.0
# A function that takes the percentage of the source that is encoded.
Report = Callable[[int], None]


class NoFfmpeg(Exception):
    """No ffmpeg was found that runs."""


@cache
def find_ffmpeg() -> str:
    """Return the path of imageio-ffmpeg's ffmpeg, or of IMAGEIO_FFMPEG_EXE if set. Raises `NoFfmpeg`."""
    try:
        binary = str(imageio_ffmpeg.get_ffmpeg_exe())
        subprocess.run([binary, "-version"], check=True, capture_output=True, timeout=30)  # noqa: S603
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        raise NoFfmpeg(f"no ffmpeg that runs was found ({error})") from error
    return binary


def require_tools(config: Config) -> None:
    """Raise `NoFfmpeg` if a configuration needs ffmpeg and none runs."""
    if config.transcoder == "ffmpeg":
        find_ffmpeg()


class Handle:
    """A running job that other threads may stop at any time, with its process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """Stop the job: kill its process, and raise `Stopped` in its thread at its next step."""
        with self._lock:
            self._stopped.set()
            if self._process:
                self._process.kill()

    def pause(self, seconds: float) -> None:
        """Wait for `seconds`. Raises `Stopped` at once if another thread stops the job."""
        if self._stopped.wait(seconds):
            raise Stopped

    def run(
        self, command: Sequence[str], directory: Path, timeout: float, watch: Callable[[], None] = lambda: None
    ) -> None:
        """Run a process to its end, for at most `timeout` seconds, and call `watch` every `REPORT_EVERY` seconds.

        Raises `Stopped`, or `TaskFailed` with the process's messages if it fails or takes too long.
        """
        log = directory / "log"
        # stderr goes to a file instead of memory, because ffmpeg may complain about a damaged source without end.
        with log.open("wb") as stderr, self._start(command, directory, stderr) as process:
            try:
                _wait(process, timeout, watch)
            except subprocess.TimeoutExpired:
                raise TaskFailed(Failure.TIMEOUT, f"{timeout:g} s", _tail(log)) from None
            finally:
                process.kill()
                with self._lock:
                    self._process = None
        # A process that `stop` killed fails, too. The job was stopped then, so `Stopped` comes first.
        self.pause(0)
        if process.returncode:
            raise TaskFailed(Failure.ENCODER, _first_line(_tail(log)), _tail(log))

    def _start(self, command: Sequence[str], directory: Path, stderr: BinaryIO) -> "subprocess.Popen[bytes]":
        quiet = subprocess.DEVNULL
        # The lock covers the check and the start. Otherwise `stop` could come in between and miss the process.
        with self._lock:
            if self._stopped.is_set():
                raise Stopped
            process = subprocess.Popen(command, cwd=directory, stdin=quiet, stdout=quiet, stderr=stderr)  # noqa: S603
            self._process = process
            return process


def _wait(process: "subprocess.Popen[bytes]", timeout: float, watch: Callable[[], None]) -> None:
    """Wait for a process; raises `TimeoutExpired` after `timeout` seconds, and whatever `watch` raises."""
    end = time.monotonic() + timeout
    while True:
        left = end - time.monotonic()
        try:
            process.wait(max(0, min(left, REPORT_EVERY)))
        except subprocess.TimeoutExpired:
            if left <= REPORT_EVERY:
                raise
            watch()
        else:
            return


class Transcoder(Protocol):
    """Reads the facts of a source and makes its outputs, in a working directory."""

    def probe(self, source: Path) -> MediaFacts:
        """Read the facts of a source. Raises `TaskFailed`."""

    def make(
        self, facts: MediaFacts, targets: Sequence[Target], directory: Path, handle: Handle, report: Report
    ) -> None:
        """Write every target's files next to the source, and report the progress. Raises `TaskFailed`, `Stopped`."""

    def measure(self, target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
        """Measure the files of a target. Raises `TaskFailed` if one is missing or unreadable."""


class Ffmpeg:
    """A transcoder that runs one ffmpeg process per source."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    def probe(self, source: Path) -> MediaFacts:
        """See `Transcoder`."""
        return probe(source)

    def make(
        self, facts: MediaFacts, targets: Sequence[Target], directory: Path, handle: Handle, report: Report
    ) -> None:
        """See `Transcoder`."""
        if targets:
            command = [find_ffmpeg(), *arguments(facts, targets)]
            handle.run(command, directory, self._timeout, lambda: report(percent(directory / PROGRESS, facts.duration)))
        for suffix, text in (each for target in targets for each in target.texts):
            (directory / (OUT + suffix)).write_text(text, encoding="utf-8")

    def measure(self, target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
        """See `Transcoder`."""
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise TaskFailed(Failure.ENCODER, f"no output {missing[0]}")
        try:
            return _MEASURED[target.kind](target, files, paths)
        except TaskFailed as failed:
            raise TaskFailed(Failure.ENCODER, f"{target.name} is not readable", failed.log) from failed


class Stub:
    """A transcoder that writes a few bytes at once, for runs that measure everything but ffmpeg."""

    def probe(self, source: Path) -> MediaFacts:
        """Return the facts of a minute of 1080p with sound for every source. Only the size is real."""
        size = source.stat().st_size
        video = VideoFacts(index=0, codec="h264", width=1920, height=1080, fps=25.0, duration=60.0)
        audio = AudioFacts(index=1, codec="aac", sample_rate=44100, bitrate=128_000)
        container = "mov,mp4,m4a,3gp,3g2,mj2"
        return MediaFacts(container=container, size=size, duration=60.0, bitrate=4_306_000, video=video, audio=audio)

    def make(
        self, facts: MediaFacts, targets: Sequence[Target], directory: Path, handle: Handle, report: Report
    ) -> None:
        """See `Transcoder`. The files contain text."""
        del facts, report
        handle.pause(0)
        for target in targets:
            for file in target.files:
                (directory / file).write_bytes(f"stub {target.name}\n".encode())

    def measure(self, target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
        """Return the plan as the result. Only the size is real."""
        return replace(
            _planned(target, files, paths),
            fps=25.0 if target.kind is OutputKind.VIDEO else 0,
            bitrate=0 if target.lossless else target.bitrate,
            sample_rate=44100 if target.kind is OutputKind.AUDIO else 0,
            facts=_pretended(target) if target.kind in {OutputKind.VIDEO, OutputKind.AUDIO} else None,
        )


def _pretended(target: Target) -> MediaFacts:
    sides = (target.width, target.height)
    shown = VideoFacts(index=0, codec="h264", width=sides[0], height=sides[1], fps=25.0, duration=60.0)
    audio = AudioFacts(index=1, codec="aac", sample_rate=44100, bitrate=target.bitrate // 4)
    return MediaFacts(
        container="mp4", size=0, duration=60.0, bitrate=target.bitrate, video=shown if all(sides) else None, audio=audio
    )


# ffmpeg prints the address of a component in memory, which differs in each run.
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")


def _planned(target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
    """Return the plan as the result, with the measured size."""
    return Output(
        kind=target.kind,
        name=target.name,
        paths=paths,
        size=_size(files),
        width=target.width,
        height=target.height,
        format=target.format,
        encoder=target.encoder,
        times=target.times,
        count=target.count,
    )


def _measure_frames(target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
    width, height = picture_sides(files[0])
    return replace(_planned(target, files, paths), width=width, height=height)


def _measure_media(target: Target, files: Sequence[Path], paths: tuple[str, ...]) -> Output:
    facts = probe(files[0])
    video, audio = facts.video, facts.audio
    # A video's bitrate is that of the whole file. A song's is that of its sound, without tags and container.
    own = facts.bitrate if video or audio is None else (audio.bitrate or facts.bitrate)
    return replace(
        _planned(target, files, paths),
        duration=facts.duration,
        width=video.width if video else 0,
        height=video.height if video else 0,
        fps=video.fps if video else 0,
        bitrate=0 if target.lossless else own,
        sample_rate=audio.sample_rate if audio else 0,
        facts=facts,
    )


_MEASURED: dict[OutputKind, Callable[[Target, Sequence[Path], tuple[str, ...]], Output]] = {
    OutputKind.VIDEO: _measure_media,
    OutputKind.AUDIO: _measure_media,
    OutputKind.COVER: _measure_frames,
    OutputKind.GIF: _measure_frames,
    OutputKind.SPRITE: _planned,
    OutputKind.STREAM: _planned,
}


def _size(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


def _tail(log: Path) -> str:
    with log.open("rb") as written:
        written.seek(max(0, log.stat().st_size - LOG_LIMIT))
        return written.read().decode("utf-8", "replace")


def _first_line(text: str) -> str:
    """Return ffmpeg's first message, which states the cause, without addresses in memory."""
    return _ADDRESS.sub("", text.strip().partition("\n")[0])
