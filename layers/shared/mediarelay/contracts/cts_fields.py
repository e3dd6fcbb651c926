"""The provider's fields, read leniently: what its documents print and what its backend is known to send.

Numbers may come as text; empty text, `[]` and `{}` mean "nothing" (PHP writes an empty object as `[]`); a measure of 0
means "not known": the documented failure of the basic callback is all zeros, m3u8 has size 0, ape and flac bitrate 0.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import zip_longest
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mediarelay.domain.file_url import printed_url
from mediarelay.domain.media import Fault, Place, Source
from mediarelay.domain.vid import is_vid
from mediarelay.errors import Malformed

BITS_PER_KILOBIT = 1024
"""The documents' own numbers: 322960391 bytes in 600 s are printed as 4205, and 187 stands beside `191488_mp3`."""

_LARGEST = 2**53
_PROVIDER_ZONE = timezone(timedelta(hours=8))
_NO_TIME = "0000-00-00 00:00:00"
_INT64_DIGITS = 18


def nothing(value: object) -> object:
    """Read the ways to say nothing as None."""
    return None if value in ("", [], {}) else value


def number(value: object) -> object:
    """Let numbers and numbers as text pass; true and false are no numbers."""
    if isinstance(value, bool):
        raise ValueError("a number was expected")  # noqa: TRY004 pydantic wraps ValueError
    return nothing(value.strip() if isinstance(value, str) else value)


def _known_count(value: int | None) -> int | None:
    return value or None


def _known_measure(value: float | None) -> float | None:
    return value or None


def _text(value: object) -> object:
    """Let text pass, and integers where text is documented."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else nothing(value)


def _encodable(value: str) -> str:
    """Refuse half a surrogate pair: JSON can spell it, but nothing that stores or sends text can."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("half a character") from None
    return value


def _vid(value: str) -> str:
    if not is_vid(value):
        raise ValueError("not 1 to 64 letters and digits")
    return value


def _utc(value: object) -> object:
    """Read the provider's wall clock (UTC+8, no zone) as UTC; a zone that is stated counts."""
    if value in (None, "", _NO_TIME):
        return None
    if not isinstance(value, str):
        raise ValueError("a time as text was expected")  # noqa: TRY004 pydantic wraps ValueError
    try:
        moment = datetime.fromisoformat(value.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=_PROVIDER_ZONE)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("not a time such as 2016-12-23 21:11:42") from None


def _error_list(value: object) -> object:
    """Read a scalar, null or a list of errors as a list."""
    return value if isinstance(value, list) else [value]


Vid = Annotated[str, AfterValidator(_vid)]
Text = Annotated[Annotated[str, AfterValidator(_encodable)] | None, BeforeValidator(_text)]
Flag = Annotated[bool | None, BeforeValidator(nothing)]
Moment = Annotated[datetime | None, BeforeValidator(_utc)]
Errors = Annotated[tuple[Text, ...], BeforeValidator(_error_list)]
Count = Annotated[
    Annotated[int, Field(ge=0, le=_LARGEST)] | None, BeforeValidator(number), AfterValidator(_known_count)
]
Measure = Annotated[
    Annotated[float, Field(ge=0, le=_LARGEST, allow_inf_nan=False)] | None,
    BeforeValidator(number),
    AfterValidator(_known_measure),
]


class Wire(BaseModel):
    """A part of a payload. Fields outside the documents are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def read(cls, data: Mapping[str, object] | None) -> Self:
        """Validate; raises Malformed naming the first bad field (dotted wire name), `data` if there is no object."""
        if not isinstance(data, Mapping):
            raise Malformed("data", "not an object")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = ".".join(ascii(str(part)[:64])[1:-1] for part in first["loc"])
            raise Malformed(field or "data", first["msg"].removeprefix("Value error, ")) from None


class PlaceFields(Wire):
    """A bucket. The tables say `region`, the payloads `bucket_region`; the latter wins."""

    app_id: Count = None
    bucket_name: Text = None
    bucket_region: Text = None
    region: Text = None

    def place(self, default: Place | None = None) -> Place:
        """Return the bucket; what is not stated is taken from `default`."""
        base = default or Place()
        return Place(
            app_id=self.app_id or base.app_id,
            bucket=self.bucket_name or base.bucket,
            region=self.bucket_region or self.region or base.region,
        )


class OriginFields(PlaceFields):
    """Which task, and where its source file lies: at the top of query answers and JSON callbacks."""

    vid: Vid
    name: Text = None
    url: Text = None
    url_f0: Text = None
    v_type: Text = None
    create_time: Moment = None


class MeasureFields(Wire):
    """What is known about the source file: bytes, seconds, kbit/s, pixels, Hz."""

    size: Count = None
    duration: Measure = None
    bitrate: Measure = None
    width: Count = None
    height: Count = None
    fps: Measure = None
    rotation: Text = None
    has_video: Flag = Field(None, alias="HasVideoStream")
    has_audio: Flag = Field(None, alias="HasAudioStream")
    format: Text = None
    encoder: Text = None
    sample_rate: Count = None


def source(origin: OriginFields, measures: MeasureFields) -> Source:
    """Join both halves into the domain's words."""
    return Source(
        url=origin.url and printed_url(origin.url, origin.url_f0),
        name=origin.name,
        path=origin.url_f0,
        place=origin.place(),
        container=origin.v_type,
        size=measures.size,
        duration=measures.duration,
        bitrate=bits_per_second(measures.bitrate, BITS_PER_KILOBIT),
        width=measures.width,
        height=measures.height,
        fps=measures.fps,
        rotation=measures.rotation,
        has_video=measures.has_video,
        has_audio=measures.has_audio,
        format=measures.format,
        encoder=measures.encoder,
        sample_rate=measures.sample_rate,
    )


def bits_per_second(value: float | None, unit: int) -> int | None:
    """Convert a bitrate given in `unit` bit/s."""
    return None if value is None else round(value * unit)


def faults(codes: Sequence[str | None], messages: Sequence[str | None]) -> tuple[Fault, ...]:
    """Pair codes and messages by position; code 0 is no code, an error without either is no error."""
    pairs = ((_code(code), message) for code, message in zip_longest(codes, messages))
    return tuple(
        Fault(code=code, message=message) for code, message in pairs if code is not None or message is not None
    )


def _code(text: str | None) -> int | str | None:
    """Read a code as a number where it is one, else keep the text."""
    digits = (text or "").removeprefix("-")
    if text is None or not (digits.isascii() and digits.isdigit() and len(digits) <= _INT64_DIGITS):
        return text
    return int(text) or None
