"""Media over HTTP: the source of a task, its renditions and its faults. Fields without a known value are left out.

Units, everywhere: sizes in bytes, durations in seconds, bitrates in bit/s, sample rates in Hz.
"""

from mediarelay.contracts.api.base import ResponseModel
from mediarelay.domain.tasks.facts import RenditionKind
from mediarelay.domain.tasks.spec import Spec


class PlaceDetails(ResponseModel):
    """A bucket: its account, name and region."""

    app_id: int | None = None
    bucket: str | None = None
    region: str | None = None


class SourceDetails(ResponseModel):
    """The file that is transcoded.

    Attributes:
        url: Percent-encoded, as the API accepts it. Text that is no URL of an object stays as the provider sent it.
        path: A slash and the key, as the provider sends them, not percent-encoded.
        duration: Seconds. CTS drops the fraction, so `7.0` may be 7.9 s, and 0.9 s is unknown.
    """

    url: str | None = None
    name: str | None = None
    path: str | None = None
    place: PlaceDetails
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


class RenditionDetails(ResponseModel):
    """One output. If unknown, `name` is empty and any other field is left out.

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
    dst: PlaceDetails
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


class FaultDetails(ResponseModel):
    """One error that the provider states; its code or its text may be missing."""

    code: int | str | None = None
    message: str | None = None
