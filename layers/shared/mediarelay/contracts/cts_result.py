"""The provider's `result` object: the renditions of a task, in query answers and in result callbacks alike."""

from collections.abc import Callable
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from mediarelay.contracts.cts_fields import (
    BITS_PER_KILOBIT,
    Count,
    Measure,
    PlaceFields,
    Text,
    Wire,
    bits_per_second,
    nothing,
)
from mediarelay.domain.media import Kind, Place, Rendition, RenditionKind
from mediarelay.domain.spec import Spec, parse_audio_spec, parse_frame_spec, parse_video_spec


def _list(value: object) -> object:
    return nothing(value) or []


def _path_list(value: object) -> object:
    """Read one path, a list of paths or none: a video has a string, a cover a list, and both are taken for both."""
    return [value] if isinstance(value, str) and value else _list(value)


Paths = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_path_list)]


class InfoFields(Wire):
    """One rendition. A query names it `name`, an audio callback `trans_name`; `bitrate` has the unit of its group."""

    name: Text = None
    trans_name: Text = None
    path: Paths
    trans_size: Count = None
    width: Count = None
    height: Count = None
    fps: Measure = None
    bitrate: Measure = None
    sample_rate: Count = None
    encoder: Text = None
    format: Text = None

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if not self.spec_name:
            raise ValueError("neither name nor trans_name")
        return self

    @property
    def spec_name(self) -> str:
        """The name of the rendition, which is its specification."""
        return self.name or self.trans_name or ""


Destination = Annotated[PlaceFields | None, BeforeValidator(nothing)]


class GroupFields(Wire):
    """The renditions of one kind and the bucket they were written to."""

    info: Annotated[tuple[InfoFields, ...], BeforeValidator(_list)] = ()
    dst: Destination = None


Group = Annotated[GroupFields | None, BeforeValidator(nothing)]


class ResultFields(Wire):
    """All renditions; any group may be missing. The `dst` of the tables serves groups without their own."""

    video: Group = None
    gif: Group = None
    cover: Group = None
    audio: Group = None
    dst: Destination = None


Result = Annotated[ResultFields | None, BeforeValidator(nothing)]

_GROUPS = {
    Kind.VIDEO: (RenditionKind.VIDEO, RenditionKind.GIF, RenditionKind.COVER),
    Kind.AUDIO: (RenditionKind.AUDIO,),
}
_SPECS: dict[RenditionKind, Callable[[str], Spec]] = {
    RenditionKind.VIDEO: parse_video_spec,
    RenditionKind.GIF: parse_frame_spec,
    RenditionKind.COVER: parse_frame_spec,
    RenditionKind.AUDIO: parse_audio_spec,
}
_BITRATE_UNITS = {RenditionKind.VIDEO: BITS_PER_KILOBIT, RenditionKind.AUDIO: 1}


def renditions(kind: Kind, result: ResultFields | None, place: Place) -> tuple[Rendition, ...]:
    """List the renditions of a task of this kind; what no `dst` states is taken from the source's `place`."""
    if result is None:
        return ()
    default = _destination(result.dst, place)
    return tuple(
        _rendition(group_kind, info, _destination(group.dst, default))
        for group_kind in _GROUPS[kind]
        if (group := getattr(result, group_kind.value)) is not None
        for info in group.info
    )


def _destination(dst: PlaceFields | None, default: Place) -> Place:
    return default if dst is None else dst.place(default)


def _rendition(kind: RenditionKind, info: InfoFields, dst: Place) -> Rendition:
    return Rendition(
        kind=kind,
        name=info.spec_name,
        spec=_SPECS[kind](info.spec_name),
        paths=info.path,
        dst=dst,
        size=info.trans_size,
        width=info.width,
        height=info.height,
        fps=info.fps,
        bitrate=bits_per_second(info.bitrate, _BITRATE_UNITS.get(kind, 1)),
        sample_rate=info.sample_rate,
        encoder=info.encoder,
        format=info.format,
    )
