"""Generate sample media with ffmpeg, so that the repository needs no media files and no download."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.failures import TaskFailed
from engine.probe import probe
from engine.transcode import NoFfmpeg, find_ffmpeg
from local.environment import LocalError

SECONDS = 5


@dataclass(frozen=True)
class Media:
    """A file, and the kinds of task that accept it."""

    file: Path
    has_video: bool
    has_audio: bool


def samples(folder: Path, seconds: int = SECONDS) -> list[Media]:
    """Return a video clip and a song of `seconds` each. Raises `LocalError` without ffmpeg.

    The first call generates them; later ones reuse the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, recipe in _recipes(seconds).items():
        if not (folder / name).exists():
            _make(folder / name, recipe)
    clip = Media(folder / "clip.mp4", has_video=True, has_audio=False)
    return [clip, Media(folder / "song.mp3", has_video=False, has_audio=True)]


def own_media(text: str) -> Media:
    """Probe a user's file. Raises `LocalError` if it is unreadable or no media."""
    # Reading a byte first separates a wrong path from a format that the engine does not read.
    file = Path(text).expanduser()
    try:
        with file.open("rb") as content:
            content.read(1)
    except OSError as error:
        raise LocalError(f"FILE={text} cannot be read: {error.strerror}") from error
    try:
        facts = probe(file)
    except TaskFailed as error:
        raise LocalError(f"FILE={text} is not media that the engine reads: {error}") from error
    if facts.video is None and facts.audio is None:
        raise LocalError(f"FILE={text} has neither a picture nor sound")
    return Media(file, has_video=facts.video is not None, has_audio=facts.audio is not None)


def _recipes(seconds: int) -> dict[str, list[str]]:
    picture = f"testsrc2=size=1920x1080:rate=25:duration={seconds}"
    chord = "|".join(f"0.2*sin(2*PI*t*{pitch})*exp(-mod(t,1))" for pitch in (261.63, 392.0))
    sound = f"aevalsrc='{chord}':s=44100:d={seconds}"
    return {
        "clip.mp4": [*_generated(picture), *_generated(sound), "-preset", "veryfast", "-pix_fmt", "yuv420p"],
        "song.mp3": [*_generated(sound), "-b:a", "192k"],
    }


def _generated(source: str) -> list[str]:
    return ["-f", "lavfi", "-i", source]


def _make(file: Path, recipe: list[str]) -> None:
    # An interrupted ffmpeg leaves the draft, so that the next run does not use half a file.
    draft = file.with_name(f"draft-{file.name}")
    try:
        command = [find_ffmpeg(), "-y", "-loglevel", "error", *recipe, str(draft)]
    except NoFfmpeg as error:
        raise LocalError(str(error)) from error
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=120)  # noqa: S603 - the command is ours
    draft.replace(file)
