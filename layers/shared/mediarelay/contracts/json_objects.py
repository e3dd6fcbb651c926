"""JSON objects from outside: decoded strictly, or leniently where a documented example has a mistake."""

import json
import re
from collections import Counter
from math import isfinite
from typing import Any, NoReturn

from mediarelay.errors import Malformed

# Levels of nesting, including the outermost object. The deepest documented payload has 6.
MAX_DEPTH = 32
# One deep side field must not make a whole answer unreadable. Pydantic serializes at most 255 levels.
MAX_ANSWER_DEPTH = 200
MAX_SHOWN_NAME = 64

_TRAILING_COMMA = re.compile(
    r"""
    ( "(?:[^"\\]+|\\.)*+(?:"|\\?\Z)   # a string, or what is left of the text if it has no end
    | [\[{][ \t\n\r]*,                # a comma that follows no value stays, and so the text is no JSON
    )
    | ,(?=[ \t\n\r]*[\]}])
    """,
    re.VERBOSE | re.DOTALL,
)


def read_object(body: bytes, max_depth: int = MAX_DEPTH) -> dict[str, Any]:
    """Decode a JSON object strictly: UTF-8, no NaN or Infinity, no duplicate name, not deeper than `max_depth`.

    A float that is too large for Python is returned as text; an integer of thousands of digits is refused.

    Raises:
        Malformed: With `body`, or with the duplicate name.
    """
    return _object(decode_text(body), max_depth, _STRICT)[0]


def read_any_integer(body: bytes) -> dict[str, Any]:
    """Decode as `read_object` does. An integer with too many digits for Python is returned as text, too."""
    return _object(decode_text(body), MAX_DEPTH, _ANY_INTEGER)[0]


def read_answer(body: bytes) -> dict[str, Any]:
    """Decode an answer of the provider as `read_object` does; if that fails, decode it leniently.

    The lenient decoder accepts what the provider's documented examples contain: a comma after the last member or
    entry, and control characters inside strings. It reads NaN and Infinity as floats, and the values of a duplicate
    name as a list in a list. No reader of a field accepts either of those.

    Raises:
        Malformed: With `body`.
    """
    return _object(decode_text(body), MAX_ANSWER_DEPTH, _STRICT, _ANSWER)[0]


def read_lenient(text: str, max_depth: int) -> tuple[dict[str, Any], bool]:
    """Decode a callback; return its fields, and whether the lenient decoder was needed. Raises `Malformed`."""
    return _object(text, max_depth, _STRICT, _LENIENT)


def decode_text(body: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark. Raises `Malformed`."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("body", "not UTF-8") from None


def _object(
    text: str, max_depth: int, decoder: json.JSONDecoder, lenient: json.JSONDecoder | None = None
) -> tuple[dict[str, Any], bool]:
    """Decode an object; return it, and whether the lenient decoder was needed."""
    try:
        value, repaired = _decode(text, decoder, lenient)
    except RecursionError:
        raise Malformed("body", f"nested deeper than {max_depth}") from None
    except ValueError:
        raise Malformed("body", "not JSON") from None
    if not isinstance(value, dict):
        raise Malformed("body", "not an object")
    # Counting brackets is cheap and usually enough, but the lenient decoder adds two levels for each duplicate name.
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
    """Return whether a value is nested deeper. It walks level by level, so that deep input cannot exhaust the stack."""
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _members(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _members(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. A duplicate name is refused, because two readers could take two different values."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    counts = Counter(name for name, _ in pairs)
    repeated = counts.most_common(1)[0][0]
    raise Malformed(ascii(repeated[:MAX_SHOWN_NAME])[1:-1], "stated twice")


def _all_values(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object. A duplicate name has all its values, in a form that no field accepts."""
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


_STRICT = json.JSONDecoder(object_pairs_hook=unique_names, parse_constant=_no_constant, parse_float=_float)
_ANY_INTEGER = json.JSONDecoder(
    object_pairs_hook=unique_names, parse_constant=_no_constant, parse_float=_float, parse_int=_integer
)
_LENIENT = json.JSONDecoder(object_pairs_hook=unique_names, parse_float=_float, parse_int=_integer, strict=False)
_ANSWER = json.JSONDecoder(object_pairs_hook=_all_values, parse_float=_float, parse_int=_integer, strict=False)
