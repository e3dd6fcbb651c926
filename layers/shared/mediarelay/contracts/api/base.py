"""Models and types that all routes share: strict requests, plain-language refusals, field types, problem+json."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import ErrorDetails

from mediarelay.domain.tasks.intent import MAX_KEY, is_key
from mediarelay.domain.tasks.listing import Order, Selection, TimeOf, time_of
from mediarelay.domain.tasks.media import OUTCOMES, Kind, State
from mediarelay.domain.tasks.vid import VID_FORM, VID_PATTERN, is_vid
from mediarelay.errors import Malformed, UnknownField, UnknownParameter, problem_codes

MAX_PER_PAGE = 100
# Relays refuse longer names of rooms and songs (see `contracts/zego/values.py`), so no stored song has one.
MAX_NAME_BYTES = 128
# A refusal repeats the name of an unknown field, which the client may have made as long as the body.
MAX_PLACE = 64
_PAGE_SIZES = [str(size) for size in range(1, MAX_PER_PAGE + 1)]
_FLAGS = ["true", "false"]
_DIGEST = re.compile(r"[0-9a-f]{64}")
ProblemCode = Annotated[str, WithJsonSchema({"type": "string", "enum": problem_codes()})]


class RequestModel(BaseModel):
    """The body of a request. It converts no value: `"false"` and `0` are not booleans, `1.0` is not an integer."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)
    unknown: ClassVar[type[Malformed]] = UnknownField


class QueryModel(RequestModel):
    """The query parameters of a request, all as text. API Gateway joins repeated parameters with commas."""

    unknown: ClassVar[type[Malformed]] = UnknownParameter


class NoQuery(QueryModel):
    """A request that accepts no query parameters."""


class NoBody(RequestModel):
    """A request without a body, or with an empty object."""


class ResponseModel(BaseModel):
    """The body of a response, or a part of one."""

    # Pydantic builds a model at its first use, so a cold start does not pay for models that no request needs.
    model_config = ConfigDict(defer_build=True, from_attributes=True)


class HealthResponse(ResponseModel):
    """Response to a health check."""

    status: str = "ok"
    version: str


class Problem(ResponseModel):
    """Problem details (RFC 9457), the body of every error response. docs/errors.md describes every code."""

    type: str = Field(description="The section of the page about errors that describes the code, relative to the API")
    title: str
    status: int
    code: ProblemCode
    detail: str | None = None
    field: str | None = Field(default=None, description="The dotted path of the wrong field, of a 400")
    scope: str | None = Field(default=None, description="The scope that the token lacks")
    request_id: str | None = Field(default=None, description="API Gateway's id of the request; log lines contain it")


# ── validation ───────────────────────────────────────────────────────────────────────────────────────────────────────

Model = TypeVar("Model", bound=RequestModel)
# Pydantic's own messages name Python types and classes, which mean nothing to a client.
UNKNOWN: dict[type[Malformed], str] = {
    UnknownField: "is not a field of this request",
    UnknownParameter: "is not a query parameter of this route",
}
SENTENCES = {
    "missing": "is required",
    "string_type": "must be text",
    "string_unicode": "must be text without half a surrogate pair",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "is not in the documented form",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "too_short": "must not be empty",
    "too_long": "must have at most {max_length} entries",
}


def validate(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Validate a request; raise `Malformed` with the first wrong field and a plain-language reason."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        unknown = UNKNOWN[model.unknown] if first["type"] == "extra_forbidden" else None
        kind = model.unknown if unknown else Malformed
        raise kind(field_path(first), unknown or reason(first) + example(model, first)) from error


def field_path(error: ErrorDetails) -> str:
    """Return the dotted path of the field that an error is about; `body` for the request itself."""
    return ".".join(map(str, error["loc"]))[:MAX_PLACE] or "body"


def example(model: type[RequestModel], error: ErrorDetails) -> str:
    """Return an example of a field that is missing, as the end of the reason; empty if the field states none."""
    field = model.model_fields.get(str(error["loc"][0])) if error["type"] == "missing" else None
    return f", such as {field.examples[0]}" if field and field.examples else ""


def reason(error: ErrorDetails) -> str:
    """Return what is wrong with a field, in words that follow the field's name (`is required`)."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in {"enum", "literal_error"}:
        return f"must be one of {context['expected']}".replace("'", "").replace(" or ", ", ")
    if kind == "value_error":
        return str(context["error"])
    return SENTENCES.get(kind, "is not valid").format(**context)


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _time_text(value: object) -> datetime:
    """Read a time as UTC."""
    try:
        moment = datetime.fromisoformat(str(value) if isinstance(value, str) else "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # near year 1 or 9999, the same time in UTC may lie outside Python's range
        raise ValueError(
            "must be an ISO 8601 time such as 2026-11-20T08:00:00Z (in a URL + is written as %2B)"
        ) from None


def _day(value: str) -> str:
    # `fromisoformat` also reads 20261121 and 2026-W47-6, which no partition of the quarantine is named by.
    try:
        if date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise ValueError("must be a day such as 2026-11-21")


def _whole_text(value: object) -> object:
    """Read a whole number from a query, where every value is text; refuse signs, blanks and leading zeros."""
    if value not in _PAGE_SIZES:
        raise ValueError(f"must be a whole number from 1 to {MAX_PER_PAGE}")
    return int(str(value))


def _flag_text(value: object) -> bool:
    """Read a flag from a query, or a default that is a boolean already."""
    if isinstance(value, bool):
        return value
    if value not in _FLAGS:
        raise ValueError("must be true or false")
    return value == "true"


def _digest(value: str) -> str:
    if value and not _DIGEST.fullmatch(value):
        raise ValueError("must be the cursor of an earlier page")
    return value


def _vid(value: str) -> str:
    if not is_vid(value):
        raise ValueError(VID_FORM)
    return value


def _key(value: str) -> str:
    if not is_key(value):
        raise ValueError(f"must be 1 to {MAX_KEY} printable characters")
    return value


def _name(value: str) -> str:
    if not 0 < len(value.encode("utf-8", "replace")) <= MAX_NAME_BYTES or not value.isprintable():
        raise ValueError(f"must be 1 to {MAX_NAME_BYTES} bytes of printable text")
    return value


def _states(value: object) -> tuple[State, ...]:
    """Read one state, or a list of states; drop duplicates."""
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not named or not all(one in list(State) for one in named):
        raise ValueError("must be one or more of " + ", ".join(State))
    return tuple(dict.fromkeys(map(State, named)))


def _state_text(value: object) -> tuple[State, ...]:
    """Read comma-separated states from a query."""
    return _states(str(value).split(","))


_STATE = {"type": "string", "enum": [state.value for state in State]}
Text = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
TimeText = Annotated[
    datetime, BeforeValidator(_time_text), WithJsonSchema({"type": "string", "examples": ["2026-11-20T08:00:00Z"]})
]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
PageSize = Annotated[
    int, BeforeValidator(_whole_text), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE})
]
FlagText = Annotated[bool, BeforeValidator(_flag_text), WithJsonSchema({"type": "boolean"})]
_VID = {"type": "string", "pattern": f"^{VID_PATTERN}$"}
Vid = Annotated[str, AfterValidator(_vid), WithJsonSchema(_VID)]
Digest = Annotated[str, AfterValidator(_digest), WithJsonSchema({"type": "string"})]
Key = Annotated[str, AfterValidator(_key), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_KEY})]
Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES})
]
KindName = Annotated[Kind, Field(strict=False)]
TimeName = Annotated[TimeOf, Field(strict=False)]
OrderName = Annotated[Order, Field(strict=False)]
StateList = Annotated[
    tuple[State, ...],
    BeforeValidator(_states),
    WithJsonSchema({"anyOf": [_STATE, {"type": "array", "minItems": 1, "items": _STATE}]}),
]
StateText = Annotated[
    tuple[State, ...],
    BeforeValidator(_state_text),
    WithJsonSchema({"type": "array", "minItems": 1, "items": _STATE}),
]
# These types only describe the parameters of a path: API Gateway reads them, and the use cases check them.
VidInPath = Annotated[str, WithJsonSchema(_VID | {"description": "The provider's id of the task"})]
RoomInPath = Annotated[str, WithJsonSchema({"type": "string", "description": "The room's id, as it was relayed"})]
JobInPath = Annotated[
    str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The id of the replay"})
]
SongInPath = Annotated[str, WithJsonSchema({"type": "string", "description": "The song's id, as it was relayed"})]
FileInPath = Annotated[str, WithJsonSchema({"type": "string", "description": "The name of a file of the console"})]
PageInPath = Annotated[str, WithJsonSchema({"type": "string", "description": "`runbook` or `errors`"})]


# ── selections ───────────────────────────────────────────────────────────────────────────────────────────────────────


class TaskFilter(RequestModel):
    """Selects tasks by kind and by time. Both bounds are inclusive. A time without an offset is UTC."""

    kind: KindName | None = Field(default=None, description="Only tasks of this kind")
    since: TimeText | None = Field(default=None, description="Only from this time on; a date means its midnight")
    until: TimeText | None = Field(default=None, description="Only up to and including this time")
    time: TimeName | None = None

    @field_validator("until")
    @classmethod
    def _in_order(cls, until: datetime | None, others: ValidationInfo) -> datetime | None:
        since = others.data.get("since")
        if since and until and until < since:
            raise ValueError("must not be before since")
        return until

    def _selections(self, states: Iterable[State], time: TimeOf | None) -> list[Selection]:
        """Return one selection for each kind and state; raise `Malformed` if a state has no such time."""
        if time is TimeOf.OUTCOME and not OUTCOMES.issuperset(states):
            raise Malformed("time", "must not be outcome for a state that is not an outcome")
        return [
            Selection(kind=kind, state=state, since=self.since, until=self.until, time=time_of(state, time))
            for kind in ([self.kind] if self.kind else Kind)
            for state in states
        ]
