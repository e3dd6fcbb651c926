"""The provider's names of rendition specifications, such as `f20` or `128000_mp3`, as typed values."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Axis(StrEnum):
    """Which side of a frame a specification fixes; the other follows the aspect ratio."""

    SHORT = "short"
    LONG = "long"
    WIDTH = "width"
    HEIGHT = "height"


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """`f10` to `f40`: the short side in pixels, never above the source."""

    name: str
    lines: int
    type: Literal["video"] = "video"


@dataclass(frozen=True, slots=True)
class SideSpec:
    """`s_x`, `l_x`, `w_x`, `h_x`: one side in pixels, the other keeps the aspect ratio."""

    axis: Axis
    pixels: int
    type: Literal["side"] = "side"


@dataclass(frozen=True, slots=True)
class ExactSpec:
    """`x_y`: width and height in pixels."""

    width: int
    height: int
    type: Literal["exact"] = "exact"


@dataclass(frozen=True, slots=True)
class OriginalSpec:
    """`0_0`: the size of the source."""

    type: Literal["original"] = "original"


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """`bitrate_format`: bit/s (0 = lossless, the encoder decides) and the file format."""

    bitrate: int
    format: str
    type: Literal["audio"] = "audio"


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """`d1010`: a template of the provider, by its number."""

    definition: int
    type: Literal["template"] = "template"


@dataclass(frozen=True, slots=True)
class UnknownSpec:
    """A name that the provider does not document, unchanged."""

    name: str
    type: Literal["unknown"] = "unknown"


Spec = VideoSpec | SideSpec | ExactSpec | OriginalSpec | AudioSpec | TemplateSpec | UnknownSpec

# Lines of the short side. The provider documents these four names.
VIDEO_LINES = {"f10": 270, "f20": 480, "f30": 720, "f40": 1080}
_AXES = {"s": Axis.SHORT, "l": Axis.LONG, "w": Axis.WIDTH, "h": Axis.HEIGHT}
_SIDE = re.compile(r"([slwh])_([1-9][0-9]{0,5})", re.ASCII)
_EXACT = re.compile(r"(0|[1-9][0-9]{0,5})_(0|[1-9][0-9]{0,5})", re.ASCII)
_TEMPLATE = re.compile(r"d([1-9][0-9]{0,15})", re.ASCII)
_AUDIO = re.compile(r"([0-9]{1,9})_([a-z0-9]{1,16})", re.ASCII)


def parse_video_spec(name: str) -> Spec:
    """Parse `f10` to `f40`; any other name is an `UnknownSpec`."""
    lines = VIDEO_LINES.get(name)
    return UnknownSpec(name) if lines is None else VideoSpec(name, lines)


def parse_frame_spec(name: str) -> Spec:
    """Parse the specification of a cover or GIF: `s_270`, `l_1920`, `w_x`, `h_x`, `0_0`, `400_200`."""
    if side := _SIDE.fullmatch(name):
        return SideSpec(_AXES[side[1]], int(side[2]))
    if name == "0_0":
        return OriginalSpec()
    # `0_200` would be a frame without width, so it is no size.
    exact = _EXACT.fullmatch(name)
    if exact and exact[1] != "0" and exact[2] != "0":
        return ExactSpec(int(exact[1]), int(exact[2]))
    return UnknownSpec(name)


def parse_audio_spec(name: str) -> Spec:
    """Parse `128000_mp3` (bit/s and format); `0_flac` leaves the bitrate to the encoder."""
    match = _AUDIO.fullmatch(name)
    return AudioSpec(int(match[1]), match[2]) if match else UnknownSpec(name)


def parse_template_spec(name: str) -> Spec:
    """Parse `d1010`, and `f10` to `f40`, which stay video specifications."""
    match = _TEMPLATE.fullmatch(name)
    return TemplateSpec(int(match[1])) if match else parse_video_spec(name)
