"""What is in a media file, read with PyAV."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from engine.failures import Failure, TaskFailed
from engine.inputs import SAFE_INPUT
from engine.model import AudioFacts, MediaFacts, VideoFacts

# Tags come in any encoding. PyAV 18 refuses the file unless told otherwise, PyAV 19 reads it and knows no such option.
_ANY_TEXT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}  # noqa: PLR2004
_CLOCK = re.compile(r"(\d{1,3}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)
_UNREADABLE = (av.error.FFmpegError, OSError, ValueError, StopIteration, ZeroDivisionError)


def probe(path: Path) -> MediaFacts:
    """Read the facts of a media file; raises `TaskFailed` if it is none, or has no duration."""
    with _opened(path) as container:
        duration = _stated_duration(container) or _counted_duration(path)
        video = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
        audio = next(iter(container.streams.audio), None)
        size = path.stat().st_size
        return MediaFacts(
            container=container.format.name,
            size=size,
            duration=duration,
            bitrate=round(size * 8 / duration),
            video=_video(container, video, duration) if video else None,
            audio=_audio(container, audio) if audio else None,
        )


def picture_sides(path: Path) -> tuple[int, int]:
    """Read width and height of a png or gif that we made; raises `TaskFailed`."""
    with _opened(path, {"protocol_whitelist": "file"}) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height


@contextmanager
def _opened(path: Path, options: dict[str, str] = SAFE_INPUT) -> Iterator[InputContainer]:
    try:
        with av.open(str(path), "r", options=dict(options), **_ANY_TEXT) as container:
            yield container
    except _UNREADABLE as error:
        raise TaskFailed(Failure.NOT_MEDIA, getattr(error, "strerror", None) or "") from error


def _stated_duration(container: InputContainer) -> float:
    if container.duration:
        return container.duration / av.time_base
    timed = (s for s in container.streams if s.duration and s.time_base)
    return max((float(s.duration * s.time_base) for s in timed if s.duration and s.time_base), default=0.0)


def _counted_duration(path: Path) -> float:
    """Read every packet: raw streams and live recordings do not state how long they are."""
    longest: dict[int, float] = {}
    with _opened(path) as container:
        for packet in container.demux():
            unit = float(packet.time_base or 0)
            before = longest.get(packet.stream_index, 0.0)
            stated = ((packet.pts or 0) + (packet.duration or 0)) * unit
            longest[packet.stream_index] = max(stated, before + (packet.duration or 0) * unit)
    return max(longest.values(), default=0.0)


def _video(container: InputContainer, stream: VideoStream, whole: float) -> VideoFacts:
    own = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else whole
    frame = next(container.decode(stream))
    sides = (frame.width, frame.height)
    width, height = sides if frame.rotation % 180 == 0 else sides[::-1]
    return VideoFacts(
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        width=width,
        height=height,
        fps=round(float(stream.average_rate or stream.guessed_rate or 0), 3),
        duration=own,
    )


def _audio(container: InputContainer, stream: AudioStream) -> AudioFacts:
    codec = stream.codec_context
    # What ogg states is what its encoder was asked for, not what came out.
    stated = None if container.format.name == "ogg" else codec.bit_rate
    return AudioFacts(
        index=stream.index,
        codec=codec.codec.canonical_name,
        sample_rate=codec.sample_rate,
        bitrate=stated or None,
        duration=float(stream.duration * stream.time_base) if stream.duration and stream.time_base else _tagged(stream),
    )


def _tagged(stream: AudioStream) -> float | None:
    """Read the duration from the tag `DURATION` (`00:00:30.023000000`), where Matroska keeps it."""
    match = _CLOCK.fullmatch(stream.metadata.get("DURATION", ""))
    return sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else None
