"""Facts: what one observation states about a task, such as its source and its renditions.

Units, everywhere: sizes in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz, times in UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mediarelay.domain.tasks.media import Kind, State
from mediarelay.domain.tasks.spec import Spec

# Characters.
MAX_REFERENCE = 1000


class RenditionKind(StrEnum):
    """The kind of a rendition."""

    VIDEO = "video"
    COVER = "cover"
    GIF = "gif"
    AUDIO = "audio"
    STREAM = "stream"
    """An adaptive stream: HLS or DASH."""
    SPRITE = "sprite"
    """Thumbnails in one image, with a WebVTT file that says which is where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket: its account, name and region."""

    app_id: int | None = None
    bucket: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that is transcoded. A field that is not known is None.

    Attributes:
        url: Percent-encoded, as the API accepts it. Text that is no URL of an object stays as the provider sent it.
        path: A slash and the key, as the provider sends them, not percent-encoded.
        duration: Seconds. CTS drops the fraction, so `7.0` may be 7.9 s.
    """

    url: str | None = None
    name: str | None = None
    path: str | None = None
    place: Place = field(default_factory=Place)
    container: str | None = None
    size: int | None = None
    duration: float | None = None
    bitrate: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    rotation: str | None = None
    has_video: bool | None = None
    has_audio: bool | None = None
    format: str | None = None
    encoder: str | None = None
    sample_rate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One output. If unknown, `name` is empty and any other field is None.

    Attributes:
        paths: One entry, or one per cover; a sprite has its images, then its WebVTT file.
        duration: Seconds.
        md5: MD5 of the file in hex.
        definition: The number of the template that made it.
    """

    kind: RenditionKind
    name: str
    spec: Spec
    paths: tuple[str, ...]
    dst: Place
    size: int | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    bitrate: int | None = None
    sample_rate: int | None = None
    encoder: str | None = None
    format: str | None = None
    duration: float | None = None
    md5: str | None = None
    definition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error that the provider states; its code or its text may be missing."""

    code: int | str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one observation states about a task.

    Attributes:
        partial: Whether at least one output succeeded and another one did not.
        progress: How much of an open task is done, in percent.
        reference: The client's own reference, which the provider repeats; up to `MAX_REFERENCE` characters.
        submission: The id that Mediarelay submitted the task with, as the provider repeats it.
        unreadable: The provider's fields that could not be read, as paths without list indexes.
    """

    vid: str
    kind: Kind
    state: State
    source: Source = field(default_factory=Source)
    renditions: tuple[Rendition, ...] = ()
    faults: tuple[Fault, ...] = ()
    partial: bool = False
    progress: int | None = None
    reference: str | None = None
    submission: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unreadable: tuple[str, ...] = ()
