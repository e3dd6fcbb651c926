"""The provider's `result` object: the renditions of a task, in query answers and in result callbacks alike."""

from collections.abc import Callable

from mediarelay.contracts.cts.fields import (
    BITS_PER_KILOBIT,
    address,
    bits_per_second,
    count,
    measure,
    place,
    text,
)
from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.media import Kind, Place, Rendition, RenditionKind
from mediarelay.domain.tasks.spec import Spec, parse_audio_spec, parse_frame_spec, parse_video_spec

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


def renditions(kind: Kind, result: Fields, home: Place) -> tuple[Rendition, ...]:
    """List the renditions of a task of this kind; what no `dst` states is taken from the source's place, `home`.

    Any group may be missing. The `dst` of the tables serves groups without their own.
    """
    default = place(result.part("dst"), home)
    found = (_group(group, result.part(group), default) for group in _GROUPS[kind])
    return tuple(rendition for group in found for rendition in group)


def _group(kind: RenditionKind, group: Fields, default: Place) -> list[Rendition]:
    """Read the renditions of one kind. One that has neither a name nor a path says nothing."""
    dst = place(group.part("dst"), default)
    found = [_rendition(kind, info, dst) for info in group.parts("info")]
    usable = [rendition for rendition in found if rendition.name or rendition.paths]
    if len(usable) < len(found):
        group.note("info")
    return usable


def _rendition(kind: RenditionKind, info: Fields, dst: Place) -> Rendition:
    """Read one rendition. A query names it `name`, an audio callback `trans_name`; `bitrate` has its group's unit.

    A video has a path, a cover a list of paths; both are taken for both.
    """
    stated, called = info.side("name", text), info.side("trans_name", text)
    name = stated or called or ""
    return Rendition(
        kind=kind,
        name=name,
        spec=_SPECS[kind](name),
        paths=tuple(path for path in info.each("path", address) if path),
        dst=dst,
        size=info.side("trans_size", count),
        width=info.side("width", count),
        height=info.side("height", count),
        fps=info.side("fps", measure),
        bitrate=bits_per_second(info.side("bitrate", measure), _BITRATE_UNITS.get(kind, 1)),
        sample_rate=info.side("sample_rate", count),
        encoder=info.side("encoder", text),
        format=info.side("format", text),
    )
