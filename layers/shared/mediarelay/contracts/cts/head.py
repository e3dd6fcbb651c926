"""The lean reader of callbacks: which task, which form. Everything the hot path needs, nothing that costs import time.

It is the one place where callbacks are told apart; the full contracts (`cts.py`) build on it. Standard library only.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from mediarelay.contracts.cts import fields as read
from mediarelay.contracts.fields import Fields
from mediarelay.domain.tasks.file_url import parse_printed
from mediarelay.domain.tasks.log import ClaimSummary
from mediarelay.domain.tasks.media import MAX_URL, State
from mediarelay.domain.tasks.vid import is_vid
from mediarelay.errors import Malformed

MAX_DEPTH = 32
"""Objects and lists inside each other, the outermost counted; the deepest documented payload has 6."""
MAX_ANSWER_DEPTH = 200
"""The same for the provider's answers, which a deep side field must not cost; pydantic prints no more than 255."""

_MAX_FORM_FIELDS = 64
_JSON_START = re.compile(r'\s*[\[{"]')


class Form(StrEnum):
    """The callbacks the provider sends."""

    RESULT = "result"
    """A transcode ended: JSON with `detail` (`callback_type` trans_result, or none in the first edition)."""
    BASIC = "basic"
    """A video was looked at before transcoding: flat JSON (`callback_type` trans_basic; its failure has none)."""
    CONSOLE = "console"
    """The old callback set up in the console: form-encoded, usually with an empty vid."""


_TYPES = {"trans_result": Form.RESULT, "trans_basic": Form.BASIC}
_SHAPES = ((Form.RESULT, {"detail"}), (Form.BASIC, {"fail_msg", "size"}))


STATES: dict[Form, dict[str, State]] = {
    Form.RESULT: {"success": State.SUCCEEDED, "fail": State.FAILED},
    Form.BASIC: {"success": State.PROBED, "fail": State.FAILED},
    Form.CONSOLE: {"0": State.PENDING, "1": State.TRANSCODING, "2": State.SUCCEEDED, "3": State.FAILED},
}
"""What the `status` of each form claims."""
_LONGEST_NAME = 256
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_TRAILING_COMMA = re.compile(
    r"""
    ( "(?:[^"\\]+|\\.)*+(?:"|\\?\Z)   # a string, or what is left of the text if it has no end
    | [\[{][ \t\n\r]*,                # a comma that follows no value stays, and so the text is no JSON
    )
    | ,(?=[ \t\n\r]*[\]}])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Head:
    """What identifies a callback: the task (form checked, nothing else), the kind of message, and what it claims.

    `lenient` says that it is no JSON, but JSON with the mistakes that the documents' own examples have.
    """

    vid: str
    form: Form
    claim_summary: ClaimSummary
    lenient: bool = False


def read_head(body: bytes, max_depth: int = MAX_DEPTH) -> Head:
    """Identify a callback; raises Malformed naming `body`, `vid` or `callback_type`."""
    return read_callback(body, max_depth)[0]


def read_callback(body: bytes, max_depth: int = MAX_DEPTH) -> tuple[Head, dict[str, Any]]:
    """Identify a callback and return its fields as they were sent; raises as `read_head` does."""
    text = _text(body)
    if "=" in text and not _JSON_START.match(text):
        fields = _form_fields(text)
        return _head(fields, Form.CONSOLE), fields
    fields, lenient = _object(text, max_depth, _STRICT, _LENIENT)
    return _head(fields, _json_form(fields), lenient=lenient), fields


def _head(fields: dict[str, Any], form: Form, *, lenient: bool = False) -> Head:
    return Head(_vid(fields), form, _claim_summary(Fields(fields), form), lenient)


def _claim_summary(fields: Fields, form: Form) -> ClaimSummary:
    """Read what may be contradicted, as far as it is in form; the full contract judges the rest later."""
    return ClaimSummary(
        state=STATES[form].get(fields.side("status", read.text) or ""),
        app_id=fields.side("app_id", read.count),
        bucket=_short(fields.data.get("bucket_name"), _LONGEST_NAME),
        url=_url(fields.data),
    )


def _url(data: Mapping[str, Any]) -> str | None:
    """Read the URL as the provider prints one, raw, also where its path says that it is escaped."""
    stated, path = (_short(data.get(name), MAX_URL) for name in ("url", "url_f0"))
    file = parse_printed(stated, path) if stated else None
    return file.printed if file else stated


def _short(value: object, limit: int) -> str | None:
    """Let text pass that can be stored and shown: no control characters, no half of a surrogate pair."""
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        return None
    return None if _UNFIT.search(value) else value


def read_object(body: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Decode a JSON object strictly: UTF-8, no NaN or Infinity, no name twice, no deeper than `max_depth`.

    A float too large for Python is its text; an integer of thousands of digits is refused. Raises Malformed naming
    `body`, or the name that is stated twice.
    """
    return _object(_text(body), max_depth, _STRICT)[0]


def read_any_integer(body: bytes) -> dict[str, Any]:
    """Decode as `read_object` does; an integer too large for Python is its text, too."""
    return _object(_text(body), MAX_DEPTH, _ANY_INTEGER)[0]


def read_answer(body: bytes) -> dict[str, Any]:
    """Decode an answer of the provider as `read_object` does, or else once more with a lenient decoder.

    That decoder takes what the documents show: a comma after the last member or entry, and control characters inside
    strings. It reads NaN and Infinity as floats, and the values of a repeated name as a list in a list; no reader of a
    field takes either. Raises Malformed naming `body`.
    """
    return _object(_text(body), MAX_ANSWER_DEPTH, _STRICT, _ANSWER)[0]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("body", "not UTF-8") from None


def _object(
    text: str, max_depth: int, decoder: json.JSONDecoder, lenient: json.JSONDecoder | None = None
) -> tuple[dict[str, Any], bool]:
    """Decode an object, and say whether it took the lenient reader."""
    try:
        value, repaired = _decode(text, decoder, lenient)
    except RecursionError:
        raise Malformed("body", f"nested deeper than {max_depth}") from None
    except ValueError:
        raise Malformed("body", "not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("body", "not an object")
    # Few brackets are few levels, but the lenient decoder adds two levels for each repeated name.
    if (repaired or text.count("{") + text.count("[") > max_depth) and _deeper_than(max_depth, value):
        raise Malformed("body", f"nested deeper than {max_depth}")
    return value, repaired


def _decode(text: str, decoder: json.JSONDecoder, lenient: json.JSONDecoder | None) -> tuple[Any, bool]:
    try:
        return decoder.decode(text), False
    except (ValueError, Malformed):
        if lenient is None:
            raise
    return lenient.decode(_TRAILING_COMMA.sub(lambda found: found[1] or "", text)), True


def _deeper_than(limit: int, value: object) -> bool:
    """Walk level by level, so that the depth of the input never becomes the depth of our stack."""
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _members(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _members(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a name stated twice is refused, for two readers could take it two ways."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    counts = Counter(name for name, _ in pairs)
    repeated = counts.most_common(1)[0][0]
    raise Malformed(ascii(repeated[:64])[1:-1], "stated twice")


def _all_values(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a name stated twice has all its values, in a form that no field has."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    stated: dict[str, list[Any]] = {name: [] for name in members}
    for name, value in pairs:
        stated[name].append(value)
    return {name: values[0] if len(values) == 1 else [values] for name, values in stated.items()}


def _no_constant(name: str) -> NoReturn:
    raise Malformed("body", f"{name} is not JSON")


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # more digits than Python reads
        return digits


def _float(digits: str) -> float | str:
    found = float(digits)
    return found if isfinite(found) else digits


_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_float)
_ANY_INTEGER = json.JSONDecoder(
    object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_float, parse_int=_integer
)
_LENIENT = json.JSONDecoder(object_pairs_hook=_once, parse_float=_float, parse_int=_integer, strict=False)
_ANSWER = json.JSONDecoder(object_pairs_hook=_all_values, parse_float=_float, parse_int=_integer, strict=False)


def _form_fields(text: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, errors="replace")
    except ValueError:
        raise Malformed("body", "neither JSON nor a form") from None
    return _once(pairs)


def _vid(fields: dict[str, Any]) -> str:
    vid = fields.get("vid")
    if vid is None or vid == "":
        raise Malformed("vid", "missing: this message names no task")
    if not is_vid(vid):
        raise Malformed("vid", "not 1 to 64 letters and digits")
    return str(vid)


def _json_form(fields: dict[str, Any]) -> Form:
    """Classify by `callback_type`; where it is missing, by shape."""
    stated = fields.get("callback_type")
    if stated is None or stated == "":
        form = next((form for form, names in _SHAPES if names & fields.keys()), None)
    else:
        form = _TYPES.get(stated) if isinstance(stated, str) else None
    if form is None:
        raise Malformed("callback_type", "no documented callback has this type or shape")
    return form
