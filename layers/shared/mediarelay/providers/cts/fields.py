"""Readers of fields that several payloads of the provider share: the source file, its place, and the errors.

Fields that identify a task or state its outcome are read strictly (`Fields.strict`). Any other field that cannot be
read is unknown (`Fields.side`).
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.facts import Fault, Place, Source
from mediarelay.domain.tasks.file_url import printed_url
from mediarelay.errors import Malformed
from mediarelay.providers.cts.values import address, count, flag, measure, text

# Not 1000: the provider's examples give 4205 for 322960391 bytes in 600 s, and 187 beside `191488_mp3`.
BITS_PER_KILOBIT = 1024
_INT64_DIGITS = 18


def data_fields(data: object) -> Fields:
    """Return the fields of an answer's `data`; raise `Malformed` if it is not an object."""
    if not isinstance(data, Mapping):
        raise Malformed("data", "not an object")
    return Fields(data)


def place(fields: Fields, default: Place) -> Place:
    """Read the location of a file; take missing fields from `default`."""
    return Place(
        app_id=fields.side("app_id", count) or default.app_id,
        bucket=fields.side("bucket_name", text) or default.bucket,
        region=region(fields) or default.region,
    )


def region(fields: Fields) -> str | None:
    """Read a region."""
    # The documents name the field `region` in their tables and `bucket_region` in their examples. Real payloads follow
    # the examples.
    stated, tabled = fields.side("bucket_region", text), fields.side("region", text)
    return stated or tabled


def source(origin: Fields, measures: Fields) -> Source:
    """Read the source file: its location from `origin`, its measures from `measures`."""
    # URL, app id and bucket say whose file this is. If one of them is stated but unreadable, the payload is refused.
    url, path = origin.strict("url", address), origin.side("url_f0", address)
    return Source(
        url=url and printed_url(url, path),
        name=origin.side("name", text),
        path=path,
        place=Place(
            app_id=origin.strict("app_id", count), bucket=origin.strict("bucket_name", text), region=region(origin)
        ),
        container=origin.side("v_type", text),
        size=measures.side("size", count),
        duration=measures.side("duration", measure),
        bitrate=bits_per_second(measures.side("bitrate", measure), BITS_PER_KILOBIT),
        width=measures.side("width", count),
        height=measures.side("height", count),
        fps=measures.side("fps", measure),
        rotation=measures.side("rotation", text),
        has_video=measures.side("HasVideoStream", flag),
        has_audio=measures.side("HasAudioStream", flag),
        format=measures.side("format", text),
        encoder=measures.side("encoder", text),
        sample_rate=measures.side("sample_rate", count),
    )


def bits_per_second(value: float | None, unit: int) -> int | None:
    """Return a bitrate, given in multiples of `unit` bit/s, in bit/s."""
    return None if value is None else round(value * unit)


def faults(fields: Fields) -> tuple[Fault, ...]:
    """Read `error_code` and `error_msg`: each is a scalar, null, or a list, and lists are paired by position."""
    return pair_faults(fields.each("error_code", text), fields.each("error_msg", text))


def pair_faults(codes: Sequence[str | None], messages: Sequence[str | None]) -> tuple[Fault, ...]:
    """Return the faults of codes and messages, paired by position. Code 0 is no code; empty pairs are dropped."""
    pairs = ((_code(code), message) for code, message in zip_longest(codes, messages))
    return tuple(
        Fault(code=code, message=message) for code, message in pairs if code is not None or message is not None
    )


def _code(spelled: str | None) -> int | str | None:
    """Return a code as a number if it is one, otherwise as text."""
    digits = (spelled or "").removeprefix("-")
    if spelled is None or not (digits.isascii() and digits.isdigit() and len(digits) <= _INT64_DIGITS):
        return spelled
    return int(spelled) or None
