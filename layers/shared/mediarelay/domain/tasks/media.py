"""What a transcode is about: its source, its renditions, the facts one observation states.

Units, everywhere: sizes in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz, times in UTC.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mediarelay.domain.tasks.spec import Spec

MAX_URL = 2_700
"""Characters of the URL of a source: a key of 850 bytes has 2,550 when each byte is escaped, its host at most 130."""


class Kind(StrEnum):
    """What is transcoded."""

    VIDEO = "video"
    AUDIO = "audio"


class State(StrEnum):
    """Where a task stands. The last four are outcomes."""

    EXPECTED = "expected"
    PENDING = "pending"
    PROBED = "probed"
    TRANSCODING = "transcoding"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    LOST = "lost"


OUTCOMES = frozenset({State.SUCCEEDED, State.FAILED, State.SUPERSEDED, State.LOST})


class RenditionKind(StrEnum):
    """What a rendition is."""

    VIDEO = "video"
    COVER = "cover"
    GIF = "gif"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket: the account that owns it, its name and region."""

    app_id: int | None = None
    bucket: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The file that is transcoded, as far as it is known.

    Attributes:
        url: Escaped, as our API takes it; a text that is not the URL of an object is shown as the provider printed it.
        path: As the provider prints it, not escaped: a slash and the key.
        duration: Seconds. CTS states whole ones and cuts off the rest, so that `7.0` may be 7.9 s.
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
    """One output. `paths` has one entry, or one per cover; where it is not known, `name` is empty and `size` None."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One provider error: its code and text, either may be missing."""

    code: int | str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one observation states about a task, in the domain's words.

    `unreadable` names the provider's fields, with their paths and without the numbers of lists, that could not be read.
    """

    vid: str
    kind: Kind
    state: State
    source: Source = field(default_factory=Source)
    renditions: tuple[Rendition, ...] = ()
    faults: tuple[Fault, ...] = ()
    created_at: datetime | None = None
    updated_at: datetime | None = None
    unreadable: tuple[str, ...] = ()
