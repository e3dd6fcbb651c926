"""Reads the provider's `result` object, which lists the renditions of a task in answers and in result callbacks."""

from collections.abc import Callable

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.facts import Place, Rendition, RenditionKind
from mediarelay.domain.tasks.media import Kind
from mediarelay.domain.tasks.spec import Spec, parse_audio_spec, parse_frame_spec, parse_video_spec
from mediarelay.providers.cts.fields import BITS_PER_KILOBIT, bits_per_second, place
from mediarelay.providers.cts.values import address, count, measure, text

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
# The provider documents kbit/s for video and bit/s for audio.
_BITRATE_UNITS = {RenditionKind.VIDEO: BITS_PER_KILOBIT, RenditionKind.AUDIO: 1}


def renditions(kind: Kind, result: Fields, home: Place) -> tuple[Rendition, ...]:
    """Return the renditions of a task of this kind. `home`, the source's location, completes their locations."""
    # The documents put `dst` beside the groups in their tables, and into each group in their examples.
    default = place(result.part("dst"), home)
    found = (_group(group, result.part(group), default) for group in _GROUPS[kind])
    return tuple(rendition for group in found for rendition in group)


def _group(kind: RenditionKind, group: Fields, default: Place) -> list[Rendition]:
    """Return the renditions of one kind that have a name or a path."""
    dst = place(group.part("dst"), default)
    found = [_rendition(kind, info, dst) for info in group.parts("info")]
    usable = [rendition for rendition in found if rendition.name or rendition.paths]
    if len(usable) < len(found):
        group.note("info")
    return usable


def _rendition(kind: RenditionKind, info: Fields, dst: Place) -> Rendition:
    """Read one rendition."""
    # Queries call its name `name`, audio callbacks `trans_name`. A video has a path, a cover a list of paths, and both
    # forms are accepted for every kind.
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
