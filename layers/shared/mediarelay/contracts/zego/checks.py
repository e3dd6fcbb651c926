"""Inconsistencies that ZEGO itself sends at times: worth a warning, no reason to refuse a result."""

from collections.abc import Callable, Mapping

from mediarelay.domain.songs.model import Grant


def _is_early(grant: Grant) -> bool:
    begins = [span.begin for span in (grant.segment, *grant.others) if span]
    return min(begins, default=0) < 0 or (grant.prelude or 0) < 0


def _is_empty(grant: Grant) -> bool:
    return any(span.begin >= span.end for span in (grant.segment, *grant.others) if span)


def _is_outside(grant: Grant) -> bool:
    return bool(grant.segment and grant.duration and grant.segment.end > grant.duration)


def _leaves_clip(grant: Grant) -> bool:
    length = grant.segment.end - grant.segment.begin if grant.segment else None
    return length is not None and any(span.end > length for span in grant.others)


def _has_no_id(grant: Grant) -> bool:
    return any(not one.resource_id for one in grant.resources)


# The names appear in the log, where an operator reads them without this code.
INCONSISTENCIES: Mapping[str, Callable[[Grant], bool]] = {
    "a segment begins before the song": _is_early,
    "a segment ends before it begins": _is_empty,
    "the segment ends after the song": _is_outside,
    "another segment ends after the clip": _leaves_clip,
    "a resource has no resource_id": _has_no_id,
}


def inconsistencies(grant: Grant) -> list[str]:
    """Return the names of the inconsistencies in a result."""
    return [name for name, found in INCONSISTENCIES.items() if found(grant)]
