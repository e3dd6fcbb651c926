"""The engine's own way with one file: probe, plan, transcode, measure; and what must come of it."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import av.error

from engine.attempt import require_complete
from engine.config import Bucket, Cover
from engine.failures import Failure, TaskFailed
from engine.model import MediaFacts, Output
from engine.plan import plan_audio, plan_video
from engine.targets import SOURCE, Target
from engine.transcode import Ffmpeg, Handle, find_ffmpeg

AUDIO_SPECS = (
    "128000_mp3",
    "24000_mp3",
    "48000_m4a",
    "64000_aac",
    "96000_ogg",
    "16000_ogg",
    "64000_opus",
    "0_ogg",
    "0_flac",
    "0_wav",
)
BUCKET = Bucket(name="a", region="b", covers=(Cover(spec="0_0", count=3), Cover(spec="s_90")), gifs=("w_64",))
REFUSALS = frozenset({Failure.NOT_MEDIA, Failure.NO_VIDEO, Failure.NO_AUDIO, Failure.NO_SUCH_SPEC, Failure.CUT_SOURCE})
"""Codes that say something about the file; with any other one the engine is at fault."""
Plan = Callable[[MediaFacts], Sequence[Target]]
PLANS: dict[str, Plan] = {
    "video": lambda facts: plan_video(facts, BUCKET),
    "audio": lambda facts: plan_audio(facts, AUDIO_SPECS),
}
_STREAMS = {"video": "0:V:0", "audio": "0:a:0"}


@dataclass(frozen=True)
class Ended:
    """What came of one task: its outputs, or a code and its text."""

    facts: MediaFacts | None = None
    outputs: tuple[Output, ...] = ()
    code: int = 0
    message: str = ""


def run(path: Path, kind: str, look: Callable[[Path], object] = lambda _: None) -> Ended:
    """Take a file through a task of this kind; `look` sees the working directory before it goes."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / SOURCE).symlink_to(path.resolve())
        try:
            ffmpeg = Ffmpeg(60)
            facts = ffmpeg.probe(directory / SOURCE)
            targets = PLANS[kind](facts)
            ffmpeg.make(facts, targets, directory, Handle(), lambda _: None)
            outputs = tuple(ffmpeg.measure(t, [directory / file for file in t.files], t.suffixes) for t in targets)
            for output in outputs:
                require_complete(facts, output)
            look(directory)
        except TaskFailed as failed:
            return Ended(code=failed.flaw.code, message=f"{failed.flaw.message}\n{failed.log or ''}")
        return Ended(facts=facts, outputs=outputs)


def faults(path: Path, kind: str, ended: Ended) -> str:
    """Say what is wrong with how a task ended; empty if it is right."""
    if not ended.code:
        return _odd_facts(ended)
    if ended.code == Failure.ENCODER and _decoded(path, kind, "-f", "null").stderr:
        return ""  # A file that ffmpeg itself complains about.
    if ended.code not in REFUSALS:
        return f"{ended.code} {ended.message}"
    if ended.code == Failure.NO_SUCH_SPEC:
        return ""  # A cover of a picture of one column would be too long.
    return f"{ended.code}, but ffmpeg decodes it" if _is_refused_wrongly(path, kind, ended) else ""


def _is_refused_wrongly(path: Path, kind: str, ended: Ended) -> bool:
    """Ask ffmpeg whether it decodes a frame of this kind, and not by chance.

    RealMedia cannot name WMV 2 and calls it RealVideo 2: of ten frames one comes out, as noise, and ffmpeg fails. A
    format that is not read is refused whatever it holds, and so is a codec that PyAV has no decoder for (AVS2, AVS3).
    """
    if "not one that is read" in ended.message or not _is_known(path, kind):
        return False
    found = _decoded(path, kind, "-frames", "1", "-f", "framecrc")
    return not found.returncode and any(not line.startswith(b"#") for line in found.stdout.splitlines())


def _is_known(path: Path, kind: str) -> bool:
    try:
        with av.open(str(path)) as container:
            return any(stream.codec_context for stream in container.streams if stream.type == kind)
    except av.error.FFmpegError:
        return True


def _decoded(path: Path, kind: str, *output: str) -> "subprocess.CompletedProcess[bytes]":
    """Decode one stream, no attached picture, with ffmpeg alone."""
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-i", str(path), "-map", _STREAMS[kind], *output, "-"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def _odd_facts(ended: Ended) -> str:
    facts = ended.facts
    assert facts is not None
    lengths = [facts.duration, *(each.duration for each in (facts.video, facts.audio) if each)]
    if not all(length and 0 < length < 3600 for length in lengths):
        return f"lengths {lengths}"
    odd = [output.name for output in ended.outputs if output.duration > facts.duration + 2.5 or output.size <= 0]
    return f"outputs {odd} of {facts.duration}" if odd else ""
